//! Questions as people ask them, in both languages: each leads to the calls that would tell.

use proptest::prelude::*;
use serde_json::{Value, json};
use waggle_agent_core::{
    EvidenceId, Language,
    evidence::{Fact, Topic},
    models::Offline,
    ports::{Message, Model, ModelRequest, ReplyData, ToolCall, ToolReply, ToolSpec},
};

/// The questions and what they lead to.
const QUESTIONS: &str = include_str!("questions.txt");

const SERVICES: [&str; 16] = include!("questions_services.rs");

const TOOLS: [&str; 38] = [
    "anomalies",
    "attribution",
    "compare",
    "connections",
    "critical_path",
    "dependencies",
    "events",
    "file_activity",
    "find_traces",
    "first_errors",
    "forecast",
    "golden_signals",
    "kubernetes_dependencies",
    "kubernetes_describe",
    "kubernetes_events",
    "kubernetes_get",
    "log_diff",
    "log_templates",
    "logs",
    "metrics",
    "network_edges",
    "owners",
    "past_incidents",
    "pod_logs",
    "process_activity",
    "processes",
    "profile_diff",
    "profile_top",
    "read_diff",
    "recent_changes",
    "search_knowledge",
    "service_map",
    "show_trace",
    "slow_traces",
    "sql",
    "suspects",
    "trace_diff",
    "submit_answer",
];

fn tool(name: &str) -> ToolSpec {
    let schema = json!({ "type": "object", "properties": {} });
    ToolSpec { name: name.to_owned(), description: "x".to_owned(), schema }
}

fn told(id: u32, name: &str, data: Value) -> [Message; 2] {
    let call_id = format!("call_{id}");
    let call = ToolCall { id: call_id.clone(), name: name.to_owned(), arguments: json!({}) };
    let data = ReplyData { evidence: EvidenceId(id), data, facts: Vec::new() };
    [
        Message::Assistant { text: String::new(), calls: vec![call] },
        Message::Tool(ToolReply { call_id, name: name.to_owned(), text: String::new(), data: Some(data) }),
    ]
}

/// A conversation in which a finding blames `inventory` and somebody asks.
fn asked(question: &str, tools: &[&str]) -> ModelRequest {
    let services: Vec<_> = SERVICES.iter().map(|service| json!({ "service": service })).collect();
    let finding = json!({
        "incident": "inc-1", "verdict": "likely", "confidence": 0.8, "symptom": {},
        "root_causes": [{
            "service": "inventory", "fault_class": "slow_code", "confidence": 0.8,
            "change": { "kind": "commit", "id": "9f3c1e2aa0b14c5d8e7f60718293a4b5c6d7e8f9", "diff_read": true },
            "claims": [{ "text": "inventory: 31 ms → 1.98 s", "kind": "observed", "evidence": ["E4"] }],
        }],
        "ruled_out": [{ "suspect": "payment", "reason": "deployed after the onset", "evidence": ["E2"] }],
    });
    let mut messages = vec![Message::User { text: "Incident inc-1".to_owned() }];
    messages.extend(told(1, "service_map", json!({ "services": services })));
    messages.extend(told(0, "finding", finding));
    messages.push(Message::User { text: question.to_owned() });
    ModelRequest {
        messages,
        tools: tools.iter().map(|name| tool(name)).collect(),
        language: Language::of(question),
        max_tokens: 100,
        ..ModelRequest::default()
    }
}

/// Returns what a question leads to: calls, or what the answer says was understood.
async fn outcome(question: &str, tools: &[&str]) -> String {
    let calls = Offline.complete(&asked(question, tools), &|_| {}).await.unwrap().calls;
    if let [ToolCall { name, arguments, .. }] = calls.as_slice()
        && name == "submit_answer"
    {
        let understood = arguments["understood"].as_str().unwrap_or_default();
        return format!("answer: {}", if understood.is_empty() { "not understood" } else { understood });
    }
    let calls = calls.iter().map(|call| format!("{} {}", call.name, call.arguments));
    calls.collect::<Vec<_>>().join(" + ")
}

