//! What was written down: runbooks, library docs, past incidents.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Library;
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PassageQuery {
    /// In words.
    pub text: String,
    /// Only about this service, or about none in particular.
    pub service: Option<String>,
    /// Only about this class of fault, or about none in particular.
    pub fault_class: Option<String>,
    /// Only about this library, by [`Library::is_about`].
    pub library: Option<Library>,
    /// Only of these collections; of all when empty.
    pub collections: Vec<String>,
    /// At most so many.
    pub limit: usize,
}

/// One passage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// The document, for [`Knowledge::read`].
    pub id: String,
    /// The collection that the document is in; empty where there is but one.
    #[serde(default)]
    pub collection: String,
    /// Its headings down to the passage, joined by ` › `.
    pub heading: String,
    /// Where the passage stands, as people read it: `runbooks/pods.md:12-40`. Empty when that is not known.
    #[serde(default)]
    pub place: String,
    /// The text. Untrusted.
    pub text: String,
    /// How relevant, higher is better; comparable within one answer only.
    pub score: f64,
}
