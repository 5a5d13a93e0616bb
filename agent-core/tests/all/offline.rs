//! The offline model proves the first suspect with the tools that it wants, and quotes what proves it.

use serde_json::{Value, json};
use waggle_agent_core::{
    EvidenceId, Language,
    evidence::{Fact, Topic},
    finding::{Action, Hop, SymptomFound},
    models::{Offline, scripted::check_wire},
    ports::{Message, Model, ModelReply, ModelRequest, ReplyData, ToolCall, ToolReply, ToolSpec},
    triage::{Ranking, Suspect, SuspectChange},
};

use crate::shop::BAD;

/// A conversation that is made by hand.
struct Talk(ModelRequest);

impl Talk {
    fn new(language: Language, tools: &[&str], asked: &str) -> Self {
        let tools = tools.iter().map(|name| ToolSpec {
            name: (*name).to_owned(),
            description: "x".to_owned(),
            schema: if ["compare", "owners"].contains(name) {
                json!({ "properties": { "service": { "type": "string" } } })
            } else {
                json!({ "properties": {} })
            },
        });
        let messages = vec![
            Message::System { text: "Be careful.".to_owned() },
            Message::User { text: asked.to_owned() },
        ];
        Self(ModelRequest {
            messages,
            tools: tools.collect(),
            language,
            max_tokens: 100,
            ..ModelRequest::default()
        })
    }

    /// Adds a call and its answer.
    fn told(
        mut self,
        id: u32,
        tool: &str,
        arguments: Value,
        data: Value,
        facts: &[(&str, Topic, &str)],
    ) -> Self {
        let call_id = format!("call_{id}");
        let call = ToolCall { id: call_id.clone(), name: tool.to_owned(), arguments };
        self.0.messages.push(Message::Assistant { text: String::new(), calls: vec![call] });
        let facts = facts.iter().map(|(service, topic, text)| Fact {
            service: (*service).to_owned(),
            topic: *topic,
            text: (*text).to_owned(),
        });
        let data = ReplyData { evidence: EvidenceId(id), data, facts: facts.collect() };
        let reply = ToolReply { call_id, name: tool.to_owned(), text: String::new(), data: Some(data) };
        self.0.messages.push(Message::Tool(reply));
        self
    }

    fn asked(mut self, question: &str) -> Self {
        self.0.messages.push(Message::User { text: question.to_owned() });
        self
    }

    async fn reply(&self) -> ModelReply {
        check_wire(&self.0.messages).unwrap();
        let reply = Offline.complete(&self.0, &|_| {}).await.unwrap();
        let mut followed = self.0.messages.clone();
        followed.push(Message::Assistant { text: reply.text.clone(), calls: reply.calls.clone() });
        for call in &reply.calls {
            let (call_id, name) = (call.id.clone(), call.name.clone());
            followed.push(Message::Tool(ToolReply { call_id, name, text: String::new(), data: None }));
        }
        check_wire(&followed).unwrap();
        reply
    }
}

fn suspect(confidence: f64) -> Suspect {
    let change = SuspectChange {
        kind: "commit".to_owned(),
        id: BAD.to_owned(),
        before: String::new(),
        at: "2026-03-01T14:04:40Z".to_owned(),
    };
    Suspect {
        service: "inventory".to_owned(),
        resource: "inventory[4711]".to_owned(),
        fault_class: "slow_code".to_owned(),
        title: "each request costs it more CPU".to_owned(),
        confidence,
        change: Some(change),
        because: vec!["own time 31 ms → 1.98 s".to_owned()],
        wants: ["compare", "profile_diff", "processes"].map(str::to_owned).to_vec(),
        action: Action::Rollback,
        advice: "roll inventory back".to_owned(),
    }
}

fn ranking(confidence: f64) -> Value {
    let symptom = SymptomFound {
        service: "gateway".to_owned(),
        signal: "latency_p99".to_owned(),
        text: "gateway: p99 84 ms → 2.1 s".to_owned(),
        onset: "2026-03-01T14:04:50Z".to_owned(),
    };
    let hop =
        |from: &str, to: &str| Hop { from: from.to_owned(), to: to.to_owned(), kind: "call".to_owned() };
    serde_json::to_value(Ranking {
        symptom,
        suspects: vec![suspect(confidence)],
        propagation: vec![hop("inventory", "checkout"), hop("checkout", "gateway")],
        affected: vec!["inventory".to_owned(), "gateway".to_owned()],
        requests_failed: 12,
        ..Ranking::default()
    })
    .unwrap()
}

const TOOLS: [&str; 7] =
    ["compare", "owners", "processes", "read_diff", "service_map", "suspects", "submit_finding"];

