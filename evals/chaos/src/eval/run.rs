//! One case in, one run out: what the agent is to the evaluation.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use waggle_agent_core::{
    Evidence, Finding,
    investigation::{Investigation, SUBMIT_ANSWER, SUBMIT_FINDING},
    ports::{Message, Usage},
};

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
    /// What the incident said before anyone looked: its title and its times.
    pub told: String,
    /// What it cost.
    pub usage: Usage,
    /// Replies of models.
    pub steps: u32,
    /// Calls of tools that were answered, those of the triage and those that failed among them; not the submissions.
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
            n_tool_calls: n_tool_calls(&investigation.transcript),
            told: told(&investigation.transcript),
            fell_back: investigation.model != asked,
            finding: investigation.finding,
            evidence: investigation.evidence,
            usage: investigation.usage,
            model: investigation.model,
            took,
        }
    }
}

/// Counts the answers, so that calls which failed, or which were cut off, are what they were.
fn n_tool_calls(transcript: &[Message]) -> u32 {
    let answered = transcript.iter().filter(|message| match message {
        Message::Tool(reply) => reply.name != SUBMIT_FINDING && reply.name != SUBMIT_ANSWER,
        _ => false,
    });
    u32::try_from(answered.count()).unwrap_or(u32::MAX)
}

/// What stands before the first word of a model.
fn told(transcript: &[Message]) -> String {
    let before = transcript.iter().take_while(|message| !matches!(message, Message::Assistant { .. }));
    let texts = before.filter_map(|message| match message {
        Message::User { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answered_calls_are_counted_and_submissions_are_not() {
        let reply = |name: &str| {
            let reply = json!({"role": "tool", "call_id": "c", "name": name, "text": "failed", "data": null});
            serde_json::from_value::<Message>(reply).unwrap()
        };
        let user = |text: &str| Message::User { text: text.to_owned() };
        let said = Message::Assistant { text: String::new(), calls: Vec::new() };
        let transcript = [
            user("Incident inc-1: slow for 12 minutes"),
            said.clone(),
            reply("logs"),
            reply("logs"),
            said,
            reply(SUBMIT_FINDING),
            user("it was refused"),
            reply(SUBMIT_ANSWER),
        ];
        assert_eq!(n_tool_calls(&transcript), 2);
        assert_eq!(told(&transcript), "Incident inc-1: slow for 12 minutes");
        assert_eq!(n_tool_calls(&[]), 0);
    }
}
