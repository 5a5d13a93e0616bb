//! The standing instructions, one Markdown file each in the `prompts` folder of the project.

use crate::Language;

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
    fn every_prompt_has_front_matter_and_a_body() {
        for language in [Language::En, Language::Zh] {
            for prompt in [investigate(language), answer(language), review(language)] {
                assert!(!prompt.contains("+++"), "{prompt}");
                assert!(prompt.len() > 100, "{prompt}");
            }
        }
    }
}
