//! One case in, one run out: what the agent is to the evaluation.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use waggle_agent_core::{Evidence, Finding, investigation::Investigation, ports::Usage};

use super::case::Case;

/// The whole agent: store, loop and verifier.
#[async_trait]
pub trait Runner: Sync {
    /// Investigates one case. Runs of several cases go on at the same time, so each needs a store of its own.
    ///
    /// # Errors
    ///
    /// When there is no finding at all; the case is then counted as not run, and asked again by the next call.
    async fn run(&self, case: &Case) -> Result<Run>;
}

/// What one run came to.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was posted.
    pub finding: Finding,
    /// Everything that it may cite.
    pub evidence: Vec<Evidence>,
    /// What it cost.
    pub usage: Usage,
    /// Replies of models.
    pub steps: u32,
    /// Calls of tools, those of the triage among them.
    pub n_tool_calls: u32,
    /// From the first tool call to the verified finding.
    pub took: Duration,
    /// The model that submitted the finding.
    pub model: String,
    /// Whether that was not the model that was asked first.
    pub fell_back: bool,
}

impl Run {
    /// Makes a run of an investigation for which the model called `asked` was asked first.
    pub fn of(investigation: Investigation, took: Duration, asked: &str) -> Self {
        Self {
            steps: investigation.n_steps,
            n_tool_calls: u32::try_from(investigation.evidence.len()).unwrap_or(u32::MAX),
            fell_back: investigation.model != asked,
            finding: investigation.finding,
            evidence: investigation.evidence,
            usage: investigation.usage,
            model: investigation.model,
            took,
        }
    }
}
