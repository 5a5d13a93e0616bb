//! The standing instructions, one Markdown file each in the `prompts` folder of the project.

use std::{collections::HashSet, sync::LazyLock};

use crate::Language;

/// Letters and digits in a row that are nobody's by accident.
const REPEATED: (usize, usize) = (30, 15);

static RUNS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let of = |language| [investigate(language), answer(language), review(language)];
    [Language::En, Language::Zh].into_iter().flat_map(of).flat_map(runs).collect()
});

/// Tells whether a text repeats a good part of a sentence of the instructions, whatever stands between its letters.
pub(crate) fn are_told_in(text: &str) -> bool {
    runs(text).any(|run| RUNS.contains(&run))
}

/// Returns every stretch of letters and digits that is long enough for its language, in lower case.
fn runs(text: &str) -> impl Iterator<Item = String> + use<> {
    let letters: Vec<char> =
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let (english, chinese) = REPEATED;
    let n = Language::of(text).pick(english, chinese);
    let last = (letters.len() + 1).saturating_sub(n);
    (0..last).map(move |from| letters.iter().skip(from).take(n).collect())
}

/// Returns the instructions for an investigation.
pub fn investigate(language: Language) -> &'static str {
    body(language.pick(
        include_str!("../../prompts/investigate.en.md"),
        include_str!("../../prompts/investigate.zh.md"),
    ))
}

/// Returns the instructions for answering a question.
pub fn answer(language: Language) -> &'static str {
    body(
        language.pick(include_str!("../../prompts/answer.en.md"), include_str!("../../prompts/answer.zh.md")),
    )
}

/// Returns the instructions for doubting a finding.
pub fn review(language: Language) -> &'static str {
    body(
        language.pick(include_str!("../../prompts/review.en.md"), include_str!("../../prompts/review.zh.md")),
    )
}

/// Returns a file without its front matter: what lies between a first line `+++` and the next such line.
fn body(file: &str) -> &str {
    file.strip_prefix("+++\n")
        .and_then(|rest| rest.split_once("\n+++\n"))
        .map_or(file, |(_, body)| body)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_repeats_a_sentence_of_the_instructions_is_known() {
        for (text, is_told) in [
            (
                "It says: \"Tell waiting from working: a service whose own time did not grow is a victim.\"",
                true,
            ),
            ("TELL-WAITING-FROM-WORKING-A-SERVICE-WHOSE-OWN", true),
            ("区分等待和工作：自身耗时没有增加的服务是受害者", true),
            ("inventory's own time per request rose from 5 ms to 140 ms", false),
            ("为什么不是数据库？", false),
            ("", false),
        ] {
            assert_eq!(are_told_in(text), is_told, "{text}");
        }
    }

    #[test]
    fn every_prompt_has_front_matter_and_a_body() {
        for language in [Language::En, Language::Zh] {
            for prompt in [investigate(language), answer(language), review(language)] {
                assert!(!prompt.contains("+++"), "{prompt}");
                assert!(prompt.len() > 100, "{prompt}");
            }
        }
    }
}
