//! `waggle knowledge`

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use waggle_agent_core::ports::PassageQuery;
use waggle_knowledge::shelve::LIBRARIES;

use super::print;
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
        Some(model) => print::out(&format!("searched by words and by meaning ({model})\n"))?,
        None => print::out(
            "searched by words alone: no embedding model is there; `make embeddings` fetches one\n",
        )?,
    }
    for (name, synced) in shelves.sync().await? {
        print::out(&format!("{name}: {synced}\n"))?;
        for skipped in &synced.skipped {
            print::out(&format!("  {skipped}\n"))?;
        }
        for note in &synced.notes {
            print::out(&format!("  in part   {note}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn search(config: Config, args: cli::SearchKnowledge) -> Result<ExitCode> {
    let shelves = opened(config.settings.knowledge(), &config).await?;
    let known: Vec<&str> = config.settings.knowledge().collections().chain([LIBRARIES]).collect();
    if let Some(unknown) = args.collection.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no collection is named `{unknown}`\nhint: there are {}", known.join(", "));
    }
    let query = PassageQuery {
        text: args.query,
        service: args.service,
        collections: args.collection.into_iter().collect(),
        limit: args.limit,
        ..PassageQuery::default()
    };
    let found = Shelves::reader(Some(&shelves)).search(&query).await?;
    if args.json {
        print::json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        let is_empty = shelves.index().known().await?.is_empty();
        let why =
            if is_empty { "nothing was read yet: `waggle knowledge sync`\n" } else { "nothing relevant\n" };
        print::out(why)?;
    }
    for passage in found {
        let text: String = passage.text.chars().take(SHOWN).collect();
        // Lines stay lines: two commands in one are another command.
        let lines: String = text.trim_end().lines().map(|line| format!("      {line}\n")).collect();
        print::out(&format!("{:.2}  {}  {}\n{lines}", passage.score, passage.place, passage.heading))?;
    }
    Ok(ExitCode::SUCCESS)
}
