//! A small model beside the offline model: it can only add, whatever it says.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use proptest::prelude::*;
use serde_json::{Value, json};
use waggle_agent_core::{
    Evidence, EvidenceId, Finding, Kind, Language, Result,
    conversation::{Answer, Answered, answer},
    evidence::{Fact, Topic},
    finding::ClaimKind,
    models::{Guided, Offline, Scripted},
    ports::{
        Delta, Message, Model, ModelReply, ModelRequest, Purpose, ReplyData, ToolCall, ToolReply, ToolSpec,
        Usage,
    },
    verify::{Verified, verify},
};

use crate::shop::{Bench, check_request, now, says};

/// A conversation at the moment when all evidence is there, and that evidence.
struct Told {
    request: ModelRequest,
    evidence: BTreeMap<EvidenceId, Evidence>,
}

const SERVICES: [&str; 3] = ["cart", "gateway", "stock"];

impl Told {
    /// Three suspects; `stock` leads `cart` by so much.
    fn led_by(lead: f64, language: Language) -> Self {
        let suspect = |service: &str, class: &str, confidence: f64| {
            json!({
                "service": service, "resource": "", "fault_class": class, "title": class, "confidence": confidence,
                "change": null, "because": [format!("{service} stands out")], "wants": [], "action": "scale",
                "advice": format!("give {service} more room"),
            })
        };
        let services: Vec<_> = SERVICES.iter().map(|name| json!({ "service": name })).collect();
        let ranking = json!({
            "quiet": false, "affected": ["gateway"], "requests_failed": 0, "ruled_out": [], "missing_data": [],
            "symptom": { "service": "gateway", "signal": "latency_p99", "text": "gateway: p99 84 ms → 2.1 s", "onset": "" },
            "suspects": [
                suspect("stock", "slow_code", 0.8), suspect("cart", "cpu_contention", 0.8 - lead),
                suspect("gateway", "error_burst", 0.5),
            ],
            "propagation": [{ "from": "stock", "to": "gateway", "kind": "call" }],
        });
        let owners =
            json!({ "owners": [{ "name": "li.na", "rule": "label `owner` of stock", "contact": "" }] });
        let stock = [
            ("stock", Topic::Latency, "stock: own time per request 31 ms → 1.98 s since 14:04:50"),
            ("stock", Topic::Resources, "stock uses 0.9 cores"),
            ("stock", Topic::Resources, "stock waits for a CPU 0.3 s per second"),
            ("gateway", Topic::Errors, "gateway: requests that fail 0% → 12%"),
        ];
        let cart = [
            ("cart", Topic::Latency, "cart: own time per request 4 ms → 250 ms"),
            ("cart", Topic::Traffic, "cart: 12 requests per second"),
        ];
        let about = |service: &str| json!({ "service": service });
        let mut told =
            Self { request: ModelRequest { language, ..ModelRequest::default() }, evidence: BTreeMap::new() };
        told.request.messages.push(Message::User { text: "Incident inc-1 (service `gateway`):".to_owned() });
        told.tell("service_map", json!({}), json!({ "services": services, "p99_ms": [84, 2100] }), &[]);
        told.tell("suspects", json!({}), ranking, &[]);
        told.tell("compare", about("stock"), json!(stock.map(|(_, _, text)| text)), &stock);
        told.tell("compare", about("cart"), json!(cart.map(|(_, _, text)| text)), &cart);
        told.tell("owners", about("stock"), owners, &[]);
        told.request.tools = vec![spec("submit_finding", &[], &[])];
        told
    }

    fn tell(&mut self, tool: &str, arguments: Value, data: Value, facts: &[(&str, Topic, &str)]) {
        let id = EvidenceId(u32::try_from(self.evidence.len()).unwrap() + 1);
        let call_id = format!("call_{id}");
        let call = ToolCall { id: call_id.clone(), name: tool.to_owned(), arguments: arguments.clone() };
        let facts = facts.iter().map(|(service, topic, text)| Fact {
            service: (*service).to_owned(),
            topic: *topic,
            text: (*text).to_owned(),
        });
        let facts: Vec<Fact> = facts.collect();
        let reply = ReplyData { evidence: id, data: data.clone(), facts: facts.clone() };
        self.request.messages.push(Message::Assistant { text: String::new(), calls: vec![call] });
        self.request.messages.push(Message::Tool(ToolReply {
            call_id,
            name: tool.to_owned(),
            text: String::new(),
            data: Some(reply),
        }));
        let tool = tool.to_owned();
        let evidence = Evidence {
            id,
            tool,
            arguments,
            at: now(),
            scope: String::new(),
            text: String::new(),
            data,
            facts,
        };
        self.evidence.insert(id, evidence);
    }

