//! Gathers what is complained of and what was changed, for [`blame`](waggle_analysis::blame).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::join_all;
use serde_json::Value;
use waggle_agent_core::{
    Result, Scene,
    ports::{
        ChangeKind, CommitDiff, EventQuery, FileDiff, LogQuery, ResourceQuery, SeriesQuery, SpanOrder,
        SpanQuery, SqlQuery,
    },
};
use waggle_analysis::blame::{
    Candidate, ChangedFile, Deployment, Kind, Level, Signs,
    code::net,
    observe::{Line, SpanError, Telemetry, signs},
};
use waggle_signals::{Measure, Series, Severity, TimeRange, Timestamp, semconv};

use crate::{
    code_signs,
    recent_changes::{self, Change},
    services::whole_range,
};

/// What an incident looks like, and what was changed before it.
pub(crate) struct Gathered {
    pub signs: Signs,
    pub candidates: Vec<Candidate>,
    pub deployments: Vec<Deployment>,
    /// Whether the service that the incident names, else any, was heard of in the baseline and in the window.
    pub heard: [bool; 2],
    /// What was not to be had.
    pub missing: Vec<String>,
}

/// Lines of one window that are read at most.
const MAX_LINES: usize = 5_000;
/// Failed spans that are read at most.
const MAX_SPANS: usize = 500;
/// Metrics that are read at most; a service has a few dozen names.
const MAX_METRICS: usize = 300;
/// Reports of providers that are read at most.
const MAX_REPORTS: usize = 200;
/// About so many steps are drawn over both windows.
const N_STEPS: u32 = 180;
/// How long the names of metrics may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Gathers everything around the scene's incident.
pub(crate) async fn gather(scene: &Scene) -> Result<Gathered> {
    let incident = &scene.incident;
    let mut missing = Vec::new();
    let telemetry = Telemetry {
        lines: lines(scene, &mut missing).await?,
        series: series(scene, &mut missing).await.into_iter().map(|measured| measured.series).collect(),
        span_errors: span_errors(scene, &mut missing).await?,
        alert: vec![incident.title.clone()],
        alert_service: incident.service.clone().unwrap_or_default(),
        status: status(scene).await?,
    };
    let (deployments, candidates) = changes(scene, &mut missing).await?;
    let heard = [is_heard(scene, incident.baseline).await?, is_heard(scene, incident.window).await?];
    let mut signs = signs(&telemetry, incident.baseline, incident.window);
    signs.levels.extend(request_rates(scene).await?);
    code_signs::add(scene, &mut signs, &mut missing).await?;
    missing.sort();
    missing.dedup();
    Ok(Gathered { signs, candidates, deployments, heard, missing })
}

/// Requests per second where many more came than before: load tells itself from a change by it.
async fn request_rates(scene: &Scene) -> Result<Vec<Level>> {
    let telemetry = &scene.ports.telemetry;
    let (before, after) = (
        telemetry.topology(scene.incident.baseline).await?,
        telemetry.topology(scene.incident.window).await?,
    );
    let rate = |count: u64, range: TimeRange| count as f64 / range.length().as_secs_f64().max(1.0);
    let rates = after.nodes.iter().filter_map(|node| {
        let (n_before, n_after) = (before.node(&node.service)?.answered.count, node.answered.count);
        let (old, new) = (rate(n_before, before.range), rate(n_after, after.range));
        let is_counted = n_before.min(n_after) >= COUNTED;
        (is_counted && new > MORE_REQUESTS * old).then(|| Level {
            service: node.service.clone(),
            metric: "request_rate".to_owned(),
            before: old,
            after: new,
            onset: scene.incident.window.from(),
        })
    });
    Ok(rates.collect())
}

/// Load that grows by less is within a day's way.
const MORE_REQUESTS: f64 = 1.5;

/// Of fewer requests on either side no rate is told: a handful of sampled traces grows fourfold by chance.
const COUNTED: u64 = 20;

