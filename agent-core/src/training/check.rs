//! The rules of the format, as <https://platform.openai.com/docs/guides/supervised-fine-tuning> has them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Example, Turn};
use crate::{Kind, Result};

/// Functions that one line may describe.
const MAX_TOOLS: usize = 128;
/// Letters of a function's name.
const MAX_NAME: usize = 64;

/// Reads a line and checks that it may be learned from.
///
/// # Errors
///
/// `Invalid` with the first rule that it breaks.
pub fn check(line: &str) -> Result<Example> {
    let example: Example = serde_json::from_str(line)
        .map_err(|error| Kind::Invalid.because("read an example of the chat format", error))?;
    check_tools(&example)?;
    check_turns(&example)?;
    Ok(example)
}

fn check_tools(example: &Example) -> Result<()> {
    let broken = |fault: String| Err(Kind::Invalid.error(fault));
    if example.tools.len() > MAX_TOOLS {
        return broken(format!("{} tools; {MAX_TOOLS} may be described", example.tools.len()));
    }
    for tool in &example.tools {
        let function = &tool["function"];
        let name = function["name"].as_str().unwrap_or_default();
        if tool["type"] != "function" || !is_name(name) {
            return broken(format!("`{name}` is no name of a function"));
        }
        if function["parameters"]["type"] != "object" {
            return broken(format!("the parameters of `{name}` are no object"));
        }
    }
    Ok(())
}

fn check_turns(example: &Example) -> Result<()> {
    let broken = |fault: String| Err(Kind::Invalid.error(fault));
    let described: BTreeSet<&str> =
        example.tools.iter().filter_map(|tool| tool["function"]["name"].as_str()).collect();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut is_learned = false;
    for (n, message) in example.messages.iter().enumerate() {
        if !open.is_empty() && !matches!(message, Turn::Tool { .. }) {
            return broken(format!("message {n} comes before all calls are answered"));
        }
        match message {
            Turn::System { .. } if n > 0 => return broken(format!("message {n} is of the system")),
            Turn::System { .. } | Turn::User { .. } => {}
            Turn::Assistant { content, tool_calls, weight } => {
                if content.is_none() && tool_calls.is_empty() {
                    return broken(format!("message {n} says and calls nothing"));
                }
                if weight.is_some_and(|weight| weight > 1) {
                    return broken(format!("the weight of message {n} is neither 0 nor 1"));
                }
                is_learned |= weight.unwrap_or(1) == 1;
                for call in tool_calls {
                    let (name, arguments) = (&call.function.name, &call.function.arguments);
                    if call.kind != "function" || !described.contains(name.as_str()) {
                        return broken(format!("message {n} calls `{name}`, which is not described"));
                    }
                    if serde_json::from_str::<Value>(arguments).is_err() {
                        return broken(format!("the arguments of a call in message {n} are no JSON"));
                    }
                    if !known.insert(&call.id) {
                        return broken(format!("two calls are named `{}`", call.id));
                    }
                    open.insert(&call.id);
                }
            }
            Turn::Tool { tool_call_id, .. } => {
                if !open.remove(tool_call_id.as_str()) {
                    return broken(format!("message {n} answers `{tool_call_id}`, which is not open"));
                }
            }
        }
    }
    match example.messages.last() {
        Some(Turn::Assistant { .. }) if is_learned => Ok(()),
        Some(Turn::Assistant { .. }) => broken("nothing is to be learned: every weight is 0".to_owned()),
        _ => broken("the last message is not the assistant's".to_owned()),
    }
}

fn is_name(name: &str) -> bool {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"_-".contains(&letter);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_letter)
}