    fn verified(&self, reply: &ModelReply) -> Verified {
        let mut arguments = reply.calls[0].arguments.clone();
        arguments["incident"] = json!("inc-1");
        verify(serde_json::from_value(arguments).unwrap(), &self.evidence, &SERVICES.map(str::to_owned))
    }

    async fn offline(&self) -> ModelReply {
        Offline.complete(&self.request, &|_| {}).await.unwrap()
    }

    /// Asks with a small model that says this; returns its reply and what the small model was asked.
    async fn guided(&self, said: &str, decides_ties: bool) -> (ModelReply, Vec<ModelRequest>) {
        let usage = Usage { input_tokens: 300, output_tokens: 60, ..Usage::default() };
        let reply = ModelReply { text: said.to_owned(), usage, ..ModelReply::default() };
        let inner = Arc::new(Scripted::new([Ok(reply)]));
        let guided = Guided::new(inner.clone());
        let guided = if decides_ties { guided.deciding_ties() } else { guided };
        let no_text = |delta: Delta<'_>| panic!("{delta:?} is no part of the reply");
        let reply = guided.complete(&self.request, &no_text).await.unwrap();
        (reply, inner.requests())
    }
}

fn spec(name: &str, takes: &[&str], needs: &[&str]) -> ToolSpec {
    let properties: BTreeMap<_, _> =
        takes.iter().map(|field| (*field, json!({ "type": "string" }))).collect();
    let schema = json!({ "type": "object", "properties": properties, "required": needs });
    ToolSpec { name: name.to_owned(), description: format!("Tells {name}. At length."), schema }
}

fn claims(reply: &ModelReply) -> Vec<String> {
    let claims = reply.calls[0].arguments["root_causes"][0]["claims"].as_array().unwrap();
    claims.iter().map(|claim| claim["text"].as_str().unwrap().to_owned()).collect()
}

const JOINING: &str =
    "stock own time per request went from 31 ms to 1.98 s because stock waits for a CPU 0.3 s per second";

#[tokio::test]
async fn it_is_asked_once_and_shortly_in_the_askers_language() {
    for (name, language, ties) in [
        ("brief_en", Language::En, false),
        ("brief_zh", Language::Zh, false),
        ("brief_ties", Language::En, true),
    ] {
        let (_, requests) = Told::led_by(0.05, language).guided("{}", ties).await;
        let [request] = requests.as_slice() else { panic!("{name}: asked {} times", requests.len()) };
        check_request(request);
        assert_eq!(
            (request.purpose, request.language, request.tools.len()),
            (Purpose::Summarize, language, 0)
        );
        assert!(jsonschema::validator_for(request.output.as_ref().unwrap()).is_ok());
        let text = request.messages.iter().map(|message| match message {
            Message::System { text } | Message::User { text } => text.as_str(),
            other => panic!("{other:?}"),
        });
        let text = text.collect::<Vec<_>>().join("\n---\n");
        insta::assert_snapshot!(name, format!("{text}\n---\n{}", request.output.as_ref().unwrap()));
    }
}

#[tokio::test]
async fn it_may_order_facts_bring_in_another_and_join_them() {
    let told = Told::led_by(0.3, Language::En);
    let said = json!({ "facts": ["F3", "F1", "F3"], "sentence": JOINING }).to_string();
    let (reply, _) = told.guided(&format!("Here it is:\n```json\n{said}\n```"), false).await;
    let floor = told.offline().await;
    assert_eq!(
        claims(&reply),
        [
            "stock waits for a CPU 0.3 s per second",
            "stock: own time per request 31 ms → 1.98 s since 14:04:50",
            "stock uses 0.9 cores",
            "stock stands out",
            JOINING,
        ]
    );
    assert_eq!(reply.calls[0].id, floor.calls[0].id);
    assert_eq!(reply.usage.total(), 360, "what the small model cost is counted");
    let verified = told.verified(&reply);
    assert_eq!(verified.problems, Vec::<String>::new());
    let added = verified.finding.root_causes[0].claims.last().unwrap();
    assert_eq!((added.kind, added.evidence.as_slice()), (ClaimKind::Inferred, [EvidenceId(3)].as_slice()));
    // Apart from the claims, it is the same to the last field.
    let mut same = verified.finding;
    let floor = told.verified(&floor).finding;
    same.root_causes[0].claims.clone_from(&floor.root_causes[0].claims);
    assert_eq!(same, floor);
}

