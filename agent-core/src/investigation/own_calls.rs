//! Calls that the loop answers itself: they read what the run has already, and make no evidence.

use serde_json::{Value, json};

use super::Case;
use crate::{
    EvidenceId,
    fence::fenced,
    ports::{ToolCall, ToolSpec},
};

/// Shows a piece of evidence again.
pub const READ_EVIDENCE: &str = "read_evidence";
/// Describes tools that were only named.
pub const MORE_TOOLS: &str = "more_tools";

/// Characters of evidence that are shown at a time.
const PAGE_CHARS: usize = 4_000;

/// Tells whether the loop answers a call itself.
pub(super) fn is_own(call: &ToolCall) -> bool {
    matches!(call.name.as_str(), READ_EVIDENCE | MORE_TOOLS)
}

/// Describes [`READ_EVIDENCE`].
pub(super) fn read_evidence_spec() -> ToolSpec {
    ToolSpec {
        name: READ_EVIDENCE.to_owned(),
        description: "Shows evidence again, in full. Costs nothing but tokens.".to_owned(),
        schema: json!({
            "type": "object",
            "properties": {
                "id": { "type": "string", "description": "Such as `E3`." },
                "pointer": { "type": "string", "description": "JSON pointer into the full result, such as `/edges/0`." },
                "from": { "type": "integer", "minimum": 0, "description": "First character to show." },
            },
            "required": ["id"],
            "additionalProperties": false,
        }),
    }
}

/// Describes [`MORE_TOOLS`], naming the tools that are not described.
pub(super) fn more_tools_spec(undescribed: &[ToolSpec]) -> ToolSpec {
    let names: Vec<_> = undescribed.iter().map(|tool| tool.name.as_str()).collect();
    ToolSpec {
        name: MORE_TOOLS.to_owned(),
        description: format!("Describes further tools, to be called in the next step: {}.", names.join(", ")),
        schema: json!({
            "type": "object",
            "properties": { "names": { "type": "array", "items": { "type": "string" } } },
            "required": ["names"],
            "additionalProperties": false,
        }),
    }
}

/// Answers a call that [`is_own`].
pub(super) fn answer(case: &mut Case<'_>, call: &ToolCall) -> String {
    match call.name.as_str() {
        MORE_TOOLS => more_tools(case, &call.arguments),
        _ => read_evidence(case, &call.arguments),
    }
}

fn more_tools(case: &mut Case<'_>, arguments: &Value) -> String {
    let asked = arguments.get("names").and_then(Value::as_array);
    let asked: Vec<&str> = asked.into_iter().flatten().filter_map(Value::as_str).collect();
    let (known, unknown): (Vec<&str>, Vec<&str>) = asked.into_iter().partition(|name| case.has_tool(name));
    if known.is_empty() && unknown.is_empty() {
        return "name the tools: `{\"names\": [\"…\"]}`".to_owned();
    }
    let described = case.describe_from_now_on(known.iter().copied());
    let described = if described.is_empty() { "none".to_owned() } else { described.join(", ") };
    let unknown: String = unknown.join(", ").chars().take(PAGE_CHARS).collect();
    let refusal = if unknown.is_empty() {
        String::new()
    } else {
        format!("; there is no such tool:\n{}", fenced("names", &unknown))
    };
    format!("described from now on: {described}{refusal}")
}

fn read_evidence(case: &Case<'_>, arguments: &Value) -> String {
    let written = arguments.get("id").and_then(Value::as_str).unwrap_or_default();
    let Ok(id) = written.parse::<EvidenceId>() else {
        return "name the evidence: `{\"id\": \"E3\"}`".to_owned();
    };
    let Some(evidence) = case.evidence().get(&id) else {
        return format!("there is no evidence {id}; the last is {}", case.last_evidence());
    };
    let text = match arguments.get("pointer").and_then(Value::as_str) {
        None => evidence.text.clone(),
        Some(pointer) => match evidence.data.pointer(pointer) {
            Some(part) => part.to_string(),
            None => return format!("{id} has nothing at that pointer; without one its text is shown"),
        },
    };
    let from = arguments
        .get("from")
        .and_then(Value::as_u64)
        .and_then(|from| usize::try_from(from).ok())
        .unwrap_or(0);
    let n_chars = text.chars().count();
    let page: String = text.chars().skip(from).take(PAGE_CHARS).collect();
    let end = from.saturating_add(PAGE_CHARS);
    let more = if end < n_chars {
        format!("\n{} characters follow; go on from {end}", n_chars - end)
    } else {
        String::new()
    };
    format!("{}{more}", fenced(&id.to_string(), &page))
}
