//! Answers that were written down before: served to the agent as tools, or to anyone as an MCP server.
//!
//! A recording is JSON in one of two forms:
//!
//! ```json
//! {"tools": [{"name": "logs", "description": "…", "schema": {"type": "object"}}],
//!  "calls": [{"tool": "logs", "arguments": {"service": "cart"}, "text": "…", "data": {}, "facts": []}]}
//! ```
//!
//! where `tools`, `data` and `facts` may be left out, or a plain map from call to text:
//!
//! ```json
//! {"logs {\"service\": \"cart\"}": "…", "service_map": "…"}
//! ```
//!
//! Files: `read` reads both, `canonical` tells which arguments are equal, `tool` answers the agent, `serve` anyone else.

mod canonical;
mod read;
mod serve;
mod tool;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use waggle_agent_core::{
    Evidence, ToolError,
    evidence::Fact,
    ports::ToolSpec,
    toolbox::{AnyTool, Called},
};

pub use serve::{router, serve_over, serve_stdio};

use canonical::canonical;
use tool::RecordedTool;

use crate::clean::one_line;

/// Recorded calls of one tool that are named when another is made.
const MAX_NAMED: usize = 10;
/// Characters of the arguments of each.
const MAX_NAMED_CHARS: usize = 200;

/// Tools whose answers are known before they are called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    tools: BTreeMap<String, ToolSpec>,
    calls: Vec<RecordedCall>,
    /// Place in `calls` by tool and canonical arguments.
    places: HashMap<(String, String), usize>,
}

/// One call and what it returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedCall {
    /// The tool.
    pub tool: String,
    /// What it was called with.
    #[serde(default)]
    pub arguments: Value,
    /// What a model was shown.
    pub text: String,
    /// The full result, if it was kept.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Sentences that hold by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
}

impl Recorded {
    /// Records calls. Of equal calls the first stays; a tool that nobody described takes any arguments.
    pub fn new(tools: Vec<ToolSpec>, calls: impl IntoIterator<Item = RecordedCall>) -> Self {
        let mut recorded = Self::default();
        for call in calls {
            let key = (call.tool.clone(), canonical(&call.arguments));
            if let std::collections::hash_map::Entry::Vacant(vacant) = recorded.places.entry(key) {
                vacant.insert(recorded.calls.len());
                recorded.calls.push(call);
            }
        }
        recorded.tools = tools.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        let undescribed: Vec<_> = recorded.calls.iter().map(|call| call.tool.clone()).collect();
        for name in undescribed {
            if !recorded.tools.contains_key(&name) {
                let spec = recorded.described(&name);
                recorded.tools.insert(name, spec);
            }
        }
        recorded
    }

    /// Makes a recording of what an investigation saw, so that it can be run again.
    pub fn of_evidence(evidence: &[Evidence]) -> Self {
        let calls = evidence.iter().map(|evidence| RecordedCall {
            tool: evidence.tool.clone(),
            arguments: evidence.arguments.clone(),
            text: evidence.text.clone(),
            data: evidence.data.clone(),
            facts: evidence.facts.clone(),
        });
        Self::new(Vec::new(), calls)
    }

    /// Describes the tools as they are, also those that were not called then.
    #[must_use]
    pub fn described_by(mut self, specs: &[ToolSpec]) -> Self {
        self.tools.extend(specs.iter().map(|spec| (spec.name.clone(), spec.clone())));
        self
    }

    /// Returns the tools, by name.
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.values().cloned().collect()
    }

    /// Returns the calls, in the order of the recording.
    pub fn calls(&self) -> &[RecordedCall] {
        &self.calls
    }

    /// Returns the tools as tools of the agent, by name.
    pub fn tools(&self) -> Vec<Arc<dyn AnyTool>> {
        let shared = Arc::new(self.clone());
        let specs = self.tools.values().cloned();
        specs.map(|spec| Arc::new(RecordedTool::new(shared.clone(), spec)) as Arc<dyn AnyTool>).collect()
    }

    /// Answers a call as it was answered then.
    ///
    /// # Errors
    ///
    /// `Respond` when it was not made then, with the calls of that tool that were, the most alike first.
    pub fn answer(&self, tool: &str, arguments: &Value) -> Result<Called, ToolError> {
        let key = (tool.to_owned(), canonical(arguments));
        let Some(call) = self.places.get(&key).and_then(|place| self.calls.get(*place)) else {
            return Err(ToolError::Respond(self.miss(tool, arguments)));
        };
        let data = if call.data.is_null() { json!({ "text": call.text }) } else { call.data.clone() };
        let empty = call.text.trim().is_empty() && call.data.is_null();
        let text = if empty { format!("`{tool}` returned nothing") } else { call.text.clone() };
        Ok(Called { text, data, facts: call.facts.clone(), empty })
    }

    /// Writes the recording in its first form, which [`Recorded::parse`] reads.
    pub fn to_json(&self) -> Value {
        json!({ "tools": self.specs(), "calls": self.calls })
    }

    fn miss(&self, tool: &str, arguments: &Value) -> String {
        let mut made: Vec<&RecordedCall> = self.calls.iter().filter(|call| call.tool == tool).collect();
        if made.is_empty() {
            return format!("no recording of this call; no call of `{tool}` was recorded");
        }
        made.sort_by_key(|call| std::cmp::Reverse(likeness(&call.arguments, arguments)));
        let shown = made.iter().take(MAX_NAMED);
        let shown: Vec<_> = shown.map(|call| one_line(&written(&call.arguments), MAX_NAMED_CHARS)).collect();
        let n_more = made.len().saturating_sub(MAX_NAMED);
        let more = if n_more > 0 { format!("; and {n_more} more") } else { String::new() };
        format!("no recording of this call; recorded calls of this tool: {}{more}", shown.join("; "))
    }

    /// Describes a tool by the calls that were made of it.
    fn described(&self, name: &str) -> ToolSpec {
        let calls: Vec<_> = self.calls.iter().filter(|call| call.tool == name).collect();
        let mut properties = Map::new();
        for (field, value) in calls.iter().filter_map(|call| call.arguments.as_object()).flatten() {
            let seen = properties.entry(field.clone()).or_insert_with(|| json!({ "type": type_of(value) }));
            if seen.get("type").is_some_and(|seen| *seen != type_of(value)) {
                *seen = json!({});
            }
        }
        ToolSpec {
            name: name.to_owned(),
            description: format!("Recorded answers of `{name}`, {} in all.", calls.len()),
            schema: json!({ "type": "object", "properties": properties }),
        }
    }
}

/// Counts the arguments that two calls have in common.
fn likeness(a: &Value, b: &Value) -> usize {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return 0 };
    a.iter()
        .filter(|(field, value)| b.get(*field).is_some_and(|other| canonical(other) == canonical(value)))
        .count()
}

fn written(arguments: &Value) -> String {
    if arguments.is_null() { "{}".to_owned() } else { arguments.to_string() }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests;
