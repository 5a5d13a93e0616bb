//! What was written down: runbooks, library docs, past incidents.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Finds and reads what was written down.
#[async_trait]
pub trait Knowledge: Send + Sync {
    /// Returns passages, best first. Empty when nothing is relevant, which is an answer.
    async fn search(&self, query: &PassageQuery) -> Result<Vec<Passage>>;

    /// Returns a whole document by the id that a passage named.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown id.
    async fn read(&self, id: &str) -> Result<String>;
}

/// Asks for passages.
#[derive(Clone, Debug, PartialEq)]
pub struct PassageQuery {
    /// In words.
    pub text: String,
    /// Only about this service.
    pub service: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// One passage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// The document, for [`Knowledge::read`].
    pub id: String,
    /// Its headings down to the passage, joined by ` › `.
    pub heading: String,
    /// The text. Untrusted.
    pub text: String,
    /// How relevant, higher is better; comparable within one answer only.
    pub score: f64,
}
