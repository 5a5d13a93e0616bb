//! Finding passages.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::TryStreamExt as _;
use lancedb::{
    DistanceType,
    arrow::arrow_array::RecordBatch,
    index::scalar::FullTextSearchQuery,
    query::{ExecutableQuery as _, QueryBase as _, Select},
};
use waggle_agent_core::{Kind, Result, ports::PassageQuery};

use super::{
    Index, fault,
    filter::{condition, quoted, readable},
    rows::{STORED, Stored, number_at, stored, text_at},
};
use crate::{
    embeddings::{Scale, cosine},
    fusion::{Candidate, coverage, fuse},
    terms::terms,
};

/// Passages that each half proposes.
const PROPOSED: usize = 50;

/// Terms of a question that are searched; a longer text is a document, and its first terms say what it is about.
const MAX_TERMS: usize = 64;

/// Passages of one document in an answer: more would push the others out.
const MAX_PER_DOCUMENT: usize = 2;

/// Chunks of a document that are read at most.
const MAX_CHUNKS_READ: usize = 2_000;

/// A passage that answers a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The passage, as it is kept.
    pub passage: Stored,
    /// How relevant, 0 to 1.
    pub score: f64,
    /// What the halves make of it, for measuring.
    pub candidate: Candidate,
}

/// Which half of the search answers; both unless a half is measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halves {
    /// Words alone.
    Words,
    /// Meaning alone.
    Meaning,
    /// Both.
    Both,
}

impl Index {
    /// Returns passages that somebody who holds these labels may read, best first. Empty when nothing is relevant.
    ///
    /// # Errors
    ///
    /// What the embeddings answer; `Unavailable` when the table cannot be read.
    pub async fn search(&self, query: &PassageQuery, held: &BTreeSet<String>) -> Result<Vec<Hit>> {
        let (candidates, rows) = self.candidates(query, held, Halves::Both).await?;
        let scale = self.scale(&candidates).await?;
        let scored = fuse(&candidates, scale).into_iter().zip(candidates).zip(rows);
        let relevant = scored.filter(|((fused, _), _)| fused.is_relevant);
        let hits =
            relevant.map(|((fused, candidate), passage)| Hit { passage, score: fused.score, candidate });
        Ok(best(hits.collect(), query.limit))
    }

    /// Returns passages as a half or both rank them, without asking whether they are relevant. For measuring.
    ///
    /// # Errors
    ///
    /// As [`search`](Self::search).
    pub async fn ranked(&self, query: &PassageQuery, halves: Halves) -> Result<Vec<Hit>> {
        let (candidates, rows) = self.candidates(query, &BTreeSet::new(), halves).await?;
        let fused = fuse(&candidates, self.scale(&candidates).await?);
        let scored = candidates.into_iter().zip(fused).zip(rows).map(|((candidate, fused), passage)| {
            let score = match halves {
                Halves::Words => candidate.lexical,
                Halves::Meaning => candidate.cosine.unwrap_or_default(),
                Halves::Both => fused.score,
            };
            Hit { passage, score, candidate }
        });
        Ok(best(scored.collect(), query.limit))
    }

    /// Returns what cosines mean to the model, measured when the first question comes; `None` where there are none.
    async fn scale(&self, candidates: &[Candidate]) -> Result<Option<&Scale>> {
        let Some(embeddings) = &self.embeddings else { return Ok(None) };
        if candidates.iter().all(|candidate| candidate.cosine.is_none()) {
            return Ok(None);
        }
        self.scale.get_or_try_init(|| Scale::of(&**embeddings)).await.map(Some)
    }

    async fn candidates(
        &self,
        query: &PassageQuery,
        held: &BTreeSet<String>,
        halves: Halves,
    ) -> Result<(Vec<Candidate>, Vec<Stored>)> {
        let mut asked = terms(&query.text);
        asked.truncate(MAX_TERMS);
        let condition = condition(query, held);
        let mut found: BTreeMap<String, Stored> = BTreeMap::new();
        if halves != Halves::Meaning && !asked.is_empty() {
            for row in self.by_words(&asked, &condition).await? {
                found.insert(row.id.clone(), row);
            }
        }
        let vector = match &self.embeddings {
            Some(embeddings) if halves != Halves::Words => {
                match embeddings.embed(std::slice::from_ref(&query.text)).await {
                    Ok(vectors) => vectors.into_iter().next(),
                    // In the middle of an incident half an answer is better than none.
                    Err(error) if halves == Halves::Both && error.kind().is_retryable() => {
                        tracing::warn!(error = error.chain(), "no embeddings: searched by words alone");
                        None
                    }
                    Err(error) => return Err(error),
                }
            }
            _ => None,
        };
        // A text in which the model knows nothing is like no other.
        let vector = vector.filter(|vector| vector.iter().any(|number| *number != 0.0));
        if let Some(vector) = &vector {
            for row in self.by_meaning(vector, &condition).await? {
                found.entry(row.id.clone()).or_insert(row);
            }
        }
        let asked: HashSet<String> = asked.into_iter().collect();
        let rows: Vec<Stored> = found.into_values().collect();
        let candidates = rows.iter().map(|row| Candidate {
            lexical: row.lexical,
            cosine: vector.as_deref().map(|asked| cosine(asked, row.vector.as_deref().unwrap_or_default())),
            coverage: coverage(&asked, row.terms.split(' ')),
        });
        Ok((candidates.collect(), rows))
    }

