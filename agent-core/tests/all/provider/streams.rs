//! Replies that come in pieces, and endpoints that will not stream.

use std::sync::Mutex;

use serde_json::{Value, json};
use waggle_agent_core::{
    Kind,
    ports::{Delta, Finish, Message, Model, ModelReply, ModelRequest, ToolSpec, Usage},
};

use super::{Answer, Closing, Provider, message};
use crate::shop::{proves, says};

fn request() -> ModelRequest {
    let messages = vec![
        Message::System { text: "Be careful.".to_owned() },
        Message::User { text: "为什么慢？".to_owned() },
    ];
    let tool = ToolSpec {
        name: "compare".to_owned(),
        description: "Compares.".to_owned(),
        schema: json!({ "type": "object", "properties": {} }),
    };
    ModelRequest { messages, tools: vec![tool], max_tokens: 100, ..ModelRequest::default() }
}

/// Asks, and returns what was told on the way too.
async fn ask(
    provider: &Provider,
    request: &ModelRequest,
) -> (waggle_agent_core::Result<ModelReply>, Vec<String>) {
    let told = Mutex::new(Vec::new());
    let on_delta = |delta: Delta<'_>| {
        let Delta::Text(text) = delta;
        told.lock().unwrap().push(text.to_owned());
    };
    let reply = provider.model().complete(request, &on_delta).await;
    provider.requests();
    (reply, told.into_inner().unwrap())
}

