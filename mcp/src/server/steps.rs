//! The work of an investigation, told step by step to a client that asked for it.

use tokio::sync::mpsc;
use waggle_agent_core::investigation::{Progress, Watch};

/// Steps that may wait to be told; what comes while as many wait is not told.
const MAX_WAITING: usize = 64;

/// Follows a run and hands on one line for each step.
pub(crate) struct Steps(mpsc::Sender<String>);

/// Returns the watch, and what it saw.
pub(crate) fn steps() -> (Steps, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    (Steps(sender), receiver)
}

impl Watch for Steps {
    fn on(&self, progress: Progress<'_>) {
        let line = match progress {
            Progress::Asked { evidence, line, .. } => format!("{evidence}: {line}"),
            Progress::FellBack { reason } => format!("the offline model takes over: {reason}"),
            Progress::Answered { .. } | Progress::Text(_) => return,
        };
        // Full, or nobody listens any more: the work goes on either way.
        let _ = self.0.try_send(line);
    }
}
