//! The JSON object in a text: models put it into fences, explain it, or think aloud before it.

use serde_json::Value;

use super::quoted;
use crate::{Kind, Result, ports::Finish};

/// What encloses reasoning where a server leaves it in the text.
pub(crate) const THINKING: (&str, &str) = ("<think>", "</think>");

/// Asks for a JSON object in words, where nothing else holds a model to it.
pub(crate) fn schema_in_words(schema: &Value) -> String {
    format!("Answer with one JSON object and nothing else. It keeps this JSON schema:\n{schema}")
}

/// Brings a reply to the JSON in it. A text that was cut or held back stays as it is: its end is told by `finish`.
///
/// # Errors
///
/// `Invalid` when there is no object in a text that is whole; `shown` says who wrote it, and `key` is not quoted.
pub(crate) fn json_of_reply(text: String, finish: Finish, shown: &str, key: &str) -> Result<String> {
    match json_text(&text) {
        Some(json) => Ok(json.to_owned()),
        None if finish == Finish::Done => Err(Kind::Invalid
            .error(format!(
                "the model at `{shown}` was asked for a JSON object and answered: {}",
                quoted(text.as_bytes(), key)
            ))
            .with_hint("a larger model may keep to the form")),
        None => Ok(text),
    }
}

/// Returns the first JSON object in a text that can be read; `None` when there is none.
fn json_text(text: &str) -> Option<&str> {
    let text = without_thinking(text);
    let mut starts = text.match_indices('{').map(|(start, _)| start);
    // A text without an end is searched from a few places only: each search reads to the end.
    const MAX_STARTS: usize = 64;
    starts.by_ref().take(MAX_STARTS).find_map(|start| {
        let rest = text.get(start..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match values.next()? {
            Ok(Value::Object(_)) => rest.get(..values.byte_offset()),
            _ => None,
        }
    })
}

/// Returns the text behind its reasoning: what follows the last end of it, or the text itself. A template may have put the
/// opening mark into the prompt, so that only the closing one is in the reply.
fn without_thinking(text: &str) -> &str {
    let behind = text.rsplit_once(THINKING.1).map(|(_, behind)| behind);
    let open = text.trim_start().starts_with(THINKING.0);
    match behind {
        Some(behind) if open || !text.contains(THINKING.0) => behind.trim_start(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_object_is_found_whatever_stands_around_it() {
        for (text, want) in [
            (r#"{"a": 1}"#, Some(r#"{"a": 1}"#)),
            ("Here it is:\n```json\n{\"a\": {\"b\": \"}\"}}\n```\nDone.", Some("{\"a\": {\"b\": \"}\"}}")),
            ("<think>maybe {\"a\": 0}</think>\n{\"a\": 1}", Some("{\"a\": 1}")),
            ("maybe {\"a\": 0}</think>{\"a\": 1}", Some("{\"a\": 1}")),
            ("the set {x, y} is {\"a\": 1} and {\"a\": 2}", Some("{\"a\": 1}")),
            ("{\"a\": 1", None),
            ("[1, 2]", None),
            ("", None),
            ("结果：{\"原因\": \"慢\"}。", Some("{\"原因\": \"慢\"}")),
        ] {
            assert_eq!(json_text(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_found_is_an_object_of_the_text(text in "(\\{|\\}|\"|a|:|1|,|<think>|</think>|```|慢| ){0,24}") {
            if let Some(json) = json_text(&text) {
                prop_assert!(text.contains(json));
                prop_assert!(serde_json::from_str::<Value>(json).unwrap().is_object());
            }
        }

        #[test]
        fn an_object_is_found_among_words(before in "[a-z <>`\n慢]{0,20}", n in any::<i64>(), after in "[a-z {}\"\n慢]{0,20}") {
            let json = format!("{{\"n\":{n}}}");
            let text = format!("{before}{json}{after}");
            prop_assert_eq!(json_text(&text), Some(json.as_str()));
        }
    }
}
