//! The slowest requests of a service, and where their time went.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{Of, SpanOrder, SpanQuery},
    tool::Output,
};
use waggle_analysis::{
    quantity,
    traces::{Trace, assemble},
};
use waggle_signals::{Span, SpanKind, Timestamp, TraceId};

use crate::{
    red::round,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Returns the slowest requests of a service (or of all) in trouble, each with its critical path: which service's own work held it up, for how long.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct SlowTraces {
    /// Only requests that this service answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Slow requests, slowest first.
#[derive(Debug, Serialize)]
pub struct SlowRequests {
    service: Option<String>,
    windows: Windows,
    searched: String,
    requests: Vec<SlowRequest>,
}

#[derive(Debug, Serialize)]
struct SlowRequest {
    trace_id: TraceId,
    service: String,
    name: String,
    at: Timestamp,
    duration_ms: f64,
    failed: bool,
    /// Own time of each service on the critical path, most first.
    held_up_by: Vec<HeldUp>,
}

#[derive(Debug, Serialize)]
struct HeldUp {
    service: String,
    ms: f64,
}

/// Requests that are looked at.
const MAX_REQUESTS: usize = 5;

#[async_trait]
impl Tool for SlowTraces {
    const NAME: &'static str = "slow_traces";
    type Output = SlowRequests;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("slowest requests of `{service}`"),
            None => "slowest requests".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<SlowRequests, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let query = SpanQuery {
            range: windows.window,
            service: self.service.clone(),
            kind: Some(SpanKind::Server),
            failed_only: false,
            min_duration: Duration::ZERO,
            order: SpanOrder::Slowest,
            limit: MAX_REQUESTS,
        };
        let mut requests = Vec::new();
        for slow in scene.ports.telemetry.spans(&query).await? {
            requests.push(slow_request(scene, slow).await?);
        }
        let searched = format!("answered requests in {}", windows.window);
        Ok(SlowRequests { service: self.service, windows, searched, requests })
    }
}

async fn slow_request(scene: &Scene, slow: Of<Span>) -> Result<SlowRequest> {
    let spans = scene.ports.telemetry.trace(slow.row.trace_id).await?;
    let service_of: BTreeMap<_, _> =
        spans.iter().map(|span| (span.row.resource, span.resource.service().to_owned())).collect();
    // What lies below this request: the rest of its trace is somebody else's time.
    let end = slow.row.end();
    let below: Vec<Span> = spans
        .into_iter()
        .map(|span| span.row)
        .filter(|span| span.start >= slow.row.start && span.end() <= end)
        .collect();
    let traces = assemble(&below, |resource| service_of.get(&resource).cloned().unwrap_or_default());
    Ok(SlowRequest {
        trace_id: slow.row.trace_id,
        service: slow.resource.service().to_owned(),
        name: slow.row.name.clone(),
        at: slow.row.start,
        duration_ms: round(slow.row.duration.as_secs_f64() * 1e3),
        failed: slow.row.is_error(),
        held_up_by: traces.first().map(held_up_by).unwrap_or_default(),
    })
}

/// Adds up the critical path by service.
fn held_up_by(trace: &Trace) -> Vec<HeldUp> {
    let mut by_service: BTreeMap<&str, Duration> = BTreeMap::new();
    let path = trace.critical_path();
    for segment in &path {
        if let Some(span) = trace.spans.get(segment.span) {
            *by_service.entry(&span.service).or_default() += segment.duration;
        }
    }
    let mut held: Vec<_> = by_service
        .into_iter()
        .map(|(service, time)| HeldUp { service: service.to_owned(), ms: round(time.as_secs_f64() * 1e3) })
        .collect();
    held.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    held
}

impl Output for SlowRequests {
    fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let told = self.requests.iter().take(3).filter_map(|request| {
            let worst = request.held_up_by.first()?;
            let (duration, held) = (quantity::ms(request.duration_ms), quantity::ms(worst.ms));
            let (at, name, trace) = (quantity::clock(request.at), &request.name, request.trace_id);
            let text = language.pick(
                format!(
                    "`{name}` of {} at {at} took {duration}, {held} of it in {} (trace `{trace}`)",
                    request.service, worst.service
                ),
                format!(
                    "{} 的 `{name}` 在 {at} 用了 {duration}，其中 {held} 在 {}（trace `{trace}`）",
                    request.service, worst.service
                ),
            );
            Some(Fact { service: request.service.clone(), topic: Topic::Trace, text })
        });
        told.collect()
    }
}

impl fmt::Display for SlowRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.requests.is_empty() {
            return write!(f, "no requests; searched: {}", self.searched);
        }
        write_rows(f, self.requests.iter(), MAX_REQUESTS)
    }
}

impl fmt::Display for SlowRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = if self.failed { ", failed" } else { "" };
        let held: Vec<_> = self
            .held_up_by
            .iter()
            .map(|held| format!("{} {}", held.service, quantity::ms(held.ms)))
            .collect();
        write!(
            f,
            "{} {} {} took {}{failed}; held up by {} (trace {})",
            self.at,
            self.service,
            self.name,
            quantity::ms(self.duration_ms),
            held.join(", "),
            self.trace_id
        )
    }
}