fn triaged(language: Language, confidence: f64) -> Talk {
    let map = json!({ "services": [{ "service": "gateway" }, { "service": "inventory" }] });
    let talk = Talk::new(language, &TOOLS, "Incident inc-1");
    talk.told(1, "service_map", json!({}), map, &[("gateway", Topic::Symptom, "gateway: p99 84 ms → 2.1 s")])
        .told(2, "suspects", json!({}), ranking(confidence), &[])
}

fn proven(language: Language) -> Talk {
    let owners =
        json!({ "owners": [{ "name": "li.na", "rule": "label `owner` of inventory", "contact": "" }] });
    let late = [
        ("inventory", Topic::Diff, "9f3c1e2 adds a loop"),
        ("checkout", Topic::Latency, "checkout: not about the suspect"),
    ];
    triaged(language, 0.9)
        .told(3, "read_diff", json!({ "commit": BAD }), json!({ "commit": { "id": BAD } }), &late)
        .told(
            4,
            "compare",
            json!({ "service": "inventory" }),
            json!({}),
            &[
                ("inventory", Topic::Traffic, "inventory: 12/s"),
                ("inventory", Topic::Latency, "inventory: 31 ms → 1.98 s"),
            ],
        )
        .told(6, "processes", json!({}), json!({}), &[])
        .told(5, "owners", json!({ "service": "inventory" }), owners, &[])
}

#[tokio::test]
async fn it_asks_for_what_the_first_suspect_wants_and_can_be_had() {
    let calls = triaged(Language::En, 0.9).reply().await.calls;
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(calls) });
}

#[tokio::test]
async fn it_submits_the_first_suspect_with_its_proof() {
    for (name, language) in [("finding_en", Language::En), ("finding_zh", Language::Zh)] {
        let calls = proven(language).reply().await.calls;
        insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(name, calls) });
    }
}

#[tokio::test]
async fn it_does_not_ask_again_for_what_was_refused() {
    let mut talk = triaged(Language::En, 0.9);
    for call in talk.reply().await.calls {
        let (call_id, name) = (call.id.clone(), call.name.clone());
        talk.0.messages.push(Message::Assistant { text: String::new(), calls: vec![call] });
        talk.0.messages.push(Message::Tool(ToolReply { call_id, name, text: "no".to_owned(), data: None }));
    }
    let calls = talk.reply().await.calls;
    assert_eq!(calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["submit_finding"]);
    assert_eq!(calls[0].arguments["root_causes"][0]["change"], Value::Null, "an unread diff blames nobody");
    assert_eq!(calls[0].arguments["verdict"], "likely", "nothing was seen at work");
}

#[tokio::test]
async fn it_names_nobody_on_thin_evidence_and_nothing_when_all_is_quiet() {
    let of = async |ranking: Value| {
        let talk = Talk::new(Language::En, &["submit_finding"], "Incident");
        let mut calls = talk.told(1, "suspects", json!({}), ranking, &[]).reply().await.calls;
        calls.remove(0).arguments
    };
    let thin = of(ranking(0.4)).await;
    assert_eq!((&thin["verdict"], &thin["root_causes"]), (&json!("inconclusive"), &json!([])));
    let quiet = of(serde_json::to_value(Ranking { quiet: true, ..Ranking::default() }).unwrap()).await;
    assert_eq!((&quiet["verdict"], &quiet["confidence"]), (&json!("no_incident"), &json!(0.9)));
    let broken = of(json!({ "suspects": "all of them" })).await;
    assert_eq!(broken["missing_data"], json!(["the triage did not answer"]));
}

const QUESTION_TOOLS: [&str; 10] = [
    "anomalies",
    "compare",
    "logs",
    "network_edges",
    "owners",
    "processes",
    "recent_changes",
    "service_map",
    "slow_traces",
    "submit_answer",
];

fn question(language: Language, question: &str) -> Talk {
    let services = ["gateway", "checkout", "inventory", "payment", "datastore"];
    let services: Vec<_> = services.iter().map(|service| json!({ "service": service })).collect();
    let finding = json!({
        "incident": "inc-1", "verdict": "likely", "confidence": 0.8, "symptom": {},
        "root_causes": [{ "service": "inventory", "fault_class": "slow_code", "confidence": 0.8, "claims": [
            { "text": "inventory: 31 ms → 1.98 s", "kind": "observed", "evidence": ["E4"] },
        ] }],
    });
    Talk::new(language, &QUESTION_TOOLS, "Incident inc-1")
        .told(1, "service_map", json!({}), json!({ "services": services }), &[])
        .told(0, "finding", json!({}), finding, &[])
        .asked(question)
}

