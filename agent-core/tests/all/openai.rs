//! Endpoints that resemble OpenAI's, well and badly, on a loopback address.

use std::{net::TcpListener, sync::Arc, time::Duration};

use serde_json::{Value, json};
use waggle_agent_core::{
    Error, Kind,
    finding::Verdict,
    models::{OpenAi, OpenAiConfig, Scripted, quirks_named},
    ports::{Delta, Finish, Message, Model, ModelReply, ModelRequest, ToolCall, ToolReply, ToolSpec, Usage},
    redact::Redacted,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

use crate::{
    provider::protocol,
    shop::{Bench, good_finding, proves},
};

fn config(url: &str, key: &str) -> OpenAiConfig {
    OpenAiConfig { url: url.to_owned(), key: key.to_owned().into(), model: "bee-1".to_owned(), quirks: None }
}

fn model(server: &MockServer) -> OpenAi {
    OpenAi::new(&config(&format!("{}/v1/", server.uri()), "k-123")).unwrap()
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(answer).mount(&server).await;
    server
}

fn completion(message: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "id": "x", "object": "chat.completion", "model": "bee-1",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": message }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15 },
    }))
}

/// A conversation with everything in it that a wire may have to carry.
fn request() -> ModelRequest {
    let call =
        |id: &str, name: &str, arguments: Value| ToolCall { id: id.into(), name: name.into(), arguments };
    let reply = |id: &str, name: &str, text: &str| {
        Message::Tool(ToolReply { call_id: id.into(), name: name.into(), text: text.into(), data: None })
    };
    let messages = vec![
        Message::System { text: "Be careful.".to_owned() },
        Message::User { text: "为什么慢？".to_owned() },
        Message::Assistant {
            text: String::new(),
            calls: vec![
                call("a", "compare", json!({ "service": "inventory" })),
                call("b", "run shell!", json!("not json")),
            ],
        },
        reply("a", "compare", "31 ms → 1.98 s"),
        reply("b", "run shell!", "unknown tool"),
        Message::Assistant { text: "Hm.".to_owned(), calls: Vec::new() },
        Message::User { text: "Go on.".to_owned() },
    ];
    let tool = ToolSpec {
        name: "compare".to_owned(),
        description: "Compares.".to_owned(),
        schema: json!({ "type": "object", "properties": { "service": { "type": "string" } } }),
    };
    ModelRequest { messages, tools: vec![tool], max_tokens: 100, ..ModelRequest::default() }
}

async fn ask(server: &MockServer) -> Result<ModelReply, Error> {
    let reply = model(server).complete(&request(), &|_| {}).await;
    check_bodies(server).await;
    reply
}

/// Checks every request that a server got against the rules of chat completions.
async fn check_bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let bodies: Vec<Value> = requests.iter().map(|request| request.body_json().unwrap()).collect();
    bodies.iter().for_each(check_body);
    bodies
}

fn check_body(body: &Value) {
    assert_eq!(body["model"], "bee-1");
    assert_eq!(protocol::check(body), Ok(()), "{body}");
}

#[tokio::test]
async fn a_conversation_is_written_as_the_wire_has_it() {
    let server = answering(completion(&json!({ "role": "assistant", "content": "ok" }))).await;
    ask(&server).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers["authorization"], "Bearer k-123");
    let body = check_bodies(&server).await.remove(0);
    // Whether maps keep the order of their keys depends on what else is built.
    insta::with_settings!({ sort_maps => true }, {
        insta::assert_json_snapshot!(body);
    });
}

