//! What a recording answers, and what can be read as one.

use proptest::prelude::*;
use waggle_agent_core::{EvidenceId, evidence::Topic};
use waggle_signals::Timestamp;

use super::*;

const MAPPED: &str = r#"{"logs {\"service\": \"cart\", \"limit\": 5}": "2 lines", "service_map": "cart -> redis",
    "logs {\"service\": \"gateway\"}": "", "logs{\"service\":\"redis\"}": "quiet"}"#;

fn told(recorded: &Recorded, tool: &str, arguments: Value) -> String {
    match recorded.answer(tool, &arguments) {
        Ok(called) => called.text,
        Err(ToolError::Respond(text)) => text,
        Err(ToolError::Fatal(error)) => panic!("{error}"),
    }
}

#[test]
fn a_call_is_answered_as_then_or_with_the_calls_that_were_made() {
    let recorded = Recorded::parse(MAPPED).unwrap();
    let cases = [
        ("logs", json!({"limit": 5.0, "service": "cart"})),
        ("logs", json!({"service": "redis", "limit": null})),
        ("logs", json!({"service": "gateway"})),
        ("service_map", Value::Null),
        ("logs", json!({"service": "cart"})),
        ("metrics", json!({})),
    ];
    let told: Vec<_> = cases
        .iter()
        .map(|(tool, arguments)| format!("{tool} {arguments}: {}", told(&recorded, tool, arguments.clone())))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_tool_that_nobody_described_is_described_by_its_calls() {
    let specs = Recorded::parse(MAPPED).unwrap().specs();
    insta::assert_json_snapshot!(specs);
}

#[test]
fn what_is_no_recording_is_said_with_the_forms_that_are() {
    let cases = [
        "",
        "[]",
        r#"{"logs": 5}"#,
        r#"{"logs [1]": "x"}"#,
        r#"{"logs {\"a\": ": "x"}"#,
        r#"{"get logs ": "x"}"#,
        r#"{"größe": "x"}"#,
        r#"{"calls": [{"tool": "logs"}]}"#,
        r#"{"calls": [], "tolls": []}"#,
    ];
    let faults: Vec<_> =
        cases.iter().map(|case| format!("{case}: {}", Recorded::parse(case).unwrap_err())).collect();
    insta::assert_snapshot!(faults.join("\n"));
}

#[test]
fn evidence_becomes_a_recording_with_its_data_and_facts() {
    let fact =
        Fact { service: "cart".to_owned(), topic: Topic::Errors, text: "cart failed 7 times".to_owned() };
    let evidence = Evidence {
        id: EvidenceId(3),
        tool: "compare".to_owned(),
        arguments: json!({"service": "cart"}),
        at: Timestamp::from_secs(1),
        scope: String::new(),
        text: "7 failures".to_owned(),
        data: json!({"failures": 7}),
        facts: vec![fact.clone()],
    };
    let spec = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: "As it is.".to_owned(),
        schema: json!({"type": "object"}),
    };
    let recorded = Recorded::of_evidence(&[evidence]).described_by(&[spec("compare"), spec("owners")]);
    let called = recorded.answer("compare", &json!({"service": "cart"})).unwrap();
    assert_eq!(called.data, json!({"failures": 7}));
    assert_eq!(called.facts, [fact]);
    assert_eq!(recorded.specs(), [spec("compare"), spec("owners")]);
    assert_eq!(Recorded::parse(&recorded.to_json().to_string()).unwrap(), recorded);
}

#[test]
fn of_equal_calls_the_first_stays() {
    let call = |text: &str| RecordedCall {
        tool: "logs".to_owned(),
        arguments: json!({}),
        text: text.to_owned(),
        data: Value::Null,
        facts: Vec::new(),
    };
    let recorded = Recorded::new(Vec::new(), [call("first"), call("second")]);
    assert_eq!(recorded.calls().len(), 1);
    assert_eq!(told(&recorded, "logs", Value::Null), "first");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no infinity", |float| float.is_finite()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(".{0,8}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn call() -> impl Strategy<Value = RecordedCall> {
    ("[a-z_]{1,8}", json_value(), ".{0,40}", json_value()).prop_map(|(tool, arguments, text, data)| {
        RecordedCall { tool, arguments, text, data, facts: Vec::new() }
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = Recorded::parse(&text);
    }

    #[test]
    fn any_json_is_read_or_refused(value in json_value()) {
        let _ = Recorded::parse(&value.to_string());
        let _ = Recorded::parse(&json!({ "calls": [value] }).to_string());
    }

    #[test]
    fn a_recording_survives_being_written(calls in proptest::collection::vec(call(), 0..6)) {
        let recorded = Recorded::new(Vec::new(), calls);
        let again = Recorded::parse(&recorded.to_json().to_string()).unwrap();
        prop_assert_eq!(&again, &recorded);
    }

    #[test]
    fn a_map_from_call_to_text_answers_each_call(arguments in json_value(), text in ".{1,20}") {
        prop_assume!(arguments.is_object());
        let key = format!("logs {arguments}");
        let recorded = Recorded::parse(&json!({ key: text.clone() }).to_string()).unwrap();
        let answer = recorded.answer("logs", &arguments).unwrap();
        let want = if text.trim().is_empty() { "`logs` returned nothing".to_owned() } else { text };
        prop_assert_eq!(answer.text, want);
    }
}
