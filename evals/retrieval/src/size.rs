//! Time and size at many chunks.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use waggle_agent_core::ports::PassageQuery;
use waggle_knowledge::embeddings::Embeddings;

use crate::{questions::Task, shelf::Shelf};

/// Questions that are timed.
const QUESTIONS: usize = 200;

/// Makes so many chunks out of the sentences of the task, and prints how long writing and asking takes.
pub async fn measure(task: &Task, n_chunks: usize, model: Option<Arc<dyn Embeddings>>) -> Result<()> {
    let sentences: Vec<&str> = task
        .documents
        .iter()
        .flat_map(|(_, text)| text.split_inclusive(". "))
        .filter(|sentence| sentence.len() > 40)
        .collect();
    // Every text takes other sentences in another order, so that none is another's copy.
    let documents: Vec<(String, String)> = (0..n_chunks)
        .map(|n| {
            let steps = [1, 7, 13, 29, 41];
            let picked = steps.iter().filter_map(|step| sentences.get((n * step + n / 97) % sentences.len()));
            (format!("d{n}.txt"), picked.copied().collect::<String>())
        })
        .collect();
    let begun = Instant::now();
    let shelf = Shelf::of(&documents, model).await?;
    let written = begun.elapsed();
    let mut took: Vec<Duration> = Vec::new();
    for (text, _) in task.questions.iter().take(QUESTIONS) {
        let query = PassageQuery { text: text.clone(), limit: 5, ..PassageQuery::default() };
        let begun = Instant::now();
        shelf.index.search(&query, &BTreeSet::new()).await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let at = |share: f64| {
        took.get((took.len() as f64 * share) as usize).copied().unwrap_or_default().as_secs_f64()
    };
    println!(
        "\n| chunks | written in | a question, median | 99th percentile | on disk |\n|---|---|---|---|---|"
    );
    println!(
        "| {n_chunks} | {:.0} s | {:.0} ms | {:.0} ms | {:.0} MB |",
        written.as_secs_f64(),
        at(0.5) * 1e3,
        at(0.99) * 1e3,
        bytes(shelf.folder.path())? as f64 / 1e6
    );
    Ok(())
}

fn bytes(folder: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        total += if entry.path().is_dir() { bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(total)
}
