//! What all investigations together may do at once.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Shared by all runs of a program, so that many at once share models and stores fairly: whoever waits longest is next, and
/// no run holds more than its part of the tool calls.
#[derive(Clone, Debug)]
pub struct Limits {
    model_calls: Arc<Semaphore>,
    tool_calls: Arc<Semaphore>,
    tool_calls_each: usize,
}

impl Limits {
    /// Allows so many replies to be waited for at once, so many tool calls to run at once, and of these so many for one run.
    /// None is less than one.
    pub fn new(model_calls: usize, tool_calls: usize, tool_calls_each: usize) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            model_calls: semaphore(model_calls),
            tool_calls: semaphore(tool_calls),
            tool_calls_each: tool_calls_each.max(1),
        }
    }

    /// Waits for the turn of a model call. The semaphores are never closed, so there is always a turn.
    pub(super) async fn model_turn(&self) -> Option<SemaphorePermit<'_>> {
        self.model_calls.acquire().await.ok()
    }

    /// Waits for the turn of a tool call.
    pub(super) async fn tool_turn(&self) -> Option<SemaphorePermit<'_>> {
        self.tool_calls.acquire().await.ok()
    }

    /// Returns what one run may do at once.
    pub(super) fn of_one_run(&self) -> Semaphore {
        Semaphore::new(self.tool_calls_each.min(Semaphore::MAX_PERMITS))
    }
}

impl Default for Limits {
    /// Enough to be quick alone, little enough that a storm of incidents leaves the machine usable.
    fn default() -> Self {
        Self::new(16, 16, 8)
    }
}
