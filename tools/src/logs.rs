//! What a service wrote: new and exploding kinds of lines, and the lines that were asked for.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{LogQuery, Of},
    tool::Output,
};
use waggle_analysis::{
    cascade::{Cascade, ErrorLine, cascade},
    quantity,
    templates::{TemplateChange, difference},
};
use waggle_signals::{LogRecord, Severity, TimeRange, Timestamp};

use crate::{
    log_reads::{LogRead, read_logs},
    quote::quote,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Compares the log lines of a service (or of all) in trouble with the healthy time before: kinds of lines that are new, exploded or vanished, with examples, and the latest warnings and errors; of all services also which error came first and what follows from it. Can search for a text.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Logs {
    /// Only this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only lines that contain this text, case ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct LogChanges {
    service: Option<String>,
    windows: Windows,
    searched: String,
    lines_before: usize,
    lines_after: usize,
    /// The time before and now that the lines cover, when there were more than could be read.
    read: Option<[TimeRange; 2]>,
    new: Vec<TemplateChange>,
    exploded: Vec<TemplateChange>,
    vanished: Vec<TemplateChange>,
    /// Newest first; warnings and worse, or what was searched for.
    latest: Vec<Line>,
    /// Which error came first and what followed; only of all services, and where nothing was searched for.
    cascade: Option<Cascade>,
}

#[derive(Debug, Serialize)]
struct Line {
    service: String,
    at: Timestamp,
    severity: Severity,
    text: String,
}

/// Lines of one window that are compared at most.
const MAX_LINES: usize = 5_000;
/// Latest lines that are listed.
const MAX_LATEST: usize = 15;

#[async_trait]
impl Tool for Logs {
    const NAME: &'static str = "logs";
    type Output = LogChanges;

    fn summary(&self) -> String {
        let whose = self
            .service
            .as_ref()
            .map_or_else(|| "all logs".to_owned(), |service| format!("logs of `{service}`"));
        match &self.contains {
            Some(text) => format!("{whose} that contain `{text}`"),
            None => format!("{whose}, before and after"),
        }
    }

    async fn run(self, scene: &Scene) -> Result<LogChanges, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let before = self.read(scene, windows.baseline).await?;
        let after = self.read(scene, windows.window).await?;
        let found =
            difference((before.bodies(), before.covers.length()), (after.bodies(), after.covers.length()));
        let is_asked = |log: &&Of<LogRecord>| self.contains.is_some() || log.row.severity >= Severity::Warn;
        let latest = after.lines.iter().filter(is_asked).take(MAX_LATEST).map(|log| Line {
            service: log.resource.service().to_owned(),
            at: log.row.time,
            severity: log.row.severity,
            text: log.row.body.clone(),
        });
        let is_whole = self.service.is_none() && self.contains.is_none();
        let cascade = match is_whole {
            true => Some(errors_in_order(scene, &windows).await?),
            false => None,
        };
        Ok(LogChanges {
            cascade,
            searched: format!("log lines in {}", windows.window),
            windows,
            lines_before: before.lines.len(),
            lines_after: after.lines.len(),
            read: (before.is_cut || after.is_cut).then_some([before.covers, after.covers]),
            latest: latest.collect(),
            new: found.new,
            exploded: found.exploded,
            vanished: found.vanished,
            service: self.service,
        })
    }
}

/// Finds which new error came first, and which others follow from it by traces, names and calls.
async fn errors_in_order(scene: &Scene, windows: &Windows) -> Result<Cascade> {
    let read = async |range| {
        let query = LogQuery {
            range,
            service: None,
            min_severity: Severity::Error,
            contains: String::new(),
            limit: MAX_LINES,
        };
        read_logs(scene, &query).await
    };
    let (before, after) = (read(windows.baseline).await?, read(windows.window).await?);
    let calls = scene.ports.telemetry.topology(windows.window).await?;
    let lengths = [before.covers.length(), after.covers.length()];
    Ok(cascade(
        before.lines.iter().map(error_line),
        after.lines.iter().map(error_line),
        lengths,
        Some(&calls),
    ))
}

