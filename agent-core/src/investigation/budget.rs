//! What an investigation may cost.

use std::time::Duration;

/// Bounds of one run. Reaching one hands over to the fallback, which may take three steps more unless time is up; then the
/// run ends with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Replies of the model.
    pub steps: u32,
    /// Tokens read and written together.
    pub tokens: u64,
    /// Time from the first tool call on.
    pub time: Duration,
    /// Time for one reply of the model.
    pub model_timeout: Duration,
    /// Time for one tool call.
    pub tool_timeout: Duration,
    /// Tokens in one reply.
    pub reply_tokens: u32,
}

impl Default for Budget {
    /// Enough for a finding within a minute of the alert.
    fn default() -> Self {
        Self {
            steps: 12,
            tokens: 120_000,
            time: Duration::from_secs(50),
            model_timeout: Duration::from_secs(30),
            tool_timeout: Duration::from_secs(10),
            reply_tokens: 4_000,
        }
    }
}