#[tokio::test]
async fn a_stream_is_the_same_reply_however_it_is_cut() {
    let text = "订单服务变慢了：p99 84 ms → 2.1 s, since 14:04:50 🐝";
    for seed in 0..12 {
        let provider = Provider::start([
            Answer::Streamed(message(says(text)), seed),
            Answer::Streamed(message(proves()), seed),
        ])
        .await;
        let (reply, told) = ask(&provider, &request()).await;
        let reply = reply.unwrap();
        assert_eq!((reply.text.as_str(), reply.finish), (text, Finish::Done), "{seed}");
        assert_eq!(reply.usage, Usage { input_tokens: 12, output_tokens: 3, ..Usage::default() });
        assert!(told.len() > 3, "told as it arrives: {told:?}");
        assert_eq!(told.concat(), text, "{seed}");

        let (reply, told) = ask(&provider, &request()).await;
        assert_eq!(reply.unwrap().calls, proves().unwrap().calls, "{seed}");
        assert_eq!(told, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_stream_without_an_end_is_never_taken_as_whole() {
    for closing in [Closing::Orderly, Closing::Abrupt] {
        for reply in [says("It is inventory, because of the deploy."), proves()] {
            let provider = Provider::start([Answer::Cut(message(reply), closing)]).await;
            let error = ask(&provider, &request()).await.0.unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable, "{closing:?} {}", error.chain());
            assert!(error.to_string().contains("was cut before its end"), "{}", error.chain());
            let spent = error.usage();
            assert!(spent.input_tokens > 10 && spent.output_tokens > 0, "{closing:?} {spent:?}");
        }
    }
}

#[tokio::test]
async fn what_an_answer_in_vain_cost_is_told_and_a_refusal_costs_nothing() {
    let counted = json!({ "prompt_tokens": 9, "completion_tokens": 2 });
    let broke_off = format!(
        "data: {}\n\ndata: {}\n\n",
        json!({ "choices": [{ "delta": { "content": "It" } }], "usage": counted }),
        json!({ "error": { "message": "overloaded", "type": "overloaded_error" } }),
    );
    let no_message = json!({ "choices": [], "usage": counted }).to_string();
    let spent = Usage { input_tokens: 9, output_tokens: 2, ..Usage::default() };
    for (status, kind, body, want) in [
        (200, "text/event-stream", broke_off, spent),
        (200, "application/json", no_message, spent),
        (200, "text/html", "<html>It works!</html>".to_owned(), Usage::default()),
        (200, "application/json", "{}".to_owned(), Usage::default()),
        (429, "application/json", "{}".to_owned(), Usage::default()),
    ] {
        let provider = Provider::start([Answer::Status(status, kind, body.clone())]).await;
        assert_eq!(ask(&provider, &request()).await.0.unwrap_err().usage(), want, "{body}");
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_take_a_field_is_asked_without_and_remembered() {
    for (refusal, field) in [
        ("Unknown parameter: 'stream_options'.", "stream_options"),
        ("\"auto\" tool choice requires --enable-auto-tool-choice", "tool_choice"),
    ] {
        let provider = Provider::start([
            Answer::Status(400, "application/json", json!({ "error": { "message": refusal } }).to_string()),
            Answer::Whole(message(says("ok"))),
        ])
        .await;
        let model = provider.model();
        for _ in 0..2 {
            assert_eq!(model.complete(&request(), &|_| {}).await.unwrap().text, "ok");
        }
        let asked: Vec<_> = provider.requests().iter().map(|body| body.get(field).is_some()).collect();
        assert_eq!(asked, [true, false, false], "{field}");
    }
}

#[tokio::test]
async fn an_endpoint_that_does_not_stream_is_asked_for_the_whole() {
    let refusal = json!({ "detail": "streaming is not supported" }).to_string();
    let provider = Provider::start([
        Answer::Status(422, "application/json", refusal),
        Answer::Whole(message(says("ok"))),
    ])
    .await;
    assert_eq!(ask(&provider, &request()).await.0.unwrap().text, "ok");
    let streams: Vec<_> = provider.requests().iter().map(|body| body["stream"].clone()).collect();
    assert_eq!(streams, [json!(true), json!(false)]);
}

#[tokio::test]
async fn an_endpoint_that_refuses_whatever_is_changed_is_not_asked_for_ever() {
    let refusal = json!({ "error": { "message": "max_completion_tokens is not supported" } }).to_string();
    let provider = Provider::start([Answer::Status(400, "application/json", refusal)]).await;
    assert_eq!(ask(&provider, &request()).await.0.unwrap_err().kind(), Kind::Invalid);
    assert_eq!(provider.requests().len(), 2);
}

fn schema() -> Value {
    json!({
        "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"], "additionalProperties": false,
    })
}

#[tokio::test]
async fn a_schema_is_asked_for_in_the_form_that_the_endpoint_takes() {
    let refusal =
        json!({ "error": { "message": "response_format of this type is not supported" } }).to_string();
    let refused = || Answer::Status(400, "application/json", refusal.clone());
    let written = Answer::Streamed(message(says("<think>2?</think>Here:\n```json\n{\"n\": 1}\n```")), 3);
    let provider = Provider::start([refused(), refused(), written]).await;
    let request = ModelRequest { tools: Vec::new(), output: Some(schema()), ..request() };
    let (reply, told) = ask(&provider, &request).await;
    assert_eq!(reply.unwrap().text, "{\"n\": 1}");
    assert_eq!(told, ["{\"n\": 1}"], "nothing is told that the reply does not have");

    let bodies = provider.requests();
    let formats: Vec<_> = bodies.iter().map(|body| body.get("response_format").cloned()).collect();
    let strict = json!({ "type": "json_schema", "json_schema": { "name": "reply", "schema": schema(), "strict": true } });
    assert_eq!(formats, [Some(strict), Some(json!({ "type": "json_object" })), None]);
    let last = |body: &Value| body["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
    assert!(!last(&bodies[0]).contains("additionalProperties"));
    assert!(last(&bodies[1]).contains("additionalProperties") && last(&bodies[2]).contains("为什么慢"));
}

#[tokio::test]
async fn a_reply_without_the_json_that_was_asked_for_is_invalid() {
    let provider = Provider::start([Answer::Whole(message(says("I would rather not.")))]).await;
    let request = ModelRequest { tools: Vec::new(), output: Some(schema()), ..request() };
    let error = ask(&provider, &request).await.0.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().ends_with("was asked for a JSON object and answered: I would rather not."));
    assert_eq!(error.usage(), Usage { input_tokens: 12, output_tokens: 3, ..Usage::default() });
}
