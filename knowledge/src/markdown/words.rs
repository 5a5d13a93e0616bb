//! The words of a text, English and Chinese.

/// Returns the words by which a text is found: lower-case runs of letters and digits, and each pair of neighbouring Chinese characters.
///
/// Chinese is written without spaces; pairs find most words and need no dictionary.
/// A plural `s` is dropped from English words, so that `timeouts` finds `timeout`.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    runs(text)
        .into_iter()
        .flat_map(|run| if run.chars().any(is_ideograph) { pairs(&run) } else { vec![singular(run)] })
}

/// Splits a text into runs of ideographs and runs of other letters and digits.
fn runs(text: &str) -> Vec<String> {
    let mut runs = Vec::new();
    let mut run = String::new();
    let mut last = None;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let kind = letter.is_alphanumeric().then(|| is_ideograph(letter));
        if kind != last && !run.is_empty() {
            runs.push(std::mem::take(&mut run));
        }
        if kind.is_some() {
            run.push(letter);
        }
        last = kind;
    }
    if !run.is_empty() {
        runs.push(run);
    }
    runs
}

fn pairs(run: &str) -> Vec<String> {
    let letters: Vec<_> = run.chars().collect();
    if letters.len() == 1 {
        return vec![run.to_owned()];
    }
    letters.windows(2).map(|pair| pair.iter().collect()).collect()
}

fn singular(mut word: String) -> String {
    let is_plural = word.len() > 3 && word.ends_with('s') && !word.ends_with("ss");
    if is_plural {
        word.pop();
    }
    word
}

/// CJK unified ideographs and their extension A. <https://www.unicode.org/charts/PDF/U4E00.pdf>
fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_lower_case_and_chinese_comes_in_pairs() {
        let cases: [(&str, &[&str]); 7] = [
            ("Checkout-service: p99 > 2.1 s!", &["checkout", "service", "p99", "2", "1", "s"]),
            ("timeouts address bus", &["timeout", "address", "bus"]),
            ("连接池", &["连接", "接池"]),
            ("慢 order慢", &["慢", "order", "慢"]),
            ("Redis连接超时", &["redi", "连接", "接超", "超时"]),
            ("", &[]),
            ("…!?", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_words_without_spaces(text in any::<String>()) {
            for word in words(&text) {
                prop_assert!(!word.is_empty() && !word.contains(char::is_whitespace), "{word:?}");
            }
        }
    }
}
