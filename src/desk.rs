//! From an incident to a posted finding, and from a question to an answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use waggle_agent_core::{
    EvidenceId, Finding, Incident, IncidentId, Kind, Language, Ports, Result, Scene,
    card::{Step, card_of_finding, card_of_progress},
    conversation::{Answered, answer},
    incident::{Source, State},
    investigation::{Investigation, Investigator, Progress, Watch, investigate},
    ports::{Button, Chat, InvestigationRecord, Memory, MessageId, Post, RoomId},
};
use waggle_chat_adapters::web::WebChat;
use waggle_signals::Timestamp;

/// Progress that may wait to be drawn; when the chat is slower than the work, steps are skipped on the way but the last card has all.
const MAX_PROGRESS: usize = 256;
/// A card is not redrawn more often than this.
const REDRAW: Duration = Duration::from_millis(120);

/// Where incidents are worked on.
#[derive(Clone)]
pub struct Desk {
    ports: Ports,
    investigator: Investigator,
    memory: Arc<dyn Memory>,
    chat: Arc<WebChat>,
}

/// What opens an incident.
#[derive(Clone, Debug)]
pub struct Opening {
    pub title: String,
    pub service: Option<String>,
    pub source: Source,
    /// Length of the time to look at, up to now.
    pub recent: Duration,
    /// Length of the healthy time before it.
    pub history: Duration,
    /// Where the time to look at ends.
    pub at: Timestamp,
}

/// A finished investigation.
#[derive(Clone, Debug)]
pub struct Solved {
    pub investigation: Investigation,
    /// From the first tool call to the verified finding.
    pub took: Duration,
}

impl Desk {
    pub fn new(
        ports: Ports,
        investigator: Investigator,
        memory: Arc<dyn Memory>,
        chat: Arc<WebChat>,
    ) -> Self {
        Self { ports, investigator, memory, chat }
    }

    /// Returns the name of the model that reasons first.
    pub fn model_name(&self) -> &str {
        self.investigator.model.name()
    }

    /// Opens an incident and keeps it.
    pub async fn open(&self, opening: Opening) -> Result<Incident> {
        let Opening { title, service, source, recent, history, at } = opening;
        let id = self.free_id(at).await?;
        let incident = Incident::open(id, title, service, source, at, recent, history);
        self.memory.save_incident(&incident).await?;
        self.chat.announce(&incident.id).await?;
        Ok(incident)
    }

    /// Names an incident by its time, with a number behind it when several are opened in one second.
    async fn free_id(&self, at: Timestamp) -> Result<IncidentId> {
        let stamp: String = at.to_string().chars().take(19).filter(|c| c.is_ascii_digit()).collect();
        for n in 1..1000 {
            let id = IncidentId(if n == 1 { format!("inc-{stamp}") } else { format!("inc-{stamp}-{n}") });
            match self.memory.incident(&id).await {
                Ok(_) => {}
                Err(error) if error.kind() == Kind::NotFound => return Ok(id),
                Err(error) => return Err(error),
            }
        }
        Err(Kind::Unavailable.error("a thousand incidents were opened in this second"))
    }

