//! A rated investigation as an example to learn from: one line of JSON in the chat format that fine-tuning takes.
//!
//! Nothing is left in it that the redactor takes out. What the loop refused, and what the program asked before any model did, carries
//! the weight zero: it is context, and nobody should learn to say it.
//!
//! # Layout
//!
//! - [`Example`]: the line. [`check`](mod@check): the rules of the format, for lines from anywhere.

pub mod check;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    fence::fenced,
    investigation::{ACCEPTED, SUBMIT_ANSWER, SUBMIT_FINDING, TRIAGE_CALL},
    ports::{InvestigationRecord, Message, ToolCall, ToolReply, ToolSpec},
    redact::Redactor,
};

pub use check::check;

/// One conversation with the tools that were at hand.
///
/// As in <https://platform.openai.com/docs/guides/supervised-fine-tuning>: `messages` end with the assistant's, `arguments` are JSON in a
/// string, `weight` is 0 or 1 and stands at assistant messages only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The conversation.
    pub messages: Vec<Turn>,
    /// The tools that are called in it, by name.
    pub tools: Vec<Value>,
    /// Whether several calls may stand in one message.
    pub parallel_tool_calls: bool,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase", deny_unknown_fields)]
pub enum Turn {
    /// Standing instructions.
    System {
        /// The text.
        content: String,
    },
    /// What was asked.
    User {
        /// The text.
        content: String,
    },
    /// What the model said.
    Assistant {
        /// Its text; may be missing where there are calls.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        content: Option<String>,
        /// Its calls.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        tool_calls: Vec<Call>,
        /// 0 for what should not be learned.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        weight: Option<u8>,
    },
    /// What a call returned.
    Tool {
        /// The call.
        tool_call_id: String,
        /// The text.
        content: String,
    },
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Unique within the conversation.
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is called.
    pub function: Function,
}

/// A function with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// JSON, written out.
    pub arguments: String,
}

impl Example {
    /// Makes an example of an investigation; `None` where no model said anything in it. `specs` describe the tools; those that are not
    /// called are left out, and one that nobody describes takes any arguments.
    pub fn of(record: &InvestigationRecord, specs: &[ToolSpec]) -> Option<Self> {
        let redactor = Redactor::default();
        let refused = refused(&record.transcript);
        let mut messages = Vec::new();
        let mut names = BTreeSet::new();
        for message in &record.transcript {
            if let Message::Assistant { calls, .. } = message {
                names.extend(calls.iter().map(|call| call.name.clone()));
            }
            messages.push(turn(message, &refused, &redactor));
        }
        // What the last call returned is nothing that a model answers any more.
        while messages.pop_if(|message| !matches!(message, Turn::Assistant { .. })).is_some() {}
        let is_learned = |turn: &Turn| matches!(turn, Turn::Assistant { weight: Some(1), .. });
        if !messages.iter().any(is_learned) {
            return None;
        }
        let spec = |name: &String| specs.iter().find(|spec| spec.name == *name);
        let tools = names.iter().map(|name| tool(name, spec(name), &redactor)).collect();
        Some(Self { messages, tools, parallel_tool_calls: true })
    }
}

fn turn(message: &Message, refused: &BTreeSet<&str>, redactor: &Redactor) -> Turn {
    match message {
        Message::System { text } => Turn::System { content: redactor.redact(text) },
        Message::User { text } => Turn::User { content: redactor.redact(text) },
        Message::Assistant { text, calls } => {
            let is_own = |call: &ToolCall| call.id.starts_with(TRIAGE_CALL);
            let is_learned = calls.iter().all(|call| !is_own(call) && !refused.contains(call.id.as_str()));
            let weight = u8::from(is_learned);
            let content = Some(redactor.redact(text)).filter(|text| !text.is_empty() || calls.is_empty());
            let tool_calls = calls.iter().map(|written| call(written, redactor)).collect();
            Turn::Assistant { content, tool_calls, weight: Some(weight) }
        }
        Message::Tool(ToolReply { call_id, text, .. }) => {
            Turn::Tool { tool_call_id: call_id.clone(), content: redactor.redact(text) }
        }
    }
}

fn call(call: &ToolCall, redactor: &Redactor) -> Call {
    let arguments = match &call.arguments {
        // What was no JSON stays what it was.
        Value::String(text) => redactor.redact(text),
        arguments => redactor.redact_json(arguments).to_string(),
    };
    let function = Function { name: call.name.clone(), arguments };
    Call { id: call.id.clone(), kind: "function".to_owned(), function }
}

fn tool(name: &str, spec: Option<&ToolSpec>, redactor: &Redactor) -> Value {
    let any = json!({ "type": "object", "properties": {} });
    let (description, schema) = match spec {
        Some(spec) => (redactor.redact(&spec.description), redactor.redact_json(&spec.schema)),
        None => (String::new(), any),
    };
    json!({ "type": "function", "function": { "name": name, "description": description, "parameters": schema } })
}

/// Returns the calls that were refused, or handed in what was not accepted.
fn refused(transcript: &[Message]) -> BTreeSet<&str> {
    let replies = transcript.iter().filter_map(|message| match message {
        Message::Tool(reply) => Some(reply),
        _ => None,
    });
    let fence = fenced("refusal", "");
    let fence_of_refusals = fence.lines().next().unwrap_or_default();
    let is_refused = |reply: &&ToolReply| match reply.name.as_str() {
        SUBMIT_FINDING | SUBMIT_ANSWER => reply.text != ACCEPTED,
        _ => reply.data.is_none() && reply.text.starts_with(fence_of_refusals),
    };
    replies.filter(is_refused).map(|reply| reply.call_id.as_str()).collect()
}

#[cfg(test)]
mod tests;
