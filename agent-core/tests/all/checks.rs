//! Verification refuses what the evidence does not say, one rule a case, and only ever lowers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use waggle_agent_core::{
    Evidence, EvidenceId, Finding,
    finding::{Action, ClaimKind, Verdict},
    verify::{Verified, holding_claims, verify},
};

use crate::shop::{LATE, claim, evidence, follows_its_schema, good_finding, services};

fn finding(changes: &[(&str, Value)]) -> Finding {
    let mut finding = good_finding();
    finding["incident"] = json!("inc-1");
    for (at, value) in changes {
        *finding.pointer_mut(at).unwrap_or_else(|| panic!("no `{at}`")) = value.clone();
    }
    serde_json::from_value(finding).unwrap()
}

async fn verified(changes: &[(&str, Value)]) -> Verified {
    let verified = verify(finding(changes), &evidence().await, &services());
    follows_its_schema(&verified.finding);
    verified
}

#[tokio::test]
async fn what_holds_stays_as_it_is() {
    let Verified { finding: kept, problems } = verified(&[]).await;
    assert_eq!((kept, problems), (finding(&[]), Vec::new()));
}

/// The first claim, changed; whether it holds, and if not, what is said of it.
#[tokio::test]
async fn a_claim_says_what_its_evidence_says() {
    let cases = [
        ("inventory waits on itself: 31 ms → 1.98 s", json!(["E4"]), ""),
        ("自身耗时 31 ms → 1.98 s，占 71%", json!(["E4"]), ""),
        ("own time is 1983 ms", json!(["E4"]), ""),
        ("own time is 1.984 s", json!(["E4"]), "says 1.984 s, which E4 does not"),
        ("own time is 2 s", json!(["E4"]), ""),
        ("own time is 3 s", json!(["E4"]), "says 3 s"),
        ("own time is 1983 s", json!(["E4"]), "says 1983 s"),
        ("own time is x500", json!(["E4"]), "says x500"),
        ("own time is fifty percent up", json!(["E4"]), "says fifty percent"),
        ("slow since 14:04:50", json!(["E4"]), ""),
        ("slow since 14:04", json!(["E4"]), ""),
        ("slow since 14:05:50", json!(["E4"]), "says 14:05:50"),
        ("slow since 2026-03-02 14:04:50", json!(["E4"]), "says 2026-03-02 14:04:50"),
        ("it is slow", json!([]), "cites no evidence"),
        ("it is slow", json!(["E99"]), "cites E99, which does not exist"),
        ("it is slow, see E99", json!(["E4"]), "says E99"),
        ("it is slow, see E5", json!(["E4"]), ""),
        ("it is slow", json!(["E4", "E99"]), "cites E99, which does not exist"),
        ("payment is slow", json!(["E4"]), "says payment"),
        ("payment and inventory", json!(["E4", "E1"]), ""),
        ("`match_sku` burns CPU", json!(["E4"]), "says `match_sku`"),
        ("`src/reserve.rs` has a loop", json!(["E5"]), ""),
        ("the deploy was 10 s before", json!(["E2"]), ""),
        ("the deploy was 10 s before", json!(["E4"]), "says 10 s"),
        ("31 ms → 1.98 s; 10 s after 9f3c1e2", json!(["E2", "E4"]), ""),
    ];
    for (text, cited, problem) in cases {
        let changes =
            [("/root_causes/0/claims/0/text", json!(text)), ("/root_causes/0/claims/0/evidence", cited)];
        let Verified { finding, problems } = verified(&changes).await;
        let holds = finding.root_causes[0].claims.len() == 2;
        assert_eq!(holds, problem.is_empty(), "{text}: {problems:?}");
        assert!(
            problems.iter().any(|said| said.contains(problem)) || problem.is_empty(),
            "{text}: {problems:?}"
        );
        assert_eq!(finding.verdict, if holds { Verdict::Confirmed } else { Verdict::Likely }, "{text}");
        assert_eq!(finding.confidence, if holds { 0.86 } else { 0.43 }, "{text}");
    }
}

