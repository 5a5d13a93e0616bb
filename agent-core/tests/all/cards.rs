//! What people see of a finding.

use serde_json::json;
use waggle_agent_core::{
    EvidenceId, Finding, IncidentId, Language,
    card::{Step, card_of_finding, card_of_progress},
    finding::{Action, Hop, Verdict},
};

use crate::shop::{evidence, good_finding, incident};

fn finding() -> Finding {
    let mut finding = good_finding();
    finding["incident"] = json!("inc-1");
    finding["propagation"] = json!([
        { "from": "inventory", "to": "checkout", "kind": "call" },
        { "from": "checkout", "to": "gateway", "kind": "call" },
    ]);
    finding["missing_data"] = json!(["no CPU profile"]);
    serde_json::from_value(finding).unwrap()
}

fn steps() -> Vec<Step> {
    vec![Step {
        evidence: EvidenceId(4),
        tool: "compare".to_owned(),
        text: "asks for compare of `inventory`".to_owned(),
        done: true,
    }]
}

#[tokio::test]
async fn a_card_tells_the_whole_story() {
    let evidence: Vec<_> = evidence().await.into_values().collect();
    for (name, language) in [("card_en", Language::En), ("card_zh", Language::Zh)] {
        let card = card_of_finding(&incident("inc-1"), &finding(), &evidence, steps(), 1_200, language);
        insta::assert_json_snapshot!(name, card);
    }
}

#[test]
fn a_card_of_work_in_progress_has_its_steps() {
    let card = card_of_progress(&incident("inc-1"), steps(), 300, Language::En);
    assert_eq!((card.done, card.verdict, card.elapsed_ms), (false, None, 300));
    assert_eq!((card.title.as_str(), card.steps), ("gateway: p99 latency above 200 ms", steps()));
    assert_eq!(card.sections, []);
}

#[test]
fn a_card_of_nothing_says_so() {
    let of = |verdict, language| {
        let finding = Finding { verdict, ..Finding::inconclusive(IncidentId::default(), "no spans") };
        let card = card_of_finding(&incident("inc-1"), &finding, &[], Vec::new(), 0, language);
        let lines: Vec<_> =
            card.sections.iter().flat_map(|section| &section.lines).map(|line| line.text.clone()).collect();
        (card.title, lines)
    };
    let missing = || vec!["no spans".to_owned()];
    assert_eq!(of(Verdict::NoIncident, Language::Zh), ("没有异常".to_owned(), missing()));
    assert_eq!(
        of(Verdict::Inconclusive, Language::En),
        ("gateway: p99 latency above 200 ms".to_owned(), missing())
    );
}

#[test]
fn a_path_with_a_gap_is_two_paths() {
    let hop =
        |from: &str, to: &str| Hop { from: from.to_owned(), to: to.to_owned(), kind: "call".to_owned() };
    let propagation = vec![hop("db", "inventory"), hop("inventory", "checkout"), hop("payment", "gateway")];
    let finding = Finding { propagation, ..finding() };
    let card = card_of_finding(&incident("inc-1"), &finding, &[], Vec::new(), 0, Language::En);
    let path = card.sections.iter().find(|section| section.heading == "Path").unwrap();
    let lines: Vec<_> = path.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["checkout → inventory → db", "gateway → payment"]);
}

#[test]
fn an_action_without_words_gets_some() {
    let all = [
        Action::Rollback,
        Action::RollForward,
        Action::ConfigRevert,
        Action::Scale,
        Action::Failover,
        Action::RotateCertificate,
        Action::DisableFlag,
        Action::FixData,
        Action::Restart,
    ];
    for language in [Language::En, Language::Zh] {
        for action in all {
            let mut finding = finding();
            (finding.remediation.action, finding.remediation.text) = (action, String::new());
            let card = card_of_finding(&incident("inc-1"), &finding, &[], Vec::new(), 0, language);
            let heading = language.pick("Do", "处置");
            let section = card.sections.iter().find(|section| section.heading == heading).unwrap();
            assert!(!section.lines[0].text.starts_with(" ("), "{action:?}");
        }
    }
}

#[tokio::test]
async fn a_hunk_is_of_the_blamed_commit_only() {
    let evidence: Vec<_> = evidence().await.into_values().collect();
    let mut finding = finding();
    let show = |finding: &Finding| {
        card_of_finding(&incident("inc-1"), finding, &evidence, Vec::new(), 0, Language::En).hunk
    };
    let hunk = show(&finding).unwrap();
    assert_eq!((hunk.path.as_str(), hunk.line, hunk.evidence), ("src/reserve.rs", 88, EvidenceId(5)));
    finding.root_causes[0].change.as_mut().unwrap().id = "another".to_owned();
    assert_eq!(show(&finding), None);
    finding.root_causes[0].change = None;
    assert_eq!(show(&finding), None);
}