/// Splits calls into tool and arguments, so that the order of arguments does not matter.
fn in_parts(outcome: &str) -> Vec<(String, Value)> {
    let calls = outcome.split(" + ").map(|call| call.split_once(' ').unwrap_or((call, "")));
    calls
        .map(|(tool, rest)| (tool.to_owned(), serde_json::from_str(rest).unwrap_or_else(|_| json!(rest))))
        .collect()
}

fn table() -> Vec<(&'static str, &'static str)> {
    let mut wanted = "";
    let mut table = Vec::new();
    for line in QUESTIONS.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        // `> 1% errors` is a question.
        match line.strip_prefix("> ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())) {
            Some(rest) => wanted = rest,
            None => table.push((line, wanted)),
        }
    }
    table
}

#[tokio::test]
async fn every_question_leads_to_the_calls_that_would_tell() {
    let table = table();
    assert!(table.len() >= 300, "{} questions", table.len());
    let mut missed = Vec::new();
    for (question, wanted) in &table {
        let outcome = outcome(question, &TOOLS).await;
        if in_parts(&outcome) != in_parts(wanted) {
            missed.push(format!("{question}\n  wanted {wanted}\n  got    {outcome}"));
        }
    }
    assert!(missed.is_empty(), "{} of {} missed:\n{}", missed.len(), table.len(), missed.join("\n"));
}

