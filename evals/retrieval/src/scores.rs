//! Recall and rank of the right document.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Result;
use waggle_agent_core::ports::PassageQuery;
use waggle_knowledge::{embeddings::Embeddings, index::Halves};

use crate::{
    questions::{Task, stem},
    shelf::{Shelf, name_of},
};

/// Documents of an answer that are looked at.
const DEPTH: usize = 10;

/// Prints one line for each way of searching.
pub async fn table(name: &str, task: &Task, model: Option<Arc<dyn Embeddings>>) -> Result<()> {
    let shelf = Shelf::of(&task.documents, model.clone()).await?;
    let (n, asked) = (task.documents.len(), task.questions.len());
    let ways = [("words", Halves::Words), ("meaning", Halves::Meaning), ("both", Halves::Both)];
    for (way, halves) in ways.into_iter().filter(|(_, halves)| model.is_some() || *halves == Halves::Words) {
        let mut ranks = Vec::new();
        for (text, page) in &task.questions {
            let query = PassageQuery { text: text.clone(), limit: 4 * DEPTH, ..PassageQuery::default() };
            let hits = shelf.index.ranked(&query, halves).await?;
            ranks.push(rank(hits.iter().map(|hit| hit.passage.document.as_str()), page));
        }
        let share = |most: usize| {
            let found = ranks.iter().flatten().filter(|rank| **rank < most).count();
            found as f64 / asked as f64
        };
        // One relevant document each, so that the ideal gain is one.
        let gain: f64 = ranks
            .iter()
            .flatten()
            .filter(|rank| **rank < DEPTH)
            .map(|rank| 1.0 / (*rank as f64 + 2.0).log2())
            .sum();
        println!(
            "| {name} | {n} | {asked} | {way} | {:.3} | {:.3} | {:.3} |",
            share(1),
            share(5),
            gain / asked as f64
        );
    }
    Ok(())
}

/// Returns the place of the page among the documents, each counted once, from 0.
fn rank<'a>(documents: impl Iterator<Item = &'a str>, page: &str) -> Option<usize> {
    let mut seen = Vec::new();
    for document in documents {
        if !seen.contains(&document) {
            seen.push(document);
        }
    }
    seen.iter().position(|document| stem(name_of(document)).to_lowercase() == page)
}

/// Prints how many of the questions are answered at all by the documents, and how many by the right one.
pub async fn threshold(
    name: &str,
    asking: &Task,
    answering: &Task,
    model: Option<Arc<dyn Embeddings>>,
) -> Result<()> {
    let shelf = Shelf::of(&answering.documents, model).await?;
    let (mut answered, mut right) = (0_usize, 0_usize);
    for (text, page) in &asking.questions {
        let query = PassageQuery { text: text.clone(), limit: 5, ..PassageQuery::default() };
        let hits = shelf.index.search(&query, &BTreeSet::new()).await?;
        answered += usize::from(!hits.is_empty());
        right += usize::from(rank(hits.iter().map(|hit| hit.passage.document.as_str()), page).is_some());
    }
    let n = asking.questions.len() as f64;
    let documents = answering.documents.len();
    println!("| {name} | {documents} documents | {:.3} | {:.3} |", answered as f64 / n, right as f64 / n);
    Ok(())
}
