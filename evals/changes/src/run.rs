//! Asks the tool about every deploy, and scores the answers beside simple rules.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;
use waggle_agent_core::{
    Incident, IncidentId, Language, Ports, Scene,
    incident::Source,
    ports::{Changes, CommitDiff, LabelsAndCode, NoPast},
    testing::{fake_knowledge::FakeKnowledge, fake_telemetry::FakeTelemetry},
};
use waggle_analysis::blame::{Blame, Signs, words::terms};
use waggle_knowledge::git::GitChanges;
use waggle_signals::{ManualClock, Timestamp};

use crate::{
    fault::KINDS,
    history::{COMMITS_EACH, Deploy, write_history},
    metric_names::metric_names,
    symptom::{HEALTHY_MIN, Shown, WINDOW_MIN, shown},
};

/// What came out of a number of deploys.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Commits of the histories.
    pub n_commits: usize,
    /// Deploys with a regression.
    pub guilty: usize,
    /// Of these, the guilty commit was blamed.
    pub first: usize,
    /// It was among the first three.
    pub in_three: usize,
    /// The guilty hunk was named first.
    pub hunk: usize,
    /// A commit that went live after the onset was blamed, over all deploys.
    pub after: usize,
    /// Deploys without a regression.
    pub healthy: usize,
    /// Of these, a commit was blamed.
    pub falsely: usize,
    /// By kind: deploys, commit first, hunk first.
    pub kinds: [(usize, usize, usize); 8],
    /// Simple rules: latest commit, latest deploy's commit, biggest diff, most words in common.
    pub floors: [usize; 4],
}

/// Writes a history and scores the tool on it.
///
/// # Errors
///
/// When `git` or a tool fails.
pub async fn score(seed: u64, n_deploys: usize, is_verbose: bool) -> Result<Score> {
    let folder = tempfile::tempdir()?;
    let history = write_history(folder.path(), seed, n_deploys)?;
    let repository = folder.path().to_str().context("the folder's name is no text")?.to_owned();
    let changes = Arc::new(GitChanges::new([folder.path()]).with_patience(Duration::from_secs(120)));
    let mut score = Score { n_commits: history.n_commits, ..Score::default() };
    for (number, deploy) in history.deploys.iter().enumerate() {
        let shown = shown(deploy, &repository, seed);
        let (blame, signs) = ask(&shown, changes.clone()).await?;
        let after: BTreeSet<&str> = deploy.after.iter().map(|made| made.id.as_str()).collect();
        let culprit = blame.culprit();
        score.after += usize::from(culprit.is_some_and(|culprit| after.contains(culprit.id.as_str())));
        let Some((guilty, planted)) = &deploy.planted else {
            score.healthy += 1;
            score.falsely += usize::from(culprit.is_some());
            if is_verbose && culprit.is_some() {
                eprintln!("seed {seed} deploy {number}: healthy, and blamed\n{blame}\n");
            }
            continue;
        };
        score.guilty += 1;
        let is_first = culprit.is_some_and(|culprit| culprit.id == *guilty);
        let is_hunk =
            culprit.filter(|_| is_first).and_then(|culprit| culprit.hunks.first()).is_some_and(|hunk| {
                hunk.path == planted.path
                    && (planted.function.is_empty() || hunk.function == planted.function)
            });
        score.first += usize::from(is_first);
        score.in_three += usize::from(blame.ranked.iter().take(3).any(|ranked| ranked.id == *guilty));
        score.hunk += usize::from(is_hunk);
        let kind = &mut score.kinds[planted.kind];
        *kind = (kind.0 + 1, kind.1 + usize::from(is_first), kind.2 + usize::from(is_hunk));
        for (place, hit) in
            floors(deploy, &shown, &signs, &changes, &repository, guilty).await?.into_iter().enumerate()
        {
            score.floors[place] += usize::from(hit);
        }
        if is_verbose && !(is_first && is_hunk) {
            let own = blame.ranked.iter().find(|ranked| ranked.id == *guilty);
            eprintln!(
                "seed {seed} deploy {number}: {} at {} `{}` ({}), {} carried, onset off by {} s\n{blame}\nguilty: {}\n{:?}\n",
                KINDS[planted.kind],
                planted.path,
                planted.function,
                planted.subject,
                deploy.carried.len(),
                signs.onset.nanos() / 1_000_000_000 - shown.onset,
                own.map_or_else(|| "not ranked".to_owned(), |own| format!("{own}\n{:?}", own.hunks)),
                signs.code,
            );
        }
    }
    Ok(score)
}

