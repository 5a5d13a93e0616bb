//! An incident as a folder of files, as people export one.
//!
//! Every file is optional, but one that holds telemetry or states has to be there:
//!
//! - `alert.json`: an object; `service`, `metric`, `summary` (or `title`, `message`, `description`) and `fired_at` (or `timestamp`, `startsAt`) are read.
//! - `logs.ndjson`: an object a line; time, service, severity and text under their usual names.
//! - `metrics.csv`: `timestamp,service,metric,value`.
//! - `traces.json`: a list of spans, with `trace_id`, `span_id`, `parent_id`, `service`, `name`, `start`, `duration_ms`, `status`, `error`.
//! - `context/commits.json`, `context/deploys.json`, `context/flags.json`: lists of changes. `status_feed.json`: what a provider says of itself.
//! - any other `.json`, here or in a folder below: objects as `kubectl get -o json` prints them, and recorded answers of other tools, see [`recorded`].

mod batch;
mod fields;
mod reading;
pub mod recorded;
mod telemetry;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use waggle_analysis::{
    blame::{
        Candidate, Deployment,
        observe::{Line, SpanError},
    },
    kubernetes::newest,
    symptoms::Evidence,
};
use waggle_signals::{Series, TimeRange, Timestamp, semconv};

pub use batch::{REPOSITORY, batch};

use crate::BadFile;

/// An incident, read.
#[derive(Clone, Debug, Default)]
pub struct Incident {
    /// What fired.
    pub alert: Alert,
    /// Lines of logs, oldest first.
    pub lines: Vec<Line>,
    /// Metrics in equal steps.
    pub series: Vec<Series>,
    /// Spans, in the order of the file.
    pub spans: Vec<FileSpan>,
    /// Commits, configuration and flags.
    pub changes: Vec<Candidate>,
    /// Who made each change, by its id; authors as the file names them.
    pub authors: Vec<(String, String)>,
    /// What went live.
    pub deployments: Vec<Deployment>,
    /// What providers say, oldest first.
    pub status: Vec<(Timestamp, String)>,
    /// What the other files hold: answers of other tools, objects of Kubernetes.
    pub recorded: Evidence,
    /// What could not be used, with the line.
    pub left_out: Vec<String>,
}

/// What fired.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alert {
    /// Whose; empty when it names nobody.
    pub service: String,
    /// Which metric; empty when it names none.
    pub metric: String,
    /// What it says.
    pub text: String,
    /// When; `None` when it does not say.
    pub fired_at: Option<Timestamp>,
}

/// A span as files have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileSpan {
    /// Its trace, as the file writes it.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// Its parent; empty for a root.
    pub parent: String,
    /// Whose work it is.
    pub service: String,
    /// What it does.
    pub name: String,
    /// When it began.
    pub start: Timestamp,
    /// How long it took, milliseconds.
    pub duration_ms: f64,
    /// What it says of its error; `None` when it did not fail.
    pub error: Option<String>,
}

/// Reads the folder of an incident; one that holds a single folder `data` is read there.
///
/// Lines and rows that do not read are left out and named in [`Incident::left_out`].
///
/// # Errors
///
/// [`BadFile`] when a file is no JSON or CSV at all, or when there is nothing to look at.
pub fn read(folder: &Path) -> Result<Incident, BadFile> {
    let inner = folder.join("data");
    let folder: PathBuf = if inner.is_dir() { inner } else { folder.to_owned() };
    reading::read(&folder)
}

impl Incident {
    /// Returns the time to compare with and the time to look at.
    ///
    /// The window ends at the alert; it is half an hour long, or half of what came before. Where no alert says when, it is the last three quarters of the data.
    pub fn windows(&self) -> Option<(TimeRange, TimeRange)> {
        let lines = self.lines.iter().map(|line| line.time);
        let starts = self.series.iter().map(|series| series.start);
        let ends = self.series.iter().map(|series| series.time(series.values.len()));
        let spans = self.spans.iter().map(|span| span.start);
        // Recorded lists of events go back for days; where there are series, they say what the time is.
        let recorded = || {
            let points =
                self.recorded.metrics.iter().flat_map(|series| &series.points).map(|(time, _)| *time);
            let said = self.recorded.said.iter().filter(|_| self.recorded.metrics.is_empty());
            points.chain(said.filter_map(|said| said.time))
        };
        let first = lines.clone().chain(starts).chain(spans.clone()).chain(recorded()).min();
        let last = lines.chain(ends).chain(spans).chain(recorded()).max();
        let (first, last) = match (first, last) {
            (Some(first), Some(last)) if first < last => (first, last),
            // States alone: what they say is of the time at which they were read.
            _ => {
                let at = self.alert.fired_at.or(first).or_else(|| newest(&self.recorded.kubernetes))?;
                (at - LONGEST_WINDOW * 2, at + Duration::from_secs(1))
            }
        };
        let end = self.alert.fired_at.filter(|at| *at > first).map_or(last, |at| at.min(last));
        let before = end.since(first);
        let window = match self.alert.fired_at {
            Some(_) => (before / 2).min(LONGEST_WINDOW),
            // Nobody says when it began: only the start of the data is taken for healthy.
            None => before - before / 4,
        };
        let start = end - window;
        let baseline = TimeRange::new(first, start).ok()?;
        // What came shortly after the alert is still the same incident.
        let window = TimeRange::new(start, last.min(end + LONGEST_WINDOW / 3)).ok()?;
        Some((baseline, window))
    }

    /// Leaves out what lies further from the middle of all times than a week: clocks that were never set.
    pub(super) fn leave_out_stray_times(&mut self) {
        let lines = self.lines.iter().map(|line| line.time);
        let mut all: Vec<Timestamp> = lines.chain(self.spans.iter().map(|span| span.start)).collect();
        all.extend(self.series.iter().map(|series| series.start));
        all.sort_unstable();
        let Some(middle) = self.alert.fired_at.or_else(|| all.get(all.len() / 2).copied()) else { return };
        let (from, to) = (middle - LONGEST_INCIDENT, middle + LONGEST_INCIDENT);
        let is_near = |time: Timestamp| from <= time && time <= to;
        let n = self.lines.len() + self.spans.len() + self.series.len();
        self.lines.retain(|line| is_near(line.time));
        self.spans.retain(|span| is_near(span.start));
        self.series.retain(|series| is_near(series.start));
        let left = n - self.lines.len() - self.spans.len() - self.series.len();
        if left > 0 {
            self.left_out
                .push(format!("{left} lines, spans and series with times over a week away from {middle}"));
        }
    }

    /// Returns the service that the alert names, when anything else names it too.
    pub fn known_service(&self) -> Option<&str> {
        let name = Some(self.alert.service.as_str()).filter(|name| !name.is_empty())?;
        // Objects of Kubernetes carry names of their own.
        let is_known = !self.recorded.kubernetes.is_empty()
            || self.lines.iter().any(|line| line.service == name)
            || self.series.iter().any(|series| series.label(semconv::SERVICE_NAME) == name)
            || self.spans.iter().any(|span| span.service == name)
            || self.deployments.iter().any(|deployment| deployment.service == name)
            || self.recorded.said.iter().any(|said| said.object == name)
            || self.recorded.metrics.iter().any(|series| series.object == name);
        is_known.then_some(name)
    }

    /// Returns the failed spans, and which of them failed deepest.
    pub fn span_errors(&self) -> Vec<SpanError> {
        telemetry::span_errors(&self.spans)
    }
}

/// A week on either side.
const LONGEST_INCIDENT: Duration = Duration::from_secs(7 * 86_400);

const LONGEST_WINDOW: Duration = Duration::from_secs(1800);
