//! A question cut into what it is made of: meanings, services, numbers, times, ids, and what is not known.

use std::ops::Range;

use crate::grounding::numeral;

use super::{
    lexicon::{Entry, phrase_at, phrase_like},
    sense::Sense,
    units::{Clock, Quantity, Unit, clock, quantity},
};

/// A piece of a question.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub what: What,
    /// Where it stands in the normal text.
    pub at: Range<usize>,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A word or phrase of the word list.
    Said(&'static Entry),
    /// A service, by its place in the list of those that exist.
    Service(usize),
    /// What people call a kind of service, by its group.
    Name(usize),
    /// A number.
    Quantity(Quantity),
    /// A unit of time without a number, milliseconds: the `hour` of `the last hour`.
    TimeUnit(f64),
    /// A time of day.
    Clock(Clock),
    /// The id of a commit or a trace.
    Hash(String),
    /// Words between quotes.
    Quoted(String),
    /// A word that is not known.
    Word(String),
    /// A character that is not known.
    Han(char),
}

impl Token {
    /// Tells whether it can mean this.
    pub(super) fn has(&self, sense: Sense) -> bool {
        matches!(&self.what, What::Said(entry) if entry.senses.contains(&sense))
    }

    /// Tells whether it says nothing.
    pub(super) fn is_filler(&self) -> bool {
        matches!(&self.what, What::Said(entry) if entry.senses.iter().all(|sense| *sense == Sense::Filler))
    }
}

/// Words for a unit of time that may stand without a number.
const TIME_UNITS: [(&str, f64); 12] = [
    ("seconds", 1e3),
    ("second", 1e3),
    ("minutes", 60e3),
    ("minute", 60e3),
    ("hours", 3_600e3),
    ("hour", 3_600e3),
    ("days", 86_400e3),
    ("day", 86_400e3),
    ("weeks", 604_800e3),
    ("week", 604_800e3),
    ("小时", 3_600e3),
    ("周", 604_800e3),
];

/// Halves that people write out, in milliseconds.
const HALVES: [(&str, f64); 3] =
    [("half a second", 500.0), ("half a minute", 30e3), ("half an hour", 1_800e3)];

/// Cuts a normal text into tokens; blanks and punctuation are left out.
pub(super) fn tokens(text: &str, services: &[&str]) -> Vec<Token> {
    let names: Vec<Vec<char>> = services.iter().map(|name| name.to_lowercase().chars().collect()).collect();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (what, length) = next(text, at, rest, &names);
        let end = at + length.max(1);
        if let Some(what) = what {
            tokens.push(Token { what, at: at..end });
        }
        at = end;
    }
    tokens
}

/// Reads one token at `at`, and how many bytes it takes; `None` for what is skipped.
fn next(text: &str, at: usize, rest: &str, names: &[Vec<char>]) -> (Option<What>, usize) {
    let Some(first) = rest.chars().next() else { return (None, 1) };
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if let Some((inside, length)) = quoted(rest) {
        let what = match service_at(inside, "", names).filter(|(_, length)| *length == inside.len()) {
            Some((index, _)) => What::Service(index),
            None => hash(inside).map_or_else(|| What::Quoted(inside.to_owned()), What::Hash),
        };
        return (Some(what), length);
    }
    let known = phrase_at(rest);
    if let Some((index, length)) = service_at(rest, text.get(..at).unwrap_or_default(), names) {
        // A service may be called `search` or `events`: then it is meant where a name is expected.
        let is_word = known.is_some_and(|found| found.length == length && found.entry.group.is_none());
        if !is_word
            || is_meant_as_name(text.get(..at).unwrap_or_default(), rest.get(length..).unwrap_or_default())
        {
            return (Some(What::Service(index)), length);
        }
    }
    let word = word_at(rest);
    let is_run_known = known.is_some_and(|found| found.length >= word.len());
    if first.is_ascii_digit() && !is_run_known {
        return number(rest, word);
    }
    if let Some((quantity, length)) = (!first.is_ascii()).then(|| quantity(rest)).flatten() {
        return (Some(What::Quantity(quantity)), length);
    }
    if let Some((clock, length)) = (!first.is_ascii()).then(|| clock(rest)).flatten() {
        return (Some(What::Clock(clock)), length);
    }
    if let Some((_, ms)) =
        TIME_UNITS.iter().find(|(unit, _)| *unit == word || (!unit.is_ascii() && rest.starts_with(unit)))
    {
        let length = if word.is_empty() {
            first
                .len_utf8()
                .max(rest.chars().take(if first == '周' { 1 } else { 2 }).map(char::len_utf8).sum())
        } else {
            word.len()
        };
        return (Some(What::TimeUnit(*ms)), length);
    }
    if let Some((_, length, ms)) =
        HALVES.iter().map(|(half, ms)| (half, half.len(), *ms)).find(|(half, ..)| rest.starts_with(**half))
    {
        return (Some(What::Quantity(Quantity { value: ms, unit: Unit::Time })), length);
    }
    // `one` is mostly no number: `which one`.
    if let Some(value) = numeral(word).filter(|value| *value > 1.0) {
        return (Some(What::Quantity(Quantity { value, unit: Unit::None })), word.len());
    }
    if let Some(found) = known.filter(|found| is_run_known || !word.contains('-') || found.length == 1) {
        let written = rest.get(..found.length).unwrap_or_default();
        let what = found.entry.named_by(written).map_or(What::Said(found.entry), What::Name);
        return (Some(what), found.length);
    }
    if word.is_empty() {
        let is_letter = first.is_alphanumeric();
        return (is_letter.then_some(What::Han(first)), first.len_utf8());
    }
    if let Some(id) = hash(word) {
        return (Some(What::Hash(id)), word.len());
    }
    // `p99-latency` is two words that are known; `pay-api` is one that is not.
    if let Some((head, tail)) = word.split_once('-')
        && phrase_at(head).is_some()
        && tail.split('-').all(|part| phrase_at(part).is_some_and(|found| found.length == part.len()))
    {
        return next(text, at, head, names);
    }
    let is_like_service = || super::names::is_like(word, names);
    if let Some(entry) = phrase_like(word).filter(|_| !is_like_service()) {
        return (Some(entry.named_by(word).map_or(What::Said(entry), What::Name)), word.len());
    }
    (Some(What::Word(word.to_owned())), word.len())
}