#[tokio::test]
async fn replies_are_read_in_all_the_shapes_that_servers_send() {
    let call = |id: Value, name: Value, arguments: Value| {
        json!({ "content": null, "tool_calls": [
            { "id": id, "type": "function", "function": { "name": name, "arguments": arguments } },
        ] })
    };
    let reply = |text: &str, calls: &[(&str, &str, Value)]| {
        let calls = calls.iter().map(|(id, name, arguments)| ToolCall {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            arguments: arguments.clone(),
        });
        (text.to_owned(), calls.collect::<Vec<_>>())
    };
    let object = json!({ "service": "inventory" });
    for (message, want) in [
        (json!({ "content": "It is inventory." }), reply("It is inventory.", &[])),
        (
            json!({ "content": [{ "type": "text", "text": "It " }, { "type": "text", "text": "is." }] }),
            reply("It is.", &[]),
        ),
        (json!({ "content": "" }), reply("", &[])),
        (json!({ "content": null, "tool_calls": null }), reply("", &[])),
        (json!({ "tool_calls": "none" }), reply("", &[])),
        (
            call(json!("c1"), json!("compare"), json!(object.to_string())),
            reply("", &[("c1", "compare", object.clone())]),
        ),
        (
            call(json!("c1"), json!("compare"), object.clone()),
            reply("", &[("c1", "compare", object.clone())]),
        ),
        (call(json!("c1"), json!("compare"), json!("")), reply("", &[("c1", "compare", json!({}))])),
        (
            call(json!("c1"), json!("compare"), json!("{\"service\": \"inv")),
            reply("", &[("c1", "compare", json!("{\"service\": \"inv"))]),
        ),
        (call(json!(null), json!("compare"), json!("{}")), reply("", &[("call_0", "compare", json!({}))])),
        (call(json!("c1"), json!(null), json!("{}")), reply("", &[("c1", "", json!({}))])),
        (
            json!({ "tool_calls": [{}, 7] }),
            reply("", &[("call_0", "", json!({})), ("call_1", "", json!({}))]),
        ),
    ] {
        let server = answering(completion(&message)).await;
        let read = ask(&server).await.unwrap();
        assert_eq!((read.text, read.calls), want, "{message}");
        assert_eq!(read.usage, Usage { input_tokens: 12, output_tokens: 3, ..Usage::default() });
    }
}

#[tokio::test]
async fn usage_is_read_in_all_shapes_and_estimated_where_it_is_missing() {
    // By letters: the request of this file, and `ok`.
    let estimated = |input_tokens| Usage { input_tokens, output_tokens: 1, ..Usage::default() };
    for (usage, want) in [
        (json!(null), estimated(87)),
        (json!({ "prompt_tokens": -5, "completion_tokens": "many" }), estimated(87)),
        (json!({ "prompt_tokens": 0, "completion_tokens": 0 }), estimated(87)),
        (json!({ "prompt_tokens": u64::MAX }), estimated(u64::MAX)),
        (
            json!({ "prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": { "cached_tokens": 8 } }),
            Usage { input_tokens: 9, output_tokens: 2, cached_tokens: 8, cost_micro_usd: 0 },
        ),
        (
            json!({ "prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 7 }),
            Usage { input_tokens: 9, output_tokens: 2, cached_tokens: 7, cost_micro_usd: 0 },
        ),
    ] {
        let body = json!({ "choices": [{ "message": { "content": "ok" } }], "usage": usage });
        let server = answering(ResponseTemplate::new(200).set_body_json(&body)).await;
        assert_eq!(ask(&server).await.unwrap().usage, want, "{body}");
    }
}

#[tokio::test]
async fn text_is_passed_on_when_it_is_whole() {
    let server = answering(completion(&json!({ "content": "It is inventory." }))).await;
    let heard = std::sync::Mutex::new(String::new());
    let on_delta = |delta: Delta<'_>| {
        let Delta::Text(text) = delta;
        heard.lock().unwrap().push_str(text);
    };
    model(&server).complete(&request(), &on_delta).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), "It is inventory.");
}