#[tokio::test]
async fn tools_that_are_not_to_be_had_are_replaced_by_others_or_missed() {
    let few = [
        "compare",
        "service_map",
        "slow_traces",
        "recent_changes",
        "network_edges",
        "processes",
        "submit_answer",
    ];
    for (question, wanted) in [
        ("services with error rate > 1%", r#"service_map {"min_error_ratio":0.01}"#),
        ("services with fewer than 10 requests per second", r#"service_map {"min_p99_ms":0.0}"#),
        ("connection stats for api-gateway", r#"network_edges {"service":"api-gateway"}"#),
        ("where does the time go in checkout", r#"slow_traces {"service":"checkout"}"#),
        ("what does checkout depend on?", r#"network_edges {"service":"checkout"}"#),
        ("has this happened before?", "answer: whether this happened before"),
        ("谁负责支付", "answer: payment 的负责人"),
    ] {
        assert_eq!(outcome(question, &few).await, wanted, "{question}");
    }
}

#[tokio::test]
async fn what_is_proposed_to_ask_is_understood() {
    let mut proposed: Vec<String> = Vec::new();
    for (question, _) in table() {
        let mut request = asked(question, &TOOLS);
        for _ in 0..3 {
            let calls = Offline.complete(&request, &|_| {}).await.unwrap().calls;
            if let Some(answer) = calls.iter().find(|call| call.name == "submit_answer") {
                let follow_ups = answer.arguments["follow_ups"].as_array().unwrap();
                proposed.extend(follow_ups.iter().filter_map(|text| text.as_str().map(str::to_owned)));
                break;
            }
            request.messages.push(Message::Assistant { text: String::new(), calls: calls.clone() });
            request.messages.extend(calls.into_iter().zip(7..).map(|(call, id)| {
                let data = Some(ReplyData { evidence: EvidenceId(id), data: json!({}), facts: Vec::new() });
                Message::Tool(ToolReply { call_id: call.id, name: call.name, text: String::new(), data })
            }));
        }
    }
    proposed.sort();
    proposed.dedup();
    assert!(proposed.len() > 20, "{proposed:?}");
    for question in proposed {
        let outcome = outcome(&question, &TOOLS).await;
        assert!(
            !outcome.contains("not understood") && !outcome.contains("no service here"),
            "{question}: {outcome}"
        );
    }
}

/// Returns the claims and the note of the answer to a question about services, of which ten were listed and three left off.
async fn answered(question: &str) -> (Vec<String>, String) {
    let mut request = asked(question, &TOOLS);
    let calls = Offline.complete(&request, &|_| {}).await.unwrap().calls;
    let is_least = calls[0].arguments["order"] == "least";
    let names: Vec<String> = ('a'..='j').map(|letter| format!("copy-{letter}")).collect();
    let rows = names.iter().enumerate().map(|(place, name)| {
        // One answers nothing, and is neither the fastest nor the slowest.
        let (requests, p99) = if place == 9 { (0, 0.0) } else { (20, 100.0 + place as f64) };
        let p99 = if is_least { p99 } else { 1_000.0 - p99 };
        json!({ "service": name, "after": { "requests": requests, "p99_ms": p99, "error_ratio": 0.5, "rate_per_s": 1.0 } })
    });
    let data = json!({ "services": rows.collect::<Vec<_>>(), "left_off": 3 });
    let facts = names.iter().map(|name| Fact {
        service: name.clone(),
        topic: Topic::Latency,
        text: format!("{name} answers"),
    });
    let data = Some(ReplyData { evidence: EvidenceId(7), data, facts: facts.collect() });
    request.messages.push(Message::Assistant { text: String::new(), calls: calls.clone() });
    let (call_id, name) = (calls[0].id.clone(), calls[0].name.clone());
    request.messages.push(Message::Tool(ToolReply { call_id, name, text: String::new(), data }));
    let answer = Offline.complete(&request, &|_| {}).await.unwrap().calls.remove(0).arguments;
    let claims = answer["claims"].as_array().unwrap().iter();
    let claims = claims.map(|claim| claim["text"].as_str().unwrap().to_owned());
    (claims.collect(), answer["note"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_list_is_told_up_to_ten_and_says_how_many_more_there_are() {
    for (question, n_claims, first, note) in [
        ("show me all services with error rate > 1%", 10, "copy-a answers", "3 more services are like that."),
        ("错误率超过 1% 的服务", 10, "copy-a answers", "还有 3 个这样的服务。"),
        ("top 10 slowest services", 10, "copy-a answers", ""),
        ("3 services with the lowest latency", 3, "copy-a answers", ""),
        ("which service is the fastest?", 5, "copy-a answers", ""),
    ] {
        let (claims, said) = answered(question).await;
        assert_eq!((claims.len(), claims[0].as_str(), said.as_str()), (n_claims, first, note), "{question}");
    }
}

/// Asks, answers every call with what `result` says of it (`None` refuses it), and returns the answer.
async fn answer_to(question: &str, result: impl Fn(&ToolCall) -> Option<(Value, Vec<Fact>)>) -> Value {
    let mut request = asked(question, &TOOLS);
    for id in (10..).step_by(10).take(4) {
        let mut calls = Offline.complete(&request, &|_| {}).await.unwrap().calls;
        if calls[0].name == "submit_answer" {
            return calls.remove(0).arguments;
        }
        request.messages.push(Message::Assistant { text: String::new(), calls: calls.clone() });
        request.messages.extend(calls.into_iter().zip(id..).map(|(call, id)| {
            let told = result(&call);
            let text = match told {
                Some(_) => String::new(),
                None => "<data id=\"refusal\">\nno such thing;\n  hint: ask li.na\n</data>".to_owned(),
            };
            let data = told.map(|(data, facts)| ReplyData { evidence: EvidenceId(id), data, facts });
            Message::Tool(ToolReply { call_id: call.id, name: call.name, text, data })
        }));
    }
    panic!("no answer to {question}");
}

#[tokio::test]
async fn what_was_not_recorded_is_told_from_what_does_not_stand_out() {
    let measured = json!({ "searched": "all", "services": [{ "service": "cart", "starts": 3 }] });
    let nothing = json!({ "searched": "all", "services": [], "empty": true });
    let zero = json!({ "edges": [{ "before": { "gap_ms": null, "connections_per_s": 0.0 }, "after": {} }] });
    let flows = json!({ "edges": [{ "before": {}, "after": { "connections_per_s": 0.5 } }] });
    for (question, data, note) in [
        ("which processes did cart start", &measured, "Nothing stands out there. Searched: all."),
        ("which processes did cart start", &nothing, "Nothing of that is recorded. Searched: all."),
        ("cart 启动了哪些进程", &nothing, "没有这方面的记录。查过：进程事件。"),
        ("is the network ok?", &zero, "Nothing of that is recorded."),
        ("is the network ok?", &flows, "Nothing stands out there."),
        ("any 5xx?", &nothing, "No request failed. Searched: all."),
    ] {
        let answer = answer_to(question, |_| Some((data.clone(), Vec::new()))).await;
        assert_eq!(answer["note"], note, "{question}");
    }
}

#[tokio::test]
async fn a_refused_call_is_answered_with_the_reason_on_one_line() {
    for (question, note) in [
        ("who owns cart?", "`owners` could not answer: no such thing; hint: ask li.na."),
        ("cart 谁负责", "`owners` 无法回答，原因：no such thing; hint: ask li.na。"),
    ] {
        assert_eq!(answer_to(question, |_| None).await["note"], note, "{question}");
    }
    let order = answer_to("roll back a969d1d", |_| None).await["note"].as_str().unwrap().to_owned();
    assert!(order.starts_with("I only look") && order.ends_with("hint: ask li.na."), "{order}");
}

#[tokio::test]
async fn a_list_of_what_is_used_says_how_many_more_there_are() {
    let rows = (0..8).map(|n| {
        let used = json!({ "cpu_cores": f64::from(n), "memory_bytes": f64::from(n) * 1e9 });
        json!({ "service": format!("copy-{n}"), "after": used })
    });
    let rows = json!({ "services": rows.collect::<Vec<_>>() });
    let used = |call: &ToolCall| {
        let name = call.arguments["service"].as_str().unwrap_or_default().to_owned();
        let fact = |text| Fact { service: name.clone(), topic: Topic::Resources, text };
        let facts =
            vec![fact(format!("{name}: CPU 1 → 2 cores")), fact(format!("{name}: memory 1 GiB → 2 GiB"))];
        Some((rows.clone(), if name.is_empty() { Vec::new() } else { facts }))
    };
    for (question, n_claims, note) in [
        ("CPU usage by service", 5, "3 more services were measured."),
        ("which service uses the most memory?", 3, "5 more services were measured."),
        ("内存占用最高的 2 个服务", 2, ""),
        ("services using more than 1 GB of memory", 6, ""),
        ("services using more than 900 GB of memory", 0, "No service is like that."),
    ] {
        let answer = answer_to(question, used).await;
        let told =
            (answer["claims"].as_array().map_or(0, Vec::len), answer["note"].as_str().unwrap_or_default());
        assert_eq!(told, (n_claims, note), "{question}");
    }
}

#[tokio::test]
async fn an_answer_says_what_was_understood_and_asks_back_where_it_must() {
    let mut answers = Vec::new();
    for question in [
        "who owns frobnicator?",
        "优惠券服务为什么慢？",
        "is the cache slow",
        "write me a poem",
        "帮我写一首关于错误率的诗",
        "restart payment",
        "what can you do?",
        "what was ruled out",
    ] {
        let mut calls = Offline.complete(&asked(question, &TOOLS), &|_| {}).await.unwrap().calls;
        answers.push(json!([question, calls.remove(0).arguments]));
    }
    insta::assert_json_snapshot!(answers);
}

proptest! {
    #[test]
    fn any_question_gets_a_reply(question in "\\PC{0,120}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let reply = runtime.block_on(Offline.complete(&asked(&question, &TOOLS), &|_| {})).unwrap();
        prop_assert!(!reply.calls.is_empty());
    }
}
