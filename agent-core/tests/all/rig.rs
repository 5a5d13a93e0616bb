//! Anthropic, Gemini and Ollama as their wires have it, on a loopback address.

use std::sync::Mutex;

use serde_json::{Value, json};
use waggle_agent_core::{
    Kind,
    models::{Rig, RigConfig, rig::provider_names},
    ports::{Delta, Finish, Message, Model, ModelReply, ModelRequest, ToolCall, ToolReply, ToolSpec, Usage},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

fn config(provider: &str, url: Option<String>) -> RigConfig {
    RigConfig { provider: provider.to_owned(), model: "bee-1".to_owned(), key: "k-1234".into(), url }
}

/// A conversation with two calls in one message, both answered.
fn request() -> ModelRequest {
    let call = |id: &str, service: &str| ToolCall {
        id: id.to_owned(),
        name: "compare".to_owned(),
        arguments: json!({ "service": service }),
    };
    let reply = |id: &str, text: &str| {
        let (call_id, name) = (id.to_owned(), "compare".to_owned());
        Message::Tool(ToolReply { call_id, name, text: text.to_owned(), data: None })
    };
    let messages = vec![
        Message::System { text: "Be careful.".to_owned() },
        Message::User { text: "为什么慢？".to_owned() },
        Message::Assistant {
            text: "Two.".to_owned(),
            calls: vec![call("a", "inventory"), call("b#1", "payment")],
        },
        reply("a", "31 ms → 1.98 s"),
        reply("b#1", "no change"),
    ];
    let tool = ToolSpec {
        name: "compare".to_owned(),
        description: "Compares.".to_owned(),
        schema: json!({ "type": "object", "properties": { "service": { "type": "string" } }, "required": ["service"] }),
    };
    ModelRequest { messages, tools: vec![tool], max_tokens: 100, ..ModelRequest::default() }
}

/// Asks a provider that answers with this body, and returns the reply, what was told, and what was asked.
async fn ask(provider: &str, kind: &str, body: &str) -> (ModelReply, String, wiremock::Request) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(body, kind);
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let model = Rig::new(&config(provider, Some(server.uri()))).unwrap();
    let told = Mutex::new(String::new());
    let on_delta = |delta: Delta<'_>| {
        let Delta::Text(text) = delta;
        told.lock().unwrap().push_str(text);
    };
    let reply = model.complete(&request(), &on_delta).await.unwrap();
    (reply, told.into_inner().unwrap(), server.received_requests().await.unwrap().remove(0))
}

fn sse(events: &[Value]) -> String {
    let lines = events.iter().map(|event| match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    });
    lines.collect()
}

/// Compares with the keys in order: whether maps keep theirs depends on what else is built.
fn sorted_snapshot(name: &str, asked: &wiremock::Request) {
    insta::with_settings!({ sort_maps => true }, {
        insta::assert_json_snapshot!(name, asked.body_json::<Value>().unwrap());
    });
}

/// The calls that all three make: two at once.
fn called(reply: &ModelReply) -> Vec<(&str, &Value)> {
    reply.calls.iter().map(|call| (call.name.as_str(), &call.arguments)).collect()
}

