use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};
use waggle_analysis::symptoms::Evidence;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn line(time: &str) -> String {
    json!({"timestamp": time, "service": "cart", "level": "error", "message": "no stock"}).to_string()
}

#[test]
fn the_webhook_of_alertmanager_says_when_and_whose() {
    let alert = json!({"status": "firing", "alerts": [
        {"startsAt": "2026-03-01T10:09:00Z", "labels": {"service": "cart"}},
        {"startsAt": "2026-03-01T10:05:00Z", "labels": {"service": "stock"}},
    ], "commonAnnotations": {"summary": "slow"}});
    let folder =
        folder(&[("alert.json", &alert.to_string()), ("logs.ndjson", &line("2026-03-01T10:00:00Z"))]);
    let read = read(folder.path()).unwrap();
    let at = "2026-03-01T10:05:00Z".parse().unwrap();
    assert_eq!((read.alert.service.as_str(), read.alert.fired_at), ("stock", Some(at)));
    assert_eq!(read.alert.text, "slow");
}

#[test]
fn a_clock_that_was_never_set_does_not_stretch_the_windows() {
    let lines =
        ["1970-01-01T00:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T10:20:00Z", "2026-03-01T10:40:00Z"];
    let logs: String = lines.iter().map(|time| line(time) + "\n").collect();
    let folder = folder(&[("logs.ndjson", &logs)]);
    let read = read(folder.path()).unwrap();
    let (baseline, window) = read.windows().unwrap();
    assert_eq!((read.lines.len(), read.left_out.len()), (3, 1), "{:?}", read.left_out);
    assert!(window.to().since(baseline.from()) < Duration::from_secs(3600));
}

#[test]
fn what_does_not_read_is_left_out_or_refused_by_name() {
    let mixed = format!("hello\n{}\n", line("2026-03-01T10:00:00Z"));
    assert_eq!(read(folder(&[("logs.ndjson", &mixed)]).path()).unwrap().left_out.len(), 1);
    for (name, text, wanted) in [
        ("logs.ndjson", "hello\n", "no line of it"),
        ("metrics.csv", "timestamp,service,metric,value\nyesterday,cart,errors,1\n", "line 2"),
        ("metrics.csv", "timestamp,service,value\n", "no column `metric`"),
        ("traces.json", "[{", "traces.json"),
        ("notes.txt", "hello", "no telemetry"),
    ] {
        let error = read(folder(&[(name, text)]).path()).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("hint: "), "{error}");
    }
}

#[test]
fn objects_of_kubernetes_are_found_in_any_file_and_keep_their_events() {
    let event = json!({"apiVersion": "v1", "kind": "Event", "reason": "Failed", "message": "no image",
                       "involvedObject": {"kind": "Pod", "name": "cart-1", "namespace": "shop"}});
    let read = read(folder(&[("states/events.json", &json!([event]).to_string())]).path()).unwrap();
    assert_eq!(read.recorded.kubernetes, [event]);
}

#[test]
fn calls_are_stored_with_both_of_their_sides() {
    let spans = json!([
        {"trace_id": "t", "span_id": "a", "service": "shop", "name": "POST /", "start": "2026-03-01T10:00:00Z", "duration_ms": 9},
        {"trace_id": "t", "span_id": "b", "parent_id": "a", "service": "stock", "name": "GET /", "start": "2026-03-01T10:00:00Z", "duration_ms": 5},
    ]);
    let batch = batch(&read(folder(&[("traces.json", &spans.to_string())]).path()).unwrap());
    let [root, asked, answered] = &batch.spans[..] else { panic!("{:?}", batch.spans) };
    assert_eq!(asked.parent_span_id, Some(root.span_id));
    assert_eq!(answered.parent_span_id, Some(asked.span_id));
    assert_eq!(asked.peer.as_ref().unwrap().service, "stock");
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "timestamp",
        "timestamps",
        "values",
        "message",
        "service",
        "kind",
        "apiVersion",
        "involvedObject",
        "phase",
        "containers",
        "alerts",
        "startsAt",
        "sha",
        "diff",
        "files_changed",
        "flag",
        "span_id",
        "trace_id",
        "start",
        "duration_ms",
        "items",
        "state",
        "db_load_avg",
        "statement",
        "overall_state",
        "desired",
        "ready",
        "labels",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~\u{4e00}-\u{4e05}]{0,12}".prop_map(Value::from),
        Just(Value::from("2026-03-01T10:00:00Z")),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the files, they are read or refused, and what was read can be stored.
    #[test]
    fn any_json_under_any_name_is_read_or_refused(values in prop::collection::vec(any_json(), 8)) {
        let names = ["alert.json", "logs.ndjson", "traces.json", "context/commits.json", "context/deploys.json",
                     "context/flags.json", "status_feed.json", "other.json"];
        let texts: Vec<String> = values.iter().map(Value::to_string).collect();
        let files: Vec<(&str, &str)> = names.iter().copied().zip(texts.iter().map(String::as_str)).collect();
        if let Ok(incident) = read(folder(&files).path()) {
            incident.windows();
            batch(&incident);
        }
    }

    #[test]
    fn any_table_is_read_or_refused(cells in prop::collection::vec(("[0-9:TZe.+-]{0,20}", "[a-z]{0,3}", "[0-9.e+-]{0,8}"), 0..12)) {
        let rows: String = cells.iter().map(|(time, service, value)| format!("{time},{service},errors,{value}\n")).collect();
        let table = format!("timestamp,service,metric,value\n{rows}");
        if let Ok(incident) = read(folder(&[("metrics.csv", &table)]).path()) {
            incident.windows();
            batch(&incident);
        }
    }

    #[test]
    fn any_recorded_answer_is_collected(answer in any_json()) {
        let mut evidence = Evidence::default();
        recorded::collect(&answer, &mut evidence);
        recorded::alert(&answer);
    }
}
