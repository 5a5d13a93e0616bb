//! A request as the wire has it, with what the endpoint does differently.

use serde_json::{Map, Value, json};

use crate::{
    models::{
        quirks::{EmptyContent, MaxTokensField, OutputMode, Quirks, ThinkingOff, ThinkingSwitch},
        wire::{name_on_wire, schema_in_words},
    },
    ports::{Message, ModelRequest, ToolSpec},
};

/// Writes a request. Temperature is never sent: reasoning models refuse it, and the others have a default.
pub(super) fn body(model: &str, request: &ModelRequest, quirks: &Quirks) -> Value {
    let mut body = Map::new();
    let mut set = |field: &str, value: Value| body.insert(field.to_owned(), value);
    set("model", json!(model));
    set("messages", Value::Array(messages(request, quirks)));
    let max_tokens = match quirks.max_tokens {
        MaxTokensField::MaxTokens => "max_tokens",
        MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
    };
    set(max_tokens, json!(request.max_tokens));
    set("stream", json!(quirks.stream));
    if quirks.stream && quirks.stream_usage {
        set("stream_options", json!({ "include_usage": true }));
    }
    if !request.tools.is_empty() {
        set("tools", request.tools.iter().map(tool).collect());
        if quirks.tool_choice {
            set("tool_choice", json!("auto"));
        }
        if quirks.parallel_tool_calls {
            set("parallel_tool_calls", json!(true));
        }
    }
    if let Some(format) = request.output.as_ref().and_then(|schema| response_format(schema, quirks.output)) {
        set("response_format", format);
    }
    let is_off = match quirks.thinking_off {
        ThinkingOff::Never => false,
        ThinkingOff::WithoutStream => !quirks.stream || request.output.is_some(),
        ThinkingOff::Always => true,
    };
    match quirks.thinking {
        ThinkingSwitch::EnableThinking if is_off => {
            set("enable_thinking", json!(false));
        }
        ThinkingSwitch::ThinkingType if is_off => {
            set("thinking", json!({ "type": "disabled" }));
        }
        ThinkingSwitch::ChatTemplate if is_off => {
            set("chat_template_kwargs", json!({ "enable_thinking": false }));
        }
        _ => {}
    }
    Value::Object(body)
}

fn tool(tool: &ToolSpec) -> Value {
    let function = json!({
        "name": name_on_wire(&tool.name), "description": tool.description, "parameters": tool.schema,
    });
    json!({ "type": "function", "function": function })
}

/// Writes the conversation. A schema that the endpoint is not held to goes in words behind it.
fn messages(request: &ModelRequest, quirks: &Quirks) -> Vec<Value> {
    let mut messages: Vec<Value> =
        request.messages.iter().map(|written| message(written, quirks.empty_content)).collect();
    if let Some(schema) = request.output.as_ref().filter(|_| quirks.output != OutputMode::Schema) {
        let words = schema_in_words(schema);
        match (request.messages.last(), messages.last_mut()) {
            // Two messages of a user in a row are refused by some.
            (Some(Message::User { text }), Some(last)) => {
                last["content"] = json!(format!("{text}\n\n{words}"))
            }
            _ => messages.push(json!({ "role": "user", "content": words })),
        }
    }
    messages
}

fn message(message: &Message, empty: EmptyContent) -> Value {
    match message {
        Message::System { text } => json!({ "role": "system", "content": text }),
        Message::User { text } => json!({ "role": "user", "content": text }),
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({ "role": "assistant", "content": text })
        }
        Message::Assistant { text, calls } => {
            let calls: Vec<Value> = calls
                .iter()
                .map(|call| {
                    let arguments = match &call.arguments {
                        Value::String(text) => text.clone(),
                        arguments => arguments.to_string(),
                    };
                    let function = json!({ "name": name_on_wire(&call.name), "arguments": arguments });
                    json!({ "id": call.id, "type": "function", "function": function })
                })
                .collect();
            let content = match empty {
                EmptyContent::Null if text.is_empty() => Value::Null,
                _ => json!(text),
            };
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
        Message::Tool(reply) => {
            json!({ "role": "tool", "tool_call_id": reply.call_id, "content": reply.text })
        }
    }
}

fn response_format(schema: &Value, mode: OutputMode) -> Option<Value> {
    match mode {
        OutputMode::Schema => {
            let json_schema = json!({ "name": "reply", "schema": schema, "strict": is_strict(schema) });
            Some(json!({ "type": "json_schema", "json_schema": json_schema }))
        }
        OutputMode::Object => Some(json!({ "type": "json_object" })),
        OutputMode::Words => None,
    }
}

/// Tells whether a schema is one that `strict` allows: every object lists all its fields as required and has no others.
/// <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>
fn is_strict(schema: &Value) -> bool {
    let Some(fields) = schema.as_object() else {
        return schema.as_array().is_none_or(|parts| parts.iter().all(is_strict));
    };
    let is_closed = || fields.get("additionalProperties") == Some(&Value::Bool(false));
    let is_required = |name: &String| {
        let required = fields.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|field| field == name))
    };
    let properties = fields.get("properties").and_then(Value::as_object);
    let is_object = properties.is_some() || fields.get("type").is_some_and(|kind| kind == "object");
    let is_kept = !is_object || (is_closed() && properties.is_some_and(|all| all.keys().all(is_required)));
    is_kept && fields.iter().all(|(key, value)| matches!(key.as_str(), "const" | "enum") || is_strict(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_strict_when_its_objects_are_closed_and_whole() {
        let closed = json!({
            "type": "object", "additionalProperties": false, "required": ["a"],
            "properties": { "a": { "type": "array", "items": { "type": "string" } } },
        });
        let mut optional = closed.clone();
        optional["required"] = json!([]);
        let mut nested = closed.clone();
        nested["properties"]["a"]["items"] = json!({ "type": "object", "properties": {} });
        for (schema, want) in [
            (json!({ "type": "string" }), true),
            (json!({ "type": "object" }), false),
            (closed, true),
            (optional, false),
            (nested, false),
        ] {
            assert_eq!(is_strict(&schema), want, "{schema}");
        }
    }
}
