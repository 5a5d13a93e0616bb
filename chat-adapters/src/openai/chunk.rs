//! One event of a stream as it goes over the wire.

use async_openai::types::chat::{CompletionUsage, FinishReason, Role};
use axum::response::sse::Event;
use serde::Serialize;

use super::fault::Fault;

/// The last event of a stream that went well.
const DONE: &str = "[DONE]";

/// What all chunks of one answer share.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) created: u32,
    pub(super) model: String,
    /// Whether every chunk has a `usage`: `null` up to the last one.
    pub(super) include_usage: bool,
}

/// A chunk. Its own and not `async_openai`'s type: that one knows no `reasoning_content`, writes what is absent from a
/// delta as `null`, and leaves out the `finish_reason` that OpenAI writes as `null`.
#[derive(Debug, Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u32,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<&'a CompletionUsage>>,
}

#[derive(Debug, Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: (),
    finish_reason: Option<FinishReason>,
}

#[derive(Debug, Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    /// First sent by DeepSeek's API, shown by most chat clients as the work behind an answer, unknown to OpenAI's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
}

impl Head {
    /// Opens a message.
    pub(super) fn opening(&self) -> Event {
        self.said(Delta { role: Some(Role::Assistant), content: Some(""), ..Delta::default() }, None)
    }

    /// Tells a step of the work.
    pub(super) fn step(&self, line: &str) -> Event {
        self.said(Delta { reasoning_content: Some(line), ..Delta::default() }, None)
    }

    /// Tells a piece of the answer.
    pub(super) fn piece(&self, text: &str) -> Event {
        self.said(Delta { content: Some(text), ..Delta::default() }, None)
    }

    /// Ends the answer.
    pub(super) fn finish(&self) -> Event {
        self.said(Delta::default(), Some(FinishReason::Stop))
    }

    /// Tells what it cost; nothing is said in it.
    pub(super) fn usage(&self, usage: &CompletionUsage) -> Event {
        self.event(Vec::new(), Some(usage))
    }

    fn said(&self, delta: Delta<'_>, finish_reason: Option<FinishReason>) -> Event {
        self.event(vec![Choice { index: 0, delta, logprobs: (), finish_reason }], None)
    }

    fn event(&self, choices: Vec<Choice<'_>>, usage: Option<&CompletionUsage>) -> Event {
        json_event(&Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage: self.include_usage.then_some(usage),
        })
    }
}

/// Ends a stream that went well.
pub(super) fn done() -> Event {
    Event::default().data(DONE)
}

/// Ends a stream that failed after its first byte: an event whose `data` is an `error`, and no `[DONE]` after it.
pub(super) fn failed(fault: Fault) -> Event {
    json_event(&fault.into_body())
}

/// A line break would end an event; JSON has none outside of its strings, and escapes those inside.
fn json_event(body: &impl Serialize) -> Event {
    // These bodies are strings and numbers with text for keys: they cannot fail to be JSON.
    Event::default().data(serde_json::to_string(body).unwrap_or_default())
}
