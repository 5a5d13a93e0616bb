//! The card follows the work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use waggle_agent_core::{
    EvidenceId, Incident, Language,
    card::{Step, card_of_progress},
    investigation::{Progress, Watch},
    ports::{Chat, MessageId, Post, RoomId},
};
use waggle_chat_adapters::web::WebChat;

use super::millis;

/// A card is not redrawn more often than this.
const REDRAW: Duration = Duration::from_millis(120);

/// Passes progress on to whoever draws it, and to whoever else looks on.
pub(super) struct Steps {
    pub drawer: mpsc::Sender<StepChange>,
    pub other: Arc<dyn Watch>,
}

pub(super) enum StepChange {
    Asked(Step),
    Answered(EvidenceId),
}

impl Watch for Steps {
    fn on(&self, progress: Progress<'_>) {
        self.other.on(progress);
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
        // A full queue only means that a step is missing on the card; its evidence is kept all the same.
        let _ = self.drawer.try_send(change);
    }
}

/// Redraws the card as steps come in, and returns all steps once they are over.
pub(super) async fn draw(
    chat: Arc<WebChat>,
    room: RoomId,
    message: MessageId,
    incident: Incident,
    language: Language,
    steps_before: Vec<Step>,
    mut changes: mpsc::Receiver<StepChange>,
) -> Vec<Step> {
    let started = Instant::now();
    let mut steps = steps_before;
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
