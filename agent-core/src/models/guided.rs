//! A small language model, led by the offline model: it is asked little, and what it says can only add.
//!
//! A model of half a billion parameters obeys a JSON schema and reasons badly. So the offline model drives: it calls the
//! tools and ranks the suspects, at no cost. The small model is asked once, when the work is done, in a few hundred tokens:
//! which facts tell the story best, and how one sentence would put it. A question that the offline model's grammar did not
//! understand is mapped to one tool call. What it answers is checked here; whatever is wrong with it leaves the offline
//! model's reply as it was, byte for byte. Doubts and summaries pass through to the small model: who asks for them checks
//! them.
//!
//! # Layout
//!
//! - [`transcript`]: what the conversation holds. [`brief`]: a short request, and its answer as data.
//! - [`retelling`]: a finding, told better. [`sentence`]: what one added sentence must keep.
//! - [`question`]: from a question that was not understood to one call, and from its facts to an answer.

mod brief;
mod question;
mod retelling;
mod sentence;
mod transcript;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Offline;
use crate::{
    Result,
    investigation::{SUBMIT_ANSWER, SUBMIT_FINDING},
    ports::{Delta, Model, ModelReply, ModelRequest, Purpose, ToolCall, Usage},
};

use transcript::Transcript;

/// Less than a run grants one reply, so that the offline model's is there in time.
const PATIENCE: Duration = Duration::from_secs(20);

/// The offline model with a small model at its side.
///
/// The small model must be redacted itself ([`Redacted`](crate::redact::Redacted) inside, not outside): the offline model
/// reads what tools returned as data, and that never reaches an endpoint.
pub struct Guided {
    inner: Arc<dyn Model>,
    name: String,
    patience: Duration,
    decides_ties: bool,
}

// === impl Guided ===

impl Guided {
    /// Puts a small model at the offline model's side.
    pub fn new(inner: Arc<dyn Model>) -> Self {
        let name = format!("offline+{}", inner.name());
        Self { inner, name, patience: PATIENCE, decides_ties: false }
    }

    /// Sets how long the small model may take for its one reply; 20 seconds unless told.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Lets the small model choose between suspects that the offline model holds for about equally likely. Without this the
    /// cause is always the offline model's.
    #[must_use]
    pub fn deciding_ties(self) -> Self {
        Self { decides_ties: true, ..self }
    }

    /// Returns `submitted` with the small model's wording, or nothing when it is to stand as it is.
    async fn retell(&self, request: &ModelRequest, submitted: &ToolCall) -> (Option<ToolCall>, Usage) {
        let transcript = Transcript::of(request);
        // What was submitted came back with problems: this time it is the offline model's own.
        if transcript.has_call_of(SUBMIT_FINDING) {
            return (None, Usage::default());
        }
        let Some(retelling) = retelling::Retelling::of(&transcript, submitted, self.decides_ties) else {
            return (None, Usage::default());
        };
        let (answer, usage) = brief::answer(self.inner.as_ref(), self.patience, retelling.request()).await;
        let told = answer.and_then(|answer| retelling.told(&answer));
        (told.map(|arguments| ToolCall { arguments, ..submitted.clone() }), usage)
    }

    /// Returns what to do in place of `submitted` for a question that was not understood, or nothing.
    async fn understand(&self, request: &ModelRequest, submitted: &ToolCall) -> (Option<ToolCall>, Usage) {
        let transcript = Transcript::of(request);
        if let Some(answer) = question::answer_of_own_call(&transcript) {
            return (Some(ToolCall { arguments: answer, ..submitted.clone() }), Usage::default());
        }
        if !question::was_not_understood(&transcript, submitted) {
            return (None, Usage::default());
        }
        let Some(mapping) = question::Mapping::of(&transcript) else { return (None, Usage::default()) };
        let (answer, usage) = brief::answer(self.inner.as_ref(), self.patience, mapping.request()).await;
        (answer.and_then(|answer| mapping.call(&answer)), usage)
    }
}

#[async_trait]
impl Model for Guided {
    fn name(&self) -> &str {
        &self.name
    }

    /// Findings and answers never fail, and nothing of them is streamed: what the small model writes is no reply. Doubts and
    /// summaries are the small model's own, since the offline model has none.
    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        if matches!(request.purpose, Purpose::Review | Purpose::Summarize) {
            return self.inner.complete(request, on_delta).await;
        }
        let mut reply = Offline.complete(request, on_delta).await?;
        let is_for_us = request.output.is_none();
        let [call] = reply.calls.as_slice() else { return Ok(reply) };
        let (instead, usage) = match call.name.as_str() {
            SUBMIT_FINDING if is_for_us => self.retell(request, call).await,
            SUBMIT_ANSWER if is_for_us => self.understand(request, call).await,
            _ => return Ok(reply),
        };
        reply.usage += usage;
        if let Some(call) = instead {
            reply.calls = vec![call];
        }
        Ok(reply)
    }
}
