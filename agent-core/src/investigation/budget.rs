//! What an investigation may cost.

use std::{fmt, time::Duration};

use crate::ports::Usage;

/// Bounds of one run. Reaching one hands over to the fallback, which may take three steps more unless time is up; then the
/// run ends with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Replies of the model.
    pub steps: u32,
    /// Tokens read and written together.
    pub tokens: u64,
    /// Money, in millionths of a US dollar; `None` for no bound. Counts only where prices are known.
    pub cost_micro_usd: Option<u64>,
    /// Time from the first tool call on.
    pub time: Duration,
    /// Time for one reply of the model.
    pub model_timeout: Duration,
    /// Time for one tool call.
    pub tool_timeout: Duration,
    /// Tokens in one reply.
    pub reply_tokens: u32,
    /// Tokens of conversation that a model is shown at once, by estimate. Older results are shown in short beyond it; they
    /// can be read again by their evidence id.
    pub context_tokens: u64,
    /// Tools that are described to a model at once; the others are named.
    pub described_tools: usize,
}

impl fmt::Display for Budget {
    /// Says what bounds the whole of a run: `12 steps, 60000 tokens, 55 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps, {} tokens, {} s", self.steps, self.tokens, self.time.as_secs())?;
        match self.cost_micro_usd {
            Some(cost) => write!(f, ", {} USD", cost as f64 / 1e6),
            None => Ok(()),
        }
    }
}

/// A bound that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overrun {
    /// Too many replies.
    Steps,
    /// Too many tokens.
    Tokens,
    /// Too much money.
    Cost,
}

impl Default for Budget {
    /// Enough for a finding within a minute of the alert, for about 15,000 tokens.
    fn default() -> Self {
        Self {
            steps: 12,
            tokens: 120_000,
            cost_micro_usd: None,
            time: Duration::from_secs(50),
            model_timeout: Duration::from_secs(30),
            tool_timeout: Duration::from_secs(20),
            reply_tokens: 4_000,
            context_tokens: 2_500,
            described_tools: 9,
        }
    }
}

impl Budget {
    /// Returns the bound that so many steps and so much use reach; `None` while there is room.
    pub fn overrun(&self, n_steps: u32, usage: Usage) -> Option<Overrun> {
        let too_dear = self.cost_micro_usd.is_some_and(|most| usage.cost_micro_usd > most);
        match () {
            () if n_steps >= self.steps => Some(Overrun::Steps),
            () if usage.total() >= self.tokens => Some(Overrun::Tokens),
            () if too_dear => Some(Overrun::Cost),
            () => None,
        }
    }
}

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Steps => "steps",
            Self::Tokens => "tokens",
            Self::Cost => "money",
        })
    }
}