fn error_line(log: &Of<LogRecord>) -> ErrorLine<'_> {
    ErrorLine {
        service: log.resource.service(),
        at: log.row.time,
        severity: log.row.severity,
        text: &log.row.body,
        trace: log.row.trace_id,
    }
}

impl Logs {
    async fn read(&self, scene: &Scene, range: TimeRange) -> Result<LogRead> {
        let query = LogQuery {
            range,
            service: self.service.clone(),
            min_severity: Severity::Trace,
            contains: self.contains.clone().unwrap_or_default(),
            limit: MAX_LINES,
        };
        read_logs(scene, &query).await
    }
}

impl LogChanges {
    /// Says what was compared when not all lines were; empty when all were.
    fn cut(&self, language: Language) -> String {
        let Some([before, after]) = self.read.map(|read| read.map(|range| quantity::clock(range.from())))
        else {
            return String::new();
        };
        language.pick(
            format!(
                " (of the newest {MAX_LINES} lines of each window: since {before} before, since {after} now)"
            ),
            format!("（各窗口只读了最新 {MAX_LINES} 行：之前自 {before} 起，现在自 {after} 起）"),
        )
    }
}

impl Output for LogChanges {
    fn is_empty(&self) -> bool {
        self.lines_before + self.lines_after == 0
    }

    /// Lines are untrusted: they are quoted.
    fn facts(&self, language: Language) -> Vec<Fact> {
        let service = self.service.clone().unwrap_or_default();
        let whose =
            self.service.clone().unwrap_or_else(|| language.pick("the services", "各服务").to_owned());
        let cut = self.cut(language);
        let told = self.new.iter().chain(&self.exploded).take(3);
        let told = told.map(|change| {
            let (line, count) = (quote(&change.example), change.after);
            let text = if change.before == 0 {
                language.pick(
                    format!("{whose} writes a new kind of line {count} times: `{line}`{cut}"),
                    format!("{whose} 出现新的日志 {count} 次：`{line}`{cut}"),
                )
            } else {
                let before = change.before;
                language.pick(
                    format!("{whose} writes more of a kind of line, {before} → {count}: `{line}`{cut}"),
                    format!("{whose} 某类日志增多 {before} → {count}：`{line}`{cut}"),
                )
            };
            Fact { service: service.clone(), topic: Topic::Logs, text }
        });
        let first = self.cascade.as_ref().and_then(|cascade| cascade.first.as_ref());
        let first = first.map(|first| {
            let (who, at, line) = (&first.service, quantity::clock(first.first_at), quote(&first.example));
            Fact {
                service: who.clone(),
                topic: Topic::Errors,
                text: language.pick(
                    format!("the first new error is of {who} at {at}: `{line}`"),
                    format!("最早的新错误来自 {who}，时间 {at}：`{line}`"),
                ),
            }
        });
        told.chain(first).collect()
    }
}

impl fmt::Display for LogChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "no log lines; searched: {}", self.searched);
        }
        let cut = self.cut(Language::En);
        writeln!(f, "{} lines before, {} now{cut}", self.lines_before, self.lines_after)?;
        for (title, changes) in
            [("new", &self.new), ("exploded", &self.exploded), ("vanished", &self.vanished)]
        {
            if !changes.is_empty() {
                writeln!(f, "{title}:")?;
                write_rows(f, changes.iter().map(Shown), 8)?;
            }
        }
        if let Some(cascade) = self.cascade.as_ref().filter(|cascade| cascade.first.is_some()) {
            writeln!(f, "{cascade}")?;
        }
        if !self.latest.is_empty() {
            writeln!(f, "latest:")?;
            write_rows(f, self.latest.iter(), MAX_LATEST)?;
        }
        Ok(())
    }
}

struct Shown<'a>(&'a TemplateChange);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TemplateChange { template, before, after, example, .. } = self.0;
        write!(f, "{before} → {after} times: {template} (such as: {example})")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.at, self.service, self.severity.as_str(), self.text)
    }
}
