//! What people, programs and pipelines are told.

use waggle_chaos::eval::{
    Report, compare,
    gate::{Outcome, judge},
    report,
};

use crate::agent::{Agent, all_well, blames, evaluated, folder, options, own_agent, own_suite};

async fn own_report(agent: &Agent, repeat: u32) -> Report {
    let (suite, kept) = (own_suite(), folder(&[]));
    let mut options = options(kept.path());
    options.repeat = repeat;
    let done = evaluated(suite.path(), agent, &options).await.unwrap();
    let mut report = report(&done).unwrap();
    // The path of a temporary folder is another in every run: it stands in the first backticks.
    for one in &mut report.not_run {
        let parts = one.why.split('`').enumerate();
        one.why = parts.map(|(index, part)| if index == 1 { "FILE" } else { part }).collect();
    }
    report
}

#[tokio::test]
async fn the_report_reads_well() {
    let report = own_report(&own_agent(), 1).await;
    insta::assert_snapshot!("report", report.markdown());
}

#[tokio::test]
async fn repeats_are_told_of() {
    let report = own_report(&own_agent(), 2).await;
    assert_eq!(report.n_runs, 8);
    let markdown = report.markdown();
    let repeats = markdown.split("## ").find(|part| part.starts_with("Repeats")).unwrap();
    insta::assert_snapshot!(repeats, @r"
    Repeats

    Probability that all of k runs of a case pass: 0.500 for 1, 0.500 for 2.
    Share of cases passed by repeat: 0.500 to 0.500, standard deviation 0.000.
    ");
}

#[tokio::test]
async fn the_numbers_are_those_of_the_made_up_suite() {
    let report = own_report(&own_agent(), 1).await;
    let value = |key: &str| report.measure(key).and_then(|row| row.agent).map(|agent| (agent.n, agent.value));
    let floor =
        |key: &str, floor: &str| report.measure(key).and_then(|row| row.floors[floor]).map(|of| of.value);
    for (key, wanted) in [
        ("pass", Some((4, 0.5))),
        ("pass_when_answered", Some((3, 2.0 / 3.0))),
        ("service_at_1", Some((3, 1.0 / 3.0))),
        ("change", Some((2, 0.5))),
        ("decoy_blamed", Some((1, 0.0))),
        ("false_alarm", Some((1, 0.0))),
        ("missed_incident", Some((3, 0.0))),
        ("remediation", Some((2, 0.5))),
        ("keywords", Some((1, 1.0))),
        ("abstained", Some((4, 0.25))),
        ("category", None),
    ] {
        assert_eq!(value(key), wanted, "{key}");
    }
    assert_eq!(floor("pass", "always_none"), Some(0.25));
    assert_eq!(floor("decoy_blamed", "latest_deploy"), Some(1.0));
    assert_eq!(floor("service_at_1", "loudest_service"), Some(1.0 / 3.0), "shop logs the errors");
    let calibration = report.calibration.unwrap();
    assert_eq!((calibration.n, calibration.auroc), (3, Some(0.5)));
    assert_eq!((report.grounding.n_claims, report.grounding.n_grounded), (2, 2));
}

#[tokio::test]
async fn json_reads_back_and_later_forms_are_refused() {
    let report = own_report(&own_agent(), 1).await;
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(Report::from_json(&json).unwrap(), report);
    let later = json.replacen("\"schema\":1", "\"schema\":2", 1);
    assert!(Report::from_json(&later).unwrap_err().to_string().contains("hint: "));
}

#[tokio::test]
async fn a_pipeline_gets_one_line_and_a_code() {
    let report = own_report(&own_agent(), 1).await;
    // Two of five: the broken folder has not passed.
    for (min_pass, outcome, code) in
        [(None, Outcome::Good, 0), (Some(0.4), Outcome::Good, 0), (Some(0.41), Outcome::TooFew, 1)]
    {
        let judged = judge(&report, min_pass);
        assert_eq!((judged.outcome, judged.outcome.exit_code()), (outcome, code), "{min_pass:?}");
        assert!(!judged.line.contains('\n'));
    }
    insta::assert_snapshot!(judge(&report, Some(0.9)).line, @"own with made-up: 2 of 4 runs passed (95 % 0.15 to 0.85), 0 decoys blamed, 0 false alarms, 0 incidents called well, 1 without an answer, 2 of 2 claims grounded, 1 not run: 2 of all 5 passed, less than 0.9");
    let nothing = own_report(&Agent::default(), 1).await;
    assert_eq!(judge(&nothing, None).outcome.exit_code(), 2);
    assert!(nothing.markdown().contains("the store is on fire"));
}

#[tokio::test]
async fn two_reports_are_compared_case_by_case() {
    let first = own_report(&own_agent(), 1).await;
    let mut better = own_agent();
    better.says.insert("surge".to_owned(), blames("shop", "traffic_surge", None, 0.6));
    better.says.insert("well".to_owned(), blames("shop", "slow_code", None, 0.6));
    better.says.insert("torn".to_owned(), blames("stock", "slow_code", None, 0.6));
    let second = own_report(&better, 1).await;
    let comparison = compare(&first, &second).unwrap();
    assert_eq!((comparison.won.len(), comparison.lost.as_slice()), (2, &["well".to_owned()][..]));
    assert_eq!((comparison.p_value, comparison.difference.value), (1.0, 0.25));
    insta::assert_snapshot!("comparison", comparison.markdown());
    let same = compare(&first, &first).unwrap();
    assert_eq!(same.difference.interval, None, "chance cannot be told from no difference at all");
    assert!(same.markdown().contains("Share passed: +0.000 over 4 cases"), "{}", same.markdown());

    let mut other = second.clone();
    other.layout = "demo".to_owned();
    assert!(compare(&first, &other).unwrap_err().to_string().contains("hint: "));
    other.layout = first.layout.clone();
    other.cases.clear();
    assert!(compare(&first, &other).unwrap_err().to_string().contains("share no case"));
}

#[tokio::test]
async fn a_claim_that_is_not_proven_is_listed() {
    let mut finding = blames("stock", "slow_code", None, 0.6);
    finding.root_causes[0].claims[0].text = "p99 of stock is 77 s".to_owned();
    let agent = Agent::saying(&[("torn", finding), ("well", all_well(0.2))]);
    let report = own_report(&agent, 1).await;
    assert_eq!((report.grounding.n_claims, report.grounding.n_grounded), (1, 0));
    assert!(report.markdown().contains("- torn: \"p99 of stock is 77 s\" lacks 77 s"));
}