    async fn by_words(&self, asked: &[String], condition: &str) -> Result<Vec<Stored>> {
        let fault = |error| fault("search the knowledge index by words", error);
        let query = FullTextSearchQuery::new(asked.join(" "))
            .with_column("terms".to_owned())
            .map_err(|error| fault(error.into()))?;
        let query = self.table.query().full_text_search(query).only_if(condition).limit(PROPOSED);
        let batches = query.select(self.columns("_score")).execute().await.map_err(fault)?;
        Ok(all(&batches.try_collect::<Vec<_>>().await.map_err(fault)?))
    }

    async fn by_meaning(&self, vector: &[f32], condition: &str) -> Result<Vec<Stored>> {
        let fault = |error| fault("search the knowledge index by meaning", error);
        let query = self.table.query().nearest_to(vector).map_err(fault)?;
        let query = query.distance_type(DistanceType::Dot).only_if(condition).limit(PROPOSED);
        let batches = query.select(self.columns("_distance")).execute().await.map_err(fault)?;
        Ok(all(&batches.try_collect::<Vec<_>>().await.map_err(fault)?))
    }

    fn columns(&self, score: &str) -> Select {
        let vector = self.embeddings.as_ref().map(|_| "vector");
        let columns: Vec<&str> = STORED.into_iter().chain(vector).chain([score]).collect();
        Select::columns(&columns)
    }

    /// Returns the text of a document, chunk by chunk, for somebody who holds these labels.
    ///
    /// # Errors
    ///
    /// `NotFound` for one that is not there or may not be read: which of them is not said.
    pub async fn read(&self, document: &str, held: &BTreeSet<String>) -> Result<String> {
        let fault = |error| fault("read from the knowledge index", error);
        let condition = format!("document = {} AND {}", quoted(document), readable(held));
        let columns = Select::columns(&["ordinal", "heading", "text"]);
        let query = self.table.query().only_if(condition).select(columns).limit(MAX_CHUNKS_READ);
        let batches: Vec<_> =
            query.execute().await.map_err(fault)?.try_collect::<Vec<_>>().await.map_err(fault)?;
        let mut chunks: Vec<(u32, String, String)> = batches.iter().flat_map(numbered).collect();
        if chunks.is_empty() {
            let known = "`search_knowledge` names the documents that there are";
            return Err(Kind::NotFound.error(format!("no document `{document}`")).with_hint(known));
        }
        chunks.sort_unstable();
        let mut text = String::new();
        let mut under = String::new();
        for (_, heading, body) in chunks {
            if heading != under {
                text += &format!("# {heading}\n\n");
                under = heading;
            }
            text += &body;
            text += "\n\n";
        }
        Ok(text)
    }
}

fn numbered(batch: &RecordBatch) -> impl Iterator<Item = (u32, String, String)> + '_ {
    (0..batch.num_rows()).map(move |row| {
        let ordinal = number_at(batch, "ordinal", row).unwrap_or_default();
        (ordinal, text_at(batch, "heading", row), text_at(batch, "text", row))
    })
}

fn all(batches: &[RecordBatch]) -> Vec<Stored> {
    batches.iter().flat_map(stored).collect()
}

/// Sorts hits, best first; of equal ones the name decides, so that an answer is the same each time.
fn best(mut hits: Vec<Hit>, limit: usize) -> Vec<Hit> {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.passage.id.cmp(&b.passage.id)));
    let mut n_of: BTreeMap<String, usize> = BTreeMap::new();
    hits.retain(|hit| {
        let n = n_of.entry(hit.passage.document.clone()).or_default();
        *n += 1;
        *n <= MAX_PER_DOCUMENT
    });
    hits.truncate(limit);
    hits
}
