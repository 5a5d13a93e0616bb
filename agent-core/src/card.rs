//! A finding as people see it, whatever the platform.

use serde::{Deserialize, Serialize};

use crate::{EvidenceId, Language, finding::Verdict};

mod compose;

pub use compose::{card_of_finding, card_of_progress};

/// One card: posted when work begins, updated in place until the finding stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// What is wrong, in a few words: `checkout is slow`.
    pub title: String,
    /// Whether the work is done.
    pub done: bool,
    /// How sure; `None` while the work goes on.
    pub verdict: Option<Verdict>,
    /// 0 to 1; zero while the work goes on.
    pub confidence: f64,
    /// In reading order.
    pub sections: Vec<Section>,
    /// The place in the code that is blamed, if one is.
    pub hunk: Option<CardHunk>,
    /// Who is mentioned, with the rule.
    pub mentions: Vec<String>,
    /// Questions to press.
    pub buttons: Vec<String>,
    /// What is being done or was done, oldest first.
    pub steps: Vec<Step>,
    /// How long it took so far, milliseconds.
    pub elapsed_ms: u64,
    /// The language of the words on it.
    pub language: Language,
}

/// A heading with lines under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Which one, for styling.
    pub kind: SectionKind,
    /// In the card's language.
    pub heading: String,
    /// May not be empty.
    pub lines: Vec<Line>,
}

/// The sections of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SectionKind {
    /// What people feel.
    Symptom,
    /// Why.
    Cause,
    /// How it spread.
    Path,
    /// What it is not.
    RuledOut,
    /// What to do.
    Do,
    /// Incidents of before that look like it.
    SeenBefore,
    /// What was missing.
    Missing,
}

/// One line with the evidence that it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Plain text with backticks for literals.
    pub text: String,
    /// May be empty.
    pub evidence: Vec<EvidenceId>,
}

/// A changed place in the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardHunk {
    /// Full commit id.
    pub commit: String,
    /// First line of its message.
    pub summary: String,
    /// Author's name.
    pub author: String,
    /// Path of the file.
    pub path: String,
    /// First line after the change.
    pub line: u32,
    /// Lines with ` `, `+` or `-` in front.
    pub lines: Vec<String>,
    /// The diff that it is from.
    pub evidence: EvidenceId,
}

/// One tool call, as people follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it is kept as.
    pub evidence: EvidenceId,
    /// The tool.
    pub tool: String,
    /// One line: what is asked.
    pub text: String,
    /// Whether the answer is there.
    pub done: bool,
}
