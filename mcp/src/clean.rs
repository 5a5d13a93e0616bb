//! Text from outside, cut and without control characters.

/// Returns at most `max_bytes` of `text`, cut between characters, and how many bytes were left out.
pub(crate) fn cut(text: &str, max_bytes: usize) -> (&str, usize) {
    let end = text.floor_char_boundary(max_bytes);
    let (kept, rest) = text.split_at(end);
    (kept, rest.len())
}

/// Returns the text without control characters, which a terminal or a log would obey; line breaks and tabs stay.
pub(crate) fn without_controls(text: &str) -> String {
    // Marks of direction can show a text otherwise than it is: https://trojansource.codes.
    let is_hidden =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}');
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_hidden(*c))).collect()
}

/// Returns the text cleaned and on one line, at most `max_chars` of it, for names and messages.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    // Cut first, since the rest is not worth reading.
    let text = without_controls(cut(text, max_chars.saturating_mul(8)).0);
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() > max_chars {
        words = words.chars().take(max_chars).chain(['…']).collect();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_falls_between_characters() {
        for (text, max_bytes, kept, left_out) in [
            ("abc", 3, "abc", 0),
            ("abc", 2, "ab", 1),
            ("慢慢", 4, "慢", 3),
            ("慢", 2, "", 3),
            ("", 0, "", 0),
        ] {
            assert_eq!(cut(text, max_bytes), (kept, left_out), "{text} to {max_bytes}");
        }
    }

    #[test]
    fn controls_and_hidden_characters_go_and_words_stay() {
        assert_eq!(without_controls("a\u{1b}[31mred\r\nb\tc\u{202e}d\u{e0041}"), "a[31mred\nb\tcd");
        assert_eq!(one_line("  a\n\tb\u{7}  c ", 10), "a b c");
        assert_eq!(one_line("abcdef", 3), "abc…");
    }
}
