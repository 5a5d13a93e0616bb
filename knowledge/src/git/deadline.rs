//! When an answer is no longer wanted.

use std::time::{Duration, Instant};

use waggle_agent_core::{Error, Kind, Result};

/// A moment by which a question must be answered.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    patience: Duration,
}

impl Deadline {
    /// Sets it so far from now.
    pub fn after(patience: Duration) -> Self {
        Self { at: Instant::now() + patience, patience }
    }

    /// Goes on when there is time left; threads that nobody waits for end here.
    ///
    /// # Errors
    ///
    /// `Timeout` when there is none.
    pub fn check(self) -> Result<()> {
        if Instant::now() < self.at { Ok(()) } else { Err(self.missed()) }
    }

    /// Returns the error for when it was missed.
    pub fn missed(self) -> Error {
        Kind::Timeout
            .error(format!("reading the repository took over {} ms", self.patience.as_millis()))
            .with_hint("ask for fewer commits, or try again later")
    }
}
