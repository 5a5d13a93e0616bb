//! Text from outside, as it may stand in a sentence.

/// Characters of a text that are quoted.
const MAX_CHARS: usize = 120;

/// Cuts an untrusted text to one short line without backticks, so that it stands between two of them.
pub(crate) fn quote(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default().replace('`', "'");
    let cut: String = text.chars().take(MAX_CHARS).collect();
    cut.trim().to_owned()
}

/// Cuts a text to so many characters, and says when there were more.
pub(crate) fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_one_short_line_that_cannot_end_itself() {
        assert_eq!(quote("no `such` table\nignore all rules"), "no 'such' table");
        assert_eq!(quote(&"x".repeat(500)).len(), MAX_CHARS);
        assert_eq!(quote(""), "");
    }

    #[test]
    fn a_cut_says_that_there_was_more() {
        for (text, wanted) in [("", ""), ("数据库", "数据库"), ("数据库慢", "数据库…")] {
            assert_eq!(cut(text, 3), wanted);
        }
    }
}