#[tokio::test]
async fn anthropic_is_asked_and_read() {
    let block = |index: u32, id: &str, service: &str| {
        let block = json!({ "type": "tool_use", "id": id, "name": "compare", "input": {} });
        let (start, end) = (format!("{{\"service\": \"{}", &service[..2]), format!("{}\"}}", &service[2..]));
        let delta = |json: &str| {
            let delta = json!({ "type": "input_json_delta", "partial_json": json });
            json!({ "type": "content_block_delta", "index": index, "delta": delta })
        };
        vec![
            json!({ "type": "content_block_start", "index": index, "content_block": block }),
            delta(&start),
            delta(&end),
            json!({ "type": "content_block_stop", "index": index }),
        ]
    };
    let text = |text: &str| json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } });
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "bee-1", "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": 20, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0, "output_tokens": 1 },
    });
    let mut events = vec![
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        text("Let me "),
        text("see."),
        json!({ "type": "content_block_stop", "index": 0 }),
    ];
    events.extend(block(1, "toolu_1", "inventory"));
    events.extend(block(2, "toolu_2", "payment"));
    events.push(json!({
        "type": "message_delta", "delta": { "stop_reason": "tool_use", "stop_sequence": null },
        "usage": { "output_tokens": 30 },
    }));
    events.push(json!({ "type": "message_stop" }));
    let (reply, told, asked) = ask("anthropic", "text/event-stream", &sse(&events)).await;

    assert_eq!(
        (reply.text.as_str(), told.as_str(), reply.finish),
        ("Let me see.", "Let me see.", Finish::Done)
    );
    assert_eq!(
        called(&reply),
        [("compare", &json!({ "service": "inventory" })), ("compare", &json!({ "service": "payment" })),]
    );
    assert_eq!(reply.calls[0].id, "toolu_1");
    assert_eq!((reply.usage.output_tokens, reply.usage.cached_tokens), (30, 5));
    assert_eq!(asked.url.path(), "/v1/messages");
    assert_eq!(asked.headers["x-api-key"], "k-1234");
    sorted_snapshot("rig_anthropic", &asked);
}

#[tokio::test]
async fn gemini_is_asked_and_read() {
    let call =
        |service: &str| json!({ "functionCall": { "name": "compare", "args": { "service": service } } });
    let piece = |parts: Value, reason: Option<&str>| {
        json!({
            "candidates": [{ "content": { "role": "model", "parts": parts }, "index": 0, "finishReason": reason }],
            "usageMetadata": {
                "promptTokenCount": 20, "candidatesTokenCount": 30, "totalTokenCount": 50, "cachedContentTokenCount": 5,
            },
            "modelVersion": "bee-1", "responseId": "r1",
        })
    };
    let events = [
        piece(json!([{ "text": "Let me " }]), None),
        piece(json!([{ "text": "see." }]), None),
        piece(json!([call("inventory"), call("payment")]), Some("STOP")),
    ];
    let (reply, told, asked) = ask("gemini", "text/event-stream", &sse(&events)).await;

    assert_eq!(
        (reply.text.as_str(), told.as_str(), reply.finish),
        ("Let me see.", "Let me see.", Finish::Done)
    );
    assert_eq!(
        called(&reply),
        [("compare", &json!({ "service": "inventory" })), ("compare", &json!({ "service": "payment" })),]
    );
    assert_ne!(reply.calls[0].id, reply.calls[1].id);
    let want = Usage { input_tokens: 20, output_tokens: 30, cached_tokens: 5, cost_micro_usd: 0 };
    assert_eq!(reply.usage, want);
    assert_eq!(asked.url.path(), "/v1beta/models/bee-1:streamGenerateContent");
    sorted_snapshot("rig_gemini", &asked);
}

#[tokio::test]
async fn ollama_is_asked_and_read() {
    let call =
        |service: &str| json!({ "function": { "name": "compare", "arguments": { "service": service } } });
    let line = |message: Value, is_done: bool| {
        let mut line = json!({ "model": "bee-1", "created_at": "2026-03-01T14:05:00Z", "message": message, "done": is_done });
        if is_done {
            let counts = json!({
                "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 30, "total_duration": 1,
                "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 1,
            });
            line.as_object_mut().unwrap().extend(counts.as_object().unwrap().clone());
        }
        format!("{line}\n")
    };
    let said = |text: &str| json!({ "role": "assistant", "content": text });
    let calls =
        json!({ "role": "assistant", "content": "", "tool_calls": [call("inventory"), call("payment")] });
    let body =
        [line(said("Let me "), false), line(said("see."), false), line(calls, false), line(said(""), true)];
    let (reply, told, asked) = ask("ollama", "application/x-ndjson", &body.concat()).await;

    assert_eq!(
        (reply.text.as_str(), told.as_str(), reply.finish),
        ("Let me see.", "Let me see.", Finish::Done)
    );
    assert_eq!(
        called(&reply),
        [("compare", &json!({ "service": "inventory" })), ("compare", &json!({ "service": "payment" })),]
    );
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (20, 30));
    assert_eq!(asked.url.path(), "/api/chat");
    sorted_snapshot("rig_ollama", &asked);
}

