//! A short request to a small model, and its answer as data.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::{
    Language,
    ports::{Message, Model, ModelReply, ModelRequest, Purpose, Usage},
    tokens::tokens_of_request,
};

/// Tokens of a reply: a few ids and one sentence.
const MAX_REPLY_TOKENS: u32 = 200;
/// Bytes of a reply; a longer one kept no schema.
const MAX_REPLY_BYTES: usize = 8 * 1024;

/// Makes a request of one standing text, one asking text and the schema of the answer.
pub(super) fn request(
    purpose: Purpose,
    language: Language,
    system: String,
    user: String,
    output: Value,
) -> ModelRequest {
    ModelRequest {
        messages: vec![Message::System { text: system }, Message::User { text: user }],
        tools: Vec::new(),
        undescribed: Vec::new(),
        language,
        purpose,
        max_tokens: MAX_REPLY_TOKENS,
        output: Some(output),
    }
}

/// Asks once. An error, silence beyond `patience` and what is no JSON object are no answer; what it cost
/// counts all the same. Who is silent for so long has read the request at least.
pub(super) async fn answer(
    model: &dyn Model,
    patience: Duration,
    request: ModelRequest,
) -> (Option<Value>, Usage) {
    let reply = match timeout(patience, model.complete(&request, &|_| {})).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => {
            tracing::info!(model = model.name(), error = error.chain(), "the small model did not answer");
            return (None, error.usage());
        }
        Err(_) => {
            tracing::info!(model = model.name(), ?patience, "the small model did not answer in time");
            let input_tokens = tokens_of_request(&request);
            return (None, Usage { input_tokens, ..Usage::default() });
        }
    };
    let answer = object_in(&reply);
    if answer.is_none() {
        tracing::info!(model = model.name(), "the small model answered no JSON object");
    }
    (answer, reply.usage)
}

/// Reads the object that a reply is, leaving out what some models write around it.
fn object_in(reply: &ModelReply) -> Option<Value> {
    let text = reply.text.as_str();
    if text.len() > MAX_REPLY_BYTES {
        return None;
    }
    let object = text.get(text.find('{')?..=text.rfind('}')?)?;
    serde_json::from_str::<Value>(object).ok().filter(Value::is_object)
}

/// Cuts what is shown at a character's end, with a sign that it was.
pub(super) fn cut(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max_bytes);
    format!("{}…", text.get(..end).unwrap_or_default())
}
