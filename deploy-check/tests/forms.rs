//! The answer in every form that leaves the program.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{env, fs, path::Path, process::Command};

use serde_json::Value;
use waggle_agent_core::Language;
use waggle_analysis::deploy::{Aspect, Outcome, Verdict};
use waggle_deploy_check::{
    Investigated, Report, Suspect, junit, markdown,
    report::{GrownCall, GrownFunction, NewLine, Row, Span},
    sarif,
    suspect::Place,
};
use waggle_signals::Timestamp;

fn row(endpoint: Option<&str>, measure: Aspect, verdict: Verdict, values: (f64, f64, f64, f64)) -> Row {
    let (before, after, low, high) = values;
    Row {
        endpoint: endpoint.map(str::to_owned),
        measure,
        verdict,
        before,
        after: Some(after),
        low: Some(low),
        high: (verdict != Verdict::TooLittle).then_some(high),
        minimum: measure.usual_minimum().over(before),
        alpha: 0.0025,
        requests_before: 10_875,
        requests_after: 2_400,
        needed: (verdict == Verdict::TooLittle).then_some(3_448),
    }
}

fn failed() -> Report {
    let at = |seconds: i64| Timestamp::from_secs(1_772_373_600 + seconds);
    let mut report = Report {
        schema: 1,
        service: "checkout".to_owned(),
        outcome: Outcome::Fail,
        exit_code: 1,
        is_final: true,
        is_canary: false,
        before: Some(Span { from: at(-3600), to: at(0) }),
        after: Some(Span { from: at(120), to: at(480) }),
        requests_before: 10_875,
        requests_after: 2_400,
        watched_s: 360,
        warm_up_s: 120,
        alpha: 0.05,
        beta: 0.05,
        measures: vec![
            row(None, Aspect::ErrorRate, Verdict::NotWorse, (0.0014, 0.0018, 0.0, 0.0046)),
            row(None, Aspect::P90, Verdict::Worse, (91.0, 184.0, 142.0, 230.0)),
            row(Some("POST /orders|`x`"), Aspect::ErrorRate, Verdict::Worse, (0.001, 0.031, 0.015, 0.06)),
            row(Some("GET /cart"), Aspect::P99, Verdict::TooLittle, (139.0, 143.0, 101.0, 0.0)),
        ],
        small_endpoints: vec!["GET /admin".to_owned()],
        clues: Default::default(),
        investigated: None,
        suspect: None,
        notes: Vec::new(),
    };
    report.clues.log_lines = vec![NewLine { template: "stock of <*> is negative".to_owned(), count: 74 }];
    report.clues.calls =
        vec![GrownCall { call: "inventory GET /stock".to_owned(), before: 1.0, after: 12.4 }];
    report.clues.functions = vec![GrownFunction {
        function: "reserve::match_sku".to_owned(),
        location: Some("reserve.rs:88".to_owned()),
        before_ms: 1.2,
        after_ms: 9.6,
        share: 0.71,
    }];
    report.investigated = Some(Investigated {
        incident: "inc-20260301140800".to_owned(),
        verdict: waggle_agent_core::finding::Verdict::Likely,
        service: "checkout".to_owned(),
        fault_class: "slow_code".to_owned(),
        confidence: 0.83,
        because: vec!["CPU of `reserve::match_sku` rose from 1.2 to 9.6 ms per request".to_owned()],
    });
    report.suspect = Some(Suspect {
        commit: "9f3c1e2aa00b1c2d3e4f5061728394a5b6c7d8e9".to_owned(),
        title: "look up all SKUs at once".to_owned(),
        places: vec![Place { file: "src/reserve.rs".to_owned(), line: 88 }],
        functions: vec!["reserve::match_sku".to_owned()],
    });
    report
}

fn undecided() -> Report {
    let mut report = failed();
    report.measures.retain(|row| row.verdict != Verdict::Worse);
    Report {
        outcome: Outcome::NotEnoughData,
        exit_code: 2,
        investigated: None,
        suspect: None,
        clues: Default::default(),
        ..report
    }
}

#[test]
fn a_comment_is_short_and_in_two_languages() {
    insta::assert_snapshot!("failed_en", markdown(&failed(), Language::En));
    insta::assert_snapshot!("failed_zh", markdown(&failed(), Language::Zh));
    insta::assert_snapshot!("undecided_en", markdown(&undecided(), Language::En));
}

#[test]
fn json_reads_back_and_keeps_to_the_published_schema() {
    let report = failed();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    let path = Path::new("../docs/check-deploy.schema.json");
    let written = format!("{}\n", serde_json::to_string_pretty(&Report::json_schema()).unwrap());
    if env::var_os("UPDATE").is_some() {
        fs::write(path, &written).unwrap();
    }
    let published = fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == written,
        "docs/check-deploy.schema.json is stale; write it anew with `UPDATE=1 cargo test -p waggle-deploy-check`"
    );
    let schema: Value = serde_json::from_str(&published).unwrap();
    assert!(jsonschema::is_valid(&schema, &serde_json::from_str(&text).unwrap()));
    let mut wrong: Value = serde_json::from_str(&text).unwrap();
    wrong["outcome"] = "perhaps".into();
    assert!(!jsonschema::is_valid(&schema, &wrong));
}

#[test]
fn junit_has_a_case_for_each_measure_and_reads_back() {
    let text = junit(&failed()).unwrap();
    let read = quick_junit::Report::deserialize_from_str(&text).unwrap();
    assert_eq!((read.tests, read.failures, read.errors, read.skipped), (4, 2, 0, 1));
    insta::assert_snapshot!("junit", text);
}

#[test]
fn sarif_names_the_guilty_line_and_keeps_to_its_schema() {
    let text = sarif(&failed()).unwrap();
    insta::assert_snapshot!("sarif", text);
    let value: Value = serde_json::from_str(&text).unwrap();
    let place = &value["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "src/reserve.rs");
    assert_eq!(place["region"]["startLine"], 88);
    serde_json::from_str::<serde_sarif::sarif::Sarif>(&text).unwrap();
    let mut schema = sarif_schema();
    // The published pattern of a language has a bracket too many; no language is written here.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for report in [failed(), undecided(), Report { suspect: None, ..failed() }] {
        let value: Value = serde_json::from_str(&sarif(&report).unwrap()).unwrap();
        let faults: Vec<String> = validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
    let mut wrong = value;
    wrong["runs"][0]["results"][0]["level"] = "dreadful".into();
    assert!(!validator.is_valid(&wrong));
}

/// The schema of OASIS, as the library that the types come from carries it.
fn sarif_schema() -> Value {
    let arguments = ["metadata", "--format-version", "1", "--offline", "--locked"];
    let platform = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let output =
        Command::new(env!("CARGO")).args(arguments).args(["--filter-platform", &platform]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let library = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let folder = Path::new(library["manifest_path"].as_str().unwrap()).parent().unwrap();
    serde_json::from_str(&fs::read_to_string(folder.join("src/schema.json")).unwrap()).unwrap()
}
