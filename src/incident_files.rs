//! An incident that comes as a folder of files: into a store of its own, through the loop, out as a finding.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use waggle_agent_core::{
    Finding, Incident, IncidentId, Language,
    incident::{Source, State},
    ports::{Commit, CommitDiff, FileDiff, Hunk},
};
use waggle_analysis::blame::{Candidate, ChangedFile, Kind};
use waggle_files::incident::{self, REPOSITORY};
use waggle_knowledge::ExportedCommits;
use waggle_signals::{ManualClock, Sink as _};

use crate::{
    app::{Access, App},
    config::Config,
    desk::Solved,
};

/// Rows that are stored at a time: what a collector would send in one batch.
const BATCH_ROWS: usize = 50_000;

/// Investigates the incident of a folder. Nothing is left on disk.
pub async fn look(config: &Config, folder: &Path, language: Language) -> Result<Finding> {
    let (solved, _) = solve(config, folder, language).await?;
    Ok(solved.investigation.finding)
}

/// As [`look`], with everything that was gathered, and the name of the model that was asked first.
pub async fn solve(config: &Config, folder: &Path, language: Language) -> Result<(Solved, String)> {
    let files = incident::read(folder)?;
    for left_out in &files.left_out {
        eprintln!("left out: {left_out}");
    }
    let (baseline, window) = files.windows().context(
        "the files of this incident cover no time\nhint: logs, metrics and traces need times, some of them before the alert",
    )?;
    let kept = tempfile::tempdir().context("make a folder for the incident's store")?;
    let config = Config { dir: kept.path().to_owned(), ..config.clone() };
    // The clock stands where the incident ended, so that nothing of it is too old to keep.
    let clock = Arc::new(ManualClock::at(window.to()));
    let changes = Arc::new(ExportedCommits::new(REPOSITORY, commits(&files)));
    let app = App::open_with(&config, clock, Access::Write, changes).await?;
    for part in parts(incident::batch(&files)) {
        app.store.append(part).await.context("store the incident's telemetry")?;
    }
    let alert = &files.alert;
    let title = [alert.text.as_str(), alert.metric.as_str()].map(str::trim);
    let title = title.iter().copied().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let opened = Incident {
        id: IncidentId(format!("inc-{}", name.replace(|c: char| !c.is_alphanumeric(), "-"))),
        title: if title.is_empty() { name } else { title },
        service: files.known_service().map(str::to_owned),
        source: Source::Alert,
        opened_at: window.to(),
        state: State::Open,
        window,
        baseline,
    };
    let done = app.desk.investigate(opened, language, "operator").await;
    app.store.close().await.context("close the incident's store")?;
    Ok((done?, app.desk.model_name().to_owned()))
}

/// Cuts a batch into such that a store takes at a time.
fn parts(batch: waggle_signals::Batch) -> Vec<waggle_signals::Batch> {
    let waggle_signals::Batch { resources, spans, metrics, logs, events, .. } = batch;
    let empty = || waggle_signals::Batch { resources: resources.clone(), ..Default::default() };
    let mut parts: Vec<_> = metrics
        .chunks(BATCH_ROWS)
        .map(|rows| waggle_signals::Batch { metrics: rows.to_vec(), ..empty() })
        .collect();
    parts
        .extend(logs.chunks(BATCH_ROWS).map(|rows| waggle_signals::Batch { logs: rows.to_vec(), ..empty() }));
    parts.extend(
        spans.chunks(BATCH_ROWS).map(|rows| waggle_signals::Batch { spans: rows.to_vec(), ..empty() }),
    );
    parts.extend(
        events.chunks(BATCH_ROWS).map(|rows| waggle_signals::Batch { events: rows.to_vec(), ..empty() }),
    );
    parts
}

fn commits(files: &incident::Incident) -> Vec<CommitDiff> {
    let author =
        |id: &str| files.authors.iter().find(|(known, _)| known == id).map(|(_, author)| author.clone());
    let commits = files.changes.iter().filter(|change| change.kind == Kind::Commit);
    commits.map(|change| commit(change, author(&change.id).unwrap_or_default())).collect()
}

fn commit(change: &Candidate, author: String) -> CommitDiff {
    let (summary, body) = change.message.split_once('\n').unwrap_or((&change.message, ""));
    CommitDiff {
        commit: Commit {
            id: change.id.clone(),
            author,
            email: String::new(),
            at: change.at,
            summary: summary.to_owned(),
            body: body.trim().to_owned(),
        },
        files: change.files.iter().map(file).collect(),
    }
}

fn file(file: &ChangedFile) -> FileDiff {
    let count = |sign: char| {
        u32::try_from(file.lines.iter().filter(|line| line.starts_with(sign)).count()).unwrap_or(u32::MAX)
    };
    let mut hunks: Vec<Hunk> = Vec::new();
    for line in &file.lines {
        if let Some(header) = line.strip_prefix("@@") {
            let (old_start, new_start) = starts(header);
            let context = header.rsplit("@@").next().unwrap_or_default().trim().to_owned();
            hunks.push(Hunk { old_start, new_start, context, lines: Vec::new() });
            continue;
        }
        if hunks.is_empty() {
            hunks.push(Hunk { old_start: 1, new_start: 1, context: String::new(), lines: Vec::new() });
        }
        if let Some(hunk) = hunks.last_mut() {
            hunk.lines.push(line.clone());
        }
    }
    FileDiff { path: file.path.clone(), added: count('+'), removed: count('-'), hunks }
}

/// Reads `-12,7 +13,8` of a hunk header; 1 where an export leaves it out.
fn starts(header: &str) -> (u32, u32) {
    let number = |sign: char| {
        let word = header.split_whitespace().find_map(|word| word.strip_prefix(sign))?;
        word.split(',').next()?.parse().ok()
    };
    (number('-').unwrap_or(1), number('+').unwrap_or(1))
}
