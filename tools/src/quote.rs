//! Text from outside, as it may stand in a sentence.

/// Characters of a text that are quoted.
const MAX_CHARS: usize = 120;

/// Cuts an untrusted text to one short line without backticks, so that it stands between two of them.
pub(crate) fn quote(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default().replace('`', "'");
    let cut: String = text.chars().take(MAX_CHARS).collect();
    cut.trim().to_owned()
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
}
