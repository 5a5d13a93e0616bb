//! What adapters of remote models share: where a model is, how its answers are read without trusting their size, why it
//! refused, and what a conversation may call a tool.

mod address;
mod json_text;
mod refusal;

use std::time::Duration;

use serde_json::Value;

use crate::{Kind, Result};

pub(super) use crate::tokens::{tokens_of_reply, tokens_of_request};
#[cfg(feature = "openai")]
pub(super) use address::Address;
pub(super) use address::address;
#[cfg(feature = "openai")]
pub(super) use json_text::THINKING;
pub(super) use json_text::{json_of_reply, schema_in_words};
pub(super) use refusal::{Refusal, quoted, retry_after};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an endpoint may say nothing. The whole reply is bounded by the caller; this is for callers that forgot.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of an answer; a longer one is no chat completion.
pub(super) const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a refusal that are read; more says no more.
pub(super) const MAX_REFUSAL_BYTES: usize = 64 * 1024;
/// Letters of a tool's name at every endpoint that says how many there may be.
const MAX_NAME_CHARS: usize = 64;

/// Starts an HTTP client: encrypted where the address says so, never redirected, never silent for long.
pub(super) fn http_client() -> Result<reqwest::Client> {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        // A key must not follow to another place.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Kind::Internal.because("start the HTTP client", error))
}

/// Reads the start of a body, at most `max_bytes` of it; `false` when there was more.
pub(super) async fn read_start(
    response: &mut reqwest::Response,
    max_bytes: usize,
) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = max_bytes.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            return Ok((body, false));
        }
    }
    Ok((body, true))
}

/// Stands for the arguments of a call in which a reply was cut. What is left of them may look whole (nothing at all, or what
/// a server mended) and must not run, so they become a text, which no schema takes and which says why.
pub(super) fn cut_arguments(left: &str) -> Value {
    Value::String(format!("the reply was cut here, make this call again and write less before it: {left}"))
}

/// Endpoints refuse a whole conversation for one name that a model made up: letters, digits, `_` and `-` up to 64.
pub(super) fn name_on_wire(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    let name: String = name.chars().take(MAX_NAME_CHARS).map(allowed).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}
