//! Calls held to a schema, every fault named with its path, in the words of Waggle's own tools.

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};
use waggle_agent_core::ToolError;

/// More faults than this in one call are not mended one by one.
const MAX_FAULTS: usize = 10;
/// Characters of one fault.
const MAX_FAULT_CHARS: usize = 300;

/// Compiles a schema.
///
/// Patterns are matched in linear time, and nothing is fetched: the schema may come from outside.
///
/// # Errors
///
/// One line that says why it is none.
pub(crate) fn compiled(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
        .build(schema)
        .map_err(|error| error.to_string().chars().take(MAX_FAULT_CHARS).collect())
}

/// Returns the arguments as an object: models write nothing, `null` or `""` when a tool needs none.
pub(crate) fn object_of(arguments: Value) -> Value {
    match arguments {
        Value::Null => Value::Object(Map::new()),
        Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
        arguments => arguments,
    }
}

/// Checks the arguments of a call.
///
/// # Errors
///
/// `Respond` with every fault and its path.
pub(crate) fn check(tool: &str, validator: &Validator, arguments: &Value) -> Result<(), ToolError> {
    let faults: Vec<String> = validator
        .iter_errors(arguments)
        .take(MAX_FAULTS)
        .map(|error| {
            // The message quotes the value, which may be as long as a model likes.
            let message: String = error.to_string().chars().take(MAX_FAULT_CHARS).collect();
            match error.instance_path().as_str() {
                "" => message,
                path => format!("at `{path}`: {message}"),
            }
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(ToolError::Respond(format!("the arguments of `{tool}` break its schema: {}", faults.join("; "))))
}

/// Returns the schema of a type's arguments as a tool's input, with its doc comment as the description.
pub(crate) fn schema_of<T: schemars::JsonSchema>() -> (String, Value) {
    let mut schema = schemars::schema_for!(T).to_value();
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(object) = schema.as_object_mut() {
        for key in ["$schema", "title", "description"] {
            object.remove(key);
        }
        object.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    (description, schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_fault_is_named_with_its_path() {
        let schema =
            json!({"type": "object", "required": ["service"], "properties": {"service": {"type": "string"}}});
        let validator = compiled(&schema).unwrap();
        for (arguments, want) in [
            (json!({"service": "cart"}), None),
            (json!({}), Some("the arguments of `t` break its schema: \"service\" is a required property")),
            (
                json!({"service": 7}),
                Some("the arguments of `t` break its schema: at `/service`: 7 is not of type \"string\""),
            ),
        ] {
            let got = check("t", &validator, &arguments);
            let got = got.err().map(|error| match error {
                ToolError::Respond(text) => text,
                ToolError::Fatal(error) => panic!("{error}"),
            });
            assert_eq!(got.as_deref(), want, "{arguments}");
        }
    }

    #[test]
    fn a_schema_that_fetches_or_does_not_compile_is_refused() {
        for schema in [
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"type": "no such type"}),
            json!({"properties": {"a": {"pattern": "("}}}),
        ] {
            assert!(compiled(&schema).is_err(), "{schema}");
        }
    }
}
