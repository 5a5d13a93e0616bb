//! Whatever is sent, an answer or an error of the right shape comes back.

use axum::http::StatusCode;
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};
use tokio::runtime::Builder;

use crate::{Opened, asking, post, refusals::is_shaped};

/// Any JSON, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        known_word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((prop_oneof![known_word(), "\\PC{0,6}".boxed()], inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Words that the face reads, so that what is made up reaches beyond the first check.
fn known_word() -> BoxedStrategy<String> {
    const WORDS: &[&str] = &[
        "model",
        "waggle",
        "messages",
        "role",
        "content",
        "user",
        "system",
        "assistant",
        "tool",
        "type",
        "text",
        "image_url",
        "refusal",
        "tool_call_id",
        "stream",
        "stream_options",
        "include_usage",
        "n",
        "stop",
        "tools",
        "tool_choice",
        "function",
        "name",
        "required",
        "response_format",
        "json_schema",
        "logprobs",
        "seed",
        "metadata",
    ];
    prop::sample::select(WORDS).prop_map(str::to_owned).boxed()
}

/// A good request in which some settings and some messages are anything.
fn nearly_good() -> impl Strategy<Value = Value> {
    let settings = vec((known_word(), any_json()), 0..4);
    let message = prop_oneof![
        any_json(),
        (known_word(), any_json()).prop_map(|(role, content)| json!({ "role": role, "content": content })),
        vec(any_json(), 0..4).prop_map(|parts| json!({ "role": "user", "content": parts })),
        "\\PC{1,12}".prop_map(|text| json!({ "role": "user", "content": text })),
    ];
    (settings, vec(message, 0..4)).prop_map(|(settings, messages)| {
        let mut body = asking("why?", &json!({ "messages": messages }));
        for (name, value) in settings {
            body[name] = value;
        }
        body
    })
}

fn check(body: Vec<u8>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async { Opened::new().send(post(body)).await });
    match answer.status {
        StatusCode::OK => {
            let is_whole = answer.body["object"] == "chat.completion";
            let is_stream = answer.body.as_str().is_some_and(|text| text.ends_with("data: [DONE]\n\n"));
            assert!(is_whole || is_stream, "{}", answer.body);
        }
        status => {
            assert!(status.is_client_error(), "{status}: {}", answer.body);
            is_shaped(&answer);
        }
    }
}

proptest! {
    #[test]
    fn any_json_is_answered_or_refused(body in any_json()) {
        check(body.to_string().into_bytes());
    }

    #[test]
    fn a_nearly_good_request_is_answered_or_refused(body in nearly_good()) {
        check(body.to_string().into_bytes());
    }

    #[test]
    fn any_bytes_are_refused(body in vec(any::<u8>(), 0..200)) {
        check(body);
    }
}
