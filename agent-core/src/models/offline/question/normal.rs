//! One way to write a question: half-width, lower case, no contractions.

/// Characters of a question that are read; nobody asks longer ones.
const MAX_CHARS: usize = 600;

/// Endings that stand for words. `'s` may be `is` or a genitive: neither says anything.
const CONTRACTIONS: [(&str, &str); 8] = [
    ("won't", "will not"),
    ("can't", "can not"),
    ("n't", " not"),
    ("'re", " are"),
    ("'ve", " have"),
    ("'ll", " will"),
    ("'s", " is"),
    ("'d", " would"),
];

/// Returns `question` in the spelling that the lexer reads.
pub(super) fn normal(question: &str) -> String {
    let mut text: String = question.chars().take(MAX_CHARS).flat_map(half_width).collect();
    for (short, long) in CONTRACTIONS {
        text = text.replace(short, long);
    }
    text
}

/// Returns a character as a keyboard without Chinese input writes it, in lower case.
fn half_width(c: char) -> impl Iterator<Item = char> {
    let plain = match c {
        // Unicode block "Halfwidth and Fullwidth Forms": the full-width ASCII range stands 0xFEE0 above ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        '‘' | '’' => '\'',
        '“' | '”' | '「' | '」' | '《' | '》' => '"',
        '≥' => '>',
        '≤' => '<',
        '。' => ' ',
        '、' => ',',
        'µ' => 'u',
        c => c,
    };
    plain.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn a_question_is_read_in_one_spelling() {
        for (written, read) in [
            ("延迟＞１００ＭＳ？", "延迟>100ms?"),
            ("What’s wrong, isn't it?", "what is wrong, is not it?"),
            ("“Checkout”　慢", "\"checkout\" 慢"),
        ] {
            assert_eq!(normal(written), read);
        }
    }
}
