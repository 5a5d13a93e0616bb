//! Each layout over a few small folders.

use proptest::prelude::*;
use waggle_agent_core::finding::Action;
use waggle_chaos::eval::{LAYOUTS, Suite, TrueChange, Truth, What, suite};

use crate::agent::{folder, write};

const LOG: &str = "{\"timestamp\": \"2026-03-01T10:00:00Z\", \"service\": \"shop\", \"message\": \"hm\"}\n";

fn read(folder: &tempfile::TempDir, layout: &str) -> Suite {
    suite(&folder.path().to_string_lossy(), Some(layout)).unwrap()
}

fn not_run(suite: &Suite, folder: &tempfile::TempDir) -> String {
    let path = folder.path().to_string_lossy().into_owned();
    let lines =
        suite.not_run.iter().map(|one| format!("{}: {}\n", one.case, one.why.replace(&path, "SUITE")));
    lines.collect()
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn ground_truths_are_read_in_both_of_their_places() {
    let truth = r#"{"scenario": "a", "root_cause_commit": "c0ffee", "first_failing_service": "stock", "blast_radius": ["shop"],
        "remediation": "feature-flag-disable", "decoy_deploy_commits": ["decade"], "notes": "long"}"#;
    let none = r#"{"root_cause_commit": "none", "first_failing_service": "shop", "remediation": "pray"}"#;
    let folder = folder(&[
        ("a/ground_truth.json", truth),
        ("a/data/logs.ndjson", LOG),
        ("b/tests/ground_truth.json", none),
        ("b/environment/data/logs.ndjson", LOG),
        ("c/data/logs.ndjson", LOG),
        ("d/ground_truth.json", truth),
        ("e/ground_truth.json", "{\"root_cause_commit\": "),
        ("e/data/logs.ndjson", LOG),
        (".hidden/x", ""),
    ]);
    let suite = read(&folder, "rootcausebench");
    let [a, b] = &suite.cases[..] else { panic!("{:?}", suite.cases) };
    assert_eq!(
        a.truth,
        Truth {
            services: strings(&["stock"]),
            change: Some(TrueChange::Is("c0ffee".to_owned())),
            first_failing_service: "stock".to_owned(),
            blast_radius: Some(strings(&["shop"])),
            remediation: Some(Action::DisableFlag),
            decoys: strings(&["decade"]),
            ..Truth::default()
        }
    );
    assert_eq!((&b.truth.change, b.truth.remediation), (&Some(TrueChange::None), None));
    assert_eq!(b.meta["remediation not understood"], "pray");
    let What::Folder { path, .. } = &b.what else { panic!("{:?}", b.what) };
    assert!(path.ends_with("environment/data"));
    insta::assert_snapshot!(not_run(&suite, &folder), @r"
    c: no `ground_truth.json` in `SUITE/c`
    d: no folder `data` in `SUITE/d`
    e: read `SUITE/e/ground_truth.json`: EOF while parsing a value at line 1 column 22
    ");
}

#[test]
fn recorded_answers_are_borrowed_where_a_case_has_none_of_its_own() {
    let healthy = "root_cause_category: healthy\nrequired_keywords:\n  - fine\n";
    let exhausted = "root_cause_category: resource_exhaustion\nforbidden_categories:\n  - healthy\n";
    let folder = folder(&[
        ("db/000/answer.yml", healthy),
        ("db/000/alert.json", "{}"),
        ("db/000/metrics_cpu.json", "{}"),
        ("db/000/events.json", "{}"),
        ("db/001/answer.yml", exhausted),
        ("db/001/scenario.yml", "base: 000\nid: 001\n"),
        ("db/001/alert.json", "{}"),
        ("db/001/metrics.json", "{}"),
        ("db/002/answer.yml", exhausted),
        ("db/002/alert.json", "{}"),
        ("db/002/scenario.yml", "base: ../../elsewhere\n"),
        ("db/003/alert.json", "{}"),
        ("db/004/answer.yml", "required_keywords:\n  - fine\n"),
        ("db/004/alert.json", "{}"),
        ("single/answer.yml", healthy),
        ("single/alert.json", "{}"),
    ]);
    let suite = read(&folder, "opensre");
    let ids: Vec<_> = suite.cases.iter().map(|case| (case.id.as_str(), case.truth.healthy)).collect();
    assert_eq!(ids, [("db/000", true), ("db/001", false), ("single", true)]);
    let What::Folder { borrowed, .. } = &suite.cases[1].what else { panic!("{:?}", suite.cases) };
    assert_eq!(*borrowed, [folder.path().join("db/000/events.json")], "its own metrics stand for both");
    insta::assert_snapshot!(not_run(&suite, &folder), @r"
    db/002: `SUITE/db/002` is based on `../../elsewhere`, which is no name of a folder beside it
    db/003: no `answer.yml` in `SUITE/db/003`
    db/004: `SUITE/db/004/answer.yml` has no `root_cause_category`
    ");
}

#[test]
fn a_truth_of_ones_own_says_what_it_knows_and_nothing_it_does_not_mean() {
    let folder = folder(&[
        ("a/truth.toml", "services = [\"stock\"]\nchange = \"none\"\nremediation = \"fix_data\"\n"),
        ("a/logs.ndjson", LOG),
        ("b/truth.toml", "healthy = true\n"),
        ("b/data/logs.ndjson", LOG),
        ("c/logs.ndjson", LOG),
        ("d/truth.toml", "service = \"stock\"\n"),
        ("e/truth.toml", "healthy = true\nservices = [\"stock\"]\n"),
        ("f/truth.toml", "keywords = [\"stock\"]\n"),
        ("g/truth.toml", "services = \n"),
        ("h/truth.toml", "services = [\"stock\"]\nremediation = \"pray\"\n"),
    ]);
    let suite = read(&folder, "waggle");
    let [a, b] = &suite.cases[..] else { panic!("{:?}", suite.cases) };
    assert_eq!((&a.truth.change, a.truth.remediation), (&Some(TrueChange::None), Some(Action::FixData)));
    assert!(b.truth.healthy);
    insta::assert_snapshot!(not_run(&suite, &folder));
}

#[test]
fn what_is_no_suite_is_refused_with_a_hint() {
    let empty = folder(&[]);
    let path = empty.path().to_string_lossy().into_owned();
    let absent = format!("{path}/absent");
    for (which, layout, wanted) in [
        (path.as_str(), Some("waggle"), "no case of the layout `waggle`"),
        (path.as_str(), Some("wagle"), "unknown layout `wagle`"),
        (path.as_str(), None, "wants a layout"),
        (absent.as_str(), Some("opensre"), "is no folder"),
        ("rootcausebench", None, "wants a layout"),
    ] {
        let error = suite(which, layout).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("hint: "), "{error}");
    }
}

#[test]
fn a_truth_that_no_incident_has_is_not_read_into_memory() {
    let folder = folder(&[("a/logs.ndjson", LOG)]);
    write(folder.path(), "a/truth.toml", &"# long\n".repeat(200_000));
    let suite = read(&folder, "waggle");
    assert!(suite.not_run[0].why.contains("no truth of one incident"), "{:?}", suite.not_run);
}

#[test]
fn layouts_have_names_of_their_own_and_measures_too() {
    for (index, layout) in LAYOUTS.iter().enumerate() {
        assert!(LAYOUTS[..index].iter().all(|other| other.name != layout.name));
        for measure in layout.own {
            let common = waggle_chaos::eval::measures::COMMON;
            assert!(common.iter().all(|known| known.key != measure.key), "{}", measure.key);
        }
    }
}

/// Files that a case has to have, besides its truth.
const TRUTHS: &[(&str, &str, &str)] = &[
    ("waggle", "truth.toml", "logs.ndjson"),
    ("rootcausebench", "ground_truth.json", "data/logs.ndjson"),
    ("opensre", "answer.yml", "logs.json"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_truth_is_read_or_named(
        index in 0..TRUTHS.len(),
        text in prop_oneof![
            "[a-z_]{1,20}(: | = )[\\[\\]\"a-z, ]{0,20}\n",
            "\\{\"(root_cause_commit|first_failing_service)\": [\\[\\]\"a-z0-9, ]{0,20}\\}",
            "(healthy|services|change|root_cause_category)( = |: )(true|\\[\"a\"\\]|\"none\")\n",
            "(?s).{0,80}",
        ],
    ) {
        let (layout, truth, data) = TRUTHS[index];
        let folder = folder(&[(&format!("a/{truth}"), &text), (&format!("a/{data}"), LOG)]);
        let suite = read(&folder, layout);
        prop_assert_eq!(suite.cases.len() + suite.not_run.len(), 1);
    }
}
