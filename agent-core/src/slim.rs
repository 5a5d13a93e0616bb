//! Schemas as models are shown them: without what tells them nothing and costs tokens in every step.

use serde_json::{Map, Value, json};

/// Takes out of a schema defaults, number formats, and that `null` will do as well, and writes a choice of words as a list.
/// Calls are held to the whole schema.
pub(crate) fn slim(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => object(fields),
        Value::Array(values) => Value::Array(values.into_iter().map(slim).collect()),
        other => other,
    }
}

fn object(fields: Map<String, Value>) -> Value {
    let mut kept = Map::new();
    for (key, value) in fields {
        match (key.as_str(), value) {
            // An argument may be called so too: then it is described by an object.
            ("default" | "format", value) if !value.is_object() => {}
            ("type", Value::Array(types)) => {
                kept.insert(key, type_without_null(types));
            }
            ("anyOf" | "oneOf", Value::Array(choices)) => choice(&mut kept, key, choices),
            (_, value) => {
                kept.insert(key, slim(value));
            }
        }
    }
    Value::Object(kept)
}

/// Adds a choice: one that is left stands for itself, words become a list.
fn choice(kept: &mut Map<String, Value>, key: String, choices: Vec<Value>) {
    let is_null = |choice: &Value| choice.get("type").is_some_and(|name| name == "null");
    let choices: Vec<Value> = choices.into_iter().filter(|choice| !is_null(choice)).map(slim).collect();
    let words: Option<Vec<&Value>> = choices.iter().map(|choice| choice.get("const")).collect();
    match (choices.as_slice(), words) {
        (_, Some(words)) if !words.is_empty() => {
            kept.insert("enum".to_owned(), json!(words));
        }
        ([Value::Object(only)], _) => {
            for (key, value) in only {
                kept.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        _ => {
            kept.insert(key, Value::Array(choices));
        }
    }
}

fn type_without_null(types: Vec<Value>) -> Value {
    let mut types: Vec<Value> = types.into_iter().filter(|name| name != "null").collect();
    if types.len() == 1 { types.remove(0) } else { Value::Array(types) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_goes_and_what_is_asked_stays() {
        let word = |word: &str| json!({ "const": word, "type": "string", "description": "…" });
        for (whole, want) in [
            (
                json!({ "type": ["integer", "null"], "format": "uint32", "default": null }),
                json!({ "type": "integer" }),
            ),
            (
                json!({ "oneOf": [word("up"), word("down")], "description": "Where." }),
                json!({ "enum": ["up", "down"], "description": "Where." }),
            ),
            (
                json!({ "anyOf": [{ "oneOf": [word("up")] }, { "type": "null" }], "default": null }),
                json!({ "enum": ["up"] }),
            ),
            (
                json!({ "anyOf": [{ "type": "string" }, { "type": "number" }] }),
                json!({ "anyOf": [{ "type": "string" }, { "type": "number" }] }),
            ),
            (json!({ "required": ["number"] }), json!({ "required": ["number"] })),
            (
                json!({ "properties": { "format": { "type": "string" }, "default": { "type": "null" } } }),
                json!({ "properties": { "format": { "type": "string" }, "default": { "type": "null" } } }),
            ),
        ] {
            assert_eq!(slim(whole), want);
        }
    }
}
