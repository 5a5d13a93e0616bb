//! What is told of a text as it grows, where a server leaves reasoning in it.

use crate::models::wire::THINKING;

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

    /// Returns all that arrived, reasoning too.
    pub(super) fn written(&self) -> &str {
        &self.text
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
        fn what_is_told_is_the_reply_however_it_is_cut(pieces in prop::collection::vec("(<think>|</think>|<|th|慢| |\n|x){0,4}", 0..8)) {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let (told, text) = told(&pieces);
            prop_assert_eq!(told, text);
        }
    }
}