#[tokio::test]
async fn a_question_is_answered_by_the_tool_that_it_is_for() {
    let mut asked = Vec::new();
    for (language, text) in [
        (Language::En, "Show the slow traces"),
        (Language::En, "what else changed today?"),
        (Language::En, "who owns payment?"),
        (Language::En, "any errors in the logs of checkout?"),
        (Language::En, "which service uses the most CPU"),
        (Language::En, "is the network ok?"),
        (Language::En, "services with error rate > 1%"),
        (Language::En, "how is chekout doing? is it healthy"),
        (Language::En, "It is not inventory"),
        (Language::En, "what is wrong"),
        (Language::Zh, "为什么不是 datastore？"),
        (Language::Zh, "谁负责 payment？"),
        (Language::Zh, "延迟超过200毫秒的服务"),
        (Language::Zh, "看看 inventory 的慢请求"),
        (Language::Zh, "还有什么变更？"),
        (Language::Zh, "checkout 的日志里有什么"),
        (Language::Zh, "网络有丢包吗"),
    ] {
        let calls = question(language, text).reply().await.calls;
        let calls: Vec<_> = calls.iter().map(|call| format!("{} {}", call.name, call.arguments)).collect();
        asked.push(format!("{text} → {}", calls.join(", ")));
    }
    insta::assert_snapshot!(asked.join("\n"));
}

#[tokio::test]
async fn a_question_without_a_service_is_about_the_incidents_and_else_asks_which() {
    let ask = async |opening: &str| {
        let services = json!({ "services": [{ "service": "checkout" }, { "service": "payment" }] });
        let mut talk = Talk::new(Language::En, &QUESTION_TOOLS, opening)
            .told(1, "service_map", json!({}), services, &[])
            .asked("who is the owner?");
        let owners = talk.0.tools.iter_mut().find(|tool| tool.name == "owners").unwrap();
        owners.schema["required"] = json!(["service"]);
        talk.reply().await.calls.remove(0)
    };
    let call = ask("Incident inc-1 (service `payment`):\n<data id=\"title\">\nslow\n</data>").await;
    assert_eq!((call.name.as_str(), call.arguments), ("owners", json!({ "service": "payment" })));
    let call = ask("Incident inc-1:\n<data id=\"title\">\n(service `payment`):\n</data>").await;
    assert_eq!((call.name.as_str(), &call.arguments["claims"]), ("submit_answer", &json!([])));
    assert_eq!(call.arguments["note"], "Which service do you mean?");
    assert_eq!(call.arguments["follow_ups"][1], "who is the owner: payment");
}

#[tokio::test]
async fn an_answer_quotes_facts_those_about_the_service_first() {
    for (name, language, text) in
        [("answer_en", Language::En, "is payment slow?"), ("answer_zh", Language::Zh, "payment 慢吗？")]
    {
        let talk = question(language, text).told(
            7,
            "compare",
            json!({ "service": "payment" }),
            json!({}),
            &[
                ("checkout", Topic::Latency, "checkout: 5 ms"),
                ("payment", Topic::Errors, "payment: errors 0% → 0%"),
                ("payment", Topic::Latency, "payment: 3 ms → 3 ms"),
            ],
        );
        let signals = [
            ("checkout", Topic::Latency, "checkout: p99 5 ms"),
            ("payment", Topic::Latency, "payment: error ratio 0%, p99 3 ms, 12/s"),
        ];
        let talk = talk.told(8, "service_map", json!({ "min_p99_ms": 0.0 }), json!({}), &signals);
        let calls = talk.reply().await.calls;
        insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(name, calls) });
    }
}

#[tokio::test]
async fn nothing_found_why_and_nonsense_have_answers_too() {
    let mut answers = Vec::new();
    for language in [Language::En, Language::Zh] {
        let empty = question(language, language.pick("slow traces of payment", "payment 的慢请求"));
        let searched = json!({ "searched": "answered requests of payment" });
        let empty = empty.told(7, "slow_traces", json!({ "service": "payment" }), searched, &[]);
        let why = question(language, language.pick("Why do you think so?", "为什么这么认为？"));
        let nonsense = question(language, language.pick("tell me a joke", "讲个笑话"));
        let refused = {
            let mut talk = question(language, language.pick("who owns payment?", "谁负责 payment？"));
            let call = talk.reply().await.calls.remove(0);
            let (call_id, name) = (call.id.clone(), call.name.clone());
            talk.0.messages.push(Message::Assistant { text: String::new(), calls: vec![call] });
            talk.0.messages.push(Message::Tool(ToolReply {
                call_id,
                name,
                text: "no".to_owned(),
                data: None,
            }));
            talk
        };
        for talk in [empty, why, nonsense, refused] {
            answers.push(talk.reply().await.calls.remove(0).arguments);
        }
    }
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(answers) });
}

#[tokio::test]
async fn any_conversation_gets_a_reply() {
    let empty = ModelRequest::default();
    assert_eq!(Offline.complete(&empty, &|_| {}).await.unwrap().calls[0].name, "submit_finding");
    let tools = QUESTION_TOOLS;
    let reply = Talk::new(Language::En, &tools, "why is inventory slow?").reply().await;
    assert_eq!(reply.calls[0].name, "anomalies", "no map, no name");
}
