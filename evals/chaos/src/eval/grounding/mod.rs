//! The share of what was posted that stands in the evidence it cites, counted anew: nothing of the verifier is used.
//!
//! Numbers are compared as they are written, names are those that any evidence of the run lists.
//!
//! ## Assumptions
//!
//! That a number stands in the evidence does not make the sentence true: what it is a number of, and which way it moved,
//! is not looked at. Numbers in words (`twice`, `half`) are not seen.

mod ground;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waggle_agent_core::{Evidence, EvidenceId, Finding};

use self::{
    ground::{Ground, says},
    words::words,
};

/// What was found of the claims of one finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounding {
    /// Claims of root causes, reasons of what was ruled out, and what the symptom and the remediation say with a number or a name.
    pub n_claims: usize,
    /// Those of them without any number, time or name, which cannot but stand when they cite something.
    pub n_bare: usize,
    /// Those that do not stand in what they cite.
    pub ungrounded: Vec<Ungrounded>,
}

/// A claim that its evidence does not carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ungrounded {
    /// The sentence.
    pub claim: String,
    /// Its numbers, times and names that the evidence does not have, or the evidence that is not there.
    pub missing: Vec<String>,
}

/// Looks up every number, time and name of every claim in the evidence that the claim cites.
///
/// A claim that cites nothing, or what does not exist, does not stand. The texts of symptom and remediation cite nothing:
/// they may rest on any evidence and on `told`, which is what the incident said before anyone looked.
pub fn grounding(finding: &Finding, evidence: &[Evidence], told: &str) -> Grounding {
    let run = Seen::of(finding, evidence);
    let claims = finding.root_causes.iter().flat_map(|cause| &cause.claims);
    let claims = claims.map(|claim| (claim.text.clone(), &claim.evidence));
    let cleared = finding.ruled_out.iter();
    let cleared = cleared.map(|one| (format!("{}: {}", one.suspect, one.reason), &one.evidence));
    let mut found = Grounding::default();
    for (claim, cited) in claims.chain(cleared) {
        found.n_bare += usize::from(run.is_bare(&claim));
        let missing = run.missing(&claim, cited);
        found.count(claim, missing);
    }
    let mut all = Ground::default();
    all.add_text(told);
    evidence.iter().for_each(|one| add(&mut all, one));
    for text in [&finding.symptom.text, &finding.remediation.text] {
        if !run.is_bare(text) {
            found.count(text.clone(), run.missing_in(&all, text));
        }
    }
    found
}

impl Grounding {
    fn count(&mut self, claim: String, missing: Vec<String>) {
        self.n_claims += 1;
        if !missing.is_empty() {
            self.ungrounded.push(Ungrounded { claim, missing });
        }
    }
}

/// What a run knows: its evidence, and every name in it.
struct Seen<'a> {
    evidence: BTreeMap<EvidenceId, &'a Evidence>,
    /// In lowercase.
    names: BTreeSet<String>,
}

impl<'a> Seen<'a> {
    fn of(finding: &Finding, evidence: &'a [Evidence]) -> Self {
        let causes = finding.root_causes.iter().flat_map(|cause| [&cause.service, &cause.resource]);
        let hops = finding.propagation.iter().flat_map(|hop| [&hop.from, &hop.to]);
        let single = [&finding.first_failing_service, &finding.symptom.service];
        let mut names = BTreeSet::new();
        for name in causes.chain(hops).chain(&finding.impact.services).chain(single) {
            add_name(&mut names, name);
        }
        evidence.iter().for_each(|one| add_names(&mut names, &one.data, false));
        Self { evidence: evidence.iter().map(|one| (one.id, one)).collect(), names }
    }

    fn is_bare(&self, claim: &str) -> bool {
        let lower = claim.to_lowercase();
        words(claim).is_empty() && !self.names.iter().any(|name| says(&lower, name))
    }

    fn missing(&self, claim: &str, cited: &[EvidenceId]) -> Vec<String> {
        if cited.is_empty() {
            return vec!["any evidence".to_owned()];
        }
        let absent = cited.iter().filter(|id| !self.evidence.contains_key(id));
        let absent: Vec<String> = absent.map(ToString::to_string).collect();
        if !absent.is_empty() {
            return absent;
        }
        let mut ground = Ground::default();
        cited.iter().filter_map(|id| self.evidence.get(id)).for_each(|one| add(&mut ground, one));
        self.missing_in(&ground, claim)
    }

