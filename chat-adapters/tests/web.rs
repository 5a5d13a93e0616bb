//! The router and the adapter together, over a memory that forgets.
#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};
use tower::ServiceExt;
use waggle_agent_core::{
    Evidence, EvidenceId, Finding, Incident, IncidentId,
    incident::Source,
    ports::{Chat, InvestigationRecord, Memory, MessageId, Post, RoomId, Usage},
    testing::{chat::conformance, fake_memory::FakeMemory},
};
use waggle_chat_adapters::web::{Caller, Question, WebChat, WebState, router};
use waggle_signals::{ManualClock, Timestamp};

const MESSAGES: &str = "/api/incidents/inc-1/messages";
const EVENTS: &str = "/api/incidents/inc-1/events";

/// A router with one incident, `inc-1`, and room for two questions.
struct Web {
    memory: Arc<FakeMemory>,
    chat: Arc<WebChat>,
    router: Router,
    questions: mpsc::Receiver<Question>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Web {
    async fn open() -> Self {
        let memory = Arc::new(FakeMemory::new());
        memory.save_incident(&incident("inc-1", 1000)).await.unwrap();
        let clock = Arc::new(ManualClock::default());
        let chat = Arc::new(WebChat::new(memory.clone(), clock.clone()));
        let (sender, questions) = mpsc::channel(2);
        let state = WebState { chat: chat.clone(), memory: memory.clone(), clock, questions: sender };
        Self { memory, chat, router: router(state), questions }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn read(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn say(&self, path: &str, body: &Value) -> Answer {
        self.send(post(path, body.to_string())).await
    }

    /// The events until `count` came or nothing more does, each as `id name data`.
    async fn events(&self, path: &str, last_event_id: Option<&str>, count: usize) -> Vec<String> {
        let mut request = Request::get(path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut chunks = response.into_body().into_data_stream();
        let mut text = String::new();
        while text.matches("\ndata: ").count() < count {
            let Ok(Some(chunk)) = timeout(Duration::from_millis(200), chunks.next()).await else { break };
            text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
        text.split("\n\n").filter(|event| event.contains("event: ")).map(one_line).collect()
    }
}

fn one_line(event: &str) -> String {
    let field = |name: &str| {
        let value = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default().to_owned()
    };
    let data: Value = serde_json::from_str(&field("data")).unwrap();
    let what =
        data["post"]["text"].as_str().or(data["incident"]["id"].as_str()).unwrap_or_default().to_owned();
    format!("{} {} {what}", field("id"), field("event"))
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

fn incident(id: &str, opened_s: i64) -> Incident {
    let (recent, history) = (Duration::from_secs(120), Duration::from_secs(600));
    let now = Timestamp::from_secs(opened_s);
    Incident::open(IncidentId(id.into()), "checkout is slow", None, Source::Alert, now, recent, history)
}

fn text(text: &str) -> Post {
    Post::Text { text: text.into(), buttons: Vec::new() }
}

fn room() -> RoomId {
    RoomId("inc-1".into())
}

#[tokio::test]
async fn the_web_keeps_the_rules_of_a_chat() {
    let memory = Arc::new(FakeMemory::new());
    let chat = WebChat::new(memory.clone(), Arc::new(ManualClock::default()));
    conformance(&chat, async |room: &RoomId| -> Vec<(MessageId, String)> {
        let lines = memory.lines(&IncidentId(room.0.clone())).await.unwrap();
        lines.into_iter().map(|line| (line.id, serde_json::to_string(&line.post).unwrap())).collect()
    })
    .await;
}

#[tokio::test]
async fn an_unsafe_incident_id_opens_no_room() {
    let web = Web::open().await;
    let error = web.chat.open_room(&incident("inc-../etc", 1)).await.unwrap_err();
    assert_eq!(error.to_string(), "`inc-../etc` is not an incident id");
}

#[tokio::test]
async fn incidents_are_listed_newest_first_with_what_was_found() {
    let web = Web::open().await;
    web.memory.save_incident(&incident("inc-2", 2000)).await.unwrap();
    let finding = Finding::inconclusive(IncidentId("inc-1".into()), "no spans of `checkout`");
    web.memory.save_investigation(&record(finding)).await.unwrap();

    let rows = web.read("/api/incidents").await.body;
    assert_eq!(rows[0]["incident"]["id"], "inc-2");
    assert_eq!((&rows[0]["verdict"], &rows[0]["summary"]), (&Value::Null, &json!("")));
    assert_eq!(rows[1]["incident"]["id"], "inc-1");
    assert_eq!(rows[1]["verdict"], "inconclusive");
    assert_eq!(rows[1]["summary"], "no spans of `checkout`");

    let before = web.read("/api/incidents?before=1970-01-01T00:33:20Z").await.body;
    assert_eq!(before.as_array().unwrap().len(), 1, "opened before the 2000th second");
    assert_eq!(web.read("/api/incidents?limit=1").await.body.as_array().unwrap().len(), 1);
}

fn record(finding: Finding) -> InvestigationRecord {
    InvestigationRecord {
        incident: finding.incident.clone(),
        model: "offline".into(),
        started_at: Timestamp::from_secs(1000),
        ended_at: Timestamp::from_secs(1001),
        finding,
        transcript: Vec::new(),
        usage: Usage::default(),
        n_steps: 0,
        review: None,
    }
}

#[tokio::test]
async fn an_incident_is_read_with_its_lines_its_finding_and_the_callers_rating() {
    let web = Web::open().await;
    let fresh = web.read("/api/incidents/inc-1").await.body;
    assert_eq!(fresh["incident"]["title"], "checkout is slow");
    assert_eq!(
        (&fresh["lines"], &fresh["finding"], &fresh["rating"]),
        (&json!([]), &Value::Null, &Value::Null)
    );

    web.chat.post(&room(), &text("looking")).await.unwrap();
    let rating = json!({ "helpful": false, "correction": "it was the cache" });
    assert_eq!(web.say("/api/incidents/inc-1/rating", &rating).await.status, StatusCode::NO_CONTENT);
    let finding = Finding::inconclusive(IncidentId("inc-1".into()), "no data");
    web.memory.save_investigation(&record(finding)).await.unwrap();

    let later = web.read("/api/incidents/inc-1").await.body;
    assert_eq!(later["lines"][0]["post"]["text"], "looking");
    assert_eq!(later["finding"]["verdict"], "inconclusive");
    assert_eq!(later["rating"]["correction"], "it was the cache");
    assert_eq!(later["rating"]["by"], "someone");
}

#[tokio::test]
async fn a_question_is_kept_told_and_handed_on_with_the_name_of_its_caller() {
    let mut web = Web::open().await;
    let mut request = post(MESSAGES, json!({ "text": "  为什么不是数据库?\n" }).to_string());
    request.extensions_mut().insert(Caller { name: "wang.fang".into() });
    let answer = web.send(request).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);

    let question = web.questions.recv().await.unwrap();
    let (incident, text) = (IncidentId("inc-1".into()), "为什么不是数据库?".to_owned());
    assert_eq!(question, Question { incident, text, person: "wang.fang".into() });
    let lines = web.read("/api/incidents/inc-1").await.body["lines"].clone();
    assert_eq!(lines[0]["id"], answer.body["id"]);
    assert_eq!(lines[0]["speaker"], json!({ "kind": "person", "name": "wang.fang" }));
    assert_eq!(web.events(EVENTS, Some("0"), 1).await, ["1 line 为什么不是数据库?"]);
}

#[tokio::test]
async fn a_question_that_nobody_can_take_is_not_kept() {
    let mut web = Web::open().await;
    for _ in 0..2 {
        assert_eq!(web.say(MESSAGES, &json!({ "text": "why?" })).await.status, StatusCode::ACCEPTED);
    }
    let full = web.say(MESSAGES, &json!({ "text": "why?" })).await;
    assert_eq!(full.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(full.headers[header::RETRY_AFTER], "5");
    web.questions.close();
    let closed = web.say(MESSAGES, &json!({ "text": "why?" })).await;
    assert_eq!(closed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(web.memory.lines(&IncidentId("inc-1".into())).await.unwrap().len(), 2);
}

#[tokio::test]
async fn evidence_is_read_whole() {
    let web = Web::open().await;
    let evidence = Evidence {
        id: EvidenceId(7),
        tool: "service_map".into(),
        arguments: json!({ "service": "checkout" }),
        at: Timestamp::from_secs(1),
        scope: String::new(),
        text: "p99 2.1 s".into(),
        data: json!([1, 2]),
        facts: Vec::new(),
    };
    web.memory.save_evidence(&IncidentId("inc-1".into()), &evidence).await.unwrap();
    let answer = web.read("/api/incidents/inc-1/evidence/E7").await;
    assert_eq!(serde_json::from_value::<Evidence>(answer.body).unwrap(), evidence);
}

#[tokio::test]
async fn whoever_watches_is_told_what_changes_and_after_a_break_what_they_missed() {
    let web = Web::open().await;
    let sequence = web.read("/api/incidents/inc-1").await.body["sequence"].as_u64().unwrap();
    let first = web.chat.post(&room(), &text("looking")).await.unwrap();
    web.chat.post(&room(), &text("meanwhile")).await.unwrap();
    web.chat.update(&room(), &first, &text("found")).await.unwrap();
    web.chat.announce(&IncidentId("inc-1".into())).await.unwrap();
    let elsewhere = web.chat.open_room(&incident("inc-2", 2)).await.unwrap();
    web.chat.post(&elsewhere, &text("not for this room")).await.unwrap();

    let all = ["2 line meanwhile", "3 line found", "4 incident inc-1", "5 incident inc-2"];
    assert_eq!(web.events(&format!("{EVENTS}?after={sequence}"), None, 9).await, all);
    assert_eq!(web.events(EVENTS, Some("2"), 9).await, all[1..]);
    assert_eq!(web.events("/api/events?after=2", None, 9).await, all[2..], "no lines without a room");
    assert_eq!(web.events(EVENTS, None, 9).await, [""; 0], "from now on");
    for unknown in ["99", "-1", "yesterday"] {
        assert_eq!(web.events(EVENTS, Some(unknown), 9).await, ["6 reload "], "{unknown}");
    }
}

#[tokio::test]
async fn whoever_watches_is_told_at_once_until_the_chat_is_closed() {
    let web = Web::open().await;
    let told = async { web.events(EVENTS, None, 9).await };
    let said = async {
        tokio::task::yield_now().await;
        web.chat.post(&room(), &text("now")).await.unwrap();
        web.chat.close();
        web.chat.post(&room(), &text("too late")).await.unwrap();
    };
    assert_eq!(tokio::join!(told, said).0, ["1 line now"]);
    assert_eq!(web.read(EVENTS).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_says_every_15_seconds_that_it_lives() {
    let web = Web::open().await;
    let request = Request::get(EVENTS).body(Body::empty()).unwrap();
    let response = web.router.clone().oneshot(request).await.unwrap();
    let mut chunks = response.into_body().into_data_stream();
    let hello = chunks.next().await.unwrap().unwrap();
    assert!(hello.starts_with(b"retry: 2000\n"), "{hello:?}");
    let before = tokio::time::Instant::now();
    let beat = chunks.next().await.unwrap().unwrap();
    assert_eq!(&*beat, b":\n\n");
    assert_eq!(before.elapsed().as_secs(), 15);
}

#[tokio::test]
async fn what_cannot_be_done_is_answered_with_a_status_and_words() {
    let web = Web::open().await;
    let long = json!({ "text": "x".repeat(16 * 1024 + 1) }).to_string();
    let huge = json!({ "text": "x".repeat(1024 * 1024) }).to_string();
    let cases = [
        (Request::get("/api/incidents/inc-9").body(Body::empty()), 404, "unknown incident `inc-9`"),
        (Request::get("/api/incidents/inc-9/events").body(Body::empty()), 404, "unknown incident `inc-9`"),
        (
            Request::get("/api/incidents/inc-1/evidence/E1").body(Body::empty()),
            404,
            "no evidence `E1` in `inc-1`",
        ),
        (Request::get("/api/incidents/inc-1/evidence/7").body(Body::empty()), 400, "not an evidence id"),
        (Request::get("/api/incidents/nine").body(Body::empty()), 400, "`nine` is not an incident id"),
        (Request::get("/api/incidents/inc-%FF").body(Body::empty()), 400, "the path does not read as text"),
        (Request::get("/api/incidents?limit=many").body(Body::empty()), 400, "the query does not fit"),
        (Request::get("/api/nothing").body(Body::empty()), 404, "there is nothing at this address"),
        (Request::delete("/api/incidents").body(Body::empty()), 405, "this path does not know that method"),
        (Request::delete("/").body(Body::empty()), 405, "this path does not know that method"),
        (Ok(post(MESSAGES, "{")), 400, "the body does not fit"),
        (Ok(post(MESSAGES, r#"{"words":"why?"}"#)), 400, "missing field `text`"),
        (Ok(post(MESSAGES, r#"{"text":" \n "}"#)), 400, "the text is empty"),
        (Ok(post("/api/incidents/inc-9/messages", r#"{"text":"why?"}"#)), 404, "unknown incident `inc-9`"),
        (Ok(post("/api/incidents/inc-9/rating", r#"{"helpful":true}"#)), 404, "unknown incident `inc-9`"),
        (Ok(post(MESSAGES, long)), 413, "over the limit of 16384 bytes"),
        (Ok(post(MESSAGES, huge)), 413, "over the limit of 16384 bytes"),
        (Request::post(MESSAGES).body(r#"{"text":"why?"}"#.into()), 415, "the body is not JSON"),
        (
            Request::post(MESSAGES).header("origin", "https://evil.example").body(Body::empty()),
            403,
            "the request comes from a page of another site",
        ),
    ];
    for (request, status, words) in cases {
        let request = request.unwrap();
        let asked = format!("{} {}", request.method(), request.uri());
        let Answer { status: got, headers, body } = web.send(request).await;
        assert_eq!(got.as_u16(), status, "{asked}: {body}");
        assert!(body["error"].as_str().unwrap().contains(words), "{asked}: {body}");
        assert!(body.as_object().unwrap().contains_key("hint"), "{asked}: {body}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{asked}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{asked}");
    }
    assert_eq!(web.memory.lines(&IncidentId("inc-1".into())).await.unwrap(), [], "nothing was kept");
}

#[tokio::test]
async fn the_page_is_served_whether_it_was_built_or_not() {
    let web = Web::open().await;
    let page = web.read("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-cache");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self';"), "{policy}");
    let html = page.body.as_str().unwrap();
    assert!(html.contains("<div id=\"root\">") || html.contains("make web"), "{html}");
}