/// A field, what is put there, what is left of it, and what is said.
#[tokio::test]
async fn all_else_is_in_some_evidence_or_goes() {
    let cases = [
        ("/symptom/text", json!("p99 9.9 s"), json!(""), "symptom says 9.9 s"),
        ("/symptom/signal", json!("latency 9.9 s"), json!(""), "symptom signal `latency 9.9 s` is in no"),
        ("/symptom/signal", json!("disk_full"), json!(""), "symptom signal `disk_full` is in no evidence"),
        ("/symptom/onset", json!("2026-03-01T14:09:00Z"), json!(""), "onset says 2026-03-01T14:09:00Z"),
        ("/symptom/onset", json!("just now"), json!(""), "onset \"just now\" is no RFC 3339 time"),
        ("/symptom/service", json!("database"), json!(""), "symptom service names `database`"),
        ("/first_failing_service", json!("database"), json!(""), "first failing service names `database`"),
        ("/propagation/0/to", json!("database"), json!([]), "propagation names `database`"),
        ("/propagation/0/kind", json!("999 calls"), json!(""), "propagation `999 calls` is in no evidence"),
        ("/propagation/0/kind", json!("gossip"), json!(""), "propagation `gossip` is in no evidence"),
        ("/impact/services", json!(["gateway", "database"]), json!(["gateway"]), "impact names `database`"),
        ("/impact/requests_failed", json!(4_000), json!(0), "impact says 4000"),
        ("/ruled_out/0/reason", json!("999 ms"), json!([]), "ruled-out reason says 999 ms"),
        ("/ruled_out/0/evidence", json!([]), json!([]), "ruled-out reason cites no evidence"),
        ("/ruled_out/0/suspect", json!("checkout"), json!([]), "ruled-out reason says checkout"),
        ("/remediation/text", json!("add 64 GiB"), json!(""), "remediation says 64 GiB"),
        ("/missing_data", json!(["traces of 999 requests"]), json!([]), "missing data says 999"),
        ("/missing_data", json!(["no profile"]), json!(["no profile"]), ""),
        ("/follow_ups", json!(["above 5%?"]), json!(["above 5%?"]), ""),
        ("/root_causes/0/fault_class", json!("999_ms"), json!("unknown"), "fault class `999_ms` is in no"),
        (
            "/root_causes/0/fault_class",
            json!("memory_leak"),
            json!("unknown"),
            "fault class `memory_leak` is in no evidence",
        ),
        ("/root_causes/0/fault_class", json!("unknown"), json!("unknown"), ""),
        (
            "/root_causes/0/resource",
            json!("inventory[1]"),
            json!(""),
            "resource `inventory[1]` is in no evidence",
        ),
        ("/root_causes/0/resource", json!("pod"), json!(""), "resource `pod` is in no evidence"),
        ("/owners/0/name", json!("boss"), json!([]), "owner `boss`"),
        ("/owners/0/rule", json!("wrote it"), json!([]), "by the rule \"wrote it\""),
        ("/owners/0/contact", json!("@boss"), json!(""), "contact \"@boss\""),
    ];
    for (at, put, want, problem) in cases {
        let Verified { finding, problems } = verified(&[(at, put.clone())]).await;
        let kept = serde_json::to_value(&finding).unwrap();
        // Where a whole entry goes, its list is left empty.
        let list = at.split('/').nth(1).unwrap();
        let have = kept.pointer(at).unwrap_or(&kept[list]);
        assert_eq!(*have, want, "{at} = {put}: {problems:?}");
        match problem {
            "" => assert_eq!(problems, Vec::<String>::new(), "{at} = {put}"),
            problem => assert!(problems[0].contains(problem), "{at} = {put}: {problems:?}"),
        }
        assert_eq!(finding.verdict, Verdict::Confirmed, "{at} = {put}");
    }
}

