//! The door that a batch goes through.

use async_trait::async_trait;

use crate::Batch;

/// Takes batches from collectors and receivers.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Takes the batch; returns once it is safe, so that the sender may forget it.
    ///
    /// # Errors
    ///
    /// [`Rejected`]: nothing of the batch was kept, and the sender still owns the problem.
    async fn append(&self, batch: Batch) -> Result<(), Rejected>;
}

/// A batch that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// The batch contradicts itself; sending it again will not help.
    #[error("batch is invalid: {0}")]
    Invalid(String),
    /// There is no room or no service just now; try again later.
    #[error("batch was not stored: {0}")]
    Unavailable(String),
}
