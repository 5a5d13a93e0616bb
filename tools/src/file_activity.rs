//! What was done to files, where anybody tells.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{EventQuery, Of},
    tool::Output,
};
use waggle_analysis::quantity;
use waggle_signals::{Event, TimeRange};

use crate::{
    quote::quote,
    red::round,
    rows::{at_least, write_rows},
    services::resources_of,
    windows::windows,
};

/// Lists files that were opened, read or written around the incident, how often, how much and how slowly, against the healthy time before. Only as far as a source sends events of files; says so when none does.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct FileActivity {
    /// Only of this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// What was done to files.
#[derive(Debug, Serialize)]
pub struct FileRows {
    searched: String,
    baseline: TimeRange,
    window: TimeRange,
    /// Those on which most time was spent in the window first.
    files: Vec<FileRow>,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FileRow {
    service: String,
    path: String,
    before: Use,
    now: Use,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Use {
    opens: u64,
    reads: u64,
    writes: u64,
    bytes: f64,
    /// Time of all operations of which a time is told.
    total_ms: f64,
    longest_ms: f64,
    /// Operations longer than 100 ms.
    slow: u64,
}

/// Names of events of files.
const NAMES: [&str; 3] = ["file.open", "file.read", "file.write"];
/// The file (OpenTelemetry semantic conventions).
const PATH: &str = "file.path";
/// Bytes read or written; no convention has one.
const BYTES: &str = "file.io.bytes";
/// How long it took, in milliseconds; no convention has one.
const DURATION_MS: &str = "duration_ms";
/// Longer than a disk that turns needs for a seek and some queue.
const SLOW: Duration = Duration::from_millis(100);
/// Events of each name that are read of each window at most.
const MAX_EVENTS: usize = 20_000;
/// Files that a model is shown.
const MAX_ROWS: usize = 12;
/// Files that a sentence is made of.
const MAX_FACTS: usize = 3;

#[async_trait]
impl Tool for FileActivity {
    const NAME: &'static str = "file_activity";
    type Output = FileRows;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("files that `{service}` reads and writes"),
            None => "files that are read and written".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<FileRows, ToolError> {
        let service = self.service.filter(|service| !service.is_empty());
        if let Some(service) = &service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let (baseline, window) = (windows.baseline, windows.window);
        let mut missing = Vec::new();
        let mut all: BTreeMap<(String, String), (Use, Use)> = BTreeMap::new();
        for (range, is_now) in [(baseline, false), (window, true)] {
            for name in NAMES {
                let (service, name, limit) = (service.clone(), Some(name.to_owned()), MAX_EVENTS);
                let query = EventQuery { range, service, name, limit };
                let events = scene.ports.telemetry.events(&query).await?;
                if events.len() >= MAX_EVENTS {
                    let name = query.name.unwrap_or_default();
                    missing
                        .push(format!("only the newest {MAX_EVENTS} events `{name}` of {range} were read"));
                }
                for event in &events {
                    let path = event.row.attributes.get(PATH).map(|path| quote(path)).unwrap_or_default();
                    let (before, now) = all.entry((event.resource.service().to_owned(), path)).or_default();
                    if is_now { now } else { before }.add(event);
                }
            }
        }
        let mut files: Vec<FileRow> = all
            .into_iter()
            .map(|((service, path), (before, now))| FileRow {
                service,
                path,
                before: before.rounded(),
                now: now.rounded(),
            })
            .collect();
        files.sort_by(|a, b| b.now.total_ms.total_cmp(&a.now.total_ms).then(b.now.all().cmp(&a.now.all())));
        let searched = format!("events `{}` in {baseline} and {window}", NAMES.join("`, `"));
        Ok(FileRows { searched, baseline, window, files, missing })
    }
}

impl Use {
    fn add(&mut self, event: &Of<Event>) {
        match event.row.name.as_str() {
            "file.open" => self.opens += 1,
            "file.read" => self.reads += 1,
            "file.write" => self.writes += 1,
            _ => {}
        }
        let number = |key: &str| {
            let value = event.row.attributes.get(key).and_then(|value| value.parse::<f64>().ok());
            value.filter(|value| value.is_finite() && *value >= 0.0).unwrap_or(0.0)
        };
        let ms = number(DURATION_MS);
        self.bytes += number(BYTES);
        self.total_ms += ms;
        self.longest_ms = self.longest_ms.max(ms);
        self.slow += u64::from(ms > SLOW.as_secs_f64() * 1e3);
    }

    fn rounded(self) -> Self {
        Self { total_ms: round(self.total_ms), longest_ms: round(self.longest_ms), ..self }
    }

    fn all(&self) -> u64 {
        self.opens + self.reads + self.writes
    }
}

impl Output for FileRows {
    fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let facts = self.files.iter().take(MAX_FACTS).map(|FileRow { service, path, before, now }| {
            let counted = |n| at_least(n, !self.missing.is_empty(), language);
            let (opens, reads, writes) = (counted(now.opens), counted(now.reads), counted(now.writes));
            let (slow, old_slow) = (counted(now.slow), counted(before.slow));
            let longest = quantity::ms(now.longest_ms);
            let is_whole = self.missing.is_empty();
            let of_those = if is_whole { "" } else { language.pick("of those read ", "已读的操作中") };
            let text = language.pick(
                format!("{service} opened `{path}` {opens} times, read it {reads} and wrote it {writes} times; the longest {of_those}took {longest}, slow ones {old_slow} → {slow}"),
                format!("{service} 打开 `{path}` {opens} 次，读 {reads} 次，写 {writes} 次；{of_those}最长 {longest}，慢操作 {old_slow} → {slow}"),
            );
            Fact { service: service.clone(), topic: Topic::Resources, text }
        });
        facts.collect()
    }
}

impl fmt::Display for FileRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files.is_empty() {
            writeln!(f, "no file activity; searched: {}", self.searched)?;
            writeln!(
                f,
                "the node agent watches no files: a source would have to send log records over OTLP with the event name `file.open`, `file.read` or `file.write` and the attributes `{PATH}`, `{BYTES}`, `{DURATION_MS}`"
            )?;
        } else {
            writeln!(f, "{} compared with {}", self.window, self.baseline)?;
            write_rows(f, self.files.iter(), MAX_ROWS)?;
        }
        self.missing.iter().try_for_each(|missing| writeln!(f, "missing: {missing}"))
    }
}

impl fmt::Display for FileRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, path, before, now } = self;
        write!(
            f,
            "{service} {path}: opens {} → {}, reads {} → {}, writes {} → {}, {} → {}, longest {} → {}, slower than 100 ms {} → {}",
            before.opens,
            now.opens,
            before.reads,
            now.reads,
            before.writes,
            now.writes,
            quantity::bytes(before.bytes),
            quantity::bytes(now.bytes),
            quantity::ms(before.longest_ms),
            quantity::ms(now.longest_ms),
            before.slow,
            now.slow
        )
    }
}
