//! How well passages are found: by words alone, by meaning alone, and by both, on questions whose document is known.
//!
//! # Layout
//!
//! - `questions`: the public data. `dump`: the numbers behind a ranking. `scores`: what is counted. `shelf`: an index over texts. `size`: time and size at many chunks.

mod dump;
mod questions;
mod scores;
mod shelf;
mod size;

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use clap::Parser;
use waggle_knowledge::embeddings::{Embeddings, UniversalSentenceEncoder};

use questions::{Task, paragraphs, runbooks};

/// Measures the search over documents and prints Markdown.
#[derive(Debug, Parser)]
struct Args {
    /// Folder with `runbooks` and `xquad`
    #[arg(long, env = "WAGGLE_DATA")]
    data: PathBuf,
    /// Folder with the local embedding model; words alone when left out
    #[arg(long, env = "WAGGLE_EMBEDDINGS")]
    embeddings: Option<PathBuf>,
    /// Chunks for the measurement of time and size; none when 0
    #[arg(long, default_value_t = 100_000)]
    chunks: usize,
    /// Measure time and size alone
    #[arg(long)]
    size_only: bool,
    /// Write what the halves make of each passage to this file, and measure nothing
    #[arg(long)]
    dump: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Runtime::new()?.block_on(run(args))
}

async fn run(args: Args) -> Result<()> {
    let model: Option<Arc<dyn Embeddings>> = match &args.embeddings {
        Some(folder) => Some(Arc::new(UniversalSentenceEncoder::in_folder(folder)?)),
        None => None,
    };
    let runbooks_dir = args.data.join("runbooks");
    let xquad = args.data.join("xquad");
    let (en, zh) = (paragraphs(&xquad, "en")?, paragraphs(&xquad, "zh")?);
    if args.size_only {
        return size::measure(&en, args.chunks, model).await;
    }
    let tasks = [
        ("runbooks, alert text", runbooks(&runbooks_dir, true)?),
        ("runbooks without their titles", runbooks(&runbooks_dir, false)?),
        ("paragraphs, en → en", Task::of(&en, &en)),
        ("paragraphs, zh → zh", Task::of(&zh, &zh)),
        ("paragraphs, zh → en", Task::of(&zh, &en)),
        ("paragraphs, en → zh", Task::of(&en, &zh)),
    ];
    if let Some(file) = &args.dump {
        let [(_, books), ..] = &tasks;
        let (general_en, general_zh) = (Task::of(&en, books), Task::of(&zh, books));
        let unanswered = [("nothing, en", &general_en), ("nothing, zh", &general_zh)];
        let all: Vec<_> = tasks.iter().map(|(name, task)| (*name, task)).chain(unanswered).collect();
        return dump::dump(file, &all, model).await;
    }
    println!(
        "| task | documents | questions | search | R@1 | R@5 | nDCG@10 |\n|---|---|---|---|---|---|---|"
    );
    for (name, task) in &tasks {
        scores::table(name, task, model.clone()).await?;
    }
    println!("\n| questions | asked of | answered | with the right document |\n|---|---|---|---|");
    let [(_, books), ..] = &tasks;
    scores::threshold("alerts", books, books, model.clone()).await?;
    scores::threshold("general knowledge, en", &Task::of(&en, &en), books, model.clone()).await?;
    scores::threshold("general knowledge, zh", &Task::of(&zh, &zh), books, model.clone()).await?;
    scores::threshold("general knowledge, zh", &Task::of(&zh, &zh), &Task::of(&zh, &zh), model.clone())
        .await?;
    if args.chunks > 0 {
        size::measure(&en, args.chunks, model).await?;
    }
    Ok(())
}
