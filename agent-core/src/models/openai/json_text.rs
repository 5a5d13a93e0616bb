//! The JSON object in a text: models put it into fences, explain it, or think aloud before it.

use serde_json::Value;

/// What encloses reasoning where a server leaves it in the text.
const THINKING: (&str, &str) = ("<think>", "</think>");

/// Returns the first JSON object in a text that can be read; `None` when there is none.
pub(super) fn json_text(text: &str) -> Option<&str> {
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
pub(super) fn without_thinking(text: &str) -> &str {
    let behind = text.rsplit_once(THINKING.1).map(|(_, behind)| behind);
    let open = text.trim_start().starts_with(THINKING.0);
    match behind {
        Some(behind) if open || !text.contains(THINKING.0) => behind.trim_start(),
        _ => text,
    }
}

/// What is seen of a text as it grows: nothing while it opens with reasoning, then all that follows.
#[derive(Debug, Default)]
pub(super) struct Aloud {
    text: String,
    /// Where what may be told begins, once that is known.
    start: Option<usize>,
    /// How far it was told.
    told: usize,
}

impl Aloud {
    /// Adds a piece and returns what of it may be told.
    pub(super) fn add(&mut self, piece: &str) -> &str {
        self.text.push_str(piece);
        if self.start.is_none() {
            self.start = self.find_start();
            self.told = self.start.unwrap_or(0);
        }
        if self.start.is_none() {
            return "";
        }
        let from = std::mem::replace(&mut self.told, self.text.len());
        self.text.get(from..).unwrap_or_default()
    }

    /// Returns the whole text without its reasoning, and what of it was not told yet.
    pub(super) fn finish(self) -> (String, String) {
        let opens = self.text.trim_start().starts_with(THINKING.0);
        let start = match self.start {
            Some(start) => start,
            // Reasoning that never ended is no answer.
            None if opens => self.text.len(),
            None => 0,
        };
        let told = self.told.max(start);
        let rest = self.text.get(told..).unwrap_or_default().to_owned();
        (self.text.get(start..).unwrap_or_default().to_owned(), rest)
    }

    fn find_start(&self) -> Option<usize> {
        let trimmed = self.text.trim_start();
        if trimmed.is_empty() || (THINKING.0.starts_with(trimmed) && trimmed.len() < THINKING.0.len()) {
            return None;
        }
        if !trimmed.starts_with(THINKING.0) {
            return Some(0);
        }
        let end = self.text.find(THINKING.1)? + THINKING.1.len();
        let behind = self.text.get(end..)?;
        let start = self.text.len() - behind.trim_start().len();
        // The blanks behind it may go on.
        (start < self.text.len()).then_some(start)
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

    fn told(pieces: &[&str]) -> (String, String) {
        let mut aloud = Aloud::default();
        let mut told: String = pieces.iter().map(|piece| aloud.add(piece).to_owned()).collect();
        let (text, rest) = aloud.finish();
        told.push_str(&rest);
        (told, text)
    }

    #[test]
    fn reasoning_is_not_told_and_the_rest_is() {
        for (pieces, want) in [
            (&["It ", "is."][..], "It is."),
            (&["<th", "ink>hm", "</thi", "nk>\n", "\nIt ", "is."][..], "It is."),
            (&["<", "b>"][..], "<b>"),
            (&["<think>never ends"][..], ""),
            (&["<think></think>"][..], ""),
            (&["  ", "x"][..], "  x"),
            (&["<thi"][..], "<thi"),
            (&[][..], ""),
        ] {
            assert_eq!(told(pieces), (want.to_owned(), want.to_owned()), "{pieces:?}");
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

        #[test]
        fn what_is_told_is_the_reply_however_it_is_cut(pieces in prop::collection::vec("(<think>|</think>|<|th|慢| |\n|x){0,4}", 0..8)) {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let (told, text) = told(&pieces);
            prop_assert_eq!(told, text);
        }
    }
}
