//! A language model, or something that can stand in for one.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{EvidenceId, Language, Result, evidence::Fact};

/// Completes a conversation with text, tool calls, or both.
#[async_trait]
pub trait Model: Send + Sync {
    /// Returns the name to show and to record: `offline`, `gpt-5`, ….
    fn name(&self) -> &str;

    /// Returns the next message. `on_delta` is called with text as it arrives, never with text that the reply does not contain.
    ///
    /// # Errors
    ///
    /// `Unavailable` or `Timeout` when the endpoint did not answer, `Denied` for a bad key, `Invalid` when it answered nonsense.
    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply>;
}

/// What a model is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// The conversation so far, in wire order: every tool call of an assistant message is answered before the next assistant message.
    pub messages: Vec<Message>,
    /// The tools it may call, as they are described to it.
    pub tools: Vec<ToolSpec>,
    /// Tools that may be called as well and are not described, which saves tokens. Never goes over a wire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undescribed: Vec<ToolSpec>,
    /// The language to answer in.
    pub language: Language,
    /// What the reply is for.
    #[serde(default)]
    pub purpose: Purpose,
    /// At most so many tokens in the reply.
    pub max_tokens: u32,
    /// JSON schema that the text of the reply must keep; `None` for free text. Goes with no tools. An endpoint that cannot be
    /// held to a schema is told of it in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}

/// What a reply is for, so that a small model may do what it can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The next step of an investigation, up to its finding.
    #[default]
    Investigate,
    /// The answer to a question.
    Answer,
    /// Doubts about a finding that another model submitted.
    Review,
    /// Few words for many.
    Summarize,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Standing instructions.
    System {
        /// The text.
        text: String,
    },
    /// What a person or the program asks.
    User {
        /// The text.
        text: String,
    },
    /// What the model said.
    Assistant {
        /// Its text; may be empty.
        text: String,
        /// Its calls; may be empty.
        calls: Vec<ToolCall>,
    },
    /// What a call returned.
    Tool(ToolReply),
}

/// A call that a model makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own id for it; unique within the conversation.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, unchecked. Text that was not JSON is kept as a JSON string.
    pub arguments: Value,
}

/// What a call returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolReply {
    /// The call that it answers.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// What goes over the wire.
    pub text: String,
    /// The same for models inside the program. Never goes over a wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ReplyData>,
}

/// A tool's result as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplyData {
    /// Where the full result is kept.
    pub evidence: EvidenceId,
    /// The full result.
    pub data: Value,
    /// Sentences that hold by it.
    pub facts: Vec<Fact>,
}

/// A tool as a model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON schema of its arguments.
    pub schema: Value,
}

/// A piece of a reply as it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta<'a> {
    /// Text.
    Text(&'a str),
}

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelReply {
    /// Its text; may be empty.
    pub text: String,
    /// Its calls; may be empty.
    pub calls: Vec<ToolCall>,
    /// Why it ended.
    #[serde(default)]
    pub finish: Finish,
    /// What it cost.
    pub usage: Usage,
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    #[default]
    Done,
    /// It reached the most tokens a reply may have: text and arguments may be cut.
    Length,
    /// The endpoint held it back.
    Filtered,
}

/// Tokens that were used, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Of the tokens read, those that the endpoint had read before.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Price in millionths of a US dollar; 0 where no price is known.
    #[serde(default)]
    pub cost_micro_usd: u64,
}

impl Usage {
    /// Returns tokens read and written together.
    pub const fn total(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

impl std::ops::AddAssign for Usage {
    /// Saturates: an endpoint may report what it likes.
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(other.cost_micro_usd);
    }
}
