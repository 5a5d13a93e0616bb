//! The terms by which a text is found, English and Chinese: what the full-text half of the search counts.
//!
//! Chinese is written without spaces; a dictionary cuts it into words, and long words into the shorter ones in them, so that a question
//! need not use the same cut. Latin text is cut at everything that is no letter or digit, names in `camelCase` and `snake_case` into
//! their words besides being kept whole, and English words are brought to their stem.

use std::sync::LazyLock;

use jieba_rs::Jieba;
use rust_stemmers::{Algorithm, Stemmer};

/// Longest term in bytes. What is longer is a hash or encoded bytes, and nobody types it.
const MAX_BYTES: usize = 64;

/// English words that say nothing of what a text is about.
const STOP_WORDS: [&str; 48] = [
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "did", "do", "does", "for",
    "from", "had", "has", "have", "how", "in", "into", "is", "it", "its", "of", "on", "or", "so", "that",
    "the", "their", "then", "there", "these", "they", "this", "to", "was", "were", "what", "when", "where",
    "which", "who", "will", "with", "would",
];

/// The same in Chinese: particles, pronouns, and what makes a question.
const CHINESE_STOP_WORDS: [&str; 36] = [
    "的",
    "了",
    "是",
    "在",
    "和",
    "与",
    "或",
    "也",
    "就",
    "都",
    "而",
    "及",
    "着",
    "吗",
    "呢",
    "吧",
    "啊",
    "哪",
    "哪些",
    "哪个",
    "什么",
    "怎么",
    "如何",
    "为什么",
    "谁",
    "多少",
    "几",
    "这",
    "那",
    "这个",
    "那个",
    "被",
    "把",
    "对",
    "有",
    "我",
];

static CHINESE: LazyLock<Jieba> = LazyLock::new(Jieba::new);
static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// Returns the terms of a text in order, with repetition. Empty for a text of stop words and signs.
///
/// The first text with Chinese in it loads the dictionary, which takes a few tenths of a second and some 100 MB.
pub fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    for run in runs(text) {
        match run {
            Run::Latin(word) => latin(word, &mut terms),
            Run::Chinese(words) => chinese(words, &mut terms),
        }
    }
    terms.retain(|term| term.len() <= MAX_BYTES);
    terms
}

enum Run<'a> {
    Latin(&'a str),
    Chinese(&'a str),
}

/// Splits a text into runs of ideographs and runs of other letters and digits with `_` between them.
fn runs(text: &str) -> Vec<Run<'_>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Chinese,
        Latin,
        Other,
    }
    let kind = |letter: char| match letter {
        _ if is_ideograph(letter) => Kind::Chinese,
        _ if letter.is_alphanumeric() || letter == '_' => Kind::Latin,
        _ => Kind::Other,
    };
    let mut runs = Vec::new();
    let mut begins = 0;
    let mut last = Kind::Other;
    let ends = text.char_indices().map(|(at, letter)| (at, kind(letter))).chain([(text.len(), Kind::Other)]);
    for (at, kind) in ends {
        if kind == last {
            continue;
        }
        let run = text.get(begins..at).unwrap_or_default();
        match last {
            Kind::Chinese => runs.push(Run::Chinese(run)),
            Kind::Latin => runs.push(Run::Latin(run)),
            Kind::Other => {}
        }
        (begins, last) = (at, kind);
    }
    runs
}

/// Adds a name whole, and the words in it.
fn latin(name: &str, terms: &mut Vec<String>) {
    let words: Vec<String> = words_of(name).into_iter().map(|word| word.to_lowercase()).collect();
    if words.len() > 1 {
        terms.push(name.replace('_', "").to_lowercase());
    }
    let words = words.into_iter().filter(|word| !STOP_WORDS.contains(&word.as_str()));
    terms.extend(words.map(|word| ENGLISH.stem(&word).into_owned()));
}

/// Splits `KubePodCrashLooping`, `max_connections` and `HTTPServer2` into their words.
fn words_of(name: &str) -> Vec<&str> {
    let letters: Vec<(usize, char)> = name.char_indices().collect();
    let mut cuts = vec![0];
    for window in letters.windows(3) {
        let [(_, before), (at, letter), (_, after)] = window else { continue };
        let begins_word = before.is_lowercase() && letter.is_uppercase();
        let ends_acronym = before.is_uppercase() && letter.is_uppercase() && after.is_lowercase();
        if begins_word || ends_acronym {
            cuts.push(*at);
        }
    }
    cuts.push(name.len());
    let parts = cuts.windows(2).filter_map(|cut| name.get(*cut.first()?..*cut.last()?));
    parts.flat_map(|part| part.split('_')).filter(|part| !part.is_empty()).collect()
}

fn chinese(run: &str, terms: &mut Vec<String>) {
    let words = CHINESE.cut_for_search(run, true).into_iter().map(|token| token.word);
    terms.extend(words.filter(|word| !CHINESE_STOP_WORDS.contains(word)).map(str::to_owned));
}

/// CJK unified ideographs and their extension A. <https://www.unicode.org/charts/PDF/U4E00.pdf>
fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(terms(text), expected, "{text}");
    }

    #[test]
    fn words_come_by_their_stem_and_names_also_whole() {
        check("The pods are crashing", &["pod", "crash"]);
        check("KubePodCrashLooping", &["kubepodcrashlooping", "kube", "pod", "crash", "loop"]);
        check("max_connections = 100", &["maxconnections", "max", "connect", "100"]);
        check("HTTPServer", &["httpserver", "http", "server"]);
        check("p99 of /orders", &["p99", "order"]);
        check("is it the", &[]);
    }

    #[test]
    fn chinese_is_cut_into_words() {
        check("订单服务为什么慢", &["订单", "服务", "慢"]);
        check("重启Pod", &["重启", "pod"]);
        assert!(terms("数据库连接池").contains(&"数据库".to_owned()));
        assert!(
            terms("数据库连接池").contains(&"数据".to_owned()),
            "long words by the shorter ones in them too"
        );
    }

    proptest! {
        #[test]
        fn any_text_has_terms_without_space(text in "\\PC{0,80}") {
            for term in terms(&text) {
                prop_assert!(!term.is_empty() && !term.contains(char::is_whitespace));
            }
        }
    }
}
