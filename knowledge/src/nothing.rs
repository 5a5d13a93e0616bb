//! For where nothing was written down.

use async_trait::async_trait;
use waggle_agent_core::{
    Kind, Result,
    ports::{Knowledge, Passage, PassageQuery},
};

/// Knows nothing, and says so.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKnowledge;

#[async_trait]
impl Knowledge for NoKnowledge {
    async fn search(&self, _: &PassageQuery) -> Result<Vec<Passage>> {
        Ok(Vec::new())
    }

    async fn read(&self, id: &str) -> Result<String> {
        Err(Kind::NotFound.error(format!("unknown document `{id}`")).with_hint("no runbooks are configured"))
    }
}
