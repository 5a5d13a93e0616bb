//! One spelling for what looks the same, so that a number cannot hide in its writing.

use std::sync::LazyLock;

use regex::Regex;

/// Rewrites text so that equal looks are equal: full-width forms become ASCII, invisible and combining characters go,
/// odd spaces inside of a number go, a Chinese clock time gets its colon and a Chinese percentage its sign.
pub(super) fn normal(text: &str) -> String {
    let plain: Vec<char> = text.chars().filter(|c| !is_invisible(*c)).map(plain).collect();
    let mut out = String::with_capacity(text.len());
    for (index, &c) in plain.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| plain[before]);
        let after = plain.get(index + 1).copied();
        let between_digits =
            before.is_some_and(|c| c.is_ascii_digit()) && after.is_some_and(|c| c.is_ascii_digit());
        match c {
            // Thin and no-break spaces group digits (ISO 80000-1 §7.3.1).
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' if between_digits => {}
            '点' | '时' if between_digits => out.push(':'),
            c => out.push(c),
        }
    }
    match PERCENT.as_ref() {
        Some(percent) if out.contains("百分之") => percent.replace_all(&out, "$1%").into_owned(),
        _ => out,
    }
}

static PERCENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"百分之\s?(\d+(?:\.\d+)?)").ok());

/// Chinese, Japanese and Korean letters stand beside numbers without a space: they do not belong to a word with digits.
pub(super) fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Letters, digits of any script and `_` make words.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || (c.is_alphanumeric() && !is_cjk(c))
}

/// Format characters, soft hyphens, combining marks and variation selectors: nothing that a reader sees as a character.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{180e}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

fn plain(c: char) -> char {
    match c {
        // The full-width forms stand at a fixed distance from ASCII (Unicode block FF00).
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        'μ' => 'µ',
        '−' => '-',
        '٪' | '﹪' => '%',
        c => c,
    }
}
