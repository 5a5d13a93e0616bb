//! Waggle as if it were a model: chat clients ask it by OpenAI's protocol.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use waggle_agent_core::{
    Evidence, IncidentId, Result,
    card::card_of_finding,
    conversation::Answered,
    investigation::{Progress, Watch},
    redact::Redactor,
    verify::OWNERS_TOOL,
};
use waggle_chat_adapters::openai::{
    Asked, Desk, EvidenceNote, ModelId, Reply,
    wish::{Wish, wish},
};

use crate::api::{self, ApiState, AskRequest, InvestigateRequest};

/// The one model there is.
const MODEL: &str = "waggle";
/// Bytes of what was said before that a question takes along.
const MAX_CONTEXT: usize = 4_000;
/// What is looked at when somebody asks what is wrong, in seconds, and the healthy time before it.
const WINDOW_S: u64 = 300;
const BASELINE_S: u64 = 1_800;

/// Answers chat clients from the desk.
pub struct OpenAiFace(pub ApiState);

#[async_trait]
impl Desk for OpenAiFace {
    async fn models(&self) -> Result<Vec<ModelId>> {
        Ok(vec![ModelId(MODEL.to_owned())])
    }

    async fn answer(&self, asked: Asked, watch: Arc<dyn Watch>) -> Result<Reply> {
        let Self(state) = self;
        let watch: Arc<dyn Watch> = Arc::new(RedactedWatch(watch));
        let services = state.desk.known_services().await.unwrap_or_default();
        match wish(&asked.question, &services) {
            Wish::Investigate { service } => {
                let request =
                    InvestigateRequest { service, at: None, window_s: WINDOW_S, baseline_s: BASELINE_S };
                let incident = api::open(state, &request).await?;
                let caller = &asked.caller.name;
                let solved =
                    state.desk.investigate_watched(incident.clone(), asked.language, caller, watch).await?;
                let found = solved.investigation;
                let (finding, evidence) = (&found.finding, &found.evidence);
                let took = u64::try_from(solved.took.as_millis()).unwrap_or(u64::MAX);
                let card = card_of_finding(&incident, finding, evidence, Vec::new(), took, asked.language);
                Ok(redacted(Reply::of_card(incident.id, &card, evidence, found.usage), evidence))
            }
            Wish::Answer => {
                let request = AskRequest { question: asked.question.clone(), incident: None };
                let incident: IncidentId = api::incident_of(state, &request).await?.id;
                let context = asked.context_text(MAX_CONTEXT);
                let (question, caller) = (&asked.question, &asked.caller.name);
                let answered = state
                    .desk
                    .answer_watched(&incident, context.as_deref(), question, caller, &*watch)
                    .await?;
                {
                    let Answered { answer, evidence, usage } = answered;
                    Ok(redacted(Reply::of_answer(incident, &answer, &evidence, usage), &evidence))
                }
            }
        }
    }
}

/// Takes secrets and people's data out of what leaves for a client. The marks in their place mean nothing outside. Owners
/// stay: they are named so that somebody calls them.
fn redacted(reply: Reply, evidence: &[Evidence]) -> Reply {
    let redactor = Redactor::default();
    let owners: Vec<(String, &str)> = owners(evidence).map(|name| (redactor.redact(name), name)).collect();
    let told = |text: &str| {
        let marked = redactor.redact(text);
        owners.iter().fold(marked, |text, (mark, name)| text.replace(mark.as_str(), name))
    };
    let note = |note: EvidenceNote| EvidenceNote { text: told(&note.text), ..note };
    Reply {
        text: told(&reply.text),
        evidence: reply.evidence.into_iter().map(note).collect(),
        follow_ups: reply.follow_ups.iter().map(|question| told(question)).collect(),
        ..reply
    }
}

/// Returns who was named as owner, by name and contact.
fn owners(evidence: &[Evidence]) -> impl Iterator<Item = &str> {
    let stated = evidence.iter().filter(|one| one.tool == OWNERS_TOOL);
    let owners = stated.filter_map(|one| one.data.get("owners")?.as_array()).flatten();
    let words = owners.flat_map(|owner| ["name", "contact"].map(|field| owner.get(field)));
    words.flatten().filter_map(Value::as_str).filter(|word| !word.is_empty())
}

/// Shows the steps of the work to a client, secrets taken out.
struct RedactedWatch(Arc<dyn Watch>);

impl Watch for RedactedWatch {
    fn on(&self, progress: Progress<'_>) {
        match progress {
            Progress::Asked { evidence, tool, line } => {
                let line = Redactor::default().redact(line);
                self.0.on(Progress::Asked { evidence, tool, line: &line });
            }
            other => self.0.on(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waggle_agent_core::EvidenceId;
    use waggle_signals::Timestamp;

    use super::*;

    #[test]
    fn secrets_go_and_owners_stay() {
        let owner =
            json!({ "owners": [{ "name": "li.na@example.com", "rule": "CODEOWNERS", "contact": "" }] });
        let evidence = Evidence {
            id: EvidenceId(1),
            tool: OWNERS_TOOL.to_owned(),
            arguments: Value::Null,
            at: Timestamp::default(),
            scope: String::new(),
            text: String::new(),
            data: owner,
            facts: Vec::new(),
        };
        let text = "li.na@example.com answers; the log says password=hunter2x to a@b.io".to_owned();
        let reply = redacted(Reply { text, ..Reply::default() }, &[evidence]);
        assert_eq!(reply.text, "li.na@example.com answers; the log says password=<secret_1> to <email_2>");
    }
}
