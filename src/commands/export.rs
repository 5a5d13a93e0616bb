//! `waggle export`

use std::{collections::BTreeMap, fs, io::Write as _, process::ExitCode};

use anyhow::{Context, Result, bail};
use waggle_agent_core::{
    IncidentId,
    ports::{IncidentPage, Memory, Rating},
    recording::Recording,
    training::{Example, check},
};
use waggle_memory::SqliteMemory;

use crate::{
    cli::{Export, Rated},
    config::Config,
};

pub async fn run(config: Config, args: Export) -> Result<ExitCode> {
    let file = config.memory_file();
    if !file.exists() {
        bail!(
            "no memory in `{}`: nothing was investigated\nhint: name the folder that `waggle` keeps its things in with `--dir`",
            config.dir.display()
        );
    }
    let memory = SqliteMemory::open(file).await?;
    let chosen = chosen(&memory, &args).await?;
    let mut lines = match &args.jsonl {
        Some(path) => Some(fs::File::create(path).with_context(|| format!("write `{}`", path.display()))?),
        None => None,
    };
    if let Some(folder) = &args.recordings {
        fs::create_dir_all(folder).with_context(|| format!("make `{}`", folder.display()))?;
    }
    let specs = waggle_tools::toolbox().specs();
    let (mut n_examples, mut n_recordings) = (0, 0);
    for id in &chosen {
        let recording = Recording::of(&memory, id).await?;
        if let Some(folder) = &args.recordings {
            let path = folder.join(format!("{id}.json"));
            let text = format!("{}\n", serde_json::to_string_pretty(&recording)?);
            fs::write(&path, text).with_context(|| format!("write `{}`", path.display()))?;
            n_recordings += 1;
        }
        if let (Some(lines), Some(example)) = (&mut lines, Example::of(&recording.record, &specs)) {
            let line = serde_json::to_string(&example)?;
            check(&line).with_context(|| format!("write an example of `{id}`"))?;
            writeln!(lines, "{line}").context("write the examples")?;
            n_examples += 1;
        }
    }
    let left_out = chosen.len() - n_examples;
    if args.jsonl.is_some() {
        eprintln!(
            "{n_examples} examples; {left_out} investigations have nothing that a model said and may be learned"
        );
    }
    if args.recordings.is_some() {
        eprintln!("{n_recordings} recordings");
    }
    Ok(ExitCode::SUCCESS)
}

async fn chosen(memory: &SqliteMemory, args: &Export) -> Result<Vec<IncidentId>> {
    if !args.incidents.is_empty() {
        return Ok(args.incidents.iter().cloned().map(IncidentId).collect());
    }
    let mut chosen = Vec::new();
    for incident in memory.incidents(&IncidentPage { before: None, limit: usize::MAX }).await? {
        let was_investigated = memory.latest_investigation(&incident.id).await?.is_some();
        if was_investigated && is_chosen(args.rated, &memory.ratings(&incident.id).await?) {
            chosen.push(incident.id);
        }
    }
    // Oldest first: what comes later adds to the end of a file.
    chosen.reverse();
    Ok(chosen)
}

/// Everybody's last word counts.
fn is_chosen(rated: Rated, ratings: &[Rating]) -> bool {
    let last: BTreeMap<&str, bool> =
        ratings.iter().map(|rating| (rating.by.as_str(), rating.helpful)).collect();
    let (any, all) = (!last.is_empty(), last.values().all(|helpful| *helpful));
    match rated {
        Rated::Helpful => any && all,
        Rated::Unhelpful => !all,
        Rated::All => true,
    }
}

#[cfg(test)]
mod tests {
    use waggle_signals::Timestamp;

    use super::*;

    #[test]
    fn everybody_s_last_word_counts() {
        let rating = |by: &str, helpful| Rating {
            incident: IncidentId("inc-1".into()),
            by: by.into(),
            at: Timestamp::from_secs(0),
            helpful,
            correction: String::new(),
        };
        let chosen = |ratings: &[Rating]| {
            [Rated::Helpful, Rated::Unhelpful, Rated::All].map(|rated| is_chosen(rated, ratings))
        };
        assert_eq!(chosen(&[]), [false, false, true]);
        assert_eq!(chosen(&[rating("ana", false), rating("ana", true)]), [true, false, true]);
        assert_eq!(chosen(&[rating("ana", true), rating("bo", false)]), [false, true, true]);
    }
}
