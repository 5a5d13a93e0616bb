//! Which error came first, in logs and in requests, and which others follow from it.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{LogQuery, Of, SpanOrder, SpanQuery},
    tool::Output,
};
use waggle_analysis::{
    cascade::{Cascade, ErrorKind, ErrorLine, cascade},
    quantity,
};
use waggle_signals::{Severity, Span, TimeRange, Timestamp, TraceId};

use crate::{failures::said, quote::quote, services::whole_range};

/// Finds which service's errors came first, in log lines and in failed requests of all services, and which later ones follow from them by traces, names and calls.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct FirstErrors {}

/// Errors in order.
#[derive(Debug, Serialize)]
pub struct Order {
    baseline: TimeRange,
    window: TimeRange,
    searched: String,
    /// What was read when not all errors were; empty when all were.
    cut: String,
    /// Whether it is known which came first.
    is_told: bool,
    #[serde(flatten)]
    cascade: Cascade,
}

/// An error line with its own text.
struct Seen {
    service: String,
    at: Timestamp,
    severity: Severity,
    text: String,
    trace: Option<TraceId>,
}

/// What was read of a window.
struct Read {
    seen: Vec<Seen>,
    /// The beginning of the window of which all errors were read; `None` when even the first moment has too many.
    covers: Option<TimeRange>,
}

/// Log lines, and failed spans, of one window that are read at most.
const MAX_ERRORS: usize = 2_000;
/// Parts of a window that are tried at most; one with too many errors is halved.
const MAX_READS: usize = 32;
/// Kinds of errors that are listed besides the first.
const MAX_LISTED: usize = 6;

#[async_trait]
impl Tool for FirstErrors {
    const NAME: &'static str = "first_errors";
    type Output = Order;

    fn summary(&self) -> String {
        "whose errors came first".to_owned()
    }

    async fn run(self, scene: &Scene) -> Result<Order, ToolError> {
        // Not cut at the onset that users feel: errors may come before it.
        let (baseline, window) = (scene.incident.baseline, scene.incident.window);
        let before = beginning(scene, baseline).await?;
        let after = beginning(scene, window).await?;
        let calls = scene.ports.telemetry.topology(whole_range(scene)).await?;
        let searched = format!("error logs and failed requests of all services in {window}");
        let untold = "too many errors to tell which came first";
        let (Some(healthy), Some(troubled)) = (before.covers, after.covers) else {
            let (cut, cascade) = (untold.to_owned(), Cascade::default());
            return Ok(Order { baseline, window, searched, cut, is_told: false, cascade });
        };
        let lengths = [healthy.length(), troubled.length()];
        let found = cascade(before.seen.iter().map(line), after.seen.iter().map(line), lengths, Some(&calls));
        let is_cut = troubled != window;
        let is_told = found.first.is_some() || !is_cut;
        let cut = match (is_told, is_cut) {
            (false, _) => untold.to_owned(),
            (true, true) => format!("too many errors: only those until {} were read", troubled.to()),
            (true, false) => String::new(),
        };
        Ok(Order { baseline, window, searched, cut, is_told, cascade: found })
    }
}

fn line(seen: &Seen) -> ErrorLine<'_> {
    ErrorLine {
        service: &seen.service,
        at: seen.at,
        severity: seen.severity,
        text: &seen.text,
        trace: seen.trace,
    }
}

/// Reads the errors of a window from its beginning on, in parts that can be read whole, until there are enough of them.
async fn beginning(scene: &Scene, range: TimeRange) -> Result<Read> {
    let (mut seen, mut covered, mut length) = (Vec::new(), range.from(), range.length());
    for _ in 0..MAX_READS {
        let Ok(part) = TimeRange::new(covered, range.to().min(covered + length)) else { break };
        // The store returns the newest first: of a part that is cut, just the beginning is missing.
        let (logs, spans) = (error_logs(scene, part).await?, failed_spans(scene, part).await?);
        if logs.len() >= MAX_ERRORS || spans.len() >= MAX_ERRORS {
            length /= 2;
            continue;
        }
        covered = part.to();
        seen.extend(logs.into_iter().chain(spans));
        if seen.len() >= MAX_ERRORS || covered >= range.to() {
            break;
        }
    }
    let covers = TimeRange::new(range.from(), covered).ok();
    Ok(Read { seen, covers })
}

