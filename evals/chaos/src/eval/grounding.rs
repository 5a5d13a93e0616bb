//! The share of what was posted that stands in the evidence it cites, counted anew without asking the verifier.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{Evidence, EvidenceId, Finding, grounding::Ground};

/// What was found of the claims of one finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounding {
    /// Claims of root causes and reasons of what was ruled out.
    pub n_claims: usize,
    /// Those of them that do not stand in what they cite.
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
/// A claim that cites nothing, or what does not exist, does not stand.
pub fn grounding(finding: &Finding, evidence: &[Evidence]) -> Grounding {
    let names = names(finding);
    let grounds: BTreeMap<EvidenceId, Ground> = evidence.iter().map(|one| (one.id, ground_of(one))).collect();
    let claims = finding.root_causes.iter().flat_map(|cause| &cause.claims);
    let claims = claims.map(|claim| (claim.text.clone(), &claim.evidence));
    let cleared = finding.ruled_out.iter();
    let cleared = cleared.map(|one| (format!("{}: {}", one.suspect, one.reason), &one.evidence));
    let mut found = Grounding::default();
    for (claim, cited) in claims.chain(cleared) {
        found.n_claims += 1;
        let missing = missing(&claim, cited, &grounds, &names);
        if !missing.is_empty() {
            found.ungrounded.push(Ungrounded { claim, missing });
        }
    }
    found
}

fn missing(
    claim: &str,
    cited: &[EvidenceId],
    grounds: &BTreeMap<EvidenceId, Ground>,
    names: &[String],
) -> Vec<String> {
    if cited.is_empty() {
        return vec!["any evidence".to_owned()];
    }
    let absent: Vec<String> =
        cited.iter().filter(|id| !grounds.contains_key(id)).map(ToString::to_string).collect();
    if !absent.is_empty() {
        return absent;
    }
    let mut ground = Ground::default();
    cited.iter().filter_map(|id| grounds.get(id)).for_each(|one| ground.add_ground(one));
    grounds.keys().for_each(|id| ground.add_id(*id));
    ground.missing(claim, names).into_iter().map(|missing| missing.0).collect()
}

fn ground_of(evidence: &Evidence) -> Ground {
    let mut ground = Ground::default();
    ground.add(&evidence.data, &evidence.text);
    ground.add_arguments(&evidence.arguments);
    ground
}

/// Every service that the finding names anywhere: where one of them stands in a claim, it must stand in the evidence too.
fn names(finding: &Finding) -> Vec<String> {
    let causes = finding.root_causes.iter().map(|cause| &cause.service);
    let hops = finding.propagation.iter().flat_map(|hop| [&hop.from, &hop.to]);
    let single = [&finding.first_failing_service, &finding.symptom.service];
    let all = causes.chain(hops).chain(&finding.impact.services).chain(single);
    all.filter(|name| !name.is_empty()).cloned().collect::<BTreeSet<_>>().into_iter().collect()
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

    fn evidence(id: u32, text: &str) -> Evidence {
        Evidence {
            id: EvidenceId(id),
            tool: "latency".to_owned(),
            arguments: json!({"service": "stock"}),
            at: Timestamp::from_secs(0),
            scope: String::new(),
            text: text.to_owned(),
            data: json!({"p99_ms": 84.0}),
            facts: Vec::new(),
        }
    }

    #[test]
    fn a_claim_stands_only_on_what_it_cites() {
        let seen = [evidence(1, "p99 of stock is 84 ms"), evidence(2, "p99 of cart is 12 ms")];
        for (claim, cited, missing) in [
            ("p99 of stock is 84 ms", &[1][..], &[][..]),
            ("p99 of stock is 85 ms", &[1], &["85 ms"]),
            ("p99 of stock is 12 ms", &[1], &["12 ms"]),
            ("p99 of cart is 84 ms", &[1], &["cart"]),
            ("p99 is 12 ms", &[1, 2], &[]),
            ("p99 is 12 ms", &[3], &["E3"]),
            ("all is bad", &[], &["any evidence"]),
        ] {
            let mut finding = Finding::inconclusive(IncidentId::default(), "");
            finding.impact.services = vec!["cart".to_owned()];
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
            let found = grounding(&finding, &seen);
            let got: Vec<&str> =
                found.ungrounded.iter().flat_map(|one| &one.missing).map(String::as_str).collect();
            assert_eq!((found.n_claims, got.as_slice()), (1, missing), "{claim}");
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
        let found = grounding(&finding, &[evidence(1, "no packets were lost")]);
        assert_eq!((found.n_claims, found.ungrounded.len()), (1, 1));
    }
}