#[tokio::test]
async fn a_sentence_that_its_facts_do_not_say_is_dropped_alone() {
    let told = Told::led_by(0.3, Language::En);
    let cut = format!("{JOINING}, so stock waits").repeat(3);
    for sentence in [
        cut.as_str(),
        "",
        "stock is slow because of 3 deploys",
        "cart: own time per request 4 ms → 250 ms, so gateway waits",
    ] {
        let said = json!({ "facts": ["F2"], "sentence": sentence }).to_string();
        let claims = claims(&told.guided(&said, false).await.0);
        assert_eq!(claims.first().unwrap(), "stock uses 0.9 cores");
        assert_eq!(claims.len(), 3, "{sentence}");
    }
}

/// Everything that a small model has been seen to say, and worse.
fn nonsense() -> Vec<String> {
    let said = |answer: Value| answer.to_string();
    vec![
        String::new(),
        "I think it is the database.".to_owned(),
        "{".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        "}{".to_owned(),
        "[".repeat(100_000),
        format!("{{\"facts\":{}", "[".repeat(5_000)),
        format!("{{\"facts\": [\"F1\"], \"sentence\": \"{}\"}}", "x".repeat(50_000)),
        said(json!({ "facts": [], "sentence": JOINING })),
        said(json!({ "facts": ["F9"], "sentence": JOINING })),
        said(json!({ "facts": ["F1", "F9"], "sentence": JOINING })),
        said(json!({ "facts": [1], "sentence": JOINING })),
        said(json!({ "facts": "F1", "sentence": JOINING })),
        said(json!({ "facts": ["F1"] })),
        said(json!({ "facts": ["F1"], "sentence": 7 })),
        said(json!({ "facts": ["F1"], "sentence": "stock is not slow because it waits" })),
        said(json!({ "cause": "S2", "facts": ["F2"], "sentence": JOINING })),
        said(json!({ "cause": null, "facts": ["F2"], "sentence": JOINING })),
        said(json!({ "verdict": "no_incident", "confidence": 1.0, "root_causes": [] })),
    ]
}

