//! What was changed in or shortly before the incident, and whether it was in time to be the cause.

use std::{cmp::Reverse, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{ChangeKind, CommitQuery, EventQuery, ResourceQuery},
    tool::Output,
};
use waggle_analysis::quantity;
use waggle_signals::{TimeRange, Timestamp, semconv};

use crate::{
    object_changes,
    rows::write_rows,
    services::resources_of,
    versions::{TookOver, took_over},
    windows::windows,
};

/// Lists deployments of all services around the incident, newest first, with every commit that came with them, author and message, and feature flags that were turned; and whether each was live before the trouble began.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct RecentChanges {
    /// Only of this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<KindAsked>,
}

/// A kind of change that may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindAsked {
    /// A deployment of code.
    Commit,
    /// A feature flag that was turned.
    Flag,
    /// A setting, an image or another field of an object.
    Config,
    /// The number or size of copies.
    Scale,
}

/// What changed.
#[derive(Debug, Serialize)]
pub struct Changes {
    searched: String,
    onset: Option<Timestamp>,
    /// Newest first.
    changes: Vec<Change>,
}

/// One change that went live.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Change {
    pub service: String,
    pub kind: ChangeKind,
    /// Full commit id.
    pub id: String,
    /// The commit before; empty when unknown.
    pub before: String,
    pub at: Timestamp,
    /// True when it went live after the trouble began, so that it cannot be the cause.
    pub after_onset: bool,
    /// From it to the onset.
    pub seconds_before_onset: Option<f64>,
    pub repository: String,
    pub author: String,
    pub summary: String,
    /// The deployed commit that brought it, where it is an earlier one; empty when it was deployed itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub carried_by: String,
    /// Why the commit could not be read; empty when it was, or when nothing says where it lies.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unread: String,
}

/// Deployments this much before the baseline are still listed.
const LOOK_BACK: Duration = Duration::from_secs(3600);
/// Where nobody says what ran before, commits of this long before the searched time are taken for new.
const CARRIED_FOR: Duration = Duration::from_secs(86_400);
/// A version that was heard within this long before the searched time is not new.
const HEARD_FOR: Duration = Duration::from_secs(86_400);
/// Deployments that no event told of are listed at most so many, the newest.
const MAX_UNTOLD: usize = 50;
/// Commits that one deployment brought are listed at most so many.
const MAX_CARRIED: usize = 100;
/// An onset is placed on a step of the series; a change this little after it may still be its cause.
const ONSET_SLACK: Duration = Duration::from_secs(2);

#[async_trait]
impl Tool for RecentChanges {
    const NAME: &'static str = "recent_changes";
    type Output = Changes;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("what was deployed of `{service}` around the incident"),
            None => "what was deployed around the incident".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Changes, ToolError> {
        let range = searched_range(scene);
        let onset = windows(scene).await?.onset;
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let mut changes = changes(scene, range, onset).await?;
        let is_of_kind = |change: &Change| match self.kind {
            None => true,
            Some(KindAsked::Commit) => change.kind == ChangeKind::Commit,
            Some(KindAsked::Flag) => change.kind == ChangeKind::Flag,
            Some(KindAsked::Config) => change.kind == ChangeKind::Config,
            Some(KindAsked::Scale) => change.kind == ChangeKind::Scale,
        };
        changes.retain(|change| {
            is_of_kind(change) && self.service.as_ref().is_none_or(|service| change.service == *service)
        });
        let of = self.service.map(|service| format!(" of `{service}`")).unwrap_or_default();
        Ok(Changes { searched: format!("deployments{of} in {range}"), onset, changes })
    }
}

fn searched_range(scene: &Scene) -> TimeRange {
    let incident = &scene.incident;
    TimeRange::new(incident.baseline.from() - LOOK_BACK, incident.window.to()).unwrap_or(incident.window)
}

/// Returns what went live around the incident, newest first.
pub(crate) async fn recent(scene: &Scene) -> Result<Vec<Change>> {
    let onset = windows(scene).await?.onset;
    changes(scene, searched_range(scene), onset).await
}