/// Tells whether the service that the incident names, else any, sent anything in `range`.
async fn is_heard(scene: &Scene, range: TimeRange) -> Result<bool> {
    let query = ResourceQuery { range, service: scene.incident.service.clone() };
    Ok(!scene.ports.telemetry.resources(&query).await?.is_empty())
}

async fn lines(scene: &Scene, missing: &mut Vec<String>) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for range in [scene.incident.baseline, scene.incident.window] {
        let query = LogQuery {
            range,
            service: None,
            min_severity: Severity::Warn,
            contains: String::new(),
            limit: MAX_LINES,
        };
        let found = scene.ports.telemetry.logs(&query).await?;
        if found.len() >= MAX_LINES {
            missing.push(format!("warnings and errors in {range}: only the newest {MAX_LINES} were read"));
        }
        lines.extend(found.into_iter().map(|log| Line {
            time: log.row.time,
            service: log.resource.service().to_owned(),
            severity: log.row.severity,
            text: log.row.body,
        }));
    }
    lines.sort_by_key(|line| line.time);
    Ok(lines)
}

/// A series with the unit that its metric was given.
pub(crate) struct Measured {
    pub series: Series,
    /// Empty when none was given.
    pub unit: String,
}

/// Reads every metric of every service; what cannot be read is named as missing, for metrics are one of several signs.
pub(crate) async fn series(scene: &Scene, missing: &mut Vec<String>) -> Vec<Measured> {
    let range = whole_range(scene);
    let text = format!(
        "SELECT name, max(unit) AS unit FROM metrics WHERE time >= '{}' AND time < '{}' GROUP BY name ORDER BY name",
        range.from(),
        range.to()
    );
    let names = scene.ports.telemetry.sql(&SqlQuery { text, limit: MAX_METRICS, timeout: PATIENCE }).await;
    let names = match names {
        Ok(names) => names,
        Err(error) => {
            missing.push(format!("the names of metrics could not be read: {}", error.chain()));
            return Vec::new();
        }
    };
    if names.truncated {
        missing.push(format!("only {MAX_METRICS} metrics were looked at"));
    }
    let step = Duration::from_secs((range.length() / N_STEPS).as_secs().max(1));
    let text_of = |row: &[Value], column: usize| row.get(column).and_then(Value::as_str).map(str::to_owned);
    let named =
        names.rows.iter().filter_map(|row| Some((text_of(row, 0)?, text_of(row, 1).unwrap_or_default())));
    let asked = named.map(|(name, unit)| {
        let query =
            SeriesQuery { measure: Measure::Metric(name), range, step, service: None, group_by: Vec::new() };
        async move { (scene.ports.telemetry.series(&query).await, unit) }
    });
    let mut all = Vec::new();
    for (found, unit) in join_all(asked).await {
        match found {
            Ok(series) => {
                all.extend(series.into_iter().map(|series| Measured { series, unit: unit.clone() }));
            }
            Err(error) => missing.push(format!("a metric could not be read: {}", error.chain())),
        }
    }
    all
}

async fn span_errors(scene: &Scene, missing: &mut Vec<String>) -> Result<Vec<SpanError>> {
    let mut spans = Vec::new();
    // Each window by itself: many failures now must not hide that there were some before.
    for range in [scene.incident.baseline, scene.incident.window] {
        let query = SpanQuery {
            range,
            service: None,
            kind: None,
            failed_only: true,
            min_duration: Duration::ZERO,
            order: SpanOrder::Newest,
            limit: MAX_SPANS,
        };
        let found = scene.ports.telemetry.spans(&query).await?;
        if found.len() >= MAX_SPANS {
            missing.push(format!("failed requests in {range}: only the newest {MAX_SPANS} were read"));
        }
        spans.extend(found);
    }
    let parents: BTreeSet<_> = spans.iter().filter_map(|span| span.row.parent_span_id).collect();
    let errors = spans.iter().map(|span| {
        let tag = |key: &str| span.row.attributes.get(key).map(String::as_str);
        let said = tag("exception.message")
            .or_else(|| tag(semconv::ERROR_TYPE))
            .or_else(|| tag(semconv::HTTP_STATUS));
        SpanError {
            time: span.row.start,
            service: span.resource.service().to_owned(),
            text: said.map_or_else(|| span.row.name.clone(), |said| format!("{}: {said}", span.row.name)),
            is_deepest: !parents.contains(&span.row.span_id),
        }
    });
    Ok(errors.collect())
}