#[tokio::test]
async fn nonsense_leaves_the_offline_models_finding_as_it_was() {
    for (language, lead) in [(Language::En, 0.3), (Language::Zh, 0.05)] {
        let told = Told::led_by(lead, language);
        let floor = told.offline().await;
        for said in nonsense() {
            let (reply, _) = told.guided(&said, false).await;
            assert_eq!(reply.calls, floor.calls, "{}", said.chars().take(80).collect::<String>());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_fails_or_stalls_leaves_it_too() {
    struct Stalls;
    #[async_trait]
    impl Model for Stalls {
        fn name(&self) -> &'static str {
            "stalls"
        }
        async fn complete(
            &self,
            _: &ModelRequest,
            _: &(dyn for<'a> Fn(Delta<'a>) + Sync),
        ) -> Result<ModelReply> {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            says("{}")
        }
    }
    let told = Told::led_by(0.3, Language::En);
    let floor = told.offline().await;
    let down = Scripted::new([Err(Kind::Unavailable.error("down"))]);
    let spent = Usage { input_tokens: 300, output_tokens: 7, ..Usage::default() };
    let cut = Scripted::new([Err(Kind::Unavailable.error("cut").with_usage(spent))]);
    let stalls = || Guided::new(Arc::new(Stalls)).with_patience(Duration::from_secs(2));
    for (guided, n_read) in [
        (Guided::new(Arc::new(down)), 0..1),
        (Guided::new(Arc::new(cut)), 300..301),
        // Nobody counted; what it was asked to read is estimated.
        (stalls(), 100..1_000),
    ] {
        let started = tokio::time::Instant::now();
        let mut reply = guided.complete(&told.request, &|_| {}).await.unwrap();
        let read = std::mem::take(&mut reply.usage).input_tokens;
        assert!(n_read.contains(&read), "{}: {read}", guided.name());
        assert_eq!(reply, floor, "{}", guided.name());
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn a_cause_is_chosen_only_in_a_tie_and_only_where_that_is_wanted() {
    let second = json!({ "cause": "S2", "facts": ["F4", "F1"], "sentence": "none" }).to_string();
    for (lead, decides_ties, blamed) in
        [(0.1, true, "cart"), (0.1, false, "stock"), (0.11, true, "stock"), (0.3, true, "stock")]
    {
        let told = Told::led_by(lead, Language::En);
        let (reply, _) = told.guided(&second, decides_ties).await;
        let floor = told.verified(&told.offline().await).finding;
        let Verified { finding, problems } = told.verified(&reply);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(finding.root_causes[0].service, blamed, "{lead}");
        if blamed == "stock" {
            assert_eq!(finding, floor);
            continue;
        }
        assert!(finding.confidence < floor.confidence, "nothing rises");
        assert_eq!(finding.verdict, floor.verdict);
        assert_eq!((finding.first_failing_service.as_str(), finding.owners.len()), ("cart", 0));
        assert_eq!(finding.remediation.text, "give cart more room");
        assert!(finding.propagation.is_empty(), "the path was that of the other");
        assert_eq!(finding.root_causes[0].claims[0].text, "cart: own time per request 4 ms → 250 ms");
    }
}

#[tokio::test]
async fn a_finding_that_does_not_hold_or_came_back_is_not_retold() {
    let said = json!({ "facts": ["F2"], "sentence": JOINING }).to_string();
    // A fact that its own data does not prove: adding claims that hold would raise what is left of the confidence.
    let mut unproven = Told::led_by(0.3, Language::En);
    unproven.tell("logs", json!({}), json!([]), &[("stock", Topic::Logs, "stock: 77 errors")]);
    let mut came_back = Told::led_by(0.3, Language::En);
    let submitted = came_back.offline().await.calls.remove(0);
    let reply = ToolReply {
        call_id: submitted.id.clone(),
        name: submitted.name.clone(),
        text: "mend".to_owned(),
        data: None,
    };
    came_back.request.messages.push(Message::Assistant { text: String::new(), calls: vec![submitted] });
    came_back.request.messages.push(Message::Tool(reply));
    for told in [unproven, came_back] {
        let (reply, requests) = told.guided(&said, true).await;
        assert_eq!((reply, requests.len()), (told.offline().await, 0));
    }
}

#[tokio::test]
async fn a_whole_run_ends_in_the_same_finding_or_one_told_better() {
    for id in ["inc-1", "inc-quiet"] {
        let run = async |said: Option<String>| {
            let mut bench = Bench::about(id, Language::En, []).await;
            let replies = said.map(|said| says(&said));
            bench.investigator.model = Arc::new(Guided::new(Arc::new(Scripted::new(replies))));
            bench.run().await.finding
        };
        let floor = run(None).await;
        for said in nonsense() {
            assert_eq!(run(Some(said)).await, floor);
        }
        let better = json!({ "facts": ["F2", "F1"], "sentence": "inventory was deployed from 9f3c1e2, so own time per request is 1.98 s" });
        let mut told = run(Some(better.to_string())).await;
        if id == "inc-quiet" {
            assert_eq!(told, floor);
            continue;
        }
        let cause = &mut told.root_causes[0];
        assert_eq!(cause.claims.len(), floor.root_causes[0].claims.len() + 1);
        assert_eq!(cause.claims.last().unwrap().kind, ClaimKind::Inferred);
        cause.claims.clone_from(&floor.root_causes[0].claims);
        assert_eq!(told, floor);
    }
}

/// Anything that JSON can say, and mostly what comes close to an answer.
fn any_answer() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z0-9 .%:→`<>]{0,40}",
        prop::sample::subsequence(
            vec![
                "stock",
                "cart",
                "gateway",
                "own",
                "time",
                "31 ms",
                "1.98 s",
                "because",
                "so",
                "to",
                "0.9 cores",
                "250 ms",
                "not"
            ],
            0..12
        )
        .prop_shuffle()
        .prop_map(|words| words.join(" ")),
        "\\PC{0,60}",
    ];
    let id = prop_oneof![(0u8..10).prop_map(|n| json!(format!("F{n}"))), any::<i32>().prop_map(|n| json!(n))];
    let cause = prop::option::of(prop::sample::select(vec!["S1", "S2", "S3", "S4", ""]));
    let near = (cause, prop::collection::vec(id, 0..6), word).prop_map(|(cause, facts, sentence)| {
        let mut answer = json!({ "facts": facts, "sentence": sentence });
        if let Some(cause) = cause {
            answer["cause"] = json!(cause);
        }
        answer
    });
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from)
    ];
    let any_json = leaf.prop_recursive(3, 24, 5, |inner| {
        let key = prop_oneof![
            Just("facts".to_owned()),
            Just("sentence".to_owned()),
            Just("cause".to_owned()),
            "[a-z]{0,4}"
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5).prop_map(|fields| json!(fields)),
        ]
    });
    prop_oneof![3 => near.prop_map(|answer| answer.to_string()), 1 => any_json.prop_map(|json| json.to_string()), 1 => "\\PC{0,80}"]
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

proptest! {
    #[test]
    fn whatever_it_says_it_cannot_do_worse(said in any_answer(), lead in prop::sample::select(vec![0.0, 0.05, 0.1, 0.2])) {
        let told = Told::led_by(lead, Language::En);
        let (floor, reply) = wait(async { (told.offline().await, told.guided(&said, false).await.0) });
        let (floor, guided) = (told.verified(&floor), told.verified(&reply));
        prop_assert_eq!(guided.problems, Vec::<String>::new());
        let (floor, guided) = (floor.finding, guided.finding);
        prop_assert!(guided.confidence <= floor.confidence);
        for claim in &floor.root_causes[0].claims {
            prop_assert!(guided.root_causes[0].claims.contains(claim), "`{}` was lost", claim.text);
        }
        // The claims of the cause are all that may differ.
        let mut same = guided;
        same.root_causes[0].claims.clone_from(&floor.root_causes[0].claims);
        prop_assert_eq!(same, floor);
    }

    #[test]
    fn in_a_tie_it_may_choose_and_nothing_rises(said in any_answer()) {
        let told = Told::led_by(0.05, Language::En);
        let (floor, reply) = wait(async { (told.offline().await, told.guided(&said, true).await.0) });
        let (floor, guided) = (told.verified(&floor).finding, told.verified(&reply));
        prop_assert_eq!(guided.problems, Vec::<String>::new());
        let guided: Finding = guided.finding;
        prop_assert!(guided.confidence <= floor.confidence);
        prop_assert_eq!(guided.verdict, floor.verdict);
        prop_assert!(["stock", "cart"].contains(&guided.root_causes[0].service.as_str()));
        prop_assert_eq!(guided.root_causes.len(), floor.root_causes.len());
        prop_assert!(guided.owners.is_empty() || guided.owners == floor.owners);
    }
}

// === questions ===

const NOT_UNDERSTOOD_OF: &str = "who ate the lunch of inventry";

async fn ask(question: &str, language: Language, said: &[Value]) -> (Answer, Vec<ModelRequest>) {
    let inner = Arc::new(Scripted::new(said.iter().map(|said| says(&said.to_string()))));
    let mut bench = Bench::about("inc-1", language, []).await;
    bench.investigator.model = Arc::new(Guided::new(inner.clone()));
    let Answered { answer, .. } =
        answer(&bench.investigator, &bench.scene, None, question, &()).await.unwrap();
    (answer, inner.requests())
}

const NOT_UNDERSTOOD: &str = "who ate my lunch";

#[tokio::test]
async fn a_question_that_was_not_understood_becomes_one_call_and_its_facts_the_answer() {
    for (question, language, said, want) in [
        (
            NOT_UNDERSTOOD_OF,
            Language::En,
            json!({ "ask": "compare", "service": "inventory" }),
            "inventory: own time per request 31 ms → 1.98 s since 14:04:50 [E2]\nI took this as a question for `compare` of `inventory`.",
        ),
        (
            NOT_UNDERSTOOD,
            Language::Zh,
            json!({ "ask": "recent_changes", "service": null }),
            "inventory 在 14:04:40 发布了 9f3c1e2，异常开始前 10 秒 [E2]\n我把这句理解为用 `recent_changes` 查询。",
        ),
        (
            // A service that the question does not name is made up: the incident's is taken.
            NOT_UNDERSTOOD,
            Language::En,
            json!({ "ask": "slow_traces", "service": "payment" }),
            "I took this as a question for `slow_traces` of `gateway`. Nothing notable there. answered requests of gateway in the last 30 s",
        ),
    ] {
        let (answer, requests) = ask(question, language, &[said]).await;
        assert_eq!(answer.text(), want);
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].purpose, Purpose::Answer);
    }
}

#[tokio::test]
async fn the_request_for_a_call_is_short() {
    let (_, requests) = ask(NOT_UNDERSTOOD, Language::En, &[json!({})]).await;
    check_request(&requests[0]);
    insta::assert_json_snapshot!("question", requests[0]);
}

#[tokio::test]
async fn a_call_that_is_none_leaves_the_offline_models_answer() {
    let (floor, _) = ask(NOT_UNDERSTOOD, Language::En, &[]).await;
    assert!(floor.note.starts_with("I did not understand that."), "{}", floor.note);
    for said in [
        json!({ "ask": "none", "service": null }),
        json!({ "ask": "drop_tables", "service": null }),
        json!({ "ask": "read_diff", "service": null }),
        json!({ "ask": "submit_answer", "service": null }),
        json!({ "ask": "compare", "service": "nowhere" }),
        json!({ "ask": "compare", "service": 7 }),
        json!({ "ask": "compare" }),
        json!({ "ask": ["compare"], "service": null }),
        json!({ "note": "All is well.", "claims": [] }),
        json!("compare"),
        // A tool that refuses has nothing to quote.
        json!({ "ask": "refuses", "service": null }),
    ] {
        let (answer, requests) = ask(NOT_UNDERSTOOD, Language::En, std::slice::from_ref(&said)).await;
        assert_eq!((&answer, requests.len()), (&floor, 1), "{said}");
    }
}

#[tokio::test]
async fn a_question_that_was_understood_costs_nothing() {
    for (question, language) in [
        ("what changed?", Language::En),
        ("inventory 为什么慢？", Language::Zh),
        ("slow traces of payment", Language::En),
    ] {
        let (answer, requests) =
            ask(question, language, &[json!({ "ask": "compare", "service": "payment" })]).await;
        assert_eq!(requests.len(), 0, "{question}");
        assert!(!answer.text().contains("took this"), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_service_with_a_secret_in_its_name_is_not_offered() {
    let services = json!({ "services": [{ "service": "cart" }, { "service": "li.na@shop.example" }] });
    let mut told = Told { request: ModelRequest::default(), evidence: BTreeMap::new() };
    told.tell("service_map", json!({}), services, &[]);
    told.request.messages.push(Message::User { text: "who ate the lunch of cart".to_owned() });
    told.request.tools = vec![spec("logs", &["service"], &[]), spec("submit_answer", &[], &[])];
    let (reply, requests) =
        told.guided(&json!({ "ask": "logs", "service": "cart" }).to_string(), false).await;
    assert_eq!(
        (reply.calls[0].name.as_str(), &reply.calls[0].arguments),
        ("logs", &json!({ "service": "cart" }))
    );
    assert_eq!(requests[0].output.as_ref().unwrap()["properties"]["service"]["enum"], json!([null, "cart"]));
}

#[tokio::test]
async fn doubts_and_summaries_are_the_small_models_own() {
    let text = r#"{"confidence": 0.3, "doubtful_claims": [1]}"#;
    for (purpose, output) in
        [(Purpose::Review, Some(json!({ "type": "object" }))), (Purpose::Summarize, None)]
    {
        let user = Message::User { text: "Is that so?".to_owned() };
        let request = ModelRequest { messages: vec![user], purpose, output, ..ModelRequest::default() };
        let inner = Arc::new(Scripted::new([says(text), Err(Kind::Denied.error("bad key"))]));
        let guided = Guided::new(inner.clone());
        assert_eq!(guided.complete(&request, &|_| {}).await.unwrap(), says(text).unwrap());
        assert_eq!(guided.complete(&request, &|_| {}).await.unwrap_err().kind(), Kind::Denied);
        assert_eq!(inner.requests(), [request.clone(), request]);
    }
}

#[tokio::test]
async fn a_small_model_may_doubt_a_finding() {
    let run = async |reviewer: Option<Guided>| {
        let mut bench = Bench::about("inc-1", Language::En, []).await;
        bench.investigator.model = Arc::new(Offline);
        bench.investigator.reviewer = reviewer.map(|reviewer| Arc::new(reviewer) as Arc<dyn Model>);
        bench.run().await.finding
    };
    let doubts = says(r#"{"confidence": 0.3, "doubtful_claims": [1]}"#);
    let doubted = run(Some(Guided::new(Arc::new(Scripted::new([doubts]))))).await;
    let floor = run(None).await;
    assert!(doubted.confidence < floor.confidence, "{} < {}", doubted.confidence, floor.confidence);
    assert_eq!(doubted.root_causes[0].claims[0].kind, ClaimKind::Inferred);
}