async fn changes(scene: &Scene, range: TimeRange, onset: Option<Timestamp>) -> Result<Vec<Change>> {
    let name = Some(semconv::EVENT_DEPLOYMENT.to_owned());
    let events = scene.ports.telemetry.events(&EventQuery { range, service: None, name, limit: 50 }).await?;
    let mut changes = Vec::with_capacity(events.len());
    for event in events {
        let tag = |key: &str| {
            event
                .row
                .attributes
                .get(key)
                .map(String::as_str)
                .or_else(|| event.resource.tag(key))
                .unwrap_or_default()
        };
        let (id, repository) = (tag(semconv::COMMIT).to_owned(), tag(semconv::REPOSITORY).to_owned());
        let mut change = Change {
            service: event.resource.service().to_owned(),
            kind: ChangeKind::Commit,
            before: tag(semconv::COMMIT_BEFORE).to_owned(),
            at: event.row.time,
            after_onset: onset.is_some_and(|onset| event.row.time > onset + ONSET_SLACK),
            seconds_before_onset: onset.map(|onset| (onset.nanos() - event.row.time.nanos()) as f64 / 1e9),
            author: String::new(),
            summary: String::new(),
            carried_by: String::new(),
            unread: String::new(),
            id,
            repository,
        };
        let carried = describe(scene, &mut change, range).await;
        changes.push(change);
        changes.extend(carried);
    }
    for mut change in untold(scene, range, onset, &changes).await? {
        let carried = describe(scene, &mut change, range).await;
        changes.push(change);
        changes.extend(carried);
    }
    changes.extend(flags(scene, range, onset).await?);
    changes.extend(objects(scene, range, onset).await?);
    changes.sort_by_key(|change| Reverse(change.at));
    Ok(changes)
}

/// Returns the deployments that no event told of, as the tags of telemetry show them.
async fn untold(
    scene: &Scene,
    range: TimeRange,
    onset: Option<Timestamp>,
    told: &[Change],
) -> Result<Vec<Change>> {
    let longer = TimeRange::new(range.from() - HEARD_FOR, range.to()).unwrap_or(range);
    let heard = scene.ports.telemetry.heard(&ResourceQuery { range: longer, service: None }).await?;
    let is_told =
        |it: &TookOver| told.iter().any(|change| change.service == it.service && change.id == it.id);
    let untold = took_over(&heard, range.from()).into_iter().filter(|it| !is_told(it)).rev().take(MAX_UNTOLD);
    let changes = untold.map(|TookOver { service, id, before, at, repository }| Change {
        service,
        kind: ChangeKind::Commit,
        id,
        before,
        at,
        after_onset: onset.is_some_and(|onset| at > onset + ONSET_SLACK),
        seconds_before_onset: onset.map(|onset| (onset.nanos() - at.nanos()) as f64 / 1e9),
        repository,
        author: String::new(),
        summary: String::new(),
        carried_by: String::new(),
        unread: String::new(),
    });
    Ok(changes.collect())
}

/// Adds who wrote it and what they said, or why that cannot be read: the deployment is a fact all the same.
///
/// Returns the earlier commits that came with it: those since the one that ran before, else those of the searched time and the day before.
async fn describe(scene: &Scene, deployed: &mut Change, range: TimeRange) -> Vec<Change> {
    if deployed.repository.is_empty() || deployed.id.is_empty() {
        return Vec::new();
    }
    let before = Some(deployed.before.clone()).filter(|before| !before.is_empty() && *before != deployed.id);
    let read = async |from: Option<String>| {
        let (repository, to) = (deployed.repository.clone(), deployed.id.clone());
        let query = CommitQuery { repository, to, from, limit: MAX_CARRIED };
        scene.ports.changes.commits(&query).await
    };
    let mut is_bounded = before.is_some();
    let mut found = read(before).await;
    if is_bounded && found.is_err() {
        // What ran before may be gone from the history, by a rebase for one.
        is_bounded = false;
        found = read(None).await;
    }
    let commits = match found {
        Ok(commits) => commits,
        Err(error) => {
            let hint = error.hint().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
            deployed.unread = format!("commits of {}: {}{hint}", deployed.service, error.chain());
            return Vec::new();
        }
    };
    let mut commits = commits.into_iter();
    if let Some(commit) = commits.next() {
        (deployed.author, deployed.summary) = (commit.author, commit.summary);
    }
    let oldest = range.from() - CARRIED_FOR;
    let earlier = commits.filter(|commit| is_bounded || commit.at >= oldest);
    let carried = earlier.map(|commit| Change {
        id: commit.id,
        author: commit.author,
        summary: commit.summary,
        carried_by: deployed.id.clone(),
        ..deployed.clone()
    });
    carried.collect()
}

/// Returns the feature flags that were turned.
async fn flags(scene: &Scene, range: TimeRange, onset: Option<Timestamp>) -> Result<Vec<Change>> {
    let name = Some(semconv::EVENT_FLAG.to_owned());
    let events = scene.ports.telemetry.events(&EventQuery { range, service: None, name, limit: 50 }).await?;
    let flags = events.into_iter().filter_map(|event| {
        Some(Change {
            service: event.resource.service().to_owned(),
            kind: ChangeKind::Flag,
            id: event.row.attributes.get(semconv::FLAG_KEY)?.clone(),
            before: String::new(),
            at: event.row.time,
            after_onset: onset.is_some_and(|onset| event.row.time > onset + ONSET_SLACK),
            seconds_before_onset: onset.map(|onset| (onset.nanos() - event.row.time.nanos()) as f64 / 1e9),
            repository: String::new(),
            author: event.row.attributes.get("actor").cloned().unwrap_or_default(),
            summary: event.row.body,
            carried_by: String::new(),
            unread: String::new(),
        })
    });
    Ok(flags.collect())
}