    fn missing_in(&self, ground: &Ground, claim: &str) -> Vec<String> {
        let lower = claim.to_lowercase();
        let names = self.names.iter().filter(|name| says(&lower, name) && !ground.names(name));
        let is_id = |word: &String| self.evidence.keys().any(|id| id.to_string().eq_ignore_ascii_case(word));
        let words = ground.missing(claim).into_iter().filter(|word| !is_id(word));
        words.chain(names.cloned()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn add(ground: &mut Ground, evidence: &Evidence) {
    ground.add_value(&evidence.data);
    ground.add_text(&evidence.text);
    ground.add_arguments(&evidence.arguments);
}

/// Fields that hold a name, or a list of what is named by its field `name`.
const NAMED: &[&str] = &[
    "affected",
    "author",
    "callee",
    "caller",
    "client",
    "from",
    "host",
    "node",
    "owner",
    "owners",
    "peer",
    "pod",
    "pods",
    "process",
    "processes",
    "resource",
    "server",
    "service",
    "service.name",
    "services",
    "suspect",
    "suspects",
    "to",
];

fn add_names(names: &mut BTreeSet<String>, value: &Value, is_named: bool) {
    match value {
        Value::String(name) if is_named => add_name(names, name),
        Value::Array(values) => values.iter().for_each(|value| add_names(names, value, is_named)),
        Value::Object(fields) => {
            for (field, value) in fields {
                let is_named = NAMED.contains(&field.as_str()) || (is_named && field == "name");
                add_names(names, value, is_named);
            }
        }
        _ => {}
    }
}

/// Windows are `from` and `to` as well, and a suspect may be a whole phrase: neither is a name.
fn add_name(names: &mut BTreeSet<String>, name: &str) {
    let starts_well = name.starts_with(|c: char| c.is_alphabetic());
    let is_phrase = name.split_whitespace().count() > 2 || name.contains('→');
    if starts_well && !is_phrase && name.chars().count() > 1 {
        names.insert(name.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waggle_agent_core::{
        IncidentId,
        finding::{Claim, ClaimKind, RootCause, RuledOut},
    };
    use waggle_signals::Timestamp;

    use super::*;

    fn evidence(id: u32, text: &str, data: Value) -> Evidence {
        Evidence {
            id: EvidenceId(id),
            tool: "latency".to_owned(),
            arguments: json!({"service": "stock", "window": "15m", "count": 77}),
            at: Timestamp::from_secs(0),
            scope: String::new(),
            text: text.to_owned(),
            data,
            facts: Vec::new(),
        }
    }

    fn claiming(claim: &str, cited: &[u32]) -> Finding {
        let mut finding = Finding::inconclusive(IncidentId::default(), "");
        finding.root_causes = vec![RootCause {
            service: "stock".to_owned(),
            resource: String::new(),
            fault_class: "slow_code".to_owned(),
            confidence: 0.9,
            change: None,
            claims: vec![Claim {
                text: claim.to_owned(),
                kind: ClaimKind::Observed,
                evidence: cited.iter().map(|id| EvidenceId(*id)).collect(),
            }],
        }];
        finding
    }

    fn check(seen: &[Evidence], claim: &str, cited: &[u32], missing: &[&str]) {
        let found = grounding(&claiming(claim, cited), seen, "");
        let got: Vec<&str> =
            found.ungrounded.iter().flat_map(|one| &one.missing).map(String::as_str).collect();
        assert_eq!((found.n_claims, got.as_slice()), (1, missing), "{claim}");
    }

    #[test]
    fn a_claim_stands_only_on_what_it_cites() {
        let seen = [
            evidence(1, "p99 of stock is 84 ms", json!({"p99_ms": 84.0})),
            evidence(2, "slower: 12 ms", json!({"service": "cart", "owners": [{"name": "Mei Tanaka"}]})),
            evidence(3, "all are well", json!({"services": [{"name": "edge"}], "parts": [{"name": "fits"}]})),
        ];
        for (claim, cited, missing) in [
            ("p99 of stock is 84 ms, says E1", &[1][..], &[][..]),
            ("p99 of stock is 85 ms", &[1], &["85 ms"]),
            ("p99 of stock is 84 s", &[1], &["84 s"]),
            ("p99 of stock is 12 ms", &[1], &["12 ms"]),
            ("p99 is 12 ms", &[1, 2], &[]),
            ("p99 is 12 ms", &[4], &["E4"]),
            ("all is bad", &[], &["any evidence"]),
            // Names that other evidence lists, though the finding does not name them anywhere else.
            ("cart waits for 84 ms", &[1], &["cart"]),
            ("Mei Tanaka made edge slow", &[1], &["edge", "mei tanaka"]),
            ("cart-db and carts fits", &[1], &[]),
            // What was asked for names a service, and proves no number.
            ("stock is well", &[3], &[]),
            ("77 requests in 15 min", &[1], &["15 min", "77"]),
            ("it stopped at stock-7", &[1], &["stock-7"]),
        ] {
            check(&seen, claim, cited, missing);
        }
    }

    #[test]
    fn what_is_true_stands_however_it_is_written() {
        let text =
            "latency 31 ms → 1980 ms since 2026-03-01T14:04:50.259Z, 1,234 failed (12.5%), limits.cpu=8";
        let data = json!({
            "wait_seconds": 0.0042, "bytes": 3_221_225_472_u64, "ratio": 0.384, "changed": -0.07, "duration": 90.0,
            "commit": "a969d1d4485fca1949bc5e099fdf1c82443cb0c2", "at": "2026-03-01T14:04:49.604311391Z",
            "file": "src/reserve.rs", "line": 70, "pod": "stock-7f9dd8b6c4-c12fj"
        });
        let seen = [evidence(1, text, data)];
        for claim in [
            "stock: 31 ms → 1.98 s",
            "2 s, or 1980000 µs",
            "1234 requests failed, 1.2k, that is 12.5% or 13 percent or 0.125",
            "38% of them, fell by 7%, after 1.5 min",
            "4.2 ms for 3 GiB, 3.2 GB",
            "since 14:04:50Z and 14:04 and 2026-03-01, live at 14:04:49.604Z",
            "commit a969d1d at reserve.rs:70",
            "stock-7f9dd8b6c4-c12fj has limits.cpu=8, cpu=8",
        ] {
            check(&seen, claim, &[1], &[]);
        }
        for (claim, missing) in [
            ("31 s", "31 s"),
            ("1.97 s", "1.97 s"),
            ("at 14:05", "14:05"),
            ("at 04:50", "04:50"),
            ("at 14:04:51Z", "14:04:51"),
            ("on 2026-03-02", "2026-03-02"),
            ("39%", "39%"),
            ("commit a969d1e", "a969d1e"),
            ("reserve.rs:71", "71"),
            ("0 ms", "0 ms"),
            ("0.00%", "0.00%"),
            ("stock-7f9dd8b6c4-c12fk", "stock-7f9dd8b6c4-c12fk"),
            ("limits.cpu=9", "9"),
        ] {
            check(&seen, claim, &[1], &[missing]);
        }
    }

    #[test]
    fn what_was_ruled_out_is_counted_too() {
        let mut finding = Finding::inconclusive(IncidentId::default(), "");
        finding.ruled_out = vec![RuledOut {
            suspect: "network".to_owned(),
            reason: "0.7 of the packets were lost".to_owned(),
            evidence: vec![EvidenceId(1)],
        }];
        let found = grounding(&finding, &[evidence(1, "no packets were lost", Value::Null)], "");
        assert_eq!((found.n_claims, found.n_bare, found.ungrounded.len()), (1, 0, 1));
    }

    #[test]
    fn symptom_and_remediation_rest_on_all_evidence_and_what_was_told() {
        let seen = [evidence(1, "p99 is 84 ms", Value::Null), evidence(2, "", json!({"service": "cart"}))];
        let told = "stock is slow for 12 minutes";
        for (symptom, remediation, n_claims, n_grounded) in [
            ("cart: p99 84 ms", "Roll it back.", 1, 1),
            ("slow for 12 minutes", "Scale stock to 84.", 2, 2),
            ("cart: p99 85 ms", "Scale cart to 5.", 2, 0),
            ("", "", 0, 0),
        ] {
            let mut finding = Finding::inconclusive(IncidentId::default(), "");
            finding.symptom.service = "stock".to_owned();
            finding.symptom.text = symptom.to_owned();
            finding.remediation.text = remediation.to_owned();
            let found = grounding(&finding, &seen, told);
            let got = (found.n_claims, found.n_claims - found.ungrounded.len());
            assert_eq!(got, (n_claims, n_grounded), "{symptom} {remediation}: {found:?}");
        }
    }

    #[test]
    fn a_claim_with_nothing_to_look_up_is_told_apart() {
        let found = grounding(&claiming("it got slower", &[1]), &[evidence(1, "", Value::Null)], "");
        assert_eq!((found.n_claims, found.n_bare, found.ungrounded.len()), (1, 1, 0));
    }
}
