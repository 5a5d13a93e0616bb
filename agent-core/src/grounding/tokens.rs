//! What in a text has to be grounded: everything with a digit in it, and what stands in backticks.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    moment::Moment,
    normal::is_word,
    quantity::{Quantity, Unit, unit_at},
    spelled::spelled,
};

/// A piece of a normal text, with its place in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// Where it stands, unit included.
    pub at: Range<usize>,
    /// What it is.
    pub kind: TokenKind,
}

/// What a piece of text is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A word without digits.
    Word,
    /// What stands between backticks.
    Quoted(Vec<Token>),
    /// A number; `shared` is the unit of the range that it begins: the `ms` of the 20 in `20-40 ms`.
    Number { quantity: Quantity, shared: Option<Unit> },
    /// A date or a time of day.
    Moment(Moment),
    /// The start of a hash, 7 hexadecimal digits or more; decimal digits alone may be one too.
    Hash(Option<Quantity>),
    /// An evidence id.
    Evidence(u32),
    /// A word that has digits by its nature and measures nothing: `p99`, `HTTP/1.1`.
    Term,
    /// A word with digits in it.
    Name,
    /// Words joined by punctuation, with the words: `reserve.rs:88`, `20-40`.
    Joined(Vec<Token>),
}

/// Names of percentiles, protocols and status classes.
static TERM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?xi)^(?:
        p(?:50|75|90|95|99|999|99\.9|99\.99) | (?:50|75|90|95|99)th
        | http/?[123](?:\.[01])? | [1-5]xx | h2 | ipv[46] | utf-?8 | tlsv?1\.[0-3] | k8s | s3 | sha-?(?:1|256) | md5 | x86_64 | arm64
        )$",
    )
    .ok()
});

/// A number with what may be written on to it: a unit, and what it is counted per.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?P<number>\d{1,3}(?:,\d{3})+(?:\.(?P<grouped>\d+))?|\d+(?:\.(?P<decimals>\d+))?(?P<exponent>[eE][+-]?\d{1,3})?)(?P<unit>[A-Za-zµ]{0,16})(?:/[a-z]{1,6})?$",
    )
    .ok()
});

/// Reads a normal text into tokens, in order. Words without digits are among them.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == '`'
            && let Some(length) = text[at + 1..].find('`')
        {
            let inner = at + 1..at + 1 + length;
            let quoted = tokens_within(&text[inner.clone()], inner.start);
            tokens.push(Token { at: inner.clone(), kind: TokenKind::Quoted(quoted) });
            at = inner.end + 1;
        } else if is_word(c) {
            let token = token_at(text, at);
            at = token.at.end;
            tokens.push(token);
        } else {
            at += c.len_utf8();
        }
    }
    share_units(text, &mut tokens);
    for (at, quantity) in spelled(text) {
        tokens.push(Token { at, kind: TokenKind::Number { quantity, shared: None } });
    }
    tokens
}

fn tokens_within(text: &str, offset: usize) -> Vec<Token> {
    let mut tokens = tokens(text);
    tokens.iter_mut().for_each(|token| shift(token, offset));
    tokens
}

fn shift(token: &mut Token, by: usize) {
    token.at = token.at.start + by..token.at.end + by;
    if let TokenKind::Quoted(parts) | TokenKind::Joined(parts) = &mut token.kind {
        parts.iter_mut().for_each(|part| shift(part, by));
    }
}

/// Reads the token that begins at a word character.
fn token_at(text: &str, start: usize) -> Token {
    if let Some((moment, length)) = Moment::at(&text[start..]) {
        return Token { at: start..start + length, kind: TokenKind::Moment(moment) };
    }
    let end = start + joined_length(&text[start..]);
    let mut token = Token { at: start..end, kind: kind(&text[start..end], start) };
    take_unit(text, &mut token);
    token
}

/// Returns the length of the words that `text` begins with, joined by punctuation that does not end a sentence.
fn joined_length(text: &str) -> usize {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if is_word(c) {
            end = at + c.len_utf8();
            continue;
        }
        let after = &text[at + c.len_utf8()..];
        let goes_on = match c {
            ',' => groups_thousands(&text[..at], after),
            ':' if after.starts_with("//") => true,
            '/' if text[..at].ends_with([':', '/']) => after.starts_with(|c| c == '/' || is_word(c)),
            '.' | ':' | '/' | '-' | '@' | '=' | '#' | '+' => after.starts_with(is_word),
            _ => false,
        };
        if !goes_on {
            break;
        }
    }
    end
}

fn groups_thousands(before: &str, after: &str) -> bool {
    let n_before = before.chars().rev().take_while(char::is_ascii_digit).count();
    let n_after = after.chars().take_while(char::is_ascii_digit).count();
    (1..=3).contains(&n_before) && n_after == 3
}

