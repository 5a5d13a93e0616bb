//! An empty shelf.

use async_trait::async_trait;

use crate::{
    Kind, Result,
    ports::{Knowledge, Passage, PassageQuery},
};

/// Has no documents: every search is empty, which is an answer, and every id is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct FakeKnowledge;

#[async_trait]
impl Knowledge for FakeKnowledge {
    async fn search(&self, _: &PassageQuery) -> Result<Vec<Passage>> {
        Ok(Vec::new())
    }

    async fn read(&self, id: &str) -> Result<String> {
        Err(Kind::NotFound.error(format!("unknown document `{id}`")))
    }
}