async fn ask(shown: &Shown, changes: Arc<GitChanges>) -> Result<(Blame, Signs)> {
    let minutes = |n: i64| Duration::from_secs(u64::try_from(n * 60).unwrap_or(0));
    let now = Timestamp::from_secs(shown.now);
    let incident = Incident::open(
        IncidentId("inc-1".to_owned()),
        shown.title.clone(),
        Some(shown.service.clone()),
        Source::Alert,
        now,
        minutes(WINDOW_MIN),
        minutes(HEALTHY_MIN),
    );
    let telemetry = FakeTelemetry::of(shown.batch.clone()).map_err(|error| anyhow!("{error:?}"))?;
    let ports = Ports {
        telemetry: Arc::new(telemetry.with_sql(|batch, _| metric_names(batch))),
        ownership: Arc::new(LabelsAndCode(changes.clone())),
        changes,
        knowledge: Arc::new(FakeKnowledge::default()),
        past: Arc::new(NoPast),
        clock: Arc::new(ManualClock::at(now)),
    };
    let scene = Scene::new(ports, incident, Language::En);
    let called = waggle_tools::toolbox().call("change_suspects", json!({}), &scene).await;
    let called = called.map_err(|error| anyhow!("change_suspects: {error:?}"))?;
    let blame: Blame = serde_json::from_value(called.data.clone()).context("read the judgement")?;
    let signs = called.data.get("signs").cloned().unwrap_or_default();
    Ok((blame, serde_json::from_value(signs).context("read the signs")?))
}

/// What simple rules say, over all commits that went live around the incident.
async fn floors(
    deploy: &Deploy,
    shown: &Shown,
    signs: &Signs,
    changes: &GitChanges,
    repository: &str,
    guilty: &str,
) -> Result<[bool; 4]> {
    let mut all: Vec<CommitDiff> = Vec::new();
    for made in deploy.carried.iter().chain(&deploy.after) {
        all.push(changes.diff(repository, &made.id).await.map_err(|error| anyhow!("{}", error.chain()))?);
    }
    let size = |diff: &CommitDiff| diff.files.iter().map(|file| file.added + file.removed).sum::<u32>();
    let biggest = all.iter().max_by_key(|diff| size(diff)).map(|diff| diff.commit.id.as_str());
    let frames = signs.code.frames.iter().map(|frame| frame.function.as_str());
    let calls = signs.code.calls.iter().map(|call| call.what.as_str());
    let routes = signs.code.routes.iter().map(|route| route.route.as_str());
    let said = signs.texts.iter().map(|sign| sign.text.as_str());
    let asked: BTreeSet<String> =
        frames.chain(calls).chain(routes).chain(said).chain([shown.title.as_str()]).flat_map(terms).collect();
    let common = |diff: &CommitDiff| {
        let lines = diff.files.iter().flat_map(|file| {
            file.hunks
                .iter()
                .flat_map(|hunk| hunk.lines.iter().map(String::as_str))
                .chain([file.path.as_str()])
        });
        let words: BTreeSet<String> = lines.chain([diff.commit.summary.as_str()]).flat_map(terms).collect();
        asked.intersection(&words).count()
    };
    let wordy = all.iter().max_by_key(|diff| common(diff)).map(|diff| diff.commit.id.as_str());
    let mut before_alert = deploy.carried.iter().chain(&deploy.after).filter(|made| made.at <= shown.onset);
    let latest = before_alert.next_back().map(|made| made.id.as_str());
    Ok([latest, Some(deploy.later.as_str()), biggest, wordy].map(|said| said == Some(guilty)))
}

impl Score {
    /// Adds another history's numbers.
    pub fn add(&mut self, other: &Self) {
        self.n_commits += other.n_commits;
        self.guilty += other.guilty;
        self.first += other.first;
        self.in_three += other.in_three;
        self.hunk += other.hunk;
        self.after += other.after;
        self.healthy += other.healthy;
        self.falsely += other.falsely;
        for (own, other) in self.kinds.iter_mut().zip(other.kinds) {
            *own = (own.0 + other.0, own.1 + other.1, own.2 + other.2);
        }
        self.floors.iter_mut().zip(other.floors).for_each(|(own, other)| *own += other);
    }

    /// Writes the Markdown table.
    pub fn table(&self) -> String {
        let part = |n: usize, of: usize| format!("{n} of {of} ({:.0}%)", 100.0 * n as f64 / of.max(1) as f64);
        let deploys = self.guilty + self.healthy;
        let mut rows = vec![
            (
                "commits in the histories".to_owned(),
                format!("{} ({COMMITS_EACH} planned a deploy)", self.n_commits),
            ),
            ("guilty commit first".to_owned(), part(self.first, self.guilty)),
            ("guilty commit among three".to_owned(), part(self.in_three, self.guilty)),
            ("guilty hunk first".to_owned(), part(self.hunk, self.guilty)),
            ("blamed one after the onset".to_owned(), part(self.after, deploys)),
            ("healthy deploys blamed".to_owned(), part(self.falsely, self.healthy)),
        ];
        for (name, hits) in
            ["latest commit", "latest deploy", "biggest diff", "most words in common"].iter().zip(self.floors)
        {
            rows.push((format!("floor: {name} is guilty"), part(hits, self.guilty)));
        }
        for (name, (of, first, hunk)) in KINDS.iter().zip(self.kinds) {
            rows.push((format!("{name}: commit, hunk"), format!("{first} and {hunk} of {of}")));
        }
        let rows = rows.into_iter().map(|(measure, value)| format!("| {measure} | {value} |\n"));
        format!("| measure | value |\n|---|---|\n{}", rows.collect::<String>())
    }
}
