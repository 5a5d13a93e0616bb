//! What is refused, with which status, and in whose words.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, Bytes, to_bytes},
    http::{Request, header},
};
use futures::{future, stream};
use serde_json::{Value, json};
use waggle_agent_core::{Kind, Result, investigation::Watch};
use waggle_chat_adapters::openai::{Asked, Desk, Face, Limits, ModelId, Reply, router, unauthorized};
use waggle_signals::ManualClock;

use crate::{Answer, COMPLETIONS, Opened, asking, post};

/// Checks that an answer is an error as OpenAI shapes it.
pub(crate) fn is_shaped(answer: &Answer) -> &Value {
    let error = &answer.body["error"];
    let fields = error.as_object().unwrap_or_else(|| panic!("{}: {}", answer.status, answer.body));
    let names: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["code", "message", "param", "type"].into());
    assert!(fields["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    assert!(fields["type"].is_string(), "{error}");
    for optional in ["param", "code"] {
        assert!(fields[optional].is_string() || fields[optional].is_null(), "{error}");
    }
    error
}

/// Sends each body and checks the status, the parameter that is named, and words of the message.
async fn check(cases: &[(Value, u16, Option<&str>, &str)]) {
    let opened = Opened::new();
    for (body, status, param, words) in cases {
        let answer = opened.ask(body).await;
        assert_eq!(answer.status.as_u16(), *status, "{body}: {}", answer.body);
        let error = is_shaped(&answer);
        assert_eq!(error["param"].as_str(), *param, "{body}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{body}: {error}");
        assert_eq!(error["type"], "invalid_request_error", "{body}");
    }
    assert!(opened.desk.asked.lock().unwrap().is_empty(), "nothing was asked");
}

#[tokio::test]
async fn settings_that_would_be_answered_wrongly_are_refused() {
    let schema = json!({ "name": "finding", "schema": { "type": "object" } });
    let named = json!({ "type": "function", "function": { "name": "search" } });
    let cases = [
        (json!({ "n": 2 }), "n", "there is one answer"),
        (json!({ "n": 0 }), "n", "nothing would be answered"),
        (json!({ "tool_choice": "required" }), "tool_choice", "never called"),
        (json!({ "tool_choice": named }), "tool_choice", "never called"),
        (json!({ "function_call": { "name": "search" } }), "function_call", "never called"),
        (json!({ "response_format": { "type": "json_object" } }), "response_format", "/api/ask"),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": schema } }),
            "response_format",
            "JSON",
        ),
        (json!({ "logprobs": true }), "logprobs", "not sampled tokens"),
        (json!({ "top_logprobs": 3 }), "top_logprobs", "not sampled tokens"),
        (json!({ "modalities": ["text", "audio"] }), "modalities", "more than text"),
        (json!({ "audio": { "voice": "alloy", "format": "mp3" } }), "audio", "sound"),
        (json!({ "web_search_options": {} }), "web_search_options", "telemetry alone"),
        (json!({ "moderation": { "model": "omni-moderation-latest" } }), "moderation", "not made here"),
        (json!({ "stop": ["a", "b", "c", "d", "e"] }), "stop", "more than 4"),
        (json!({ "stop": "" }), "stop", "empty"),
    ];
    let cases = cases.map(|(settings, param, words)| (asking("why?", &settings), 400, Some(param), words));
    check(&cases).await;
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let with = |messages: Value| json!({ "model": "waggle", "messages": messages });
    let part =
        |part: Value| with(json!([{ "role": "user", "content": [{ "type": "text", "text": "see" }, part] }]));
    let at = Some("messages[0].content[1]");
    let image = json!({ "type": "image_url", "image_url": { "url": "https://example.org/a.png" } });
    let sound = json!({ "type": "input_audio", "input_audio": { "data": "AA==", "format": "wav" } });
    check(&[
        (json!([]), 400, None, "not a JSON object"),
        (json!({}), 400, Some("model"), "`model` is missing"),
        (json!({ "model": "waggle" }), 400, Some("messages"), "`messages` is missing"),
        (json!({ "model": 5, "messages": [] }), 400, Some("model"), "`model` does not fit"),
        (
            asking("why?", &json!({ "model": "gpt-5" })),
            404,
            Some("model"),
            "unknown model `gpt-5`; hint: there is `waggle`",
        ),
        (asking("why?", &json!({ "temperature": "hot" })), 400, Some("temperature"), "does not fit"),
        (asking("why?", &json!({ "stream": "yes" })), 400, Some("stream"), "does not fit"),
        (asking("why?", &json!({ "max_tokens": -1 })), 400, Some("max_tokens"), "does not fit"),
        (asking("why?", &json!({ "n": 1000 })), 400, Some("n"), "does not fit"),
        (with(json!("why?")), 400, Some("messages"), "does not fit"),
        (with(json!([])), 400, Some("messages"), "there is no question"),
        (
            with(json!([{ "role": "system", "content": "be kind" }])),
            400,
            Some("messages"),
            "there is no question",
        ),
        (
            with(json!([{ "role": "user", "content": " \n" }])),
            400,
            Some("messages[0].content"),
            "question is empty",
        ),
        (
            with(json!([{ "role": "user", "content": [] }])),
            400,
            Some("messages[0].content"),
            "question is empty",
        ),
        (
            with(json!([{ "role": "user", "content": "a" }, { "role": "wizard", "content": "b" }])),
            400,
            Some("messages[1].role"),
            "is none of",
        ),
        (with(json!([{ "content": "a" }])), 400, Some("messages[0].role"), "is none of"),
        (with(json!(["why?"])), 400, Some("messages[0].role"), "is none of"),
        (with(json!([{ "role": "user" }])), 400, Some("messages[0].content"), "neither text nor a list"),
        (
            with(json!([{ "role": "user", "content": 5 }])),
            400,
            Some("messages[0].content"),
            "neither text nor a list",
        ),
        (with(json!([{ "role": "tool", "content": "no id" }])), 400, Some("messages[0]"), "tool_call_id"),
        (
            with(json!([{ "role": "assistant", "tool_calls": [{ "id": "call_1" }] }])),
            400,
            Some("messages[0]"),
            "missing field `type`",
        ),
        (part(image), 400, at, "is an image; only text is read"),
        (part(sound), 400, at, "is sound; only text is read"),
        (
            part(json!({ "type": "file", "file": { "file_id": "f" } })),
            400,
            at,
            "is a file; only text is read",
        ),
        (part(json!({ "type": "video_url", "video_url": {} })), 400, at, "only text is read"),
        (part(json!({ "type": "text" })), 400, at, "only text is read"),
        (
            with(json!(vec![json!({ "role": "user", "content": "a" }); 513])),
            400,
            Some("messages"),
            "513 messages are over the limit of 512",
        ),
        (
            asking(&"x".repeat(16 * 1024 + 1), &json!({})),
            400,
            Some("messages[0].content"),
            "over the limit of 16384",
        ),
    ])
    .await;
}

