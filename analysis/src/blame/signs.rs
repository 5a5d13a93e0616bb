//! What is seen of an incident, as words, levels and times.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use waggle_signals::Timestamp;

use super::code::CodeSigns;

/// All that is seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signs {
    /// When the trouble began.
    pub onset: Timestamp,
    /// Services in trouble, the first to fail first.
    pub failing: Vec<String>,
    /// All services that are known.
    pub services: Vec<String>,
    /// Texts that complain.
    pub texts: Vec<Sign>,
    /// Metrics that moved.
    pub levels: Vec<Level>,
    /// What requests and profiles show.
    #[serde(default, skip_serializing_if = "CodeSigns::is_empty")]
    pub code: CodeSigns,
    /// The onset may lie so much later than it is placed: a change that went live up to then may be its cause. `None` when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset_within: Option<Duration>,
}

/// A text that complains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sign {
    /// Where it is from.
    pub source: SignSource,
    /// Whose it is; empty when nobody's.
    pub service: String,
    /// The text. Untrusted.
    pub text: String,
    /// How often it was said.
    pub count: u64,
    /// How many of those lines are word for word the same, values and all.
    pub identical: u64,
    /// When it was said first.
    pub first: Timestamp,
}

/// Where a text is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignSource {
    /// A line of a log that the healthy time does not have.
    Log,
    /// The error of a span.
    Span,
    /// The alert.
    Alert,
    /// What a provider says of its own service.
    Status,
}

/// A metric that moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Whose.
    pub service: String,
    /// Which.
    pub metric: String,
    /// Its usual level, in its own unit.
    pub before: f64,
    /// Its level in the window.
    pub after: f64,
    /// When it moved.
    pub onset: Timestamp,
}

impl SignSource {
    /// Returns how much its words count: what a program said when it failed counts most.
    pub(super) fn weight(self) -> f64 {
        match self {
            Self::Log | Self::Span => 1.0,
            Self::Alert => 0.7,
            Self::Status => 0.0,
        }
    }
}