/// States of objects that are read at most.
const MAX_OBJECTS: usize = 500;

/// Returns what of recorded objects was changed between two of their states.
async fn objects(scene: &Scene, range: TimeRange, onset: Option<Timestamp>) -> Result<Vec<Change>> {
    let name = Some(semconv::EVENT_K8S_OBJECT.to_owned());
    let query = EventQuery { range, service: None, name, limit: MAX_OBJECTS };
    let events = scene.ports.telemetry.events(&query).await?;
    let states: Vec<(Timestamp, &str, &str)> = events
        .iter()
        .map(|event| (event.row.time, event.resource.service(), event.row.body.as_str()))
        .collect();
    let changes = object_changes::object_changes(&states).into_iter().map(|change| Change {
        service: change.service,
        kind: if change.is_scale { ChangeKind::Scale } else { ChangeKind::Config },
        id: change.object,
        before: String::new(),
        at: change.at,
        after_onset: onset.is_some_and(|onset| change.at > onset + ONSET_SLACK),
        seconds_before_onset: onset.map(|onset| (onset.nanos() - change.at.nanos()) as f64 / 1e9),
        repository: String::new(),
        author: String::new(),
        summary: change.what,
        carried_by: String::new(),
        unread: String::new(),
    });
    Ok(changes.collect())
}

impl Output for Changes {
    fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let facts = self.changes.iter().map(|change| {
            let Change { service, kind, id, author, summary, carried_by, .. } = change;
            let is_flag = *kind == ChangeKind::Flag;
            let by = quantity::short(carried_by);
            let (id, at) = (quantity::short(id), quantity::clock(change.at));
            let fit = match change.seconds_before_onset {
                Some(seconds) if seconds >= 0.0 && !change.after_onset => {
                    let seconds = quantity::number(seconds);
                    language
                        .pick(format!(", {seconds} s before the onset"), format!("，异常开始前 {seconds} 秒"))
                }
                Some(_) if change.after_onset => {
                    language.pick(", after the onset", "，在异常开始之后").to_owned()
                }
                _ => String::new(),
            };
            let who = match (author.is_empty(), summary.is_empty()) {
                (false, false) => format!(" ({author}: \"{summary}\")"),
                _ => String::new(),
            };
            let text = if matches!(kind, ChangeKind::Config | ChangeKind::Scale) {
                let object = &change.id;
                language.pick(
                    format!("`{object}` of {service} was changed at {at}: {summary}{fit}"),
                    format!("{service} 的 `{object}` 在 {at} 变更：{summary}{fit}"),
                )
            } else if is_flag {
                let flag = &change.id;
                language.pick(
                    format!("flag `{flag}` of {service} was turned{who} at {at}{fit}"),
                    format!("{service} 的开关 `{flag}` 在 {at} 变更{who}{fit}"),
                )
            } else if carried_by.is_empty() {
                language.pick(
                    format!("{service} was deployed from {id}{who} at {at}{fit}"),
                    format!("{service} 在 {at} 发布了 {id}{who}{fit}"),
                )
            } else {
                language.pick(
                    format!("{service} was deployed at {at} from {by}, which brought {id}{who}{fit}"),
                    format!("{service} 在 {at} 发布了 {by}，其中包含 {id}{who}{fit}"),
                )
            };
            Fact { service: service.clone(), topic: Topic::Change, text }
        });
        facts.collect()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            return write!(f, "no change went live; searched: {}", self.searched);
        }
        match self.onset {
            Some(onset) => writeln!(f, "the trouble began at {onset}")?,
            None => writeln!(f, "no onset stands out")?,
        }
        write_rows(f, self.changes.iter(), 20)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fit = if self.after_onset { "after the onset" } else { "before the onset" };
        let Self { at, service, id, before, .. } = self;
        if self.kind == ChangeKind::Flag {
            return write!(f, "{at} {service} turned flag {id}, {fit}; {}: {}", self.author, self.summary);
        }
        if matches!(self.kind, ChangeKind::Config | ChangeKind::Scale) {
            return write!(f, "{at} {service} changed {id}, {fit}: {}", self.summary);
        }
        write!(f, "{at} {service} deployed commit {id} (before: {before}), {fit}; ")?;
        if self.unread.is_empty() {
            write!(f, "{}: {}", self.author, self.summary)
        } else {
            write!(f, "not read: {}", self.unread)
        }
    }
}
