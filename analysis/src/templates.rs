//! Log lines → templates, streaming and bounded; and what is new, gone or exploding between two windows.
//!
//! Drain (He, Zhu, Zheng and Lyu, ICWS 2017): lines of one length that begin alike share a group, and join the template that most of their words equal.
//! Before that, what is plainly a value (numbers, addresses, ids) becomes `<*>`.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::quantity;

/// Learns templates from lines, one line at a time.
#[derive(Clone, Debug)]
pub struct Miner {
    limits: Limits,
    /// Templates by the number of words and the first words of their lines.
    groups: HashMap<Group, Vec<usize>>,
    templates: Vec<Template>,
    /// The template that takes what finds no room; made when it is needed.
    overflow: Option<usize>,
}

/// What bounds a [`Miner`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Most templates; lines that would need another go to one called `<*>`.
    pub templates: usize,
    /// Most words of a line that are read; the rest counts as one `<*>`.
    pub words: usize,
    /// Share of words that have to be equal for a line to join a template: Drain's `st`.
    pub similarity: f64,
    /// Words at the start of a line that have to be equal, values apart: Drain's tree depth less two.
    pub prefix: usize,
}

/// A pattern of lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The words; `<*>` where lines differ.
    pub words: Vec<String>,
    /// Lines that it stands for.
    pub count: u64,
    /// The first of them, cut to 500 characters. Untrusted text.
    pub example: String,
}

/// What changed between two windows of lines, each list most telling first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Templates that only the window has.
    pub new: Vec<TemplateChange>,
    /// Templates that are far more frequent in the window.
    pub exploded: Vec<TemplateChange>,
    /// Templates that only the baseline has, though the window was long enough to have them.
    pub vanished: Vec<TemplateChange>,
    /// Lines that were read.
    pub lines: u64,
    /// Templates that they came down to.
    pub templates: usize,
}

/// One template in two windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateChange {
    /// The template.
    pub template: String,
    /// Lines in the baseline.
    pub before: u64,
    /// Lines in the window.
    pub after: u64,
    /// Lines that the window would have at the baseline's rate.
    pub expected: f64,
    /// One such line, cut to 500 characters. Untrusted text.
    pub example: String,
}

/// Stands for what differs.
const WILDCARD: &str = "<*>";

/// Characters of an example that are kept.
const EXAMPLE_CHARS: usize = 500;

/// A template has exploded from three times the expected lines on …
const EXPLODED_RATIO: f64 = 3.0;

/// … if that is also this many standard deviations of a Poisson count away.
const EXPLODED_SIGMAS: f64 = 4.0;

/// A template has vanished when so many lines were expected and none came: chance below 1 in 1,000 for a Poisson count.
const VANISHED_EXPECTED: f64 = 7.0;

type Group = (usize, Vec<String>);