async fn error_logs(scene: &Scene, range: TimeRange) -> Result<Vec<Seen>> {
    let query = LogQuery {
        range,
        service: None,
        min_severity: Severity::Error,
        contains: String::new(),
        limit: MAX_ERRORS,
    };
    let seen = scene.ports.telemetry.logs(&query).await?.into_iter().map(|log| Seen {
        service: log.resource.service().to_owned(),
        at: log.row.time,
        severity: log.row.severity,
        text: log.row.body,
        trace: log.row.trace_id,
    });
    Ok(seen.collect())
}

async fn failed_spans(scene: &Scene, range: TimeRange) -> Result<Vec<Seen>> {
    let query = SpanQuery {
        range,
        service: None,
        kind: None,
        failed_only: true,
        min_duration: Duration::ZERO,
        order: SpanOrder::Newest,
        limit: MAX_ERRORS,
    };
    let seen = scene.ports.telemetry.spans(&query).await?.into_iter().map(|span: Of<Span>| Seen {
        service: span.resource.service().to_owned(),
        // A request fails when it ends: the callee before the caller.
        at: span.row.end(),
        severity: Severity::Error,
        text: format!("{} failed: {}", span.row.name, said(&span.row).unwrap_or("no reason given")),
        trace: Some(span.row.trace_id),
    });
    Ok(seen.collect())
}

impl Output for Order {
    fn is_empty(&self) -> bool {
        self.is_told && self.cascade.first.is_none()
    }

    /// Lines are untrusted: they are quoted.
    fn facts(&self, language: Language) -> Vec<Fact> {
        let Some(first) = self.cascade.first.as_ref().filter(|_| self.is_told) else { return Vec::new() };
        let mut facts = Vec::new();
        let mut say = |service: &str, en: String, zh: String| {
            facts.push(Fact {
                service: service.to_owned(),
                topic: Topic::Errors,
                text: language.pick(en, zh),
            });
        };
        let told = |kind: &ErrorKind| (quantity::clock(kind.first_at), quote(&kind.example));
        let (at, text) = told(first);
        let ErrorKind { service, before, after, .. } = first;
        // Of what was not read to its end, nobody knows how often it came.
        let (en, zh) = match self.cut.is_empty() {
            true => (format!(", {before} → {after} times"), format!("，{before} → {after} 次")),
            false => (String::new(), String::new()),
        };
        say(
            service,
            format!("the first new errors are of {service} from {at} on{en}: `{text}`"),
            format!("最早的新错误来自 {service}，自 {at} 起{zh}：`{text}`"),
        );
        let follows = self.cascade.consequences.iter().find(|other| other.kind.service != *service);
        if let Some(kind) = follows.map(|follows| &follows.kind) {
            let (at, text) = told(kind);
            say(
                &kind.service,
                format!("errors of {} follow at {at}: `{text}`", kind.service),
                format!("{} 的错误随后于 {at} 出现：`{text}`", kind.service),
            );
        }
        facts
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cascade { first, consequences, apart, lines, .. } = &self.cascade;
        if !self.is_told {
            return write!(f, "{}; searched: {}", self.cut, self.searched);
        }
        let Some(first) = first else {
            return write!(f, "no new kind of error among {lines}; searched: {}", self.searched);
        };
        writeln!(f, "{lines} errors in {}", self.window)?;
        if !self.cut.is_empty() {
            writeln!(f, "{}", self.cut)?;
        }
        writeln!(f, "first: {}", Shown(first))?;
        for other in consequences.iter().take(MAX_LISTED) {
            writeln!(f, "follows: {} ({} {})", Shown(&other.kind), other.tie, other.of.0)?;
        }
        for other in apart.iter().take(MAX_LISTED) {
            writeln!(f, "apart: {}", Shown(other))?;
        }
        let n_more = consequences.len().saturating_sub(MAX_LISTED) + apart.len().saturating_sub(MAX_LISTED);
        if n_more > 0 { writeln!(f, "… {n_more} more kinds") } else { Ok(()) }
    }
}

struct Shown<'a>(&'a ErrorKind);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorKind { service, first_at, before, after, example, .. } = self.0;
        let at = quantity::clock(*first_at);
        write!(f, "{service} at {at}, {before} → {after} times: {}", quote(example))
    }
}
