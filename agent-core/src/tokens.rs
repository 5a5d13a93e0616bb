//! How many tokens a text is worth, where nobody has counted them.

/// Bytes of English, code and JSON that make one token, by the common tokenizers.
const BYTES_PER_TOKEN: u64 = 4;

/// Estimates the tokens of a text: one for four bytes of ASCII, one for each letter of a script without an alphabet. Never
/// zero for a text that has any.
pub fn estimated(text: &str) -> u64 {
    let (mut n_ascii, mut n_wide) = (0_u64, 0_u64);
    for c in text.chars() {
        if c.is_ascii() { n_ascii += 1 } else { n_wide += 1 }
    }
    n_ascii.div_ceil(BYTES_PER_TOKEN).saturating_add(n_wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_is_cheaper_than_chinese_by_the_letter() {
        assert_eq!(estimated(""), 0);
        assert_eq!(estimated("a"), 1);
        assert_eq!(estimated("checkout is slow"), 4);
        assert_eq!(estimated("结算很慢"), 4);
    }
}
