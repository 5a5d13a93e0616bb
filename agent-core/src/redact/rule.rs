//! A rule says what one kind of secret looks like; a set of rules is searched in one pass over the text, and after it only by those
//! whose sign was seen.

use std::{ops::Range, sync::OnceLock};

use regex::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// What one kind of secret looks like.
pub(super) struct Rule {
    /// What it is called in reports.
    pub name: &'static str,
    /// The word in the mark.
    pub kind: &'static str,
    /// A short pattern that is found in every text that the pattern is found in; empty when the pattern is cheap itself.
    sign: String,
    /// Its group `v`, or the groups `v` and `w` of two ways to write it, is what must go; without one, all of it.
    pattern: String,
    /// Tells a secret from what only looks like one.
    holds: Option<Holds>,
    /// Whether it must not be a part of a longer number.
    apart: bool,
    /// Compiled when its sign is seen first.
    compiled: OnceLock<Option<Regex>>,
}

/// Judges what a pattern found.
pub(super) type Holds = fn(&Captures<'_>) -> bool;

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot<'p> {
    pub rule: &'p str,
    pub kind: &'p str,
    pub range: Range<usize>,
}

/// Rules that are searched together.
pub(super) struct RuleSet {
    rules: Vec<Rule>,
    signs: Option<RegexSet>,
}

/// Most that a compiled pattern of this program may take, bytes.
const MAX_COMPILED_BYTES: usize = 32 << 20;

/// What was found and doubted is looked at again from its next character. A text that is made to be doubted over and over would
/// cost the square of its length: once so many bytes were doubted, and so many for each of the text, everything is taken.
const DOUBTED_BYTES: usize = 1 << 16;
const DOUBTED_TIMES: usize = 16;

// === impl Rule ===

impl Rule {
    /// Makes a rule that is searched for where `sign` is seen.
    pub fn new(
        name: &'static str,
        kind: &'static str,
        sign: impl Into<String>,
        pattern: impl Into<String>,
    ) -> Self {
        let (sign, pattern) = (sign.into(), pattern.into());
        Self { name, kind, sign, pattern, holds: None, apart: false, compiled: OnceLock::new() }
    }

    /// Adds what tells a secret from what only looks like one.
    pub fn when(self, holds: Holds) -> Self {
        Self { holds: Some(holds), ..self }
    }

    /// Asks for numbers that are no part of a longer one: `0.4111` and `1-555-0100-2` go on.
    pub fn apart(self) -> Self {
        Self { apart: true, ..self }
    }

    /// Returns the pattern, unless it is not one, which a test rules out.
    pub fn regex(&self) -> Option<&Regex> {
        let compile = || RegexBuilder::new(&self.pattern).size_limit(MAX_COMPILED_BYTES).build().ok();
        self.compiled.get_or_init(compile).as_ref()
    }

    /// Adds where secrets of this kind stand. They may stand in what was looked at and was none.
    fn find<'p>(&'p self, text: &str, found: &mut Vec<Spot<'p>>) {
        let Some(regex) = self.regex() else { return };
        let (mut start, mut n_doubted) = (0, 0_usize);
        let patience = text.len().saturating_mul(DOUBTED_TIMES).saturating_add(DOUBTED_BYTES);
        while let Some(captures) = regex.captures_at(text, start) {
            let Some(whole) = captures.get(0) else { return };
            let secret = ["v", "w"].into_iter().find_map(|group| captures.name(group)).unwrap_or(whole);
            let is_apart = !self.apart || stands_apart(text, &secret.range());
            let holds = is_apart && self.holds.is_none_or(|holds| holds(&captures));
            n_doubted = n_doubted.saturating_add(if holds { 0 } else { whole.len() });
            if !secret.is_empty() && (holds || n_doubted > patience) {
                found.push(Spot { rule: self.name, kind: self.kind, range: secret.range() });
                start = secret.end();
            } else {
                start = whole.start() + text[whole.start()..].chars().next().map_or(1, char::len_utf8);
            }
            if start >= text.len() {
                return;
            }
        }
    }
}

fn stands_apart(text: &str, number: &Range<usize>) -> bool {
    let is_joint = |c: Option<char>| matches!(c, Some('.' | '-'));
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let (mut before, mut after) = (text[..number.start].chars().rev(), text[number.end..].chars());
    !(is_joint(before.next()) && is_digit(before.next()) || is_joint(after.next()) && is_digit(after.next()))
}

// === impl RuleSet ===

impl RuleSet {
    /// Puts rules together. The first of two that find the same names the kind.
    pub fn new(rules: Vec<Rule>) -> Self {
        let signs =
            rules.iter().map(|rule| if rule.sign.is_empty() { rule.pattern.as_str() } else { &rule.sign });
        let signs = RegexSetBuilder::new(signs)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_COMPILED_BYTES)
            .build()
            .ok();
        Self { rules, signs }
    }

    /// Adds where secrets stand, in no order; they may overlap.
    pub fn find<'p>(&'p self, text: &str, found: &mut Vec<Spot<'p>>) {
        match &self.signs {
            Some(signs) => {
                let seen = signs.matches(text);
                seen.iter().filter_map(|n| self.rules.get(n)).for_each(|rule| rule.find(text, found));
            }
            // Slow, and nothing is missed.
            None => self.rules.iter().for_each(|rule| rule.find(text, found)),
        }
    }

    #[cfg(test)]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    #[cfg(test)]
    pub fn has_first_pass(&self) -> bool {
        self.signs.is_some()
    }
}
