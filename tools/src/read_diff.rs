//! What one commit did to the code.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{CommitDiff, Hunk, ResourceQuery},
    tool::Output,
};
use waggle_analysis::{
    blame::{Candidate, Kind, RankedHunk, code::rank_hunks},
    quantity,
};
use waggle_signals::{TimeRange, semconv};

use crate::signs::{changed_file, gather};

/// Reads what a commit changed: its message, author, files and hunks. The repository is the one that the service with this commit was built from.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct ReadDiff {
    /// Full or abbreviated commit id.
    pub commit: String,
}

/// A commit's diff and the services that run it.
#[derive(Debug, Serialize)]
pub struct Diff {
    #[serde(flatten)]
    diff: CommitDiff,
    /// Services that were deployed from it, by name.
    services: Vec<RunBy>,
    /// Its places that fit what is seen, best first; empty when none does.
    hunks: Vec<RankedHunk>,
}

#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct RunBy {
    service: String,
}

/// Resources older than this are not searched for the repository.
const LOOK_BACK: Duration = Duration::from_secs(3600);
/// A hunk with a lower score fits by chance.
const FITS: f64 = 0.2;
/// Hunks that are told at most.
const MAX_HUNKS: usize = 3;
/// A diff shows this many lines to a model; the rest is in the evidence.
const MAX_LINES: usize = 120;

#[async_trait]
impl Tool for ReadDiff {
    const NAME: &'static str = "read_diff";
    type Output = Diff;

    fn summary(&self) -> String {
        format!("diff of commit `{}`", quantity::short(&self.commit))
    }

    async fn run(self, scene: &Scene) -> Result<Diff, ToolError> {
        let incident = &scene.incident;
        let range = TimeRange::new(incident.baseline.from() - LOOK_BACK, incident.window.to())
            .unwrap_or(incident.window);
        let resources = scene.ports.telemetry.resources(&ResourceQuery { range, service: None }).await?;
        let is_too_short = self.commit.len() < 4;
        let running: Vec<_> = resources
            .iter()
            .filter(|resource| {
                !is_too_short && resource.commit().is_some_and(|id| id.starts_with(&self.commit))
            })
            .collect();
        let any = || resources.iter().find_map(|resource| resource.tag(semconv::REPOSITORY));
        let repository = running.iter().find_map(|resource| resource.tag(semconv::REPOSITORY)).or_else(any);
        let Some(repository) = repository else {
            let text =
                format!("no service says which repository it is built from (tag `{}`)", semconv::REPOSITORY);
            return Err(ToolError::Respond(text));
        };
        let diff = scene.ports.changes.diff(repository, &self.commit).await?;
        let mut services: Vec<_> =
            running.iter().map(|resource| RunBy { service: resource.service().to_owned() }).collect();
        services.sort();
        services.dedup();
        let gathered = gather(scene).await?;
        let change = Candidate {
            id: diff.commit.id.clone(),
            kind: Kind::Commit,
            at: diff.commit.at,
            message: String::new(),
            service: String::new(),
            files: diff.files.iter().cloned().map(changed_file).collect(),
        };
        let mut hunks = rank_hunks(&[change], &gathered.signs);
        hunks.retain(|hunk| hunk.score >= FITS);
        hunks.truncate(MAX_HUNKS);
        Ok(Diff { diff, services, hunks })
    }
}

impl Output for Diff {
    fn is_empty(&self) -> bool {
        self.diff.files.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let CommitDiff { commit, files } = &self.diff;
        let changed =
            files.iter().filter_map(|file| Some((file, file.hunks.iter().max_by_key(|h| n_added(h))?)));
        let Some((file, hunk)) = changed.max_by_key(|(_, hunk)| n_added(hunk)) else { return Vec::new() };
        // What fits the incident is told in place of what is merely long.
        let (place, context) = match self.hunks.first() {
            Some(fits) => (fits.place(), fits.function.clone()),
            None => (format!("{}:{}", file.path, first_added_line(hunk)), hunk.context.clone()),
        };
        let file = files
            .iter()
            .find(|file| self.hunks.first().is_some_and(|fits| fits.path == file.path))
            .unwrap_or(file);
        let (id, path_lines) = (quantity::short(&commit.id), (file.added, file.removed));
        let (added, removed) = path_lines;
        let inside = if context.is_empty() { String::new() } else { format!(" (`{context}`)") };
        let services = self.services.iter().map(|by| &by.service);
        services
            .map(|service| Fact {
                service: service.clone(),
                topic: Topic::Diff,
                text: language.pick(
                    format!("{id} changes `{place}`{inside}: {added} lines added, {removed} removed"),
                    format!("{id} 修改了 `{place}`{inside}：新增 {added} 行，删除 {removed} 行"),
                ),
            })
            .collect()
    }
}

fn n_added(hunk: &Hunk) -> usize {
    hunk.lines.iter().filter(|line| line.starts_with('+')).count()
}

/// Returns the line, after the change, of the first added line of a hunk.
fn first_added_line(hunk: &Hunk) -> u32 {
    let before =
        hunk.lines.iter().take_while(|line| !line.starts_with('+')).filter(|line| line.starts_with(' '));
    hunk.new_start + u32::try_from(before.count()).unwrap_or(0)
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CommitDiff { commit, files } = &self.diff;
        writeln!(f, "commit {} by {} at {}: {}", commit.id, commit.author, commit.at, commit.summary)?;
        if !commit.body.is_empty() {
            writeln!(f, "{}", commit.body)?;
        }
        for hunk in &self.hunks {
            writeln!(f, "fits: {hunk}")?;
        }
        let mut left = MAX_LINES;
        for file in files {
            writeln!(f, "{} (+{} -{})", file.path, file.added, file.removed)?;
            for hunk in &file.hunks {
                writeln!(
                    f,
                    "@@ line {} @@ {} (first change at {}:{})",
                    hunk.new_start,
                    hunk.context,
                    file.path,
                    first_added_line(hunk)
                )?;
                for line in hunk.lines.iter().take(left) {
                    writeln!(f, "{line}")?;
                }
                left = left.saturating_sub(hunk.lines.len());
            }
        }
        if left == 0 { writeln!(f, "… more lines are in the evidence") } else { Ok(()) }
    }
}
