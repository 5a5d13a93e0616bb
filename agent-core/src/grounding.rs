//! Which numbers, times and names a text rests on, and whether the evidence has them.
//!
//! Everything in a claim that has a digit in it must be accounted for: as a number that rounds from one of the evidence,
//! as a time that the evidence has, or as a word that stands in it as it is. Words of number (`fifty percent`) count too.
//!
//! ## Assumptions
//!
//! That a number is there does not make the sentence true: what it is a number of, which way it moved, and vague amounts
//! (`half`, `twice`, `几百`) are the model's word. Numbers without a unit in the evidence may stand for any.

mod moment;
mod normal;
mod quantity;
mod spelled;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeSet;

use serde_json::Value;

pub(crate) use self::spelled::numeral;
use self::{
    moment::Moment,
    normal::{is_word, normal},
    quantity::{Quantity, Unit, unit_of_field},
    tokens::{Token, TokenKind, tokens},
};
use crate::EvidenceId;

/// A quote of so many characters is no accident, even when it is cut off somewhere.
const MIN_EXCERPT_CHARS: usize = 24;

/// What a claim is compared with: everything that the cited evidence says.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    numbers: Vec<Quantity>,
    moments: Vec<Moment>,
    /// Words with digits, lowercase.
    names: BTreeSet<String>,
    /// All text, normal and lowercase, one piece a line.
    text: String,
    /// What was asked: good for names, not for numbers, since a model chooses it freely.
    asked: String,
    ids: BTreeSet<EvidenceId>,
}

/// A number, time or name that is in a text and not in its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ungrounded(pub String);

impl Ground {
    /// Adds a result: every name, number and text in `data`, and `text` with the numbers in it.
    pub fn add(&mut self, data: &Value, text: &str) {
        self.add_value(data, Unit::Plain(1.0));
        self.add_text(text);
    }