/// A status, a body, and what is made of it.
#[tokio::test]
async fn refusals_are_told_with_what_to_do() {
    let openai = json!({ "error": { "message": "no such thing", "type": "x", "param": null, "code": "y" } });
    let vllm = json!({ "error": { "message": "no such thing", "type": "x", "param": null, "code": 404 } });
    let ollama = json!({ "error": "no such thing" });
    let fastapi = json!({ "detail": "no such thing" });
    let html = "<html>\n<head><title>no such thing</title></head>\n</html>";
    for (status, body, kind, hint) in [
        (401, openai.to_string(), Kind::Denied, "check `WAGGLE_MODEL_KEY`"),
        (401, fastapi.to_string(), Kind::Denied, "check `WAGGLE_MODEL_KEY`"),
        (403, html.to_owned(), Kind::Denied, "check `WAGGLE_MODEL_KEY`"),
        (404, openai.to_string(), Kind::NotFound, "check `WAGGLE_MODEL_NAME`"),
        (404, vllm.to_string(), Kind::NotFound, "check `WAGGLE_MODEL_NAME`"),
        (404, ollama.to_string(), Kind::NotFound, "check `WAGGLE_MODEL_NAME`"),
        (404, html.to_owned(), Kind::NotFound, "ends in `/v1`"),
        (400, openai.to_string(), Kind::Invalid, "refused the request"),
        (408, html.to_owned(), Kind::Timeout, "overloaded"),
        (429, openai.to_string(), Kind::Unavailable, "try again later"),
        (500, "no such thing".to_owned(), Kind::Unavailable, "try again later"),
        (503, html.to_owned(), Kind::Unavailable, "try again later"),
        (302, "no such thing".to_owned(), Kind::Invalid, "the address moved"),
    ] {
        let answer = ResponseTemplate::new(status).set_body_string(&body).insert_header("retry-after", "0");
        let server = answering(answer.insert_header("location", "/elsewhere")).await;
        let error = ask(&server).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert!(error.hint().unwrap().contains(hint), "{status} {body}: {:?}", error.hint());
        let said = error.chain();
        assert!(said.contains(&format!("answered {status}")) && said.contains("no such thing"), "{said}");
        assert!(!said.contains("k-123") && !said.contains('\n'), "{said}");
    }
}

#[tokio::test]
async fn a_busy_endpoint_is_asked_once_and_says_when_to_come_back() {
    for (retry_after, want) in [("0", Some(0)), ("3600", Some(3_600)), ("soon", None)] {
        let busy = ResponseTemplate::new(429).insert_header("retry-after", retry_after);
        let server = answering(busy).await;
        let error = ask(&server).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(error.retry_after(), want.map(Duration::from_secs), "{retry_after}");
        assert_eq!(check_bodies(&server).await.len(), 1, "{retry_after}");
    }
}

#[tokio::test]
async fn why_a_reply_ended_is_told() {
    for (reason, want) in [
        (json!("stop"), Ok(Finish::Done)),
        (json!("tool_calls"), Ok(Finish::Done)),
        (json!(null), Ok(Finish::Done)),
        (json!("length"), Ok(Finish::Length)),
        (json!("content_filter"), Ok(Finish::Filtered)),
        (json!("sensitive"), Ok(Finish::Filtered)),
        (json!("network_error"), Err(Kind::Unavailable)),
        (json!("insufficient_system_resource"), Err(Kind::Unavailable)),
    ] {
        let body = json!({ "choices": [{ "message": { "content": "ok" }, "finish_reason": reason }] });
        let server = answering(ResponseTemplate::new(200).set_body_json(&body)).await;
        let read = ask(&server).await.map(|reply| reply.finish).map_err(|error| error.kind());
        assert_eq!(read, want, "{reason}");
    }
}

