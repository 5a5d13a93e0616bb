//! Which class of fault a person's words name, as in "not slow_code, it was dns_timeout".

use waggle_analysis::{
    FaultTree,
    symptoms::{Catalogue, Evidence, Origin, Said, examine},
};
use waggle_signals::Severity;

use crate::past_today::names_a_fault;

/// Finds the class of fault that a person's words name; empty when they name none. Classes are known by whole words, and those that
/// are denied, in English or Chinese, do not count.
pub(crate) fn named_class(words: &str, tree: &FaultTree) -> String {
    let text = plain(words);
    let mut left = clauses(&text);
    let known = tree.faults.iter().map(|fault| &fault.class);
    let known = known.chain(Catalogue::shipped().classes.iter().map(|class| &class.class));
    let mut named: Option<&String> = None;
    for class in known {
        let mentions: Vec<Mention> =
            left.iter().filter_map(|clause| mention(clause, &plain(class))).collect();
        if mentions.contains(&Mention::Held) && named.is_none_or(|named| class.len() > named.len()) {
            named = Some(class);
        }
        left.retain(|clause| mention(clause, &plain(class)) != Some(Mention::Denied));
    }
    if let Some(class) = named {
        return class.clone();
    }
    left.retain(|clause| !begins_with_denial(clause));
    let said = Said {
        origin: Origin::Log,
        object: String::new(),
        time: None,
        severity: Some(Severity::Error),
        text: left.join(", "),
    };
    let diagnosis = examine(&Evidence { said: vec![said], ..Evidence::default() });
    diagnosis.root().map(|root| root.class.clone()).filter(|class| names_a_fault(class)).unwrap_or_default()
}

/// How a clause speaks of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mention {
    Held,
    Denied,
}

/// These deny what follows, in a clause and at its beginning.
const DENIALS: [&str; 8] = ["not", "never", "neither", "nor", "isnt", "wasnt", "rather than", "instead of"];
const DENIALS_IN_CHINESE: [&str; 8] = ["不是", "并不是", "而不是", "并非", "而非", "绝非", "不像", "排除"];
/// These deny the name of a class, but begin the words of errors, too: "no space left".
const DENIALS_OF_NAMES: [&str; 3] = ["no", "without", "ruled out"];
const DENIALS_OF_NAMES_IN_CHINESE: [&str; 4] = ["没有", "不属于", "不算", "不存在"];
/// These deny what they follow.
const DENIALS_AFTER: [&str; 14] = [
    "was not",
    "is not",
    "wasnt",
    "isnt",
    "was never",
    "was ruled out",
    "is ruled out",
    "had nothing to do",
    "不是",
    "并不是",
    "并非",
    "没有",
    "已排除",
    "可以排除",
];
/// What sounds like a denial and is none.
const NO_DENIALS: [&str; 9] = [
    "not only",
    "not just",
    "no doubt",
    "not enough",
    "not found",
    "not ready",
    "not available",
    "不仅",
    "不只",
];
/// What may stand before a denial at the beginning of a clause.
const LEADS: [&str; 9] = ["it", "this", "that", "the", "cause", "was", "is", "really", "but"];
/// What is denied in one clause may hold in the next.
const MARKS: [char; 15] = [',', ';', ':', '!', '?', '(', ')', '\n', '，', '。', '；', '：', '！', '？', '、'];
/// Words that begin a clause and belong to it.
const BEGINNINGS: [&str; 12] = [
    " but ",
    " because ",
    " since ",
    " rather than ",
    " instead of ",
    " and ",
    ". ",
    "而",
    "但",
    "因为",
    "由于",
    "实际",
];

/// Writes a text in lower case, with words and parts of names alike apart, and `isn't` as one word.
fn plain(text: &str) -> String {
    text.to_lowercase().replace(['_', '-'], " ").replace(['\'', '’', '`', '"'], "")
}