/// Reads what providers say of themselves.
async fn status(scene: &Scene) -> Result<Vec<(Timestamp, String)>> {
    let name = Some(semconv::EVENT_PROVIDER_STATUS.to_owned());
    let query = EventQuery { range: whole_range(scene), service: None, name, limit: MAX_REPORTS };
    let events = scene.ports.telemetry.events(&query).await?;
    Ok(events.into_iter().map(|event| (event.row.time, event.row.body)).collect())
}

/// Reads what went live, what every commit of it did, and what else was changed.
async fn changes(scene: &Scene, missing: &mut Vec<String>) -> Result<(Vec<Deployment>, Vec<Candidate>)> {
    let mut deployments: Vec<Deployment> = Vec::new();
    let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
    let mut others = Vec::new();
    for change in recent_changes::recent(scene).await? {
        if !change.unread.is_empty() {
            missing.push(change.unread.clone());
        }
        if change.kind != ChangeKind::Commit {
            others.push(of_no_commit(change));
            continue;
        }
        if change.carried_by.is_empty() {
            let (service, at, commit) = (change.service.clone(), change.at, change.id.clone());
            // Where nobody says what ran before, what a deployment brought is a guess.
            let brought = if change.before.is_empty() || !change.unread.is_empty() {
                Vec::new()
            } else {
                vec![change.id.clone()]
            };
            deployments.push(Deployment { service, at, commit, brought });
        } else if let Some(last) = deployments.last_mut().filter(|last| !last.brought.is_empty()) {
            last.brought.push(change.id.clone());
        }
        let is_read = change.repository.is_empty() || candidates.contains_key(&change.id);
        if is_read || !change.unread.is_empty() {
            continue;
        }
        match scene.ports.changes.diff(&change.repository, &change.id).await {
            Ok(diff) => drop(candidates.insert(change.id, candidate(diff))),
            Err(error) => missing.push(format!("diff of `{}`: {}", change.id, error.chain())),
        }
    }
    let mut changes = net(candidates.into_values().collect()).changes;
    changes.extend(others);
    Ok((deployments, changes))
}

fn candidate(diff: CommitDiff) -> Candidate {
    Candidate {
        id: diff.commit.id,
        kind: Kind::Commit,
        at: diff.commit.at,
        message: format!("{}\n{}", diff.commit.summary, diff.commit.body),
        service: String::new(),
        files: diff.files.into_iter().map(changed_file).collect(),
    }
}

/// Writes a file's hunks as a unified diff has them.
pub(crate) fn changed_file(file: FileDiff) -> ChangedFile {
    let hunks = file.hunks.into_iter().flat_map(|hunk| {
        let header = format!("@@ -{} +{} @@ {}", hunk.old_start, hunk.new_start, hunk.context);
        std::iter::once(header).chain(hunk.lines)
    });
    ChangedFile { path: file.path, lines: hunks.collect() }
}

fn of_no_commit(change: Change) -> Candidate {
    Candidate {
        id: change.id,
        kind: match change.kind {
            ChangeKind::Commit => Kind::Commit,
            ChangeKind::Config => Kind::Config,
            ChangeKind::Flag => Kind::Flag,
            ChangeKind::Scale => Kind::Scale,
        },
        at: change.at,
        message: change.summary,
        service: change.service,
        files: Vec::new(),
    }
}
