//! Which arguments are equal, however a model wrote them.

use serde_json::{Map, Number, Value};

/// Integers up to here are exact as floating point: 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns the same text for equal arguments: the order of fields, `5` or `5.0`, a field that is `null` or left out, and no
/// arguments as `null`, `""` or `{}` make no difference.
pub(crate) fn canonical(arguments: &Value) -> String {
    let is_nothing = match arguments {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    };
    if is_nothing { "{}".to_owned() } else { normal(arguments).to_string() }
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            // This map keeps its fields sorted, as long as nobody turns on `preserve_order`.
            let mut sorted: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            Value::Object(
                sorted.into_iter().map(|(name, value)| (name.clone(), normal(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
        Value::Number(number) => Value::Number(normal_number(number)),
        other => other.clone(),
    }
}

fn normal_number(number: &Number) -> Number {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < MAX_EXACT => {
            // Exact, since it is a whole number below 2^53.
            Number::from(float as i64)
        }
        _ => number.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_arguments_have_one_text() {
        let text = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (a, b, is_same) in [
            (text(r#"{"a": 1, "b": [2]}"#), text(r#"{"b": [2.0], "a": 1.0}"#), true),
            (json!({"a": null}), json!({}), true),
            (json!(null), json!("  "), true),
            (json!(null), json!({}), true),
            (json!({"a": -0.0}), json!({"a": 0}), true),
            (json!({"a": 1}), json!({"a": "1"}), false),
            (json!({"a": 1.5}), json!({"a": 1}), false),
            (json!({"a": [1, 2]}), json!({"a": [2, 1]}), false),
            (json!({"a": [null]}), json!({"a": []}), false),
        ] {
            assert_eq!(canonical(&a) == canonical(&b), is_same, "{a} and {b}");
        }
    }
}
