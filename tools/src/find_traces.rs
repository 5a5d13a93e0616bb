//! Requests by service, route, duration and outcome.

use std::{collections::BTreeSet, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{Of, SpanOrder, SpanQuery},
    tool::Output,
};
use waggle_analysis::quantity;
use waggle_signals::{Span, SpanKind, Timestamp, TraceId, semconv};

use crate::{
    failures::said,
    quote::quote,
    red::round,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Finds answered requests in the time of the trouble by service, route, least duration and failure, with their trace ids: slowest first, failed ones newest first.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct FindTraces {
    /// Only requests that this service answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only requests whose name, route or path contains this text, case ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Only requests that took at least so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ms: Option<f64>,
    /// Only failed ones when true, only others when false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<bool>,
    /// At most so many; 8 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Requests that were found.
#[derive(Debug, Serialize)]
pub struct Found {
    windows: Windows,
    searched: String,
    /// What was read when not all requests were; empty when all were.
    cut: String,
    /// Requests that match among those that were read.
    matching: usize,
    requests: Vec<Request>,
}

#[derive(Debug, Serialize)]
struct Request {
    trace_id: TraceId,
    service: String,
    name: String,
    at: Timestamp,
    duration_ms: f64,
    failed: bool,
    /// Why it failed, as it says itself; untrusted.
    reason: Option<String>,
}

/// Requests that are listed when nobody says how many.
const USUAL_LIMIT: usize = 8;
/// Requests that are listed at most.
const MAX_LIMIT: usize = 30;
/// Requests that are read at most: the store does not search by route.
const MAX_READ: usize = 2_000;
/// A longer time is no duration of a request.
const MAX_MS: f64 = 1e9;

#[async_trait]
impl Tool for FindTraces {
    const NAME: &'static str = "find_traces";
    type Output = Found;

    fn summary(&self) -> String {
        let failed = if self.failed == Some(true) { "failed " } else { "" };
        let whose = self.service.as_ref().map(|service| format!(" of `{service}`")).unwrap_or_default();
        let route = self.route.as_ref().map(|route| format!(" to `{}`", quote(route))).unwrap_or_default();
        let least = self.min_ms.map(|ms| format!(" from {} on", quantity::ms(ms))).unwrap_or_default();
        format!("{failed}requests{whose}{route}{least}")
    }

    async fn run(self, scene: &Scene) -> Result<Found, ToolError> {
        let min_ms = self.min_ms.unwrap_or(0.0);
        if !(0.0..=MAX_MS).contains(&min_ms) {
            let text = format!("`min_ms` is `{min_ms}`; it has to be between 0 and {MAX_MS}");
            return Err(ToolError::Respond(text));
        }
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let only_failed = self.failed == Some(true);
        let query = SpanQuery {
            range: windows.window,
            service: self.service.clone(),
            kind: Some(SpanKind::Server),
            failed_only: only_failed,
            min_duration: Duration::from_secs_f64(min_ms / 1e3),
            order: if only_failed { SpanOrder::Newest } else { SpanOrder::Slowest },
            limit: MAX_READ,
        };
        let read = scene.ports.telemetry.spans(&query).await?;
        let is_cut = read.len() >= MAX_READ;
        let mut seen = BTreeSet::new();
        let found = read.iter().filter(|span| self.matches(&span.row));
        // Of one trace, the request that is first is enough.
        let found: Vec<&Of<Span>> = found.filter(|span| seen.insert(span.row.trace_id)).collect();
        let limit = self.limit.unwrap_or(USUAL_LIMIT).clamp(1, MAX_LIMIT);
        let which = match (is_cut, only_failed) {
            (false, _) => String::new(),
            (true, true) => format!(", only the newest {MAX_READ}"),
            (true, false) => format!(", only the slowest {MAX_READ}"),
        };
        Ok(Found {
            searched: format!("{} in {}{which}", self.summary(), windows.window),
            cut: which,
            windows,
            matching: found.len(),
            requests: found.into_iter().take(limit).map(request).collect(),
        })
    }
}

impl FindTraces {
    fn matches(&self, span: &Span) -> bool {
        let is_outcome = self.failed.is_none_or(|failed| span.is_error() == failed);
        let Some(route) = &self.route else { return is_outcome };
        let route = route.to_lowercase();
        let paths =
            [semconv::HTTP_ROUTE, semconv::URL_PATH].iter().filter_map(|key| span.attributes.get(*key));
        let mut said = paths.chain([&span.name]);
        is_outcome && said.any(|text| text.to_lowercase().contains(&route))
    }
}

fn request(span: &Of<Span>) -> Request {
    let row = &span.row;
    Request {
        trace_id: row.trace_id,
        service: span.resource.service().to_owned(),
        name: quote(&row.name),
        at: row.start,
        duration_ms: round(row.duration.as_secs_f64() * 1e3),
        failed: row.is_error(),
        reason: said(row).filter(|_| row.is_error()).map(quote),
    }
}

impl Output for Found {
    fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let told = self.requests.iter().take(3).map(|request| {
            let Request { trace_id, service, name, at, duration_ms, failed, reason } = request;
            let (at, took) = (quantity::clock(*at), quantity::ms(*duration_ms));
            let why = reason.as_ref().map(|reason| format!(" (`{reason}`)")).unwrap_or_default();
            let (en, zh) = if *failed {
                (format!(" and failed{why}"), format!("，并失败{why}"))
            } else {
                Default::default()
            };
            let text = language.pick(
                format!("`{name}` of {service} at {at} took {took}{en}, trace `{trace_id}`"),
                format!("{service} 的 `{name}` 在 {at} 用了 {took}{zh}，trace `{trace_id}`"),
            );
            Fact { service: service.clone(), topic: Topic::Trace, text }
        });
        told.collect()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.requests.is_empty() {
            return write!(f, "no such requests; searched: {}", self.searched);
        }
        writeln!(f, "{} traces in {}{}", self.matching, self.windows.window, self.cut)?;
        write_rows(f, self.requests.iter(), MAX_LIMIT)?;
        let n_more = self.matching - self.requests.len();
        if n_more > 0 { writeln!(f, "… {n_more} more") } else { Ok(()) }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, service, name, at, duration_ms, failed, reason } = self;
        write!(f, "{} {service} {name} {}", quantity::clock(*at), quantity::ms(*duration_ms))?;
        if *failed {
            write!(f, " failed")?;
        }
        if let Some(reason) = reason {
            write!(f, " ({reason})")?;
        }
        write!(f, " {trace_id}")
    }
}
