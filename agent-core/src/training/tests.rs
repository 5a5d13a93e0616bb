use serde_json::json;
use waggle_signals::Timestamp;

use super::*;
use crate::{
    EvidenceId, Finding, IncidentId, Kind,
    ports::{ReplyData, Usage},
};

fn record(transcript: Vec<Message>) -> InvestigationRecord {
    let incident = IncidentId("inc-1".to_owned());
    InvestigationRecord {
        incident: incident.clone(),
        model: "small".to_owned(),
        started_at: Timestamp::from_secs(0),
        ended_at: Timestamp::from_secs(1),
        finding: Finding::inconclusive(incident, "nothing"),
        transcript,
        usage: Usage::default(),
        n_steps: 3,
        review: None,
    }
}

fn calls(calls: &[(&str, &str, Value)]) -> Message {
    let calls = calls.iter().map(|(id, name, arguments)| ToolCall {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        arguments: arguments.clone(),
    });
    Message::Assistant { text: String::new(), calls: calls.collect() }
}

fn reply(id: &str, name: &str, text: &str, is_evidence: bool) -> Message {
    let data =
        is_evidence.then(|| ReplyData { evidence: EvidenceId(1), data: Value::Null, facts: Vec::new() });
    Message::Tool(ToolReply { call_id: id.to_owned(), name: name.to_owned(), text: text.to_owned(), data })
}

fn conversation() -> Vec<Message> {
    vec![
        Message::System { text: "You investigate.".to_owned() },
        Message::User { text: "checkout is slow, said li.na@shop.example".to_owned() },
        calls(&[("triage_1", "service_map", json!({}))]),
        reply("triage_1", "service_map", "checkout: 31 ms", true),
        calls(&[("a", "logs", json!({ "servce": "checkout" }))]),
        reply("a", "logs", "<data id=\"refusal\">\nunknown field `servce`\n</data>", false),
        calls(&[("b", "logs", json!({ "service": "checkout", "text": "li.na@shop.example" }))]),
        reply("b", "logs", "3 lines", true),
        calls(&[("c", SUBMIT_FINDING, json!({ "verdict": "likely" }))]),
        reply("c", SUBMIT_FINDING, "claim 1 cites nothing", false),
        calls(&[("d", SUBMIT_FINDING, json!({ "verdict": "inconclusive" }))]),
        reply("d", SUBMIT_FINDING, ACCEPTED, false),
    ]
}

#[test]
fn an_investigation_becomes_a_line_from_which_only_what_was_right_is_learned() {
    let example = Example::of(&record(conversation()), &[]).unwrap();
    let line = serde_json::to_string(&example).unwrap();
    assert_eq!(check(&line).unwrap(), example);
    assert!(!line.contains("li.na@"), "{line}");
    insta::assert_snapshot!("line", serde_json::to_string_pretty(&example).unwrap());
    let weights = example.messages.iter().filter_map(|turn| match turn {
        Turn::Assistant { weight, .. } => *weight,
        _ => None,
    });
    assert_eq!(weights.collect::<Vec<_>>(), [0, 0, 1, 0, 1]);
}

#[test]
fn where_no_model_was_right_there_is_nothing_to_learn() {
    let mut transcript = conversation();
    transcript.truncate(6);
    assert_eq!(Example::of(&record(transcript), &[]), None);
    assert_eq!(Example::of(&record(Vec::new()), &[]), None);
}

#[test]
fn lines_that_break_a_rule_are_refused_with_it() {
    let good = serde_json::to_value(Example::of(&record(conversation()), &[]).unwrap()).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut line = good.clone();
        change(&mut line);
        let error = check(&line.to_string()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        error.chain()
    };
    type Change<'a> = &'a dyn Fn(&mut Value);
    let cases: [(Change<'_>, &str); 8] = [
        (&|line| line["metadata"] = json!({}), "unknown field"),
        (&|line| line["messages"][2]["weight"] = json!(2), "neither 0 nor 1"),
        (&|line| line["messages"][6]["tool_calls"][0]["function"]["arguments"] = json!("{"), "no JSON"),
        (&|line| line["messages"][7]["tool_call_id"] = json!("zz"), "not open"),
        (&|line| line["messages"][6]["tool_calls"][0]["function"]["name"] = json!("rm"), "not described"),
        (&|line| line["tools"][0]["function"]["name"] = json!("a b"), "no name of a function"),
        (
            &|line| {
                line["messages"].as_array_mut().unwrap().pop();
            },
            "not the assistant",
        ),
        (
            &|line| {
                line["messages"].as_array_mut().unwrap().remove(7);
            },
            "before all calls are answered",
        ),
    ];
    for (change, wanted) in cases {
        let told = with(change);
        assert!(told.contains(wanted), "`{wanted}` is not in `{told}`");
    }
}
