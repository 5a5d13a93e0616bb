//! A text as its reader takes it: escapes of JSON, URLs and HTML read, characters without width left out, wide ones made narrow,
//! with the way back to where each character came from.

use std::ops::Range;

/// A text with one layer of writing taken off.
pub(super) struct NormalForm {
    pub text: String,
    /// For each byte of the text, where in the original its character begins and ends.
    from: Vec<(usize, usize)>,
}

/// Reads one layer off a text. `None` when there is none, which takes one look at each byte.
pub(super) fn normal_form(text: &str) -> Option<NormalForm> {
    if !text
        .bytes()
        .any(|byte| matches!(byte, b'\\' | b'%' | b'&' | 0xC2 | 0xCD | 0xE1 | 0xE2 | 0xE3 | 0xEF | 0xF3))
    {
        return None;
    }
    let mut form =
        NormalForm { text: String::with_capacity(text.len()), from: Vec::with_capacity(text.len()) };
    let mut changed = false;
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let (read, len) = match next {
            '%' => from_percent(&text[at..]),
            '\\' => from_backslash(&text[at..]),
            '&' => from_entity(&text[at..]),
            _ => None,
        }
        .map_or_else(|| (narrow(next), next.len_utf8()), |(read, len)| (Some(read), len));
        changed |= read != Some(next) || len != next.len_utf8();
        if let Some(read) = read {
            form.text.push(read);
            form.from.extend(std::iter::repeat_n((at, at + len), read.len_utf8()));
        }
        at += len;
    }
    changed.then_some(form)
}

impl NormalForm {
    /// Returns where in the original a part of the text stands.
    pub fn original(&self, part: &Range<usize>) -> Option<Range<usize>> {
        let first = self.from.get(part.start)?;
        let last = self.from.get(part.end.checked_sub(1)?)?;
        Some(first.0..last.1)
    }

    /// Reads one more layer off: text in JSON in JSON.
    pub fn further(&self) -> Option<Self> {
        let mut further = normal_form(&self.text)?;
        for from in &mut further.from {
            let original = self.original(&(from.0..from.1))?;
            *from = (original.start, original.end);
        }
        Some(further)
    }
}

/// RFC 3986 §2.1; several bytes are one character of UTF-8.
fn from_percent(text: &str) -> Option<(char, usize)> {
    let byte = |n: usize| {
        hex(text.get(3 * n..)?.strip_prefix('%')?.get(..2)?).and_then(|byte| u8::try_from(byte).ok())
    };
    let first = byte(0)?;
    let n = match first {
        b' '..=b'~' | b'\t' | b'\r' | b'\n' => 1,
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let bytes: Vec<u8> = (0..n).map(byte).collect::<Option<_>>()?;
    let read = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((narrow(read)?, 3 * n))
}

/// RFC 8259 §7, and `\xhh` as C and Python have it.
fn from_backslash(text: &str) -> Option<(char, usize)> {
    let kind = text[1..].chars().next()?;
    match kind {
        'n' => Some(('\n', 2)),
        'r' => Some(('\r', 2)),
        't' => Some(('\t', 2)),
        '"' | '\'' | '\\' | '/' => Some((kind, 2)),
        'u' => Some((char::from_u32(hex(text.get(2..6)?)?)?, 6)),
        'x' => Some((char::from_u32(hex(text.get(2..4)?)?).filter(char::is_ascii)?, 4)),
        _ => None,
    }
}

/// The entities of HTML that stand for what patterns are made of, by name or number.
fn from_entity(text: &str) -> Option<(char, usize)> {
    const LONGEST: usize = 10;
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let read = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "colon" => ':',
        "equals" => '=',
        "commat" => '@',
        "sol" => '/',
        "num" => '#',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => hex(digits)?,
                None if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().ok()?,
                None => return None,
            };
            char::from_u32(code)?
        }
    };
    Some((read, end + 1))
}

fn hex(digits: &str) -> Option<u32> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Returns the plain character for a wide one (Unicode's block of halfwidth and fullwidth forms), and none for one that takes no
/// room (Unicode's `Default_Ignorable_Code_Point`).
fn narrow(c: char) -> Option<char> {
    match c {
        // These end a sentence, or a part of one, in Chinese, and are no part of what stands before.
        '！' | '，' | '；' | '？' | '（' | '）' => Some(c),
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0),
        '\u{3000}' | '\u{A0}' => Some(' '),
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180B}'..='\u{180F}' => None,
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' => None,
        '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}' => None,
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, want: Option<&str>) {
        assert_eq!(normal_form(text).map(|form| form.text).as_deref(), want, "{text}");
    }

    #[test]
    fn one_layer_is_read_at_a_time() {
        check("plain text 密码", None);
        check("100% of C:\\dir & more; a&b", None);
        check(r#"{\"a\":\"b\\n\"}"#, Some(r#"{"a":"b\n"}"#));
        check("li%40example.com%3A%E5%AF%86%", Some("li@example.com:密%"));
        check("%2540", Some("%40"));
        check("p&#64;s&#x40;s &amp; &unknown;", Some("p@s@s & &unknown;"));
        check("ｐａｓｓ＝ａ\u{200B}ｂ\u{FEFF}", Some("pass=ab"));
        check(r"\u0070\x40\ud800", Some(r"p@\ud800"));
    }

    #[test]
    fn each_part_knows_where_it_came_from() {
        let text = r"x \\u0061b%2540 y";
        let first = normal_form(text).unwrap();
        let second = first.further().unwrap();
        assert_eq!(second.text, "x ab@ y");
        assert_eq!(second.original(&(2..5)).map(|range| &text[range]), Some(r"\\u0061b%2540"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_every_part_has_an_origin(text in r#"[%&;#x0-9a-fun"\\ ａ密\x{200B}]{0,60}"#) {
            if let Some(form) = normal_form(&text) {
                for (at, c) in form.text.char_indices() {
                    let range = form.original(&(at..at + c.len_utf8())).unwrap();
                    prop_assert!(text.get(range).is_some_and(|part| !part.is_empty()));
                }
            }
        }
    }
}