    /// Adds what was asked for: its words may be named, its numbers prove nothing.
    pub fn add_arguments(&mut self, arguments: &Value) {
        match arguments {
            Value::String(text) => push_line(&mut self.asked, &normal(text)),
            Value::Array(values) => values.iter().for_each(|value| self.add_arguments(value)),
            Value::Object(fields) => fields.values().for_each(|value| self.add_arguments(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Takes out the numbers that stand in a text.
    pub fn remove_numbers_of(&mut self, text: &str) {
        let mut asked = Self::default();
        asked.add_text(&normal(text));
        let is_asked = |number: &Quantity| asked.numbers.iter().any(|other| other.value == number.value);
        self.numbers.retain(|number| !is_asked(number));
    }

    /// Allows evidence to be named by its id.
    pub fn add_id(&mut self, id: EvidenceId) {
        self.ids.insert(id);
    }

    /// Tells whether `name` stands here as it is.
    pub fn names(&self, name: &str) -> bool {
        self.has_literal(&normal(name))
    }

    /// Adds all that another ground has.
    pub fn add_ground(&mut self, other: &Self) {
        self.numbers.extend(&other.numbers);
        self.moments.extend(other.moments.iter().cloned());
        self.names.extend(other.names.iter().cloned());
        self.text.push_str(&other.text);
        self.asked.push_str(&other.asked);
        self.ids.extend(&other.ids);
    }

    fn add_value(&mut self, value: &Value, unit: Unit) {
        match value {
            Value::Number(number) => {
                let value = number.as_f64().filter(|value| value.is_finite());
                self.numbers.extend(value.map(|value| Quantity { value, n_decimals: 0, unit }));
            }
            Value::String(text) => self.add_text(text),
            Value::Array(values) => values.iter().for_each(|value| self.add_value(value, unit)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                push_line(&mut self.text, name);
                self.add_value(value, unit_of_field(name));
            }),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        let text = normal(text);
        for token in tokens(&text) {
            self.add_token(&text, token);
        }
        push_line(&mut self.text, &text);
    }

    fn add_token(&mut self, text: &str, token: Token) {
        let written = text[token.at].to_lowercase();
        match token.kind {
            TokenKind::Word | TokenKind::Term => {}
            TokenKind::Evidence(_) | TokenKind::Name => {
                self.names.insert(written);
            }
            TokenKind::Quoted(parts) => parts.into_iter().for_each(|part| self.add_token(text, part)),
            TokenKind::Number { quantity, shared } => {
                self.numbers.push(quantity);
                self.numbers.extend(shared.map(|unit| Quantity { unit, ..quantity }));
            }
            TokenKind::Moment(moment) => self.moments.push(moment),
            TokenKind::Hash(Some(number)) => self.numbers.push(number),
            TokenKind::Hash(None) => {
                self.names.insert(written);
            }
            TokenKind::Joined(parts) => {
                // The 2 of `checkout-2` is part of a name; the 88 of `reserve.rs:88` and the 12 of `n=12` are numbers.
                let measures = written.contains([':', '='])
                    || parts.iter().all(|part| matches!(part.kind, TokenKind::Number { .. }));
                self.names.insert(written);
                for part in parts {
                    if measures || !matches!(part.kind, TokenKind::Number { .. }) {
                        self.add_token(text, part);
                    }
                }
            }
        }
    }

    /// Returns what `claim` says and this does not. `names` are the names that count besides those in backticks: services, owners.
    pub fn missing(&self, claim: &str, names: &[String]) -> Vec<Ungrounded> {
        let claim = normal(claim);
        let mut missing = Vec::new();
        for token in tokens(&claim) {
            self.check(&claim, &token, &mut missing);
        }
        let lower = claim.to_lowercase();
        let absent = names.iter().filter(|name| {
            let name = name.to_lowercase();
            has_name(&lower, &name) && !has_name(&self.text, &name) && !has_name(&self.asked, &name)
        });
        missing.extend(absent.map(|name| Ungrounded(name.clone())));
        missing
    }

    /// Tells whether any number or time of `claim` stands here, those in quotes aside.
    pub(crate) fn has_any_measure(&self, claim: &str) -> bool {
        let claim = normal(claim);
        tokens(&claim).iter().any(|token| self.has_measure(token))
    }

    fn has_measure(&self, token: &Token) -> bool {
        match &token.kind {
            TokenKind::Number { quantity, shared } => {
                let shared = shared.map(|unit| Quantity { unit, ..*quantity });
                self.has_number(quantity) || shared.is_some_and(|quantity| self.has_number(&quantity))
            }
            TokenKind::Moment(moment) => self.moments.iter().any(|known| moment.is_said_by(known)),
            TokenKind::Joined(parts) => parts.iter().any(|part| self.has_measure(part)),
            _ => false,
        }
    }

    fn check(&self, claim: &str, token: &Token, missing: &mut Vec<Ungrounded>) {
        let written = &claim[token.at.clone()];
        let holds = match &token.kind {
            TokenKind::Word | TokenKind::Term => true,
            TokenKind::Number { quantity, shared } => {
                let shared = shared.map(|unit| Quantity { unit, ..*quantity });
                self.has_number(quantity) || shared.is_some_and(|quantity| self.has_number(&quantity))
            }
            TokenKind::Moment(moment) => self.moments.iter().any(|known| moment.is_said_by(known)),
            TokenKind::Hash(number) => {
                self.has_start_of_name(written) || number.is_some_and(|number| self.has_number(&number))
            }
            TokenKind::Evidence(id) => self.ids.contains(&EvidenceId(*id)) || self.has_literal(written),
            TokenKind::Name => self.has_literal(written),
            TokenKind::Joined(parts) => {
                if !self.has_joined(written, parts) {
                    return parts.iter().for_each(|part| self.check(claim, part, missing));
                }
                true
            }
            TokenKind::Quoted(parts) => {
                let is_number = matches!(parts.as_slice(), [Token { kind: TokenKind::Number { .. }, .. }]);
                let is_quoted = self.has_literal(written.trim()) || self.has_excerpt(written);
                if (!is_number && is_quoted) || self.is_call(written) {
                    return;
                }
                let has_word = |part: &Token| {
                    let word = claim[part.at.clone()].to_lowercase();
                    self.has_literal(&word) || has_name(&self.asked, &word)
                };
                let mut words = parts.iter().filter(|part| part.kind == TokenKind::Word);
                if !words.all(has_word) {
                    return missing.push(Ungrounded(format!("`{written}`")));
                }
                return parts.iter().for_each(|part| self.check(claim, part, missing));
            }
        };
        if !holds {
            missing.push(Ungrounded(written.trim().to_owned()));
        }
    }

    fn has_number(&self, claimed: &Quantity) -> bool {
        self.numbers.iter().any(|known| claimed.is_said_by(known))
    }

    fn has_joined(&self, written: &str, parts: &[Token]) -> bool {
        let written = written.to_lowercase();
        let only_numbers = parts.iter().all(|part| matches!(part.kind, TokenKind::Number { .. }));
        self.names.contains(&written) || (!only_numbers && self.has_literal(&written))
    }

    fn has_start_of_name(&self, written: &str) -> bool {
        let written = written.to_lowercase();
        let next = self.names.range(written.clone()..).next();
        next.is_some_and(|name| name.starts_with(&written)) || self.has_literal(&written)
    }

    /// Arguments may be repeated as they were written.
    fn is_call(&self, written: &str) -> bool {
        let written = written.to_lowercase();
        written.starts_with('{') && self.asked.lines().any(|line| line == written)
    }

    /// Long quotes may be cut inside of a word, but not inside of a number.
    fn has_excerpt(&self, written: &str) -> bool {
        let written = written.trim().trim_end_matches('…').to_lowercase();
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        written.chars().count() >= MIN_EXCERPT_CHARS
            && self.text.match_indices(&written).any(|(at, _)| {
                let after = &self.text[at + written.len()..];
                let starts_cut =
                    is_digit(written.chars().next()) && is_digit(self.text[..at].chars().next_back());
                let ends_cut = is_digit(written.chars().next_back()) && is_digit(after.chars().next());
                !starts_cut && !ends_cut
            })
    }

    fn has_literal(&self, written: &str) -> bool {
        has_whole(&self.text, &written.to_lowercase(), is_word)
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(&line.to_lowercase());
    text.push('\n');
}

/// Tells whether a service stands in `text` as a word of its own: `cart` does not stand in `cart-db`.
fn has_name(text: &str, name: &str) -> bool {
    has_whole(text, name, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// Tells whether `part` stands in `text` and is not the middle of a longer word or a longer dotted number.
fn has_whole(text: &str, part: &str, is_word: impl Fn(char) -> bool) -> bool {
    if part.is_empty() {
        return false;
    }
    let is_digit = |c: Option<char>| c.is_some_and(|c: char| c.is_ascii_digit());
    text.match_indices(part).any(|(at, _)| {
        let (mut before, mut after) = (text[..at].chars().rev(), text[at + part.len()..].chars());
        let (first, last) = (part.chars().next(), part.chars().next_back());
        let (previous, next) = (before.next(), after.next());
        let starts_inside = first.is_some_and(&is_word) && previous.is_some_and(&is_word);
        let ends_inside = last.is_some_and(&is_word) && next.is_some_and(&is_word);
        let is_cut = (is_digit(first) && previous == Some('.') && is_digit(before.next()))
            || (is_digit(last) && next == Some('.') && is_digit(after.next()));
        !starts_inside && !ends_inside && !is_cut
    })
}