#[tokio::test]
async fn a_change_is_blamed_when_it_was_read_and_in_time() {
    let unread = "8e3c1e2ab04d77aa1122334455667788aabbccdd";
    for (kind, id, problem) in [
        ("commit", unread, "its diff was not read: call `read_diff` first"),
        ("deployment", unread, "its diff was not read"),
        ("config", &unread[..12], "its diff was not read"),
        ("commit", "9f3c1e2", "give the full id"),
        ("commit", "", "its diff was not read"),
        ("config", "no-such-flag", "did not show that it went live"),
        ("flag", "dark-mode", ""),
        ("flag", "night-prices", "did not show that it went live in `inventory`"),
        ("commit", LATE, "its diff was not read"),
    ] {
        let change = json!({ "kind": kind, "id": id, "diff_read": true });
        let Verified { finding, problems } = verified(&[("/root_causes/0/change", change)]).await;
        let blamed = &finding.root_causes[0].change;
        assert_eq!(blamed.is_some(), problem.is_empty(), "{kind} {id}: {problems:?}");
        assert!(problem.is_empty() || problems[0].contains(problem), "{kind} {id}: {problems:?}");
        assert!(blamed.as_ref().is_none_or(|change| !change.diff_read), "the code says what was read");
    }
}

#[tokio::test]
async fn a_change_after_the_onset_is_never_the_cause() {
    let mut evidence = evidence().await;
    let diff = evidence.values_mut().find(|evidence| evidence.tool == "read_diff").unwrap();
    diff.data["commit"]["id"] = json!(LATE);
    let changes = evidence.values_mut().find(|evidence| evidence.tool == "recent_changes").unwrap();
    let late = |service: &str, after_onset: bool| json!({ "id": LATE, "service": service, "kind": "commit", "after_onset": after_onset });
    // The same commit was live in another service in time, which proves nothing here.
    changes.data["changes"] = json!([late("payment", false), late("inventory", true)]);
    let change = json!({ "kind": "commit", "id": LATE, "diff_read": false });
    let verified = verify(finding(&[("/root_causes/0/change", change)]), &evidence, &services());
    assert_eq!(verified.finding.root_causes[0].change, None);
    let want = format!("change `{LATE}` went live in `inventory` after the onset, so it cannot be the cause");
    assert!(verified.problems.contains(&want), "{:?}", verified.problems);
}

#[tokio::test]
async fn owners_of_another_service_are_not_mentioned() {
    let mut evidence = evidence().await;
    let owners = evidence.values_mut().find(|evidence| evidence.tool == "owners").unwrap();
    owners.arguments = json!({ "service": "payment" });
    let verified = verify(finding(&[]), &evidence, &services());
    assert_eq!(verified.finding.owners, []);
    assert!(verified.problems[0].starts_with("owner `li.na` of `inventory` is not named by the rule"));
}

#[tokio::test]
async fn a_cause_without_proof_falls_with_all_that_was_said_of_it() {
    for (at, value) in [
        ("/root_causes/0/service", json!("database")),
        ("/root_causes/0/claims", json!([])),
        ("/root_causes", json!([])),
    ] {
        let Verified { finding, problems } = verified(&[(at, value)]).await;
        assert_eq!((finding.verdict, finding.confidence), (Verdict::Inconclusive, 0.0), "{at}");
        assert_eq!((finding.root_causes.len(), finding.owners.len()), (0, 0), "{at}");
        assert_eq!(
            (finding.remediation.action, finding.remediation.text.as_str()),
            (Action::None, ""),
            "{at}"
        );
        assert_eq!(finding.missing_data, ["no root cause was left that its evidence proves"], "{at}");
        assert!(!problems.is_empty(), "{at}");
    }
}

