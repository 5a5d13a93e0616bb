//! What a claim is compared with: the words and numbers of evidence.

use serde_json::Value;

use super::words::{Number, Unit, Word, parts, unit, words};

/// All that some evidence says.
#[derive(Clone, Debug, Default)]
pub(super) struct Ground {
    /// Text, strings and names of fields, lowercase, one a line.
    text: String,
    /// The strings that were asked for, lowercase, one a line. Good for names only: a model asks what it likes.
    asked: String,
    numbers: Vec<(f64, Unit)>,
}

/// Tools write three decimals at most.
const NEXT_TO_NOTHING: f64 = 0.0005;

/// A field without a unit may hold nanoseconds as well as minutes.
const TIMES: &[f64] = &[1e-9, 1e-6, 1e-3, 1.0, 60.0, 3600.0];

impl Ground {
    /// Adds a text with its numbers.
    pub(super) fn add_text(&mut self, text: &str) {
        push_line(&mut self.text, text);
        for word in words(text) {
            self.add_word(word);
        }
    }

    /// Adds all that a result holds.
    pub(super) fn add_value(&mut self, value: &Value) {
        self.add_field(value, Unit::Plain);
    }

    /// Adds what was asked for: words, and no numbers.
    pub(super) fn add_arguments(&mut self, value: &Value) {
        match value {
            Value::String(text) => push_line(&mut self.asked, text),
            Value::Array(values) => values.iter().for_each(|value| self.add_arguments(value)),
            Value::Object(fields) => fields.values().for_each(|value| self.add_arguments(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn add_field(&mut self, value: &Value, of: Unit) {
        match value {
            Value::Number(number) => self.numbers.extend(number.as_f64().map(|value| (value.abs(), of))),
            Value::String(text) => self.add_text(text),
            Value::Array(values) => values.iter().for_each(|value| self.add_field(value, of)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                push_line(&mut self.text, name);
                let last = name.rsplit(['_', '.']).next().unwrap_or_default();
                self.add_field(value, unit(last).unwrap_or(Unit::Plain));
            }),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_word(&mut self, word: Word) {
        match word {
            Word::Number(number) => self.numbers.push((number.value, number.unit)),
            Word::Time(_) => {}
            Word::Name(name) => parts(&name).into_iter().for_each(|part| self.add_word(part)),
        }
    }

    /// Tells whether a service, pod or owner stands here or was asked for; `name` in lowercase.
    pub(super) fn names(&self, name: &str) -> bool {
        stands(&self.text, name, is_in_name) || stands(&self.asked, name, is_in_name)
    }

    /// Returns the words with digits of a claim that are not here, as they were written.
    pub(super) fn missing(&self, claim: &str) -> Vec<String> {
        words(claim).into_iter().flat_map(|word| self.missing_of(word)).collect()
    }

    fn missing_of(&self, word: Word) -> Vec<String> {
        let (holds, written) = match word {
            Word::Number(number) => (self.has_number(&number), number.written),
            Word::Time(time) => (self.has_start(&time), time),
            Word::Name(name) => {
                let parts = parts(&name);
                let is_bare = parts.is_empty() && name.starts_with(|c: char| c.is_ascii_alphabetic());
                let holds = stands(&self.text, &name, char::is_alphanumeric)
                    || (is_bare && stands(&self.asked, &name, is_in_name))
                    || (is_commit(&name) && self.has_start(&name));
                if !holds && !parts.is_empty() {
                    return parts.into_iter().flat_map(|part| self.missing_of(part)).collect();
                }
                (holds, name)
            }
        };
        if holds { Vec::new() } else { vec![written] }
    }

    fn has_number(&self, claimed: &Number) -> bool {
        let is_commit = is_commit(&claimed.written) && self.has_start(&claimed.written);
        is_commit || self.numbers.iter().any(|(value, unit)| is_said(claimed, *value, *unit))
    }

    /// Times are cut off, and commits too: what stands here may be longer than what was said of it.
    fn has_start(&self, start: &str) -> bool {
        let ends_whole = |rest: &str| start.contains('.') || !rest.starts_with(|c: char| c.is_ascii_digit());
        self.text.match_indices(start).any(|(at, _)| {
            let before = self.text[..at].chars().next_back();
            let is_start = if start.contains(':') {
                !before.is_some_and(|c| c.is_ascii_digit() || c == ':')
            } else {
                !before.is_some_and(char::is_alphanumeric)
            };
            is_start && (is_commit(start) || ends_whole(&self.text[at + start.len()..]))
        })
    }
}

/// Tells whether a measured value is written so: the same when rounded to as many digits.
fn is_said(claimed: &Number, value: f64, unit: Unit) -> bool {
    let rounds = |exact: f64| {
        let half_a_digit = 0.5 * 10_f64.powi(-claimed.n_decimals);
        (exact - claimed.value).abs() <= half_a_digit * (1.0 + 1e-9) + exact.abs() * 1e-12
    };
    match (claimed.unit, unit) {
        (Unit::Seconds(to), Unit::Seconds(from)) | (Unit::Bytes(to), Unit::Bytes(from)) => {
            rounds(value * from / to)
        }
        (Unit::Plain, Unit::Share) => rounds(value) || rounds(value / 100.0),
        (Unit::Plain, _) | (Unit::Share, Unit::Share) => rounds(value),
        (Unit::Share, Unit::Plain) => rounds(value * 100.0) || (claimed.value > 0.0 && rounds(value)),
        // In a large unit everything is zero: what has none must be next to nothing by itself.
        (Unit::Seconds(_) | Unit::Bytes(_), Unit::Plain) if claimed.value == 0.0 => value < NEXT_TO_NOTHING,
        (Unit::Seconds(to), Unit::Plain) => TIMES.iter().any(|from| rounds(value * from / to)),
        (Unit::Bytes(to), Unit::Plain) => rounds(value) || rounds(value / to),
        _ => false,
    }
}

/// Seven digits of a hash or more.
fn is_commit(word: &str) -> bool {
    word.len() >= 7 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// Tells whether `name` stands in `text` with nothing at its ends that would make it another name.
pub(super) fn stands(text: &str, name: &str, is_inside: fn(char) -> bool) -> bool {
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            !text[..at].chars().next_back().is_some_and(is_inside)
                && !text[at + name.len()..].chars().next().is_some_and(is_inside)
        })
}

/// Tells whether a claim says a name; both in lowercase.
pub(super) fn says(claim: &str, name: &str) -> bool {
    stands(claim, name, is_in_name)
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(&line.to_lowercase());
    text.push('\n');
}
