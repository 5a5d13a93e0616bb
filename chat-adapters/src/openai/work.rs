//! One answer on its way: a task that ends with whoever waits for it, and its steps.

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use waggle_agent_core::{
    Language,
    investigation::{Progress, Watch},
};

use super::{Asked, Face, Reply, fault::Fault, places::Place};

/// Steps that may wait to be sent, many times what one answer makes; what comes while it is full is left out.
const MAX_STEPS: usize = 64;
/// The longest line of a step, in characters.
const MAX_STEP: usize = 200;

/// An answer under way. It is given up when this is dropped.
pub(super) struct Work {
    task: JoinHandle<Result<Reply, Fault>>,
}

impl Work {
    /// Begins to answer. The place is given back when the answer is there, however slowly it is read.
    ///
    /// A task of its own, so that the time runs also while a client does not read, and so that a panic is an answer.
    pub(super) fn begin(face: &Face, asked: Asked, watch: Arc<dyn Watch>, place: Place) -> Self {
        let (desk, within) = (face.desk.clone(), face.limits.answer_within);
        let task = tokio::spawn(async move {
            let _place = place;
            match timeout(within, desk.answer(asked, watch)).await {
                Ok(answered) => answered.map_err(Fault::from),
                Err(_) => Err(Fault::too_late(within.as_secs())),
            }
        });
        Self { task }
    }

    /// Waits for the answer. Safe to be dropped and called again, but not after it returned.
    pub(super) async fn end(&mut self) -> Result<Reply, Fault> {
        (&mut self.task).await.unwrap_or_else(|error| {
            tracing::error!(%error, "chat completion failed");
            Err(Fault::broken())
        })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes the steps of the work on as lines.
pub(super) struct Steps {
    lines: mpsc::Sender<String>,
    language: Language,
}

impl Steps {
    /// Returns a watch, and where its lines come out.
    pub(super) fn new(language: Language) -> (Self, mpsc::Receiver<String>) {
        let (lines, receiver) = mpsc::channel(MAX_STEPS);
        (Self { lines, language }, receiver)
    }
}

impl Watch for Steps {
    fn on(&self, progress: Progress<'_>) {
        let line = match progress {
            Progress::Asked { evidence, tool, line } => format!("{evidence} {tool}: {line}"),
            Progress::FellBack { .. } => {
                self.language.pick("another model goes on", "由另一个模型继续").to_owned()
            }
            // What a model writes on its way is not verified, and that a tool answered is seen by the next step.
            Progress::Text(_) | Progress::Answered { .. } => return,
        };
        let line: String =
            line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_STEP).collect();
        // A full queue only means that a step is not shown; its evidence is kept all the same.
        let _ = self.lines.try_send(line + "\n");
    }
}
