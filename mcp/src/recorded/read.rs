//! A recording from its JSON.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use waggle_agent_core::{Kind, Result, ports::ToolSpec};

use super::{Recorded, RecordedCall};
use crate::clean::one_line;

/// Bytes of a recording.
const MAX_BYTES: usize = 256 << 20;
/// Calls in it.
const MAX_CALLS: usize = 200_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(default)]
    tools: Vec<Described>,
    calls: Vec<RecordedCall>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    schema: Value,
}

impl Recorded {
    /// Reads a recording in either form.
    ///
    /// # Errors
    ///
    /// `Invalid` that names what cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_BYTES {
            return Err(wrong(format!("it has {} bytes, more than {MAX_BYTES}", text.len())));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| wrong(format!("no JSON: {error}")))?;
        let Value::Object(fields) = value else { return Err(wrong("it is no JSON object")) };
        let recorded = match fields.get("calls") {
            Some(Value::Array(_)) => listed(fields)?,
            _ => mapped(fields)?,
        };
        match recorded.tools.keys().find(|name| !is_name(name)) {
            Some(name) => Err(wrong(format!(
                "`{}` is no name of a tool; 1 to 64 letters, digits, `-` and `_`",
                one_line(name, 80)
            ))),
            None => Ok(recorded),
        }
    }
}

fn listed(fields: Map<String, Value>) -> Result<Recorded> {
    let Listed { tools, calls } = serde_json::from_value(Value::Object(fields))
        .map_err(|error| wrong(one_line(&error.to_string(), 300)))?;
    enough(calls.len())?;
    let tools = tools.into_iter().map(|Described { name, description, schema }| {
        let schema = if schema.is_object() { schema } else { json!({ "type": "object" }) };
        ToolSpec { name, description, schema }
    });
    Ok(Recorded::new(tools.collect(), calls))
}

fn mapped(fields: Map<String, Value>) -> Result<Recorded> {
    enough(fields.len())?;
    let calls: Result<Vec<_>> = fields.into_iter().map(|(call, text)| mapped_call(&call, text)).collect();
    Ok(Recorded::new(Vec::new(), calls?))
}

/// Reads `tool {json arguments}` and its text.
fn mapped_call(call: &str, text: Value) -> Result<RecordedCall> {
    let shown = one_line(call, 120);
    let Value::String(text) = text else {
        return Err(wrong(format!("the answer of `{shown}` is no text")));
    };
    let call = call.trim();
    let (tool, arguments) = match call.find(|c: char| c.is_whitespace() || c == '{') {
        Some(at) => call.split_at(at),
        None => (call, ""),
    };
    let arguments = match arguments.trim() {
        "" => json!({}),
        written => serde_json::from_str(written)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| wrong(format!("the arguments of `{shown}` are no JSON object")))?,
    };
    Ok(RecordedCall { tool: tool.to_owned(), arguments, text, data: Value::Null, facts: Vec::new() })
}

fn enough(n_calls: usize) -> Result<()> {
    if n_calls <= MAX_CALLS {
        Ok(())
    } else {
        Err(wrong(format!("it has {n_calls} calls, more than {MAX_CALLS}")))
    }
}

fn is_name(name: &str) -> bool {
    let is_kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(is_kept)
}

fn wrong(fault: impl std::fmt::Display) -> waggle_agent_core::Error {
    Kind::Invalid.error(format!("the recording cannot be read: {fault}")).with_hint(
        "write `{\"calls\": [{\"tool\": …, \"arguments\": …, \"text\": …}]}` or `{\"tool {arguments}\": text}`",
    )
}
