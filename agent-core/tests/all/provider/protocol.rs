//! What a request of chat completions must keep, said as the provider's refusals say it.

use std::collections::HashSet;

use serde_json::Value;

/// Checks a request: its fields, its tools, and that every call is answered exactly once before anything else is said.
pub fn check(body: &Value) -> Result<(), String> {
    let field = |name: &str| body.get(name).unwrap_or(&Value::Null);
    require(field("model").is_string(), "model: a string is required")?;
    let bounds = ["max_tokens", "max_completion_tokens"].map(|name| field(name).as_u64());
    let bound = bounds[0].xor(bounds[1]);
    require(bound.is_some_and(|tokens| tokens > 0), "one bound of the reply is required")?;
    require(field("stream").is_boolean(), "stream: a boolean is required")?;
    let has_options = !field("stream_options").is_null();
    require(!has_options || field("stream") == true, "stream_options: only allowed when stream is true")?;
    require(field("temperature").is_null(), "temperature: not supported by this model")?;
    tools(body)?;
    let messages = field("messages").as_array().ok_or("messages: an array is required")?;
    require(!messages.is_empty(), "messages: too short")?;
    conversation(messages)
}

fn tools(body: &Value) -> Result<(), String> {
    let tools = match body.get("tools") {
        None => &[][..],
        Some(tools) => {
            tools.as_array().filter(|tools| !tools.is_empty()).ok_or("tools: an array is required")?
        }
    };
    let mut names = HashSet::new();
    for tool in tools {
        require(tool["type"] == "function", "tools: `type` must be `function`")?;
        let function = &tool["function"];
        is_name(&function["name"])?;
        require(names.insert(function["name"].to_string()), "tools: a name comes twice")?;
        require(function["description"].is_string(), "tools: a description is required")?;
        require(function["parameters"]["type"] == "object", "tools: the schema must be of an object")?;
    }
    let only_with_tools = ["tool_choice", "parallel_tool_calls"];
    let alone = only_with_tools.iter().any(|name| body.get(*name).is_some() && tools.is_empty());
    require(!alone, "tool_choice: only allowed when tools are given")?;
    require(tools.is_empty() || body.get("response_format").is_none(), "response_format: not with tools")
}

fn conversation(messages: &[Value]) -> Result<(), String> {
    let (mut open, mut seen) = (HashSet::new(), HashSet::new());
    for (index, message) in messages.iter().enumerate() {
        let broken = |rule: &str| format!("messages[{index}]: {rule}");
        let role = message["role"].as_str().ok_or_else(|| broken("a role is required"))?;
        let calls = message.get("tool_calls").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let content = &message["content"];
        require(content.is_string() || (content.is_null() && !calls.is_empty()), &broken("no content"))?;
        require(calls.is_empty() || role == "assistant", &broken("only an assistant makes calls"))?;
        require(message.get("reasoning_content").is_none(), &broken("reasoning goes one way"))?;
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            require(open.remove(id), &broken("a `tool` message must answer an open call"))?;
            continue;
        }
        require(open.is_empty(), &broken("a call was not answered"))?;
        require((role == "system") == (index == 0), &broken("the system message is the first"))?;
        require(["system", "user", "assistant"].contains(&role), &broken("unknown role"))?;
        for call in calls {
            require(call["type"] == "function", &broken("`type` must be `function`"))?;
            is_name(&call["function"]["name"])?;
            require(call["function"]["arguments"].is_string(), &broken("arguments must be a string"))?;
            let id = call["id"].as_str().filter(|id| !id.is_empty()).ok_or_else(|| broken("no id"))?;
            require(seen.insert(id), &broken("an id comes twice"))?;
            open.insert(id);
        }
    }
    require(open.is_empty(), "messages: a call was not answered")
}

fn is_name(name: &Value) -> Result<(), String> {
    let name = name.as_str().unwrap_or_default();
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || b"_-".contains(&letter);
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(is_letter);
    require(is_name, &format!("`{name}` does not match '^[a-zA-Z0-9_-]{{1,64}}$'"))
}

fn require(holds: bool, rule: &str) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| rule.to_owned())
}

#[test]
fn requests_that_break_a_rule_are_refused() {
    use serde_json::json;

    let good = json!({
        "model": "bee-1", "max_tokens": 1, "stream": true,
        "messages": [
            { "role": "system", "content": "x" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "a", "type": "function", "function": { "name": "b", "arguments": "{}" } },
            ] },
            { "role": "tool", "tool_call_id": "a", "content": "" },
        ],
        "tools": [{ "type": "function", "function": { "name": "b", "description": "", "parameters": { "type": "object" } } }],
    });
    assert_eq!(check(&good), Ok(()));
    for (at, value) in [
        ("/max_tokens", json!(0)),
        ("/stream", json!(null)),
        ("/messages/0/role", json!("user")),
        ("/messages/1/content", json!(7)),
        ("/messages/1/tool_calls/0/function/arguments", json!({})),
        ("/messages/1/tool_calls/0/function/name", json!("run shell!")),
        ("/messages/1/tool_calls/0/id", json!("")),
        ("/messages/1/tool_calls", json!([])),
        ("/messages/2/tool_call_id", json!("b")),
        ("/messages/2/role", json!("user")),
        ("/tools/0/function/parameters", json!({})),
        ("/tools", json!([])),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(at).unwrap() = value;
        assert!(check(&broken).is_err(), "{at}");
    }
}
