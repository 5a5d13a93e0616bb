//! The shape of a schema on one line.

use serde_json::Value;

use super::super::draft::one_line;

/// How deep objects within objects are told.
const MAX_DEPTH: usize = 3;

/// Properties, alternatives or values told of one object.
const MAX_TOLD: usize = 20;

/// Tells a schema on one line: `Pet`, `array of Pet`, `{id: integer, name: string}`, `string (date-time)`, `one of "up", "down"`. References are named.
pub fn shape(schema: &Value) -> String {
    told(schema, 0)
}

/// Returns what a description says, on one line; empty where there is none.
pub fn described(value: &Value) -> String {
    value.get("description").and_then(Value::as_str).map(one_line).unwrap_or_default()
}

/// Returns the name that a reference ends in.
pub fn referred(value: &Value) -> Option<String> {
    let target = value.get("$ref")?.as_str()?;
    let name = target.rsplit('/').next().unwrap_or(target);
    Some(name.replace("~1", "/").replace("~0", "~"))
}

fn told(schema: &Value, depth: usize) -> String {
    if let Some(name) = referred(schema) {
        return name;
    }
    if depth >= MAX_DEPTH {
        return "…".to_owned();
    }
    for (key, word) in [("allOf", " and "), ("oneOf", " or "), ("anyOf", " or ")] {
        if let Some(all) = schema.get(key).and_then(Value::as_array) {
            let parts = all.iter().take(MAX_TOLD).map(|part| told(part, depth + 1));
            return cut(parts.collect::<Vec<_>>().join(word), all.len());
        }
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let shown: Vec<_> = values.iter().take(MAX_TOLD).map(short).collect();
        return cut(format!("one of {}", shown.join(", ")), values.len());
    }
    if let Some(items) = schema.get("items") {
        return format!("array of {}", told(items, depth + 1));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let shown: Vec<_> = properties
            .iter()
            .take(MAX_TOLD)
            .map(|(name, schema)| format!("{name}: {}", told(schema, depth + 1)))
            .collect();
        return format!("{{{}}}", cut(shown.join(", "), properties.len()));
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    };
    match schema.get("format").and_then(Value::as_str) {
        Some(format) => format!("{kind} ({format})"),
        None => kind,
    }
}

/// A value as JSON, which can be a tree in itself.
fn short(value: &Value) -> String {
    match value {
        Value::Array(_) => "[…]".to_owned(),
        Value::Object(_) => "{…}".to_owned(),
        value => value.to_string(),
    }
}

fn cut(text: String, n_all: usize) -> String {
    if n_all > MAX_TOLD { format!("{text}, and {} more", n_all - MAX_TOLD) } else { text }
}