#[tokio::test]
async fn the_second_cause_does_not_inherit_what_was_said_of_the_first() {
    let mut two = finding(&[]);
    let mut second = two.root_causes[0].clone();
    (second.service, second.confidence) = ("gateway".to_owned(), 0.3);
    second.claims = vec![claim("p99 of gateway is 2.1 s", &[1])];
    two.root_causes[0].claims = vec![claim("it took 999 ms", &[4])];
    two.root_causes.push(second);
    let Verified { finding, .. } = verify(two, &evidence().await, &services());
    assert_eq!(
        finding.root_causes.iter().map(|cause| cause.service.as_str()).collect::<Vec<_>>(),
        ["gateway"]
    );
    assert_eq!(finding.remediation.action, Action::None);
    assert_eq!((finding.owners.len(), finding.propagation.len()), (0, 0));
    assert_eq!(finding.first_failing_service, "");
    assert_eq!((finding.verdict, finding.confidence), (Verdict::Likely, 0.3));
}

#[tokio::test]
async fn verdicts_and_causes_fit_together() {
    for verdict in ["no_incident", "inconclusive"] {
        let Verified { finding, problems } = verified(&[("/verdict", json!(verdict))]).await;
        assert_eq!(finding.root_causes, [], "{verdict}");
        assert_eq!(finding.owners, [], "{verdict}");
        assert_eq!(finding.verdict, Verdict::Inconclusive, "triage was not quiet");
        assert_eq!(problems[0], format!("verdict `{verdict}` goes with no root cause"));
    }
    let mut quiet = evidence().await;
    let suspects = quiet.values_mut().find(|evidence| evidence.tool == "suspects").unwrap();
    suspects.data["quiet"] = json!(true);
    let none = Finding {
        verdict: Verdict::NoIncident,
        confidence: 0.9,
        ..Finding::inconclusive(Default::default(), "")
    };
    let Verified { finding, problems } = verify(none.clone(), &quiet, &services());
    assert_eq!((finding.verdict, finding.confidence, problems), (Verdict::NoIncident, 0.9, vec![]));

    quiet.retain(|_, evidence| evidence.tool != "suspects");
    let Verified { finding, problems } = verify(none, &quiet, &services());
    assert_eq!((finding.verdict, finding.confidence), (Verdict::Inconclusive, 0.0), "nobody looked");
    assert_eq!(problems, ["verdict `no_incident`, but no result of `suspects` says that all is quiet"]);
}

#[tokio::test]
async fn what_was_only_concluded_is_not_confirmed() {
    let inferred = ("/root_causes/0/claims/0/kind", json!("inferred"));
    assert_eq!(verified(&[inferred]).await.finding.verdict, Verdict::Likely);
}

#[tokio::test]
async fn a_service_that_is_no_suspect_is_blamed_by_what_was_measured_of_it_and_not_by_words() {
    for (service, text, verdict, confidence) in [
        ("payment", "payment is at fault", Verdict::Inconclusive, 0.0),
        ("gateway", "gateway is at fault", Verdict::Inconclusive, 0.0),
        ("gateway", "p99 of gateway is 2.1 s", Verdict::Likely, 0.6),
    ] {
        let mut given = finding(&[]);
        let first = &mut given.root_causes[0];
        (first.service, first.claims) = (service.to_owned(), vec![claim(text, &[1])]);
        let Verified { finding, problems } = verify(given, &evidence().await, &services());
        assert_eq!((finding.verdict, finding.confidence), (verdict, confidence), "{text}");
        let is_told = problems.iter().any(|problem| problem.contains("is no suspect"));
        assert_eq!(is_told, verdict == Verdict::Inconclusive, "{problems:?}");
    }
}

