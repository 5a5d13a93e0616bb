//! Questions that are proposed to people: short, few, and in nobody else's words.

use crate::{inert::inert, prompts};

/// More are not read.
const MAX_QUESTIONS: usize = 4;
/// Letters of one: it stands on a button.
const MAX_CHARS: usize = 120;

/// Keeps of what a model proposes the first questions that fit on a button, as they may be shown. They state nothing, so nothing
/// proves them: one of several lines, a long one, or one that repeats the standing instructions is no question.
pub(crate) fn fit_to_show(proposed: Vec<String>) -> Vec<String> {
    let fits = |text: &String| {
        let text = text.trim();
        !text.is_empty() && !text.contains('\n') && text.chars().count() <= MAX_CHARS
    };
    let mut kept: Vec<String> = proposed.into_iter().filter(fits).map(|text| inert(text.trim())).collect();
    // Piece by piece they would be told as well.
    if prompts::are_told_in(&kept.concat()) {
        kept.clear();
    }
    kept.truncate(MAX_QUESTIONS);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    #[test]
    fn only_short_questions_are_proposed() {
        let instructions = prompts::answer(Language::En);
        let piece: String = instructions.lines().next().unwrap_or_default().chars().take(60).collect();
        for (proposed, kept) in [
            (vec!["Why?", "", "a\nb", " What changed? "], vec!["Why?", "What changed?"]),
            (vec!["1", "2", "3", "4", "5"], vec!["1", "2", "3", "4"]),
            (vec![&"long ".repeat(30)], vec![]),
            (vec![&piece], vec![]),
            (vec!["ask @all"], vec!["ask @\u{200b}all"]),
        ] {
            assert_eq!(fit_to_show(proposed.into_iter().map(str::to_owned).collect()), kept);
        }
    }
}