fn clauses(text: &str) -> Vec<String> {
    let cut = |text: String, word: &&str| text.replace(*word, &format!("\n{word}"));
    let text = NO_DENIALS.iter().fold(text.to_owned(), |text, word| text.replace(word, ""));
    let text = BEGINNINGS.iter().fold(text, cut);
    let clauses = text.split(MARKS).map(|clause| clause.trim_matches([' ', '.']).to_owned());
    clauses.filter(|clause| !clause.is_empty()).collect()
}

/// Tells how a clause speaks of a class; `None` when it does not have its name as whole words.
fn mention(clause: &str, class: &str) -> Option<Mention> {
    let is_part = |c: char| c.is_ascii_alphanumeric();
    let mut found = None;
    for (at, name) in clause.match_indices(class).filter(|(_, name)| !name.is_empty()) {
        let (before, after) = (clause.get(..at)?, clause.get(at + name.len()..)?);
        if before.ends_with(is_part) || after.starts_with(is_part) {
            continue;
        }
        let padded = format!(" {before} ");
        let has_word = |word: &&str| padded.contains(&format!(" {word} "));
        let is_denied = DENIALS.iter().chain(&DENIALS_OF_NAMES).any(has_word)
            || DENIALS_IN_CHINESE
                .iter()
                .chain(&DENIALS_OF_NAMES_IN_CHINESE)
                .any(|word| before.contains(word))
            || DENIALS_AFTER.iter().any(|word| after.trim_start().starts_with(word));
        if !is_denied {
            return Some(Mention::Held);
        }
        found = Some(Mention::Denied);
    }
    found
}

fn begins_with_denial(clause: &str) -> bool {
    let words: Vec<&str> = clause.split_whitespace().skip_while(|word| LEADS.contains(word)).collect();
    let rest = format!("{} ", words.join(" "));
    DENIALS.iter().any(|denial| rest.starts_with(&format!("{denial} ")))
        || DENIALS_IN_CHINESE.iter().any(|denial| rest.starts_with(denial))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_class_is_named_by_whole_words_and_not_by_denying_it() {
        for (words, wanted) in [
            ("it was slow_code", "slow_code"),
            ("Slow code in the parser", "slow_code"),
            ("not slow_code, it was dns_timeout", "dns_timeout"),
            ("it wasn't slow_code but dns_timeout", "dns_timeout"),
            ("dns_timeout rather than slow_code", "dns_timeout"),
            ("dns_timeout, not slow_code", "dns_timeout"),
            ("neither slow_code nor dns_timeout", ""),
            ("slow_code was ruled out", ""),
            ("not only slow_code", "slow_code"),
            ("slow_codec was rolled back", ""),
            ("不是 slow_code，是 dns_timeout", "dns_timeout"),
            ("不是slow_code而是dns_timeout", "dns_timeout"),
            ("是dns_timeout而不是slow_code", "dns_timeout"),
            ("slow_code 已排除", ""),
            ("因为slow_code", "slow_code"),
            // Without the name of a class, the words of its errors tell.
            ("could not resolve host db-1", "dns_resolution_failing"),
            ("not slow_code, could not resolve host db-1", "dns_resolution_failing"),
            ("not getaddrinfo ENOTFOUND db", ""),
            ("", ""),
        ] {
            assert_eq!(named_class(words, &FaultTree::first()), wanted, "{words}");
        }
    }

    proptest! {
        #[test]
        fn any_words_name_a_known_class_or_none(words in "(not |不是|[a-z_]{1,9}|slow_code|[,，. ]|\\PC){0,12}") {
            let tree = FaultTree::first();
            let class = named_class(&words, &tree);
            let known = tree.faults.iter().map(|fault| &fault.class);
            let mut known = known.chain(Catalogue::shipped().classes.iter().map(|class| &class.class));
            prop_assert!(class.is_empty() || known.any(|known| *known == class), "{}", class);
        }
    }
}
