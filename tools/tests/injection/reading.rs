//! Everything that a text can be read as: what a model would see that decodes whatever it is given.

use crate::forms::{ALPHABET, LOOK_ALIKES, rot13};

/// A run of letters of an encoding is worth decoding from here on.
const MIN_RUN: usize = 16;

/// Returns all readings of a text as one, without anything but letters and digits, in lower case.
pub fn readings(text: &str) -> String {
    let visible: String = text.chars().filter_map(seen).collect();
    let turned: String = visible.chars().map(rot13).collect();
    let backwards: String = visible.chars().rev().collect();
    let unescaped = visible.replace("\\n", " ").replace("\\t", " ").replace("\\\"", "\"");
    let whole = [visible.clone(), turned, backwards, percent_decoded(&visible), unescaped];
    let runs = decoded(&visible, |c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'), base64_decoded);
    let pairs = decoded(&visible, |c| c.is_ascii_hexdigit(), hex_decoded);
    whole.into_iter().chain(runs).chain(pairs).map(|text| squashed(&text) + "\n").collect()
}

/// Returns the letters and digits of a text, in lower case.
pub fn squashed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns what an eye sees in a character, or a model in one that no eye sees.
fn seen(c: char) -> Option<char> {
    match c {
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{ad}'
        | '\u{feff}' => None,
        '\u{e0020}'..='\u{e007e}' => char::from_u32(u32::from(c) - 0xe0000),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        c => Some(LOOK_ALIKES.iter().find(|(_, alike)| *alike == c).map_or(c, |(latin, _)| *latin)),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Decodes every long run of an alphabet.
fn decoded(text: &str, is_of: impl Fn(char) -> bool, decode: impl Fn(&str) -> Vec<u8>) -> Vec<String> {
    let runs = text.split(|c| !is_of(c)).filter(|run| run.len() >= MIN_RUN);
    runs.map(|run| String::from_utf8_lossy(&decode(run)).into_owned()).collect()
}

fn base64_decoded(run: &str) -> Vec<u8> {
    let sixths: Vec<u32> = run
        .bytes()
        .filter_map(|byte| ALPHABET.iter().position(|known| *known == byte))
        .map(|place| place as u32)
        .collect();
    let whole = |four: &[u32]| {
        let bits = four.iter().fold(0, |bits, sixth| bits << 6 | sixth) << (6 * (4 - four.len()));
        [bits >> 16, bits >> 8, bits].map(|byte| (byte & 255) as u8)
    };
    sixths.chunks(4).flat_map(whole).collect()
}

fn hex_decoded(run: &str) -> Vec<u8> {
    let digits: Vec<u32> = run.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}
