//! `waggle knowledge`

use std::process::ExitCode;

use anyhow::{Context, Result};
use waggle_agent_core::ports::PassageQuery;

use crate::{
    cli,
    config::Config,
    shelves::{KnowledgeSettings, Shelves},
};

/// Characters of a passage that are printed.
const SHOWN: usize = 300;

pub async fn run(config: Config, args: cli::Knowledge) -> Result<ExitCode> {
    match args.command {
        cli::KnowledgeCommand::Sync => sync(config).await,
        cli::KnowledgeCommand::Search(args) => search(config, args).await,
    }
}

async fn opened(settings: &KnowledgeSettings, config: &Config) -> Result<Shelves> {
    Shelves::open(settings, &config.dir).await?.with_context(|| {
        format!(
            "no documents are named\nhint: `[[knowledge.collections]]` with `name` and `folders`, `git` or `urls` in `{}`",
            config.dir.join(crate::settings::FILE).display()
        )
    })
}

async fn sync(config: Config) -> Result<ExitCode> {
    let shelves = opened(config.settings.knowledge(), &config).await?;
    match shelves.model() {
        Some(model) => println!("searched by words and by meaning ({model})"),
        None => {
            println!("searched by words alone: no embedding model is there; `make embeddings` fetches one")
        }
    }
    for (name, synced) in shelves.sync().await? {
        println!("{name}: {synced}");
        for skipped in &synced.skipped {
            println!("  {skipped}");
        }
        for note in &synced.notes {
            println!("  in part   {note}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn search(config: Config, args: cli::SearchKnowledge) -> Result<ExitCode> {
    let shelves = opened(config.settings.knowledge(), &config).await?;
    let query = PassageQuery {
        text: args.query,
        service: args.service,
        collections: args.collection.into_iter().collect(),
        limit: args.limit,
        ..PassageQuery::default()
    };
    let found = Shelves::reader(Some(&shelves)).search(&query).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        println!("nothing relevant");
    }
    for passage in found {
        let text: String = passage.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text: String = text.chars().take(SHOWN).collect();
        println!("{:.2}  {}  {}\n      {text}", passage.score, passage.place, passage.heading);
    }
    Ok(ExitCode::SUCCESS)
}
