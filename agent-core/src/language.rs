//! The language to answer in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language that Waggle answers in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Chinese, simplified.
    Zh,
}

impl Language {
    /// Guesses the language of `text`: Chinese when any character is a CJK ideograph, else English.
    ///
    /// ## Assumptions
    ///
    /// Operators mix English terms into Chinese sentences, hardly ever the other way round.
    pub fn of(text: &str) -> Self {
        let is_ideograph = |c: char| matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}');
        if text.chars().any(is_ideograph) { Self::Zh } else { Self::En }
    }

    /// Chooses between two wordings.
    pub fn pick<T>(self, en: T, zh: T) -> T {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}
