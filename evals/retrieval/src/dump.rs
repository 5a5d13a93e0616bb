//! What the halves make of the passages that answer a question and of those that do not, for choosing how they are put together.

use std::{fs::File, io::Write as _, path::Path, sync::Arc};

use anyhow::Result;
use serde_json::json;
use waggle_agent_core::ports::PassageQuery;
use waggle_knowledge::{embeddings::Embeddings, index::Halves};

use crate::{
    questions::{Task, stem},
    shelf::{Shelf, name_of},
};

/// Passages of one question.
const DEPTH: usize = 100;

/// Writes one line for each question: the task, and for each passage that either half proposes its numbers and whether it is right.
pub async fn dump(file: &Path, tasks: &[(&str, &Task)], model: Option<Arc<dyn Embeddings>>) -> Result<()> {
    let mut out = File::create(file)?;
    for (name, task) in tasks {
        let shelf = Shelf::of(&task.documents, model.clone()).await?;
        for (text, page) in &task.questions {
            let query = PassageQuery { text: text.clone(), limit: DEPTH, ..PassageQuery::default() };
            let hits = shelf.index.ranked(&query, Halves::Both).await?;
            let passages = hits.iter().map(|hit| {
                let (document, of) = (name_of(&hit.passage.document), hit.candidate);
                json!([stem(document).to_lowercase() == *page, of.lexical, of.cosine, of.coverage])
            });
            let passages: Vec<_> = passages.collect();
            writeln!(out, "{}", json!({ "task": name, "question": text, "passages": passages }))?;
        }
    }
    Ok(())
}
