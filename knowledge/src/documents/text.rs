//! From bytes to text that people can see.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use super::Reason;

/// How much of a document is searched for a zero byte, as git does to tell binary files.
const PROBED: usize = 8_000;

/// How far into a document HTML may say its encoding, bytes. <https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding>
const CHARSET_WITHIN: usize = 1_024;

/// Of a hundred double bytes, those that must be in GB 2312's plane for text to be taken for Chinese.
/// That plane holds over 99% of modern text; European text in one byte a letter has nearly none of these pairs.
const PLANE_SHARE: usize = 90;

/// Decodes UTF-8, UTF-16 with a mark in front, an encoding that an HTML page states, or GB18030.
///
/// # Errors
///
/// `Binary` or `Encoding`.
pub fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, Reason> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return whole(encoding, bytes.get(mark..).unwrap_or_default());
    }
    if is_binary(bytes) {
        return Err(Reason::Binary);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    if let Some(encoding) = stated(bytes) {
        return whole(encoding, bytes);
    }
    if is_gb18030(bytes) { whole(GB18030, bytes) } else { Err(Reason::Encoding) }
}

/// Takes out what is not seen, and returns how many characters that were; line ends become line feeds.
///
/// Taken out are control characters, zero-width ones, marks of writing direction, tags, fillers and selectors of variants: they can hide words from a person that a model reads, or show others than are there (Boucher and Anderson, "Trojan Source", 2021).
/// Emoji that are joined of several come apart by that, which harms no search.
pub fn visible(text: &str) -> (String, usize) {
    let mut seen = String::with_capacity(text.len());
    let mut n_removed = 0;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => {
                if letters.peek() != Some(&'\n') {
                    seen.push('\n');
                }
            }
            // A page break, a vertical tab, and the separators of lines and paragraphs.
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => seen.push('\n'),
            letter if is_unseen(letter) => n_removed += 1,
            letter => seen.push(letter),
        }
    }
    (seen, n_removed)
}

fn is_unseen(letter: char) -> bool {
    let is_control = letter.is_control() && !matches!(letter, '\n' | '\t');
    // Unicode 16, Default_Ignorable_Code_Point, and the interlinear annotation marks.
    is_control
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Decodes all or nothing.
fn whole<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Result<Cow<'a, str>, Reason> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or(Reason::Encoding)?;
    // A mark in front of anything does not make it text.
    let probed = text.chars().take(PROBED);
    if probed.into_iter().any(|letter| letter == '\0') { Err(Reason::Binary) } else { Ok(text) }
}

/// Tells whether there is a zero byte near the beginning, or the beginning is as of a known binary format that may have none.
fn is_binary(bytes: &[u8]) -> bool {
    const BEGINNINGS: &[&[u8]] = &[
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"PK\x03\x04",
        b"\x7fELF",
        b"\x28\xb5\x2f\xfd",
        b"BZh",
        b"\xfd7zXZ",
    ];
    bytes.iter().take(PROBED).any(|&byte| byte == 0)
        || BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
}

/// Returns the encoding that an HTML page states near its beginning.
fn stated(bytes: &[u8]) -> Option<&'static Encoding> {
    let beginning = bytes.get(..CHARSET_WITHIN.min(bytes.len()))?.to_ascii_lowercase();
    let beginning = String::from_utf8_lossy(&beginning);
    if !beginning.contains("<meta") && !beginning.contains("<?xml") {
        return None;
    }
    let (_, rest) = beginning.split_once("charset=").or_else(|| beginning.split_once("encoding="))?;
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_:".contains(letter);
    let label = rest.trim_start_matches(['"', '\'', ' ']);
    let label = label.split(|letter| !is_part(letter)).next()?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // Those three were tried, or have a mark.
    (![UTF_8, UTF_16LE, UTF_16BE].contains(&encoding)).then_some(encoding)
}

/// Tells whether nearly all double bytes are of GB 2312's plane.
fn is_gb18030(bytes: &[u8]) -> bool {
    let (mut n_in_plane, mut n_all) = (0_usize, 0_usize);
    let mut rest = bytes.iter();
    while let Some(&lead) = rest.next() {
        if lead.is_ascii() {
            continue;
        }
        n_all += 1;
        let trail = rest.next().copied().unwrap_or_default();
        n_in_plane += usize::from((0xa1..=0xf7).contains(&lead) && trail >= 0xa1);
    }
    n_all > 0 && n_in_plane * 100 >= n_all * PLANE_SHARE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(encoding: &'static Encoding, text: &str) -> Vec<u8> {
        let (bytes, _, had_errors) = encoding.encode(text);
        assert!(!had_errors);
        bytes.into_owned()
    }

    #[test]
    fn encodings_are_told_by_what_they_look_like() {
        let chinese = "磁盘已满：先清理旧日志，再扩容。";
        let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        let big = [
            &[0xfe, 0xff][..],
            &units(chinese).iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>(),
        ];
        let little = [
            &[0xff, 0xfe][..],
            &units(chinese).iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>(),
        ];
        let page = format!("<meta charset='windows-1252'>{}", "café crème");
        let cases: Vec<(&str, Vec<u8>, Result<&str, Reason>)> = vec![
            ("utf-8", chinese.into(), Ok(chinese)),
            ("utf-8 with a mark", [b"\xef\xbb\xbf", chinese.as_bytes()].concat(), Ok(chinese)),
            ("utf-16 big", big.concat(), Ok(chinese)),
            ("utf-16 little", little.concat(), Ok(chinese)),
            ("gb18030", bytes(GB18030, chinese), Ok(chinese)),
            ("stated", bytes(encoding_rs::WINDOWS_1252, &page), Ok(&page)),
            ("latin-1", bytes(encoding_rs::WINDOWS_1252, "résumé für Gänse"), Err(Reason::Encoding)),
            ("half a letter", chinese.as_bytes()[..7].into(), Err(Reason::Encoding)),
            ("zeros", b"MZ\0\0\0".into(), Err(Reason::Binary)),
            ("a picture", b"\x89PNG\r\n\x1a\n".into(), Err(Reason::Binary)),
            ("zeros behind a mark", b"\xef\xbb\xbf\0\0".into(), Err(Reason::Binary)),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(decoded(&bytes), expected.map(Cow::Borrowed), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_taken_out_and_counted() {
        let cases = [
            ("plain\ttext\n", "plain\ttext\n", 0),
            ("a\r\nb\rc\u{c}d", "a\nb\nc\nd", 0),
            ("ig\u{200b}nore\u{2060} this", "ignore this", 2),
            ("\u{202e}desrever\u{202c}", "desrever", 2),
            ("\u{1b}[31mred\u{7}", "[31mred", 2),
            ("hi\u{e0048}\u{e0049}", "hi", 2),
            ("\u{feff}磁\u{ad}盘", "磁盘", 2),
        ];
        for (text, expected, n_removed) in cases {
            assert_eq!(visible(text), (expected.to_owned(), n_removed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_do_not(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(text) = decoded(&bytes) {
                let (seen, _) = visible(&text);
                prop_assert!(seen.chars().all(|letter| letter == '\n' || letter == '\t' || !letter.is_control()));
                prop_assert_eq!(visible(&seen), (seen.clone(), 0));
            }
        }
    }
}