#[tokio::test]
async fn models_that_want_the_new_name_of_a_field_get_it() {
    let server = MockServer::start().await;
    let refusal = json!({ "error": { "message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead." } });
    let refusal = ResponseTemplate::new(400).set_body_json(&refusal);
    Mock::given(method("POST")).respond_with(refusal).up_to_n_times(1).with_priority(1).mount(&server).await;
    let answer = completion(&json!({ "content": "ok" }));
    Mock::given(method("POST")).respond_with(answer).with_priority(2).mount(&server).await;
    assert_eq!(ask(&server).await.unwrap().text, "ok");
    let bodies = check_bodies(&server).await;
    assert_eq!((&bodies[1]["max_completion_tokens"], bodies[1].get("max_tokens")), (&json!(100), None));
}

#[tokio::test]
async fn answers_that_are_none_are_invalid() {
    let whole = json!({ "choices": [{ "message": { "content": "ok" } }] }).to_string();
    for (body, said) in [
        ("<html><body>It works!</body></html>".to_owned(), "answered no JSON: <html><body>It works!"),
        (whole[..whole.len() - 5].to_owned(), "answered no JSON"),
        (String::new(), "answered no JSON"),
        ("\u{fffd}\u{0}".to_owned(), "answered no JSON"),
        ("{}".to_owned(), "has no message: {}"),
        (json!({ "choices": [] }).to_string(), "has no message"),
        (json!({ "choices": [{ "message": null }] }).to_string(), "has no message"),
        (json!({ "choices": [{ "text": "x".repeat(10_000) }] }).to_string(), "has no message"),
        ("[1, 2]".to_owned(), "has no message"),
        ("x".repeat(9 * 1024 * 1024), "answered over 8388608 bytes"),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_string(&body)).await;
        let error = ask(&server).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{}", error.chain());
        assert!(error.to_string().contains(said), "{}", error.chain());
        assert!(error.chain().len() < 500, "an error is one line: {}", error.chain().len());
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unavailable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let model = OpenAi::new(&config(&format!("http://bee:honey@127.0.0.1:{port}/v1"), "k-123")).unwrap();
    let error = model.complete(&request(), &|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.hint(), Some("is the model server running? check `WAGGLE_MODEL_URL`"));
    let said = error.chain();
    assert!(said.starts_with(&format!("ask the model at `http://127.0.0.1:{port}/v1`: ")), "{said}");
    assert!(!said.contains("honey") && !said.contains("k-123"), "{said}");
}

#[test]
fn addresses_and_keys_that_cannot_be_used_are_refused() {
    for url in ["", "localhost:8000/v1", "not a url", "ftp://x/v1", "http://", "/v1"] {
        let error = OpenAi::new(&config(url, "k")).err().unwrap();
        assert_eq!(error.kind(), Kind::Invalid, "{url}");
        assert!(error.hint().unwrap().contains("base URL"), "{url}");
    }
    let error = OpenAi::new(&config("http://127.0.0.1/v1", "two\nlines")).err().unwrap();
    assert_eq!(error.to_string(), "the model key has characters that cannot be sent");
    assert!(OpenAi::new(&config("http://127.0.0.1/v1", "from-a-file\n")).is_ok());
}

#[test]
fn an_endpoint_is_known_by_its_address() {
    for (url, name) in [
        ("https://bee:honey@API.deepseek.com/v1", Some("deepseek")),
        ("http://127.0.0.1:11434/v1/", Some("ollama")),
        ("http://127.0.0.1:8000/v1", None),
    ] {
        let quirks = OpenAi::new(&config(url, "k")).unwrap().quirks();
        assert_eq!(quirks, name.and_then(quirks_named).unwrap_or_default(), "{url}");
    }
}

#[test]
fn a_config_shows_neither_key_nor_password() {
    let shown = format!("{:?}", config("http://bee:honey@127.0.0.1/v1", "k-123"));
    assert!(shown.contains("http://127.0.0.1/v1") && !shown.contains("honey") && !shown.contains("k-123"));
}

#[tokio::test]
async fn a_key_that_an_endpoint_repeats_is_not_told() {
    let refusal = json!({ "error": { "message": "Incorrect API key provided: k-123." } });
    let server = answering(ResponseTemplate::new(401).set_body_json(&refusal)).await;
    let error = ask(&server).await.unwrap_err();
    assert!(error.chain().ends_with("Incorrect API key provided: <key>."), "{}", error.chain());
}

