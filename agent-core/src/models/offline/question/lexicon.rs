//! The word list as it is looked up: by stems for English, by characters for Chinese.

use std::{collections::HashMap, sync::LazyLock};

use super::{names::GROUPS, sense::Sense, stem::stem};
use crate::nearest::edits;

/// What a phrase means.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// Its meanings; empty when it only names services.
    pub senses: Vec<Sense>,
    /// The group of service names that it belongs to, an index of [`GROUPS`].
    pub group: Option<usize>,
}

impl Entry {
    /// Returns the group of services that this spelling names. `shipping` is a name, though `ship` is what is done with a
    /// change: a word that can be both is a name as the group writes it.
    pub(super) fn named_by(&self, written: &str) -> Option<usize> {
        let is_written =
            |group: &usize| GROUPS.get(*group).is_some_and(|group| group.words.contains(&written));
        self.group.filter(|group| self.senses.is_empty() || is_written(group))
    }
}

/// A phrase that was found at the start of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub entry: &'static Entry,
    /// Bytes that it takes.
    pub length: usize,
}

/// Words and phrases of both languages, and what they mean.
const WORDS: &str = include_str!("words.txt");

struct Lexicon {
    /// By stems, joined by one space.
    english: HashMap<String, Entry>,
    /// As written.
    chinese: HashMap<String, Entry>,
}

/// No English phrase has more words, no Chinese one more characters.
const MAX_WORDS: usize = 6;
const MAX_CHARS: usize = 12;

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon { english: HashMap::new(), chinese: HashMap::new() };
    for (senses, phrases) in WORDS.lines().filter_map(line) {
        for phrase in phrases {
            lexicon.entry(phrase).senses.extend_from_slice(&senses);
        }
    }
    for (group, names) in GROUPS.iter().enumerate() {
        for phrase in names.words {
            lexicon.entry(phrase).group = Some(group);
        }
    }
    lexicon
});

/// Reads a line of the word list; `None` for a comment and for what is no line.
fn line(line: &str) -> Option<(Vec<Sense>, Vec<&str>)> {
    let (senses, phrases) = line.split_once(": ").filter(|_| !line.starts_with('#'))?;
    let senses: Option<Vec<Sense>> = senses.split(' ').map(Sense::named).collect();
    Some((senses?, phrases.split(", ").map(str::trim).collect()))
}

impl Lexicon {
    fn entry(&mut self, phrase: &str) -> &mut Entry {
        let is_english = phrase.starts_with(|c: char| c.is_ascii_alphanumeric()) && phrase.is_ascii();
        if is_english {
            self.english.entry(stems(phrase)).or_default()
        } else {
            self.chinese.entry(phrase.to_owned()).or_default()
        }
    }
}

fn stems(phrase: &str) -> String {
    let words = phrase.split([' ', '-']).filter(|word| !word.is_empty());
    words.map(stem).collect::<Vec<_>>().join(" ")
}

/// Finds the longest phrase at the start of `text`.
pub(super) fn phrase_at(text: &str) -> Option<Found> {
    let chinese = ends_of_chars(text).into_iter().rev().find_map(|length| {
        let entry = LEXICON.chinese.get(text.get(..length)?)?;
        Some(Found { entry, length })
    });
    let english = ends_of_words(text).into_iter().rev().find_map(|length| {
        let written = text.get(..length)?;
        let entry = LEXICON.english.get(&stems(written))?;
        // `the service` is one that was spoken of, `the services` are any.
        let is_plural = entry.senses.contains(&Sense::It) && written.ends_with('s');
        (!is_plural).then_some(Found { entry, length })
    });
    chinese.into_iter().chain(english).max_by_key(|found| found.length)
}

/// Finds the word that was probably meant: one slip in a short word, two in a long one.
pub(super) fn phrase_like(word: &str) -> Option<&'static Entry> {
    let word = stem(word);
    // Endings do not count: `returning` is six letters, and not two slips away from `recurring`.
    let n_slips = match word.len() {
        0..=4 => return None,
        5..=7 => 1,
        _ => 2,
    };
    let likely = LEXICON.english.iter().filter(|(known, _)| {
        known.len() > 3 && !known.contains(' ') && known.as_bytes().first() == word.as_bytes().first()
    });
    let likely = likely.map(|(known, entry)| (edits(&word, known), known, entry));
    let (n_edits, _, entry) = likely.min_by_key(|(edits, known, _)| (*edits, *known))?;
    (n_edits <= n_slips && !entry.senses.contains(&Sense::OffTopic)).then_some(entry)
}

fn ends_of_chars(text: &str) -> Vec<usize> {
    text.char_indices().take(MAX_CHARS).map(|(at, c)| at + c.len_utf8()).collect()
}

/// Returns where the first word ends, where the second does, and so on; words stand one blank or hyphen apart.
fn ends_of_words(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        let is_word = c.is_ascii_alphanumeric() || c == '_';
        match (in_word, is_word) {
            (true, false) => {
                ends.push(at);
                if ends.len() == MAX_WORDS || !matches!(c, ' ' | '-') {
                    return ends;
                }
            }
            (false, false) => return ends,
            _ => {}
        }
        in_word = is_word;
    }
    if in_word {
        ends.push(text.len());
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_word_list_is_read() {
        for text in WORDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (senses, phrases) = line(text).unwrap_or_else(|| panic!("no line: {text}"));
            assert!(!senses.is_empty() && phrases.iter().all(|phrase| !phrase.is_empty()), "{text}");
        }
    }

    #[test]
    fn the_longest_phrase_wins() {
        for (text, length) in [("error rate of", 10), ("错误率高", 9), ("errors", 6), ("xyzzy", 0)] {
            assert_eq!(phrase_at(text).map_or(0, |found| found.length), length, "{text}");
        }
    }
}