#[tokio::test]
async fn a_suspect_that_only_words_speak_of_is_no_surer_than_the_triage() {
    let mut evidence = evidence().await;
    let suspects = evidence.values_mut().find(|evidence| evidence.tool == "suspects").unwrap();
    suspects.data["suspects"][0]["confidence"] = json!(0.5);
    for (text, verdict, confidence) in [
        ("inventory is at fault", Verdict::Likely, 0.5),
        ("own time per request of inventory is 1.98 s", Verdict::Confirmed, 0.86),
    ] {
        let mut given = finding(&[]);
        given.root_causes[0].claims = vec![claim(text, &[1, 2, 3, 4, 5])];
        let kept = verify(given, &evidence, &services()).finding;
        assert_eq!((kept.verdict, kept.confidence), (verdict, confidence), "{text}");
    }
}

#[tokio::test]
async fn the_instructions_are_not_repeated() {
    let text = "Tell waiting from working: a service whose own time did not grow is a victim.";
    let mut given = finding(&[]);
    given.follow_ups = vec!["What else changed?".to_owned(), text.to_owned()];
    given.missing_data = vec![text.to_owned()];
    given.root_causes[0].claims.push(claim(text, &[1]));
    let Verified { finding, problems } = verify(given, &evidence().await, &services());
    assert!(!serde_json::to_string(&finding).unwrap().contains("waiting from working"), "{finding:#?}");
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[tokio::test]
async fn confidence_is_a_probability_and_no_more_than_that_of_the_cause() {
    let evidence = evidence().await;
    for (overall, cause, want) in [
        (f64::NAN, 0.9, 0.0),
        (0.9, f64::NAN, 0.0),
        (f64::INFINITY, 7.0, 0.95),
        (-1.0, 0.5, 0.0),
        (0.9, 0.4, 0.4),
        (0.4, 0.9, 0.4),
    ] {
        let mut given = finding(&[]);
        (given.confidence, given.root_causes[0].confidence) = (overall, cause);
        let kept = verify(given, &evidence, &services()).finding;
        assert_eq!((kept.confidence, kept.root_causes[0].confidence), (want, want), "{overall} {cause}");
    }
}

#[tokio::test]
async fn what_a_model_asked_for_is_no_proof() {
    let mut evidence = evidence().await;
    let compare = evidence.values_mut().find(|evidence| evidence.tool == "compare").unwrap();
    compare.arguments = json!({ "service": "inventory", "min_ms": 4242, "note": "it took 4242 ms" });
    let claims = vec![claim("inventory took 4242 ms", &[4]), claim("inventory took 1983 ms", &[4])];
    let kept = holding_claims(claims, &evidence, &services());
    assert_eq!(kept, [claim("inventory took 1983 ms", &[4])]);
}

/// Claims of all sorts, true and invented.
fn any_claim() -> impl Strategy<Value = waggle_agent_core::finding::Claim> {
    let text = prop_oneof![
        Just("inventory: 31 ms → 1.98 s".to_owned()),
        Just("9f3c1e2 adds a loop".to_owned()),
        (0..3_000_u32).prop_map(|n| format!("it took {n} ms")),
        ".{0,20}",
    ];
    let observed =
        any::<bool>().prop_map(|seen| if seen { ClaimKind::Observed } else { ClaimKind::Inferred });
    (text, prop::collection::vec(1..9_u32, 0..3), observed)
        .prop_map(|(text, cited, kind)| waggle_agent_core::finding::Claim { kind, ..claim(&text, &cited) })
}

proptest! {
    #[test]
    fn confidence_and_verdict_only_ever_fall(
        claims in prop::collection::vec(prop::collection::vec(any_claim(), 0..4), 0..4),
        confidence in prop_oneof![0.0..1.0_f64, -2.0..2.0_f64],
        of_causes in 0.0..1.0_f64,
        verdict in prop::sample::select(vec![
            Verdict::Confirmed, Verdict::Likely, Verdict::Inconclusive, Verdict::NoIncident,
        ]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let evidence = runtime.block_on(evidence());
        let mut given = finding(&[]);
        let cause = given.root_causes.remove(0);
        given.root_causes = claims
            .into_iter()
            .zip(["inventory", "checkout", "database", "payment"])
            .map(|(claims, service)| {
                let mut cause = cause.clone();
                (cause.service, cause.claims, cause.confidence) = (service.to_owned(), claims, of_causes);
                cause
            })
            .collect();
        (given.confidence, given.verdict) = (confidence, verdict);

        let once = verify(given.clone(), &evidence, &services()).finding;
        prop_assert!((0.0..=1.0).contains(&once.confidence));
        prop_assert!(once.confidence <= confidence.max(0.0));
        prop_assert!(once.verdict >= given.verdict || once.verdict == Verdict::Inconclusive, "{:?}", once.verdict);
        for cause in &once.root_causes {
            prop_assert!(cause.confidence <= of_causes && cause.confidence <= once.confidence);
            prop_assert!(!cause.claims.is_empty());
        }
        let blames = matches!(once.verdict, Verdict::Confirmed | Verdict::Likely);
        prop_assert_eq!(blames, !once.root_causes.is_empty());
        // What was verified holds: a second look finds nothing more.
        let twice = verify(once.clone(), &evidence, &services());
        prop_assert_eq!(twice.problems, Vec::<String>::new());
        prop_assert_eq!(twice.finding, once);
    }
}

/// Evidence that nobody measured, besides that of the shop.
async fn with(tool: &str, arguments: Value, data: Value, text: &str) -> BTreeMap<EvidenceId, Evidence> {
    let mut all = evidence().await;
    let (id, first) = (EvidenceId(7), all.get(&EvidenceId(1)).unwrap().clone());
    all.insert(
        id,
        Evidence {
            id,
            tool: tool.to_owned(),
            arguments,
            data,
            text: text.to_owned(),
            facts: Vec::new(),
            ..first
        },
    );
    all
}

#[tokio::test]
async fn what_a_tool_says_it_searched_for_proves_nothing() {
    let searched = "requests of inventory over 9.9 s";
    let (data, text) =
        (json!({ "rows": [], "searched": searched }), format!("no requests; searched: {searched}"));
    let empty = with("find_traces", json!({ "min_ms": 9_900 }), data, &text).await;
    let made_up = json!({ "rows": [{ "p99_s": 9.9, "counted": 1_234 }] });
    let sql =
        with("sql", json!({ "query": "SELECT 9.9 AS p99_s, count(*) FROM spans" }), made_up, "9.9 | 1234")
            .await;
    for (all, text, holds) in [
        (&empty, "inventory took 9.9 s", false),
        (&sql, "inventory took 9.9 s", false),
        (&sql, "1234 requests were counted", true),
    ] {
        let kept = holding_claims(vec![claim(text, &[7])], all, &["inventory".to_owned()]);
        assert_eq!(kept.len() == 1, holds, "{text}");
    }
}

#[tokio::test]
async fn other_days_prove_no_cause_of_today() {
    let past = json!({ "incidents": [{ "service": "inventory", "fault_class": "disk_full", "title": "inventory was slow" }] });
    let all = with("past_incidents", json!({}), past, "inventory was slow: disk_full").await;
    let of_old = json!([{ "text": "inventory was slow", "kind": "observed", "evidence": ["E7"] }]);
    let Verified { finding: kept, problems } =
        verify(finding(&[("/root_causes/0/claims", of_old)]), &all, &services());
    assert_eq!((kept.verdict, kept.root_causes.len()), (Verdict::Inconclusive, 0));
    assert!(problems.iter().any(|problem| problem.contains("other days")), "{problems:?}");
    let class = json!("disk_full");
    let Verified { finding: kept, .. } =
        verify(finding(&[("/root_causes/0/fault_class", class)]), &all, &services());
    assert_eq!(kept.root_causes[0].fault_class, "unknown", "seen on another day only");
}
