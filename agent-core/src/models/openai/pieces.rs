//! What one piece of an answer says, in all the shapes that servers send. Nothing here trusts a type.

use serde_json::{Value, json};

use crate::{
    Kind, Result,
    models::wire::Refusal,
    ports::{Finish, Usage},
};

/// Returns the refusal that came in place of an answer: ERNIE and GLM say so with status 200, and any server may break off
/// a stream with an error.
pub(super) fn refusal(event: &Value) -> Option<Refusal> {
    let is_error = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
    let has = |field: &str| event.get(field).is_some_and(is_error);
    let has_code = has("error_code") || has("error_msg") || (has("code") && has("message"));
    let is_refused = has("error") || (has_code && !has("choices"));
    is_refused.then(|| Refusal { status: 200, retry_after: None, body: event.to_string().into_bytes() })
}

/// Returns the message of an answer, or what a piece of a stream adds to it; `None` when it has neither.
pub(super) fn message(event: &Value) -> Option<(&Value, Form)> {
    let choice = event.pointer("/choices/0")?;
    let part = |name: &str| choice.get(name).filter(|part| part.is_object());
    part("delta").map(|delta| (delta, Form::Piece)).or_else(|| Some((part("message")?, Form::Whole)))
}

/// Whether a message is whole or a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it.
    Whole,
    /// What is added.
    Piece,
}

/// Returns text, which comes as a string and from some servers in parts.
pub(super) fn text(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

/// Returns the calls of a message, as they are.
pub(super) fn calls(message: &Value) -> &[Value] {
    message.get("tool_calls").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns a text of a call that is not empty.
pub(super) fn written<'a>(call: &'a Value, at: &str) -> Option<&'a str> {
    call.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Reads arguments, which are JSON in a string. What is no JSON is kept as it is.
pub(super) fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return json!({});
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Reads why a reply ended; `None` while it goes on.
///
/// # Errors
///
/// `Unavailable` when the endpoint says that it broke down: GLM's `network_error`, DeepSeek's
/// `insufficient_system_resource`, `error` of gateways.
pub(super) fn finish(event: &Value) -> Result<Option<Finish>> {
    let reason = event.pointer("/choices/0/finish_reason").and_then(Value::as_str);
    Ok(match reason {
        None | Some("" | "null") => None,
        Some("length" | "max_tokens" | "model_context_window_exceeded") => Some(Finish::Length),
        Some("content_filter" | "sensitive") => Some(Finish::Filtered),
        Some(reason @ ("network_error" | "insufficient_system_resource" | "error" | "abort")) => {
            return Err(Kind::Unavailable
                .error(format!("the model broke off with `{reason}`"))
                .with_hint("try again later"));
        }
        Some(_) => Some(Finish::Done),
    })
}

/// Reads what an endpoint counted; 0 for what it did not. Pieces that carry no count are `None`.
pub(super) fn usage(event: &Value) -> Option<Usage> {
    // Groq and Moonshot put it where their streams end.
    let places = ["/usage", "/choices/0/usage", "/x_groq/usage"].iter();
    let usage = places.filter_map(|at| event.pointer(at)).find(|usage| usage.is_object())?;
    let tokens = |at: &str| usage.pointer(at).and_then(Value::as_u64);
    // OpenAI, Qwen, GLM; DeepSeek; Moonshot.
    let cached = tokens("/prompt_tokens_details/cached_tokens")
        .or_else(|| tokens("/prompt_cache_hit_tokens"))
        .or_else(|| tokens("/cached_tokens"));
    Some(Usage {
        input_tokens: tokens("/prompt_tokens").unwrap_or(0),
        output_tokens: tokens("/completion_tokens").unwrap_or(0),
        cached_tokens: cached.unwrap_or(0),
        cost_micro_usd: 0,
    })
}
