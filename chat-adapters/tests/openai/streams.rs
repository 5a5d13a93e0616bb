//! Answers in pieces.

use std::{sync::atomic::Ordering, time::Duration};

use axum::{
    body::BodyDataStream,
    http::{StatusCode, header},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use waggle_chat_adapters::openai::Limits;

use crate::{Opened, asking, post};

impl Opened {
    /// The events of an answer as they arrive.
    async fn stream(&self, question: &str, settings: &Value) -> BodyDataStream {
        let mut body = asking(question, settings);
        body["stream"] = json!(true);
        let response = self.open(post(body.to_string())).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        response.into_body().into_data_stream()
    }

    /// The `data` of all events of an answer.
    async fn told(&self, question: &str, settings: &Value) -> Vec<String> {
        let chunks: Vec<_> = self.stream(question, settings).await.collect().await;
        let text: String = chunks.into_iter().map(|chunk| text(&chunk.unwrap())).collect();
        text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).map(str::to_owned).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Joins what the events say in this field of their deltas.
fn joined(told: &[String], field: &str) -> String {
    let said = told.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    said.filter_map(|event| event["choices"][0]["delta"][field].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_stream_tells_the_role_the_steps_the_text_the_end_and_what_it_cost() {
    let opened = Opened::new();
    let settings =
        json!({ "stream_options": { "include_usage": true, "include_obfuscation": true }, "stop": "\n\n" });
    let told = opened.told("[steps] why?", &settings).await;
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn the_pieces_of_a_stream_are_the_text_of_the_whole_answer() {
    let opened = Opened::new();
    for question in ["why?", "checkout 为什么慢？", "[long]"] {
        let whole = opened.ask(&asking(question, &json!({}))).await.body;
        let told = opened.told(question, &json!({})).await;
        assert_eq!(joined(&told, "content"), whole["choices"][0]["message"]["content"].as_str().unwrap());
        assert_eq!(told.last().unwrap(), "[DONE]");
        assert!(!told.iter().any(|event| event.contains("usage")), "nobody asked what it cost");
    }
}

#[tokio::test]
async fn steps_are_not_told_to_whoever_asks_for_no_reasoning() {
    let opened = Opened::new();
    let cases = [
        (json!({}), 3),
        (json!({ "reasoning_effort": "low" }), 3),
        (json!({ "reasoning_effort": "none" }), 0),
    ];
    for (settings, n_steps) in cases {
        let told = opened.told("[steps] why?", &settings).await;
        assert_eq!(joined(&told, "reasoning_content").lines().count(), n_steps, "{settings}");
    }
}

#[tokio::test]
async fn a_step_is_told_as_it_happens() {
    let opened = Opened::new();
    let mut events = opened.stream("[steps] [wait 60000] why?", &json!({})).await;
    for expected in ["\"role\":\"assistant\"", "compare", "another model", "changes"] {
        let event = text(&events.next().await.unwrap().unwrap());
        assert!(event.contains(expected), "{event}");
    }
    assert_eq!(opened.desk.at_work.load(Ordering::SeqCst), 1, "the answer is still under way");
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_the_first_byte_is_the_last_event() {
    let opened = Opened::new();
    let cases = [
        ("[fail unavailable]", "server_error", "the store did not answer"),
        ("[panic]", "server_error", "this program failed"),
        ("[wait 400000]", "server_error", "no answer within 300 s"),
    ];
    for (question, kind, words) in cases {
        let told = opened.told(question, &json!({})).await;
        let last: Value = serde_json::from_str(told.last().unwrap()).unwrap();
        assert_eq!(last["error"]["type"], kind, "{question}: {last}");
        assert!(last["error"]["message"].as_str().unwrap().contains(words), "{question}: {last}");
        assert_eq!(told.len(), 2, "the role, the error, and no `[DONE]`: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_says_every_15_seconds_that_it_lives() {
    let opened = Opened::new();
    let mut events = opened.stream("[wait 40000] why?", &json!({})).await;
    let before = Instant::now();
    assert!(text(&events.next().await.unwrap().unwrap()).starts_with("data: "));
    for seconds in [15, 30] {
        assert_eq!(text(&events.next().await.unwrap().unwrap()), ":\n\n");
        assert_eq!(before.elapsed().as_secs(), seconds);
    }
    assert!(text(&events.next().await.unwrap().unwrap()).starts_with("data: "));
}

#[tokio::test(start_paused = true)]
async fn whoever_hangs_up_ends_the_work() {
    let opened = Opened::with(Limits { at_once_per_caller: 1, ..Limits::default() });
    let mut events = opened.stream("[wait 60000] why?", &json!({})).await;
    events.next().await.unwrap().unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(opened.desk.at_work.load(Ordering::SeqCst), 1);
    drop(events);

    let whole = asking("[wait 60000] why?", &json!({}));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(opened.desk.given_up.load(Ordering::SeqCst), 1);
    let hung_up = tokio::time::timeout(Duration::from_secs(1), opened.ask(&whole)).await;
    assert!(hung_up.is_err(), "the place of the first was free");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(opened.desk.given_up.load(Ordering::SeqCst), 2);
    assert_eq!(opened.ask(&asking("why?", &json!({}))).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_holds_no_place_once_the_answer_is_there() {
    let opened = Opened::with(Limits { at_once_per_caller: 1, ..Limits::default() });
    let unread = opened.stream("[wait 1000] why?", &json!({})).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(opened.ask(&asking("why?", &json!({}))).await.status, StatusCode::OK);
    let told: String = unread.map(|chunk| text(&chunk.unwrap())).collect().await;
    assert!(told.ends_with("data: [DONE]\n\n"), "and it can still be read: {told}");
}