#[tokio::test]
async fn bodies_and_paths_that_cannot_be_read_are_refused() {
    let json_post = |body: String| post(body);
    let cases = [
        (json_post("{".to_owned()), 400, "does not read as JSON"),
        (json_post(String::new()), 400, "does not read as JSON"),
        (json_post("[".repeat(10_000)), 400, "does not read as JSON"),
        (
            json_post(asking(&"x".repeat(1024 * 1024), &json!({})).to_string()),
            413,
            "over the limit of 1048576 bytes",
        ),
        (
            Request::post(COMPLETIONS).body(asking("why?", &json!({})).to_string().into()).unwrap(),
            415,
            "not JSON",
        ),
        (Request::get(COMPLETIONS).body(Body::empty()).unwrap(), 405, "does not know the method `GET`"),
        (
            Request::delete("/v1/models").body(Body::empty()).unwrap(),
            405,
            "does not know the method `DELETE`",
        ),
        (Request::get("/v1/models/%FF").body(Body::empty()).unwrap(), 400, "does not read as text"),
        (Request::get("/v1/chat/completions/chatcmpl-1").body(Body::empty()).unwrap(), 404, "not stored"),
        (
            Request::post("/v1/responses").body(Body::empty()).unwrap(),
            404,
            "set the client to chat completions",
        ),
        (
            Request::post("/v1/embeddings").body(Body::empty()).unwrap(),
            404,
            "there is no `/v1/embeddings` here",
        ),
    ];
    let opened = Opened::new();
    for (request, status, words) in cases {
        let asked = format!("{} {}", request.method(), request.uri());
        let answer = opened.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{asked}: {}", answer.body);
        let message = is_shaped(&answer)["message"].as_str().unwrap();
        assert!(message.contains(words), "{asked}: {message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let answer = Opened::new().send(post(never)).await;
    assert_eq!(answer.status.as_u16(), 408);
    assert_eq!(is_shaped(&answer)["message"], "the body did not arrive within 30 s");
}

#[tokio::test(start_paused = true)]
async fn what_fails_at_the_desk_is_told_without_what_is_below_it() {
    let opened = Opened::new();
    let cases = [
        ("[fail unknown]", 404, "invalid_request_error", None),
        ("[fail invalid]", 400, "invalid_request_error", None),
        ("[fail denied]", 403, "permission_error", None),
        ("[fail unavailable]", 503, "server_error", Some((header::RETRY_AFTER.as_str(), "2"))),
        ("[fail timeout]", 504, "server_error", Some(("x-should-retry", "false"))),
        ("[fail internal]", 500, "server_error", Some(("x-should-retry", "false"))),
        ("[panic]", 500, "server_error", Some(("x-should-retry", "false"))),
        ("[wait 400000]", 504, "server_error", Some(("x-should-retry", "false"))),
    ];
    for (question, status, kind, retry) in cases {
        let answer = opened.ask(&asking(question, &json!({}))).await;
        assert_eq!(answer.status.as_u16(), status, "{question}: {}", answer.body);
        let error = is_shaped(&answer);
        assert_eq!(error["type"], kind, "{question}");
        assert!(!answer.body.to_string().contains("secret"), "{question}: {error}");
        if let Some((name, value)) = retry {
            assert_eq!(answer.headers[name], value, "{question}");
        }
    }
    assert_eq!(opened.desk.at_work.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn one_question_too_many_is_told_to_wait() {
    let opened = Opened::with(Limits { at_once_per_caller: 1, ..Limits::default() });
    for settings in [json!({}), json!({ "stream": true })] {
        let slow = asking("[wait 1000] why?", &settings);
        let (first, second) = tokio::join!(opened.ask(&slow), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            opened.ask(&asking("why?", &settings)).await
        });
        assert_eq!(first.status.as_u16(), 200, "{}", first.body);
        assert_eq!(second.status.as_u16(), 429, "{}", second.body);
        assert_eq!(second.headers[header::RETRY_AFTER], "2");
        let error = is_shaped(&second);
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("rate_limit_error"), &json!("rate_limit_exceeded"))
        );
    }
    assert_eq!(
        opened.ask(&asking("why?", &json!({}))).await.status.as_u16(),
        200,
        "the place was given back"
    );
}

/// Cannot tell its models, at once or ever.
struct Closed {
    answers: bool,
}

#[async_trait]
impl Desk for Closed {
    async fn models(&self) -> Result<Vec<ModelId>> {
        if !self.answers {
            future::pending::<()>().await;
        }
        Err(Kind::Unavailable.error("the program is shutting down").with_hint("ask again when it is back"))
    }

    async fn answer(&self, _: Asked, _: Arc<dyn Watch>) -> Result<Reply> {
        Err(Kind::Internal.error("nobody was to be asked"))
    }
}

#[tokio::test(start_paused = true)]
async fn models_that_cannot_be_told_are_an_error_of_their_own() {
    for (answers, status, words) in [
        (true, 503, "the program is shutting down; hint: ask again when it is back"),
        (false, 504, "no answer within 10 s"),
    ] {
        let clock = Arc::new(ManualClock::default());
        let router = router(Face::new(Arc::new(Closed { answers }), clock, Limits::default()));
        let opened = Opened { router, desk: Arc::default() };
        let list = opened.send(Request::get("/v1/models").body(Body::empty()).unwrap()).await;
        for answer in [list, opened.ask(&asking("why?", &json!({}))).await] {
            assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
            let message = is_shaped(&answer)["message"].as_str().unwrap();
            assert!(message.contains(words), "{message}");
        }
    }
}

#[tokio::test]
async fn whoever_has_no_token_is_refused_in_the_same_form() {
    let (parts, body) = unauthorized().into_parts();
    let body = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    let answer = Answer { status: parts.status, headers: parts.headers, body };
    assert_eq!(answer.status.as_u16(), 401);
    assert_eq!(is_shaped(&answer)["code"], "invalid_api_key");
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
}
