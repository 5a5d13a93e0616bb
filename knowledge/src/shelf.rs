//! The index as somebody with certain labels may read it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use waggle_agent_core::{
    Result,
    ports::{Knowledge, Passage, PassageQuery},
};

use crate::index::{Hit, Index};

/// A reader's view of the index: documents without labels, and those that carry one that the reader holds.
#[derive(Clone)]
pub struct Shelf {
    index: Index,
    held: BTreeSet<String>,
}

impl Shelf {
    /// Opens the index to a reader.
    pub fn new(index: Index, held: impl IntoIterator<Item = String>) -> Self {
        Self { index, held: held.into_iter().collect() }
    }
}

#[async_trait]
impl Knowledge for Shelf {
    async fn search(&self, query: &PassageQuery) -> Result<Vec<Passage>> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let hits = self.index.search(query, &self.held).await?;
        Ok(hits.into_iter().map(passage).collect())
    }

    async fn read(&self, id: &str) -> Result<String> {
        self.index.read(id, &self.held).await
    }
}

fn passage(Hit { passage, score, .. }: Hit) -> Passage {
    Passage {
        id: passage.document,
        collection: passage.collection,
        heading: passage.heading,
        place: passage.place,
        text: passage.text,
        score,
    }
}