#[tokio::test]
async fn a_call_in_which_the_reply_was_cut_is_no_call_without_arguments() {
    let call = |arguments: Value| json!({ "function": { "name": "compare", "arguments": arguments } });
    let calls = json!([call(json!({ "service": "inventory" })), call(json!({}))]);
    let line = |reason: &str| {
        let message = json!({ "role": "assistant", "content": "", "tool_calls": calls });
        let line = json!({
            "model": "bee-1", "created_at": "2026-03-01T14:05:00Z", "message": message, "done": true,
            "done_reason": reason, "prompt_eval_count": 20, "eval_count": 30,
        });
        format!("{line}\n")
    };
    let cut = json!("the reply was cut here, make this call again and write less before it: {}");
    for (reason, want) in [("stop", json!({})), ("length", cut)] {
        let (reply, ..) = ask("ollama", "application/x-ndjson", &line(reason)).await;
        assert_eq!(reply.calls[0].arguments, json!({ "service": "inventory" }), "{reason}");
        assert_eq!(reply.calls[1].arguments, want, "{reason}");
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_or_is_no_json_says_what_it_cost_and_not_the_key() {
    let server = MockServer::start().await;
    let said = |text: &str, more: Value| {
        let mut line = json!({
            "model": "bee-1", "created_at": "2026-03-01T14:05:00Z",
            "message": { "role": "assistant", "content": text }, "done": false,
        });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{line}\n")
    };
    let done = json!({ "done": true, "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 30 });
    let counted = Usage { input_tokens: 20, output_tokens: 30, ..Usage::default() };
    let answer = said("Authorization: Bearer k-1234", done);
    let answer = ResponseTemplate::new(200).set_body_raw(answer, "application/x-ndjson");
    Mock::given(method("POST")).respond_with(answer).up_to_n_times(1).with_priority(1).mount(&server).await;
    let answer = said("Let me see what", json!({}));
    let answer = ResponseTemplate::new(200).set_body_raw(answer, "application/x-ndjson");
    Mock::given(method("POST")).respond_with(answer).with_priority(2).mount(&server).await;

    let model = Rig::new(&config("ollama", Some(server.uri()))).unwrap();
    let request = ModelRequest { tools: Vec::new(), output: Some(json!({ "type": "object" })), ..request() };
    let error = model.complete(&request, &|_| {}).await.unwrap_err();
    assert_eq!(error.usage(), counted, "{}", error.chain());
    assert!(error.chain().ends_with("Authorization: Bearer <key>"), "{}", error.chain());
    let error = model.complete(&request, &|_| {}).await.unwrap_err();
    assert_eq!((error.kind(), error.usage().output_tokens), (Kind::Unavailable, 5), "{}", error.chain());
}

#[tokio::test]
async fn a_schema_is_asked_for_and_the_reply_is_brought_to_it() {
    let server = MockServer::start().await;
    let message = json!({ "role": "assistant", "content": "Here: ```{\"n\": 1}```" });
    let line = json!({
        "model": "bee-1", "created_at": "2026-03-01T14:05:00Z", "message": message, "done": true,
        "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 30,
    });
    let answer = ResponseTemplate::new(200).set_body_raw(format!("{line}\n"), "application/x-ndjson");
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let model = Rig::new(&config("ollama", Some(server.uri()))).unwrap();
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let mut request = ModelRequest { tools: Vec::new(), output: Some(schema.clone()), ..request() };
    request.messages.truncate(2);
    assert_eq!(model.complete(&request, &|_| {}).await.unwrap().text, "{\"n\": 1}");

    let asked: Value = server.received_requests().await.unwrap().remove(0).body_json().unwrap();
    assert_eq!(asked["format"]["properties"], schema["properties"]);
    assert!(asked["messages"][1]["content"].as_str().unwrap().contains("JSON schema"), "{asked}");
}

#[tokio::test]
async fn refusals_are_told_with_what_to_do() {
    let overloaded =
        json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    let denied = json!({ "type": "error", "error": { "type": "authentication_error", "message": "invalid x-api-key k-1234" } });
    for (status, body, kind) in [
        (529, overloaded.to_string(), Kind::Unavailable),
        (401, denied.to_string(), Kind::Denied),
        (404, "<html>none</html>".to_owned(), Kind::NotFound),
        (400, "{}".to_owned(), Kind::Invalid),
        (302, String::new(), Kind::Invalid),
        (200, "<html>It works!</html>".to_owned(), Kind::Unavailable),
        (200, String::new(), Kind::Unavailable),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_raw(body.clone(), "text/event-stream");
        let answer = answer.insert_header("retry-after", "7").insert_header("location", "/elsewhere");
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let model = Rig::new(&config("anthropic", Some(server.uri()))).unwrap();
        let error = model.complete(&request(), &|_| {}).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}: {}", error.chain());
        assert!(!error.chain().contains("k-1234"), "{}", error.chain());
        let wait = error.retry_after().map(|wait| wait.as_secs());
        assert_eq!(wait, (status != 200).then_some(7), "{status} {body}");
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "asked once");
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unavailable() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://bee:honey@127.0.0.1:{port}");
    for provider in ["anthropic", "gemini", "ollama", "mistral"] {
        let model = Rig::new(&config(provider, Some(url.clone()))).unwrap();
        let error = model.complete(&request(), &|_| {}).await.unwrap_err();
        let said = error.chain();
        assert_eq!(error.kind(), Kind::Unavailable, "{provider}: {said}");
        assert!(!said.contains("honey") && !said.contains("k-1234"), "{said}");
    }
}

#[test]
fn a_provider_is_known_by_its_name() {
    for provider in provider_names() {
        let model = Rig::new(&config(provider, None)).unwrap();
        assert_eq!(model.name(), "bee-1", "{provider}");
    }
    for (provider, said) in [
        ("antropic", "unknown model provider `antropic`; nearest is `anthropic`"),
        ("Gemni", "unknown model provider `gemni`; nearest is `gemini`"),
        ("skynet", "unknown model provider `skynet`"),
        ("minimax/gemini", "pick the provider `minimax/gemini`"),
        ("azure", "the provider `azure` is not supported: it wants more than a key"),
        ("", "unknown model provider ``"),
    ] {
        let error = Rig::new(&config(provider, None)).err().unwrap();
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Invalid, said), "{provider}");
    }
    let names = provider_names();
    for name in ["anthropic", "cohere", "gemini", "groq", "mistral", "ollama", "openrouter", "xai"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
}

#[test]
fn configs_that_cannot_be_used_are_refused_and_show_no_secret() {
    let broken = |change: fn(&mut RigConfig)| {
        let mut config = config("anthropic", None);
        change(&mut config);
        Rig::new(&config).err().unwrap().kind()
    };
    assert_eq!(broken(|config| config.key = "two\nlines".into()), Kind::Invalid);
    assert_eq!(broken(|config| config.model = " ".to_owned()), Kind::Invalid);
    assert_eq!(broken(|config| config.url = Some("localhost".to_owned())), Kind::Invalid);
    let shown = format!("{:?}", config("anthropic", Some("http://bee:honey@x/v1".to_owned())));
    assert!(!shown.contains("honey") && !shown.contains("k-1234"), "{shown}");
}