/// Compares the lines of a window with those of a baseline, given how long each was.
pub fn difference<'a>(
    baseline: (impl IntoIterator<Item = &'a str>, Duration),
    window: (impl IntoIterator<Item = &'a str>, Duration),
) -> Difference {
    let mut miner = Miner::new(Limits::default());
    let mut counts: BTreeMap<usize, [u64; 2]> = BTreeMap::new();
    for line in baseline.0 {
        counts.entry(miner.add(line)).or_default()[0] += 1;
    }
    for line in window.0 {
        counts.entry(miner.add(line)).or_default()[1] += 1;
    }
    let scale = window.1.as_secs_f64() / baseline.1.as_secs_f64().max(1e-9);
    let mut difference = Difference {
        lines: counts.values().flatten().sum(),
        templates: miner.templates.len(),
        ..Difference::default()
    };
    for (id, [before, after]) in counts {
        let Some(template) = miner.templates.get(id) else { continue };
        let expected = before as f64 * scale;
        let (text, example) = (template.to_string(), template.example.clone());
        let change = TemplateChange { template: text, before, after, expected, example };
        let excess = after as f64 - expected;
        let has_exploded =
            after as f64 > EXPLODED_RATIO * expected && excess > EXPLODED_SIGMAS * expected.max(1.0).sqrt();
        match (before, after) {
            (0, _) => difference.new.push(change),
            (_, 0) if expected >= VANISHED_EXPECTED => difference.vanished.push(change),
            _ if has_exploded => difference.exploded.push(change),
            _ => {}
        }
    }
    difference.new.sort_by_key(|change| std::cmp::Reverse(change.after));
    difference.vanished.sort_by_key(|change| std::cmp::Reverse(change.before));
    difference.exploded.sort_by(|a, b| {
        let excess = |change: &TemplateChange| change.after as f64 - change.expected;
        excess(b).total_cmp(&excess(a))
    });
    difference
}

// === impl Miner ===

impl Default for Limits {
    /// Drain's own depth of 4; similarity 0.5 lies between its two usual values.
    fn default() -> Self {
        Self { templates: 10_000, words: 120, similarity: 0.5, prefix: 2 }
    }
}

impl Miner {
    /// Makes a miner that has seen nothing.
    pub fn new(limits: Limits) -> Self {
        let (groups, templates) = (HashMap::new(), Vec::new());
        Self { limits, groups, templates, overflow: None }
    }

    /// Takes a line in and returns the index of its template, which stays its own for ever; the template's words may still grow more general.
    pub fn add(&mut self, line: &str) -> usize {
        let words = self.words(line);
        let prefix = words.iter().take(self.limits.prefix).cloned().collect();
        let group = (words.len(), prefix);
        let members = self.groups.get(&group).map_or(&[][..], Vec::as_slice);
        let graded = members.iter().map(|id| (self.similarity(*id, &words), *id));
        let best =
            graded.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(grade, _)| *grade >= self.limits.similarity);
        if let Some((_, id)) = best {
            self.join(id, &words);
            return id;
        }
        if self.templates.len() + 1 >= self.limits.templates {
            return self.overflow(line);
        }
        self.groups.entry(group).or_default().push(self.templates.len());
        self.start(words, line)
    }

    /// Returns the templates; the index of each is what [`add`](Self::add) returned.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    fn words(&self, line: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            if words.len() >= self.limits.words {
                words.push(WILDCARD.to_owned());
                break;
            }
            words.push(masked(word));
        }
        words
    }

    /// Returns the share of words that are equal; a word that is `<*>` in the template counts half, so that the closer of two templates wins.
    fn similarity(&self, id: usize, words: &[String]) -> f64 {
        let Some(template) = self.templates.get(id) else { return 0.0 };
        if words.is_empty() {
            return 1.0;
        }
        let grade = |(own, other): (&String, &String)| match own == other {
            true => 1.0,
            false if own == WILDCARD => 0.5,
            false => 0.0,
        };
        template.words.iter().zip(words).map(grade).sum::<f64>() / words.len() as f64
    }

    fn join(&mut self, id: usize, words: &[String]) {
        let Some(template) = self.templates.get_mut(id) else { return };
        template.count += 1;
        for (own, other) in template.words.iter_mut().zip(words) {
            if own != other && own != WILDCARD {
                WILDCARD.clone_into(own);
            }
        }
    }

    fn start(&mut self, words: Vec<String>, line: &str) -> usize {
        let example = line.chars().take(EXAMPLE_CHARS).collect();
        self.templates.push(Template { words, count: 1, example });
        self.templates.len() - 1
    }

    fn overflow(&mut self, line: &str) -> usize {
        if let Some(id) = self.overflow {
            self.join(id, &[]);
            return id;
        }
        let id = self.start(vec![WILDCARD.to_owned()], line);
        self.overflow = Some(id);
        id
    }
}

/// Puts `<*>` in the place of each run of characters that is plainly a value: it has a digit, and only what numbers, addresses, times and ids are made of.
///
/// Words with digits of other kinds, such as `http2` or `block_7a`, lose only the digits.
fn masked(word: &str) -> String {
    if !word.bytes().any(|byte| byte.is_ascii_digit()) {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len());
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut String| {
        let is_value = run.bytes().any(|byte| byte.is_ascii_digit()) && is_id(run);
        if is_value {
            out.push_str(WILDCARD);
        } else {
            mask_digits(run, out);
        }
        run.clear();
    };
    for char in word.chars() {
        if char.is_ascii_alphanumeric() || matches!(char, '.' | ':' | '-' | '_' | '+') {
            run.push(char);
        } else {
            flush(&mut run, &mut out);
            out.push(char);
        }
    }
    flush(&mut run, &mut out);
    out
}

/// Tells whether a run is a number with an optional short unit, an address, a time, or hex of eight digits and more.
fn is_id(run: &str) -> bool {
    let trimmed = run.trim_matches(|c: char| matches!(c, '.' | ':' | '-' | '_' | '+'));
    let hex = trimmed.strip_prefix("0x").unwrap_or(trimmed);
    let digits_only = trimmed.chars().all(|c| !c.is_ascii_alphabetic());
    let is_hex = hex.len() >= 8 && hex.chars().all(|c| c.is_ascii_hexdigit() || c == '-' || c == ':');
    let unit = trimmed.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let has_unit =
        unit.len() <= 3 && unit.len() < trimmed.len() && unit.chars().all(|c| c.is_ascii_alphabetic());
    let is_time = trimmed.starts_with(|c: char| c.is_ascii_digit()) && trimmed.contains(':');
    digits_only || is_hex || has_unit || is_time || trimmed.starts_with("0x")
}