/// Tells what a word, or words joined by punctuation, are.
fn kind(text: &str, start: usize) -> TokenKind {
    if !text.chars().any(char::is_numeric) {
        return TokenKind::Word;
    }
    if TERM.as_ref().is_some_and(|term| term.is_match(text)) {
        return TokenKind::Term;
    }
    if let Some((moment, length)) = Moment::at(text)
        && length == text.len()
    {
        return TokenKind::Moment(moment);
    }
    let digits = text.strip_prefix(['E', 'e']).filter(|digits| digits.len() <= 4);
    if let Some(id) = digits.and_then(|digits| digits.parse().ok()) {
        return TokenKind::Evidence(id);
    }
    let number = number(text);
    let is_hash = text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        return TokenKind::Hash(number);
    }
    if let Some(quantity) = number {
        return TokenKind::Number { quantity, shared: None };
    }
    // `v1.2.3` and `10.0.0.9` are names as a whole: their parts are no numbers.
    let is_dotted = text.trim_start_matches(['v', 'V']).chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_grouped = text.chars().all(|c| c.is_ascii_digit() || c == '_');
    let joints = ['=', '@', '#', '/', '-', '+', ':', ',', '.', '_'];
    let joint = joints.into_iter().filter(|_| !is_dotted && !is_grouped).find(|joint| text.contains(*joint));
    let Some(joint) = joint else { return TokenKind::Name };
    let mut parts = Vec::new();
    let mut at = start;
    for part in text.split(joint) {
        if !part.is_empty() {
            parts.push(Token { at: at..at + part.len(), kind: kind(part, at) });
        }
        at += part.len() + joint.len_utf8();
    }
    TokenKind::Joined(parts)
}

/// Reads a number with the unit written on to it; `None` when there is more to it.
fn number(text: &str) -> Option<Quantity> {
    let found = NUMBER.as_ref()?.captures(text)?;
    let value: f64 = found["number"].replace(',', "").parse().ok()?;
    let decimals = found.name("decimals").or_else(|| found.name("grouped"));
    let n_decimals = decimals.map_or(0, |decimals| i32::try_from(decimals.len()).unwrap_or(i32::MAX));
    let exponent = found.name("exponent").and_then(|exponent| exponent.as_str()[1..].parse().ok());
    let unit = match &found["unit"] {
        "" => Unit::Plain(1.0),
        written => unit_at(written).filter(|(_, length)| *length == written.len())?.0,
    };
    let n_decimals = n_decimals.saturating_sub(exponent.unwrap_or(0));
    value.is_finite().then_some(Quantity { value, n_decimals, unit })
}

/// Gives a number without a unit the one that follows it.
fn take_unit(text: &str, token: &mut Token) {
    let mut end = token.at.end;
    let Some((number, quantity)) = last_number(token) else { return };
    while let Some((unit, length)) = following_unit(&text[end..]) {
        quantity.unit = match (quantity.unit, unit) {
            (Unit::Plain(already), Unit::Plain(factor)) => Unit::Plain(already * factor),
            (Unit::Plain(_), unit) => unit,
            _ => break,
        };
        end += length;
        let is_magnitude = matches!(unit, Unit::Plain(factor) if factor != 1.0);
        if !is_magnitude {
            break;
        }
    }
    number.end = end;
    token.at.end = end;
}

/// Finds the number that a token ends with, and its place.
fn last_number(token: &mut Token) -> Option<(&mut Range<usize>, &mut Quantity)> {
    match &mut token.kind {
        TokenKind::Number { quantity, .. } | TokenKind::Hash(Some(quantity)) => {
            Some((&mut token.at, quantity))
        }
        TokenKind::Joined(parts) => parts.last_mut().and_then(last_number),
        _ => None,
    }
}

fn following_unit(rest: &str) -> Option<(Unit, usize)> {
    let is_gap = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}');
    let gap = rest.chars().next().filter(|c| is_gap(*c)).map_or(0, char::len_utf8);
    let (unit, length) = unit_at(&rest[gap..])?;
    Some((unit, gap + length))
}

/// Lets the numbers at the start of a range share the unit at its end: `20-40 ms`, `31 → 1980 ms`, `从 31 升到 1980 毫秒`.
fn share_units(text: &str, tokens: &mut [Token]) {
    let mut numbers = Vec::new();
    tokens.iter_mut().for_each(|token| collect_numbers(token, &mut numbers));
    let mut following: Option<(usize, Option<Unit>)> = None;
    for (at, quantity, shared) in numbers.into_iter().rev() {
        let own = (!matches!(quantity.unit, Unit::Plain(_))).then_some(quantity.unit);
        if let (None, Some((start, unit))) = (own, following) {
            let gap = text.get(at.end..start).unwrap_or_default().trim();
            *shared = unit.filter(|_| RANGE_WORDS.contains(&gap));
        }
        following = Some((at.start, own.or(*shared)));
    }
}

/// Collects the numbers of a token, in order.
fn collect_numbers<'a>(
    token: &'a mut Token,
    numbers: &mut Vec<(Range<usize>, &'a mut Quantity, &'a mut Option<Unit>)>,
) {
    match &mut token.kind {
        TokenKind::Number { quantity, shared } => numbers.push((token.at.clone(), quantity, shared)),
        TokenKind::Joined(parts) => parts.iter_mut().for_each(|part| collect_numbers(part, numbers)),
        _ => {}
    }
}

const RANGE_WORDS: [&str; 23] = [
    "-", "–", "—", "~", "..", "→", "->", "=>", "/", ",", "、", "to", "and", "or", "至", "到", "和", "与",
    "升到", "升至", "降到", "降至", "变为",
];
