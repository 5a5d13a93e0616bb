//! A request's body, typed, or the parameter that does not fit.

use async_openai::types::chat::{ChatCompletionRequestMessage, CreateChatCompletionRequest};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{Limits, fault::Fault};

/// The longest part of a parser's message that is repeated to the caller, in characters: it may quote what was sent.
const MAX_REASON: usize = 200;

/// Reads a body within its limits; the router has set the one on its length.
pub(super) async fn body(request: Request, limits: &Limits) -> Result<CreateChatCompletionRequest, Fault> {
    if !is_json(request.headers()) {
        let message = "the body is not JSON; hint: send `content-type: application/json`";
        return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let read = timeout(limits.body_within, Bytes::from_request(request, &())).await;
    let bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(rejected)) if rejected.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let max = limits.body_bytes;
            let message =
                format!("the body is over the limit of {max} bytes; hint: begin a new conversation");
            return Err(Fault::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("request_too_large"));
        }
        Ok(Err(_)) => return Err(Fault::new(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => {
            let message = format!("the body did not arrive within {} s", limits.body_within.as_secs());
            return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, message));
        }
    };
    parse(&bytes)
}

/// Reads a body that has arrived.
pub(super) fn parse(bytes: &[u8]) -> Result<CreateChatCompletionRequest, Fault> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        Fault::new(StatusCode::BAD_REQUEST, format!("the body does not read as JSON: {}", reason(&error)))
    })?;
    let Value::Object(fields) = value else {
        return Err(Fault::new(StatusCode::BAD_REQUEST, "the body is not a JSON object"));
    };
    for required in ["model", "messages"] {
        if fields.get(required).is_none_or(Value::is_null) {
            return Err(Fault::invalid(required, format!("`{required}` is missing"))
                .code("missing_required_parameter"));
        }
    }
    serde_json::from_value(Value::Object(fields.clone())).map_err(|error| guilty(&fields, &error))
}

/// Finds the parameter that does not fit by reading each one alone.
fn guilty(fields: &Map<String, Value>, error: &serde_json::Error) -> Fault {
    for (name, value) in fields {
        let mut alone = Map::from_iter([("model".to_owned(), json!("")), ("messages".to_owned(), json!([]))]);
        alone.insert(name.clone(), value.clone());
        if let Err(error) = read::<CreateChatCompletionRequest>(Value::Object(alone)) {
            let in_messages = if name == "messages" { guilty_message(value) } else { None };
            return in_messages.unwrap_or_else(|| {
                Fault::invalid(name, format!("`{name}` does not fit: {}", reason(&error)))
            });
        }
    }
    Fault::new(StatusCode::BAD_REQUEST, format!("the body does not fit: {}", reason(error)))
}

/// Finds the message, and in it the part, that does not fit.
fn guilty_message(messages: &Value) -> Option<Fault> {
    let (n, message, error) = messages.as_array()?.iter().enumerate().find_map(|(n, message)| {
        let error = read::<ChatCompletionRequestMessage>(message.clone()).err()?;
        Some((n, message, error))
    })?;
    let at = format!("messages[{n}]");
    let role = message.get("role").and_then(Value::as_str);
    let known = ["system", "developer", "user", "assistant", "tool", "function"];
    if !role.is_some_and(|role| known.contains(&role)) {
        let known = known.map(|role| format!("`{role}`")).join(", ");
        return Some(Fault::invalid(format!("{at}.role"), format!("`{at}.role` is none of {known}")));
    }
    let unfit = || Fault::invalid(&at, format!("`{at}` does not fit: {}", reason(&error)));
    let parts = match message.get("content") {
        Some(Value::Array(parts)) => parts,
        Some(Value::String(_)) => return Some(unfit()),
        // Its calls stand in the place of a text.
        None | Some(Value::Null) if role == Some("assistant") => return Some(unfit()),
        _ => {
            let message = format!("`{at}.content` is neither text nor a list of parts");
            return Some(Fault::invalid(format!("{at}.content"), message));
        }
    };
    let is_text = |part: &Value| {
        part.get("type") == Some(&json!("text")) && part.get("text").is_some_and(Value::is_string)
    };
    let Some(part) = parts.iter().position(|part| !is_text(part)) else { return Some(unfit()) };
    let at = format!("{at}.content[{part}]");
    Some(Fault::invalid(
        &at,
        format!("`{at}` is no part of the type `text` with a `text`; only text is read"),
    ))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(value)
}

fn reason(error: &serde_json::Error) -> String {
    error.to_string().chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

/// RFC 9110 §8.3.1: a type is compared without regard to case, and parameters may follow it.
///
/// Asking for it keeps pages of other sites out too: a browser sends this type elsewhere only when it was allowed to.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