/// Puts `<*>` in the place of each run of digits, with the minus sign before it when that is no hyphen between words.
fn mask_digits(run: &str, out: &mut String) {
    let mut before = '_';
    let mut chars = run.chars().peekable();
    while let Some(char) = chars.next() {
        let next_is_digit = chars.peek().is_some_and(char::is_ascii_digit);
        let is_sign = char == '-' && next_is_digit && !before.is_ascii_alphanumeric();
        let is_first_digit = char.is_ascii_digit() && !before.is_ascii_digit();
        if is_first_digit {
            out.push_str(WILDCARD);
        } else if !is_sign && !char.is_ascii_digit() {
            out.push(char);
        }
        before = char;
    }
}

// === text ===

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}

impl fmt::Display for TemplateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { template, before, after, expected, .. } = self;
        write!(f, "`{template}` {before} → {after} lines, expected {}", quantity::number(*expected))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines in {} templates", self.lines, self.templates)?;
        let lists = [("new", &self.new), ("exploded", &self.exploded), ("vanished", &self.vanished)];
        for (name, changes) in lists {
            for change in changes.iter().take(5) {
                write!(f, "\n{name}: {change}")?;
            }
            if changes.len() > 5 {
                write!(f, "\n{name}: {} more", changes.len() - 5)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(lines: &[&str], wanted: &[(&str, u64)]) {
        let mut miner = Miner::new(Limits::default());
        for line in lines {
            miner.add(line);
        }
        let found: Vec<(String, u64)> = miner.templates().iter().map(|t| (t.to_string(), t.count)).collect();
        let wanted: Vec<(String, u64)> = wanted.iter().map(|(text, n)| ((*text).to_owned(), *n)).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn values_become_wildcards_and_words_stay() {
        check(
            &[
                "Received block blk_-1608999687919862906 of size 91178 from /10.250.10.6",
                "Received block blk_7503483334202473044 of size 233217 from /10.250.19.102",
                "Verification succeeded for blk_-4980916519894289629",
                "cart: retry 3 of order 0x7f3a in 250ms",
                "cart: retry 1 of order 0x11 in 12ms",
            ],
            &[
                ("Received block blk_<*> of size <*> from /<*>", 2),
                ("Verification succeeded for blk_<*>", 1),
                ("cart: retry <*> of order <*> in <*>", 2),
            ],
        );
    }

    #[test]
    fn words_that_differ_become_wildcards_when_most_are_equal() {
        check(
            &[
                "user login failed for alice on web",
                "user login failed for bob on web",
                "user login failed",
                "disk is full",
            ],
            &[("user login failed for <*> on web", 2), ("user login failed", 1), ("disk is full", 1)],
        );
    }

    #[test]
    fn new_exploded_and_vanished_templates_are_told_apart() {
        let line = |text: &'static str, n: usize| std::iter::repeat_n(text, n);
        let before = line("GET /cart ok", 600)
            .chain(line("cache refreshed", 60))
            .chain(line("slow query on orders", 6));
        let after = line("GET /cart ok", 110)
            .chain(line("slow query on orders", 40))
            .chain(line("no connection to datastore", 9));
        let found = difference((before, Duration::from_secs(60)), (after, Duration::from_secs(10)));
        assert_eq!(
            found.to_string(),
            "825 lines in 4 templates\n\
             new: `no connection to datastore` 0 → 9 lines, expected 0\n\
             exploded: `slow query on orders` 6 → 40 lines, expected 1\n\
             vanished: `cache refreshed` 60 → 0 lines, expected 10"
        );
    }

    #[test]
    fn a_full_miner_keeps_counting() {
        let mut miner = Miner::new(Limits { templates: 3, ..Limits::default() });
        for line in ["a", "b c", "d e f", "g h i j", "a"] {
            miner.add(line);
        }
        let found: Vec<String> = miner.templates().iter().map(|t| format!("{t} {}", t.count)).collect();
        assert_eq!(found, ["a 2", "b c 1", "<*> 2"]);
    }

    proptest! {
        #[test]
        fn every_line_is_counted_once(lines in prop::collection::vec(".{0,60}", 0..40), most in 2..20_usize) {
            let mut miner = Miner::new(Limits { templates: most, ..Limits::default() });
            let ids: Vec<usize> = lines.iter().map(|line| miner.add(line)).collect();
            prop_assert!(ids.iter().all(|id| *id < miner.templates().len()));
            prop_assert!(miner.templates().len() <= most);
            prop_assert_eq!(miner.templates().iter().map(|t| t.count).sum::<u64>(), lines.len() as u64);
        }

        #[test]
        fn a_line_seen_again_finds_its_template(line in "[a-z0-9 ]{0,60}") {
            let mut miner = Miner::new(Limits::default());
            prop_assert_eq!(miner.add(&line), miner.add(&line));
        }
    }
}