#[tokio::test]
async fn a_page_that_shows_what_it_was_sent_does_not_show_the_key() {
    let shown = json!({ "headers": { "authorization": "Bearer k-123" } }).to_string();
    let said =
        json!({ "choices": [{ "message": { "content": "Authorization: Bearer k-123" } }] }).to_string();
    for (body, want) in [
        (shown.clone(), r#"has no message: {"headers":{"authorization":"Bearer <key>"}}"#),
        (shown[..shown.len() - 2].to_owned(), "answered no JSON"),
        ("<pre>Authorization: Bearer k-123</pre>".to_owned(), "<pre>Authorization: Bearer <key></pre>"),
        (format!("data: {shown}\n\ndata: [DONE]\n\n"), "has no message"),
        ("data: Bearer k-123\n\ndata: [DONE]\n\n".to_owned(), "answered no JSON"),
        (said, "asked for a JSON object and answered: Authorization: Bearer <key>"),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_string(&body)).await;
        let request =
            ModelRequest { tools: Vec::new(), output: Some(json!({ "type": "object" })), ..request() };
        let error = model(&server).complete(&request, &|_| {}).await.unwrap_err();
        let chain = error.chain();
        assert!(chain.contains(want) && chain.contains("Bearer <key>"), "{chain}");
        assert!(!chain.contains("k-123"), "{chain}");
    }
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let server = answering(completion(&json!({ "content": "ok" }))).await;
    let model = OpenAi::new(&config(&format!("{}/v1", server.uri()), "")).unwrap();
    model.complete(&request(), &|_| {}).await.unwrap();
    assert!(!server.received_requests().await.unwrap()[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_slow_server_is_left_to_its_own_and_the_run_goes_on() {
    let answer = completion(&json!({ "content": "late" })).set_delay(Duration::from_secs(600));
    let server = answering(answer).await;
    let mut bench = Bench::new([]).await;
    bench.investigator.model = Arc::new(model(&server));
    bench.investigator.budget.model_timeout = Duration::from_millis(200);
    let ran = bench.run().await;
    assert_eq!((ran.model.as_str(), ran.finding.verdict), ("offline", Verdict::Confirmed));
}

#[tokio::test]
async fn an_investigation_runs_over_the_wire() {
    let server = MockServer::start().await;
    let calls = |reply: waggle_agent_core::Result<ModelReply>| {
        let calls = reply.unwrap().calls.into_iter().map(|call| {
            let function = json!({ "name": call.name, "arguments": call.arguments.to_string() });
            // As servers do that number calls anew in each reply.
            json!({ "id": "call_0", "type": "function", "function": function })
        });
        completion(&json!({ "content": null, "tool_calls": calls.collect::<Vec<_>>() }))
    };
    let submits = crate::shop::submits(&good_finding());
    for (place, reply) in [calls(proves()), calls(submits)].into_iter().enumerate() {
        let mock = Mock::given(header("authorization", "Bearer k-123")).respond_with(reply);
        mock.up_to_n_times(1).with_priority(u8::try_from(place).unwrap() + 1).mount(&server).await;
    }
    let mut bench = Bench::new([]).await;
    bench.investigator.model = Arc::new(Redacted(model(&server)));
    let ran = bench.run().await;
    assert_eq!((ran.model.as_str(), ran.finding.verdict), ("bee-1", Verdict::Confirmed));
    assert_eq!(ran.usage, Usage { input_tokens: 24, output_tokens: 6, ..Usage::default() });
    assert_eq!(check_bodies(&server).await.len(), 2);
}

#[tokio::test]
async fn secrets_do_not_go_over_the_wire_and_those_of_people_come_back_inside() {
    let call = json!({ "content": "ask <email_1>", "tool_calls": [
        { "id": "c1", "function": { "name": "logs", "arguments": "{\"contains\":\"<email_1> <secret_1>\"}" } },
    ] });
    let server = answering(completion(&call)).await;
    let mut request = request();
    request.messages[0] = Message::System { text: "token=abcdef123456".to_owned() };
    request.messages[1] = Message::User { text: "mail of li.na@example.com failed".to_owned() };
    let Message::Assistant { calls, .. } = &mut request.messages[2] else { unreachable!() };
    calls[0].arguments = json!({ "contains": "li.na@example.com", "password": "password=hunter2x" });
    let Message::Tool(reply) = &mut request.messages[3] else { unreachable!() };
    reply.text = "postgres://shop:s3cr3t@db and 13812345678".to_owned();

    let reply = Redacted(model(&server)).complete(&request, &|_| {}).await.unwrap();
    assert_eq!(reply.text, "ask li.na@example.com");
    assert_eq!(reply.calls[0].arguments, json!({ "contains": "li.na@example.com <secret_1>" }));
    let sent = check_bodies(&server).await.remove(0).to_string();
    for secret in ["li.na", "example.com", "abcdef123456", "hunter2x", "s3cr3t", "13812345678"] {
        assert!(!sent.contains(secret), "`{secret}` in {sent}");
    }
    assert!(sent.contains("mail of <email_1> failed"), "{sent}");
}

#[tokio::test]
async fn what_a_foreign_tool_says_of_itself_is_redacted_and_its_name_is_not() {
    let call = json!({ "tool_calls": [
        { "id": "c1", "function": { "name": "mail_a-b_io", "arguments": "{\"to\":\"<email_1>\"}" } },
    ] });
    let server = answering(completion(&call)).await;
    let schema = json!({ "type": "object", "properties": {
        "to": { "type": "string", "description": "such as li.na@example.com", "enum": ["li.na@example.com", "x"] },
        "url": { "type": "string", "default": "postgres://shop:s3cr3t@db/x" },
    } });
    let mut request = request();
    request.tools.push(ToolSpec {
        name: "mail_a-b_io".to_owned(),
        description: "Mails li.na@example.com with token=abcdef123456 always.".to_owned(),
        schema: schema.clone(),
    });
    let redacted = Redacted(model(&server));
    let reply = redacted.complete(&request, &|_| {}).await.unwrap();
    assert_eq!(
        (reply.calls[0].name.as_str(), &reply.calls[0].arguments),
        ("mail_a-b_io", &json!({ "to": "li.na@example.com" }))
    );
    let sent = redacted_bodies(&server).await;
    assert!(sent.contains("Mails <email_1> with token=<secret_1> always."), "{sent}");
    assert!(sent.contains("mail_a-b_io"), "{sent}");

    let answer = completion(&json!({ "content": "{\"to\": \"<email_1>\"}" }));
    let server = answering(answer).await;
    let held = ModelRequest { tools: Vec::new(), output: Some(schema), ..request.clone() };
    let reply = Redacted(model(&server)).complete(&held, &|_| {}).await.unwrap();
    assert_eq!(reply.text, "{\"to\": \"li.na@example.com\"}");
    let sent = redacted_bodies(&server).await;
    assert!(sent.contains("such as <email_1>"), "{sent}");
}

/// What went over the wire, checked for what must not.
async fn redacted_bodies(server: &MockServer) -> String {
    let sent = json!(check_bodies(server).await).to_string();
    for secret in ["li.na", "abcdef123456", "s3cr3t"] {
        assert!(!sent.contains(secret), "`{secret}` in {sent}");
    }
    sent
}

#[tokio::test]
async fn a_redacted_model_fails_as_the_model_does() {
    let model = Redacted(Scripted::new([Err(Kind::Denied.error("bad key"))]));
    assert_eq!(model.complete(&request(), &|_| {}).await.unwrap_err().kind(), Kind::Denied);
    assert_eq!(model.name(), "scripted");
}
