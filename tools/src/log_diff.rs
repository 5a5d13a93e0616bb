//! Kinds of log lines that are new, gone, risen or fallen, with how sure that is.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::LogQuery,
    tool::Output,
};
use waggle_analysis::{
    quantity,
    templates::{TemplateChange, difference},
};
use waggle_signals::{Severity, TimeRange};

use crate::{
    log_reads::{LogRead, read_logs},
    quote::quote,
    red::round,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Compares kinds of log lines of a service (or of all) now with the healthy time: new, gone, risen and fallen ones, with the count that was expected and how far from it they are.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct LogDiff {
    /// Only this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// What differs.
#[derive(Debug, Serialize)]
pub struct Difference {
    service: Option<String>,
    windows: Windows,
    searched: String,
    lines_before: usize,
    lines_after: usize,
    /// The time before and now that the lines cover, when there were more than could be read.
    read: Option<[TimeRange; 2]>,
    /// Most telling first, new ones before risen before gone before fallen.
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Change {
    what: What,
    template: String,
    before: u64,
    after: u64,
    /// Lines that were to be expected now, by the rate before.
    expected: f64,
    /// How far from that: in standard deviations of a Poisson count.
    deviations: f64,
    /// Untrusted.
    sample: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum What {
    New,
    Risen,
    Gone,
    Fallen,
}

/// Lines of one window that are compared at most.
const MAX_LINES: usize = 5_000;
/// Changes of one sort that are kept.
const MAX_OF_A_SORT: usize = 20;
/// Changes of one sort that are shown.
const MAX_SHOWN: usize = 4;
/// Changes that are told in sentences.
const MAX_TOLD: usize = 3;

#[async_trait]
impl Tool for LogDiff {
    const NAME: &'static str = "log_diff";
    type Output = Difference;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("kinds of log lines of `{service}`, before and now"),
            None => "kinds of log lines, before and now".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Difference, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let before = self.read(scene, windows.baseline).await?;
        let after = self.read(scene, windows.window).await?;
        Ok(Difference {
            searched: format!("log lines in {}", windows.window),
            windows,
            lines_before: before.lines.len(),
            lines_after: after.lines.len(),
            read: (before.is_cut || after.is_cut).then_some([before.covers, after.covers]),
            changes: changes(&before, &after),
            service: self.service,
        })
    }
}

impl LogDiff {
    async fn read(&self, scene: &Scene, range: TimeRange) -> Result<LogRead, ToolError> {
        let query = LogQuery {
            range,
            service: self.service.clone(),
            min_severity: Severity::Trace,
            contains: String::new(),
            limit: MAX_LINES,
        };
        Ok(read_logs(scene, &query).await?)
    }
}

fn changes(before: &LogRead, after: &LogRead) -> Vec<Change> {
    let lengths = [before.covers.length(), after.covers.length()];
    let found = difference((before.bodies(), lengths[0]), (after.bodies(), lengths[1]));
    // What has fallen is what would have exploded the other way round.
    let backwards = difference((after.bodies(), lengths[1]), (before.bodies(), lengths[0]));
    let scale = lengths[1].as_secs_f64() / lengths[0].as_secs_f64();
    let fallen = backwards.exploded.into_iter().map(|change| TemplateChange {
        before: change.after,
        after: change.before,
        expected: change.after as f64 * scale,
        ..change
    });
    let all = [
        (What::New, found.new),
        (What::Risen, found.exploded),
        (What::Gone, found.vanished),
        (What::Fallen, fallen.filter(|change| change.after > 0).collect()),
    ];
    let told = |(what, changes): (What, Vec<TemplateChange>)| {
        changes.into_iter().take(MAX_OF_A_SORT).map(move |found| change(what, found))
    };
    all.into_iter().flat_map(told).collect()
}

fn change(what: What, found: TemplateChange) -> Change {
    let TemplateChange { template, before, after, expected, example } = found;
    let deviations = round((after as f64 - expected) / expected.max(1.0).sqrt());
    let (template, sample) = (quote(&template), quote(&example));
    Change { what, template, before, after, expected: round(expected), deviations, sample }
}

impl What {
    fn word(self, language: Language) -> &'static str {
        match self {
            Self::New => language.pick("new", "新出现"),
            Self::Risen => language.pick("risen", "增多"),
            Self::Gone => language.pick("gone", "消失"),
            Self::Fallen => language.pick("fallen", "减少"),
        }
    }
}

impl Difference {
    /// Says what was compared when not all lines were; empty when all were.
    fn cut(&self) -> String {
        let Some([before, after]) = self.read.map(|read| read.map(|range| quantity::clock(range.from())))
        else {
            return String::new();
        };
        format!(" (only the newest {MAX_LINES} of each: since {before} before, since {after} now)")
    }
}

impl Output for Difference {
    fn is_empty(&self) -> bool {
        self.lines_before + self.lines_after == 0
    }

    /// Lines are untrusted: they are quoted.
    fn facts(&self, language: Language) -> Vec<Fact> {
        let whose =
            self.service.clone().unwrap_or_else(|| language.pick("the services", "各服务").to_owned());
        let service = self.service.clone().unwrap_or_default();
        let told = self.changes.iter().take(MAX_TOLD).map(|change| {
            let Change { what, before, after, expected, sample, .. } = change;
            let (sort, expected) = (what.word(language), quantity::number(*expected));
            if *what == What::New {
                let text = language.pick(
                    format!("{whose}: new kind of log line, {after} times: `{sample}`"),
                    format!("{whose}：新出现的日志，{after} 次：`{sample}`"),
                );
                return Fact { service: service.clone(), topic: Topic::Logs, text };
            }
            let text = language.pick(
                format!("{whose}: {sort} kind of log line, {before} → {after} lines where {expected} were expected: `{sample}`"),
                format!("{whose}：{sort}的日志，{before} → {after} 行，预期 {expected} 行：`{sample}`"),
            );
            Fact { service: service.clone(), topic: Topic::Logs, text }
        });
        told.collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "no log lines; searched: {}", self.searched);
        }
        writeln!(f, "{} lines before, {} now{}", self.lines_before, self.lines_after, self.cut())?;
        if self.changes.is_empty() {
            writeln!(f, "the same kinds of lines, as often as before")?;
        }
        for what in [What::New, What::Risen, What::Gone, What::Fallen] {
            let of_sort: Vec<&Change> = self.changes.iter().filter(|change| change.what == what).collect();
            write_rows(f, of_sort.into_iter(), MAX_SHOWN)?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, template, before, after, expected, deviations, sample } = self;
        write!(f, "{}: {before} → {after} lines", what.word(Language::En))?;
        if *what != What::New {
            let (expected, far) = (quantity::number(*expected), quantity::number(*deviations));
            write!(f, ", expected {expected} ({far} standard deviations)")?;
        }
        write!(f, ": {template}")?;
        if template == sample { Ok(()) } else { write!(f, " (such as: {sample})") }
    }
}