    /// Investigates an incident while its card follows the work, then posts the finding and mentions the owners.
    pub async fn investigate(&self, incident: Incident, language: Language, caller: &str) -> Result<Solved> {
        let mut incident = incident;
        self.set_state(&mut incident, State::Investigating).await?;
        let room = self.chat.open_room(&incident).await?;
        let first = card_of_progress(&incident, Vec::new(), 0, language);
        let message = self.chat.post(&room, &Post::Card { card: Box::new(first) }).await?;

        let started = Instant::now();
        let (sender, receiver) = mpsc::channel(MAX_PROGRESS);
        let drawer = tokio::spawn(draw(
            self.chat.clone(),
            room.clone(),
            message.clone(),
            incident.clone(),
            language,
            receiver,
        ));
        let scene = Scene::new(self.ports.clone(), incident.clone(), language).on_behalf_of(caller);
        let outcome = investigate(&self.investigator, &scene, &Steps(sender)).await;
        let took = started.elapsed();
        // The sender is gone with the watch, so the drawer ends.
        let steps = drawer.await.unwrap_or_default();
        let investigation = match outcome {
            Ok(investigation) => investigation,
            Err(error) => {
                let finding = Finding::inconclusive(incident.id.clone(), error.chain());
                self.post_finding(&mut incident, &room, &message, &finding, &[], steps, took, language)
                    .await?;
                return Err(error);
            }
        };
        self.keep(&investigation).await?;
        let (finding, evidence) = (&investigation.finding, &investigation.evidence);
        self.post_finding(&mut incident, &room, &message, finding, evidence, steps, took, language).await?;
        for owner in &finding.owners {
            self.chat.invite(&room, owner).await?;
            self.chat.mention(&room, owner).await?;
        }
        Ok(Solved { investigation, took })
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where a finding meets its room")]
    async fn post_finding(
        &self,
        incident: &mut Incident,
        room: &RoomId,
        message: &MessageId,
        finding: &Finding,
        evidence: &[waggle_agent_core::Evidence],
        steps: Vec<Step>,
        took: Duration,
        language: Language,
    ) -> Result<()> {
        let card = card_of_finding(incident, finding, evidence, steps, millis(took), language);
        self.chat.update(room, message, &Post::Card { card: Box::new(card) }).await?;
        self.set_state(incident, State::Found).await
    }

    async fn set_state(&self, incident: &mut Incident, state: State) -> Result<()> {
        incident.state = state;
        self.memory.save_incident(incident).await?;
        self.chat.announce(&incident.id).await
    }

    async fn keep(&self, investigation: &Investigation) -> Result<()> {
        let (started_at, ended_at) = investigation.ran;
        self.memory
            .save_investigation(&InvestigationRecord {
                incident: investigation.finding.incident.clone(),
                model: investigation.model.clone(),
                started_at,
                ended_at,
                finding: investigation.finding.clone(),
                transcript: investigation.transcript.clone(),
                usage: investigation.usage,
            })
            .await
    }

    /// Answers a question about an incident in the language of the question.
    pub async fn answer(&self, incident: &IncidentId, question: &str, person: &str) -> Result<Answered> {
        let incident = self.memory.incident(incident).await?;
        let finding = self.memory.latest_investigation(&incident.id).await?.map(|record| record.finding);
        let scene = Scene::new(self.ports.clone(), incident, Language::of(question)).on_behalf_of(person);
        answer(&self.investigator, &scene, finding.as_ref(), question, &()).await
    }

    /// Answers a question and posts the answer in the incident's room. A failure is posted too: silence is no answer.
    pub async fn reply(&self, incident: &IncidentId, question: &str, person: &str) -> Result<()> {
        let room = self.chat.open_room(&self.memory.incident(incident).await?).await?;
        let (text, follow_ups) = match self.answer(incident, question, person).await {
            Ok(Answered { answer, .. }) => (answer.text(), answer.follow_ups),
            Err(error) => {
                let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                (format!("{}{hint}", error.chain()), Vec::new())
            }
        };
        let buttons = follow_ups.into_iter().map(|text| Button { text }).collect();
        self.chat.post(&room, &Post::Text { text, buttons }).await?;
        Ok(())
    }
}

/// Passes progress on to whoever draws it.
struct Steps(mpsc::Sender<StepChange>);

enum StepChange {
    Asked(Step),
    Answered(EvidenceId),
}

impl Watch for Steps {
    fn on(&self, progress: Progress<'_>) {
        let change = match progress {
            Progress::Asked { evidence, tool, line } => StepChange::Asked(Step {
                evidence,
                tool: tool.to_owned(),
                text: line.to_owned(),
                done: false,
            }),
            Progress::Answered { evidence } => StepChange::Answered(evidence),
            Progress::Text(_) | Progress::FellBack { .. } => return,
        };
        // A full queue only means that the card skips a step on its way.
        let _ = self.0.try_send(change);
    }
}

/// Redraws the card as steps come in, and returns all steps once they are over.
async fn draw(
    chat: Arc<WebChat>,
    room: RoomId,
    message: MessageId,
    incident: Incident,
    language: Language,
    mut changes: mpsc::Receiver<StepChange>,
) -> Vec<Step> {
    let started = Instant::now();
    let mut steps: Vec<Step> = Vec::new();
    let mut drawn = Instant::now();
    while let Some(change) = changes.recv().await {
        match change {
            StepChange::Asked(step) => steps.push(step),
            StepChange::Answered(id) => {
                steps.iter_mut().filter(|step| step.evidence == id).for_each(|step| step.done = true);
            }
        }
        if drawn.elapsed() >= REDRAW {
            drawn = Instant::now();
            let card = card_of_progress(&incident, steps.clone(), millis(started.elapsed()), language);
            if let Err(error) = chat.update(&room, &message, &Post::Card { card: Box::new(card) }).await {
                tracing::warn!(error = error.chain(), "card was not redrawn");
            }
        }
    }
    steps
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