fn number(rest: &str, word: &str) -> (Option<What>, usize) {
    if let Some(id) = hash(word) {
        return (Some(What::Hash(id)), word.len());
    }
    if let Some((clock, length)) = clock(rest) {
        return (Some(What::Clock(clock)), length);
    }
    if let Some((quantity, length)) = quantity(rest) {
        let goes_on = rest
            .get(length..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
        if !goes_on {
            return (Some(What::Quantity(quantity)), length);
        }
    }
    (Some(What::Word(word.to_owned())), word.len())
}

/// Returns the ASCII word at the start: letters, digits, `_` and inner `-`.
fn word_at(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or_default().trim_end_matches('-');
    if word.starts_with('-') { "" } else { word }
}

/// Reads the id of a commit (7 to 40 hexadecimal digits) or of a trace (16 or 32); a word or a plain number is none.
pub(super) fn hash(word: &str) -> Option<String> {
    let is_hex = (7..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let has_letter = word.bytes().any(|byte| byte.is_ascii_alphabetic()) || word.len() >= 16;
    (is_hex && has_digit && has_letter).then(|| word.to_owned())
}

fn quoted(text: &str) -> Option<(&str, usize)> {
    let mark = text.chars().next().filter(|c| matches!(c, '"' | '`'))?;
    let inside = text.get(1..)?;
    let end = inside.find(mark)?;
    Some((inside.get(..end)?.trim(), end + 2))
}

/// Finds the longest service name at the start of `text` that stands as a whole word; blank, `-` and `_` are alike.
/// Chinese sets no spaces: letters beyond ASCII do not continue a name.
fn service_at(text: &str, before: &str, names: &[Vec<char>]) -> Option<(usize, usize)> {
    if before.ends_with(is_of_name) && text.starts_with(is_of_name) {
        return None;
    }
    let length = |name: &Vec<char>| {
        let mut length = 0;
        let mut chars = text.chars();
        for wanted in name {
            let c = chars.next()?;
            let is_same = c == *wanted || (is_joint(c) && is_joint(*wanted));
            if !is_same {
                return None;
            }
            length += c.len_utf8();
        }
        (!name.is_empty() && !text.get(length..)?.starts_with(is_of_name)).then_some(length)
    };
    let found = names.iter().enumerate().filter_map(|(index, name)| Some((index, length(name)?)));
    found.max_by_key(|(_, length)| *length)
}

fn is_joint(c: char) -> bool {
    matches!(c, ' ' | '-' | '_')
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_meant_as_name(before: &str, after: &str) -> bool {
    let last = before.trim_end().rsplit(' ').next().unwrap_or_default();
    let after = after.trim_start();
    ["of", "for", "is", "does", "did", "about", "service"].contains(&last)
        || after.starts_with("service")
        || after.starts_with("服务")
        || after.starts_with("为什么")
        || after.starts_with("is ")
}
