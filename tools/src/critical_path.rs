//! What slow requests waited for: the critical path of one trace, or of the slow ones beside the healthy ones.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::{quantity, robust, trace_sets::path_steps, traces::Trace};
use waggle_signals::TraceId;

use crate::{
    change::change,
    quote::quote,
    red::round,
    rows::write_rows,
    services::resources_of,
    show_trace::trace_id,
    trace_reads::{assembled, note, read_traces, requests_of},
    windows::{Windows, windows},
};

/// Returns the operations that decided how long requests took: of one trace, or of a service's slow requests now beside its requests in the healthy time.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct CriticalPath {
    /// Only what lies below this service; the incident's service when neither is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only this trace, 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// Where the time of requests went.
#[derive(Debug, Serialize)]
pub struct Path {
    windows: Windows,
    searched: String,
    service: Option<String>,
    trace: Option<TraceId>,
    /// Requests of the healthy time that were looked at.
    healthy: usize,
    /// Requests that were looked at, the slow ones where there is more than one trace.
    slow: usize,
    /// What counts as slow: what 95 of 100 requests of the healthy time stayed under.
    slow_from_ms: Option<f64>,
    /// Mean duration of the slow ones.
    mean_ms: f64,
    /// Most first; where there is a healthy time, by what was added.
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    service: String,
    operation: String,
    /// Mean time on the critical path per healthy request.
    healthy_ms: Option<f64>,
    /// The same per slow request.
    slow_ms: f64,
    /// Its part of the slow requests' time, 0 to 1.
    share: f64,
}

/// Of 100 healthy requests, so many are faster than what is called slow.
const SLOW_QUANTILE: f64 = 0.95;
/// A step with a smaller part of the time is not told in a sentence.
const LEAST_TOLD: f64 = 0.1;
/// Steps that are listed.
const MAX_STEPS: usize = 8;

#[async_trait]
impl Tool for CriticalPath {
    const NAME: &'static str = "critical_path";
    type Output = Path;

    fn summary(&self) -> String {
        match (&self.service, &self.trace) {
            (_, Some(trace)) => format!("critical path of trace `{}`", quote(trace)),
            (Some(service), None) => format!("what slow requests of `{service}` waited for"),
            (None, None) => "what slow requests waited for".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Path, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let service = match (&self.service, &self.trace) {
            (None, None) => symptomatic(scene).await,
            _ => self.service.clone(),
        };
        let windows = windows(scene).await?;
        if let Some(trace) = &self.trace {
            let id = trace_id(trace)?;
            let searched = format!("trace {id}");
            let traces = one_trace(scene, id, service.as_deref()).await?;
            return Ok(path(windows, searched, service, Some(id), &[], traces));
        }
        let (before, after) =
            (read_traces(scene, windows.baseline).await?, read_traces(scene, windows.window).await?);
        let (healthy, now) = match &service {
            Some(service) => (before.requests_of(service), after.requests_of(service)),
            None => (before.traces.clone(), after.traces.clone()),
        };
        let searched = format!("requests in {}{}", windows.window, note([&before, &after]));
        Ok(path(windows, searched, service, None, &healthy, now))
    }
}

/// Returns the service that the incident names, when it was seen.
async fn symptomatic(scene: &Scene) -> Option<String> {
    let service = scene.incident.service.clone()?;
    resources_of(scene, &service).await.is_ok().then_some(service)
}

async fn one_trace(scene: &Scene, id: TraceId, service: Option<&str>) -> Result<Vec<Trace>, ToolError> {
    let traces = assembled(&scene.ports.telemetry.trace(id).await?);
    Ok(match service {
        Some(service) => traces.iter().flat_map(|trace| requests_of(trace, service)).collect(),
        None => traces,
    })
}

fn path(
    windows: Windows,
    searched: String,
    service: Option<String>,
    trace: Option<TraceId>,
    healthy: &[Trace],
    mut slow: Vec<Trace>,
) -> Path {
    let ms = |trace: &Trace| trace.duration().as_secs_f64() * 1e3;
    let slow_from = robust::quantile(&healthy.iter().map(ms).collect::<Vec<_>>(), SLOW_QUANTILE);
    if let Some(slow_from) = slow_from {
        slow.retain(|trace| ms(trace) > slow_from);
    }
    let usual = path_steps(healthy);
    let usually = |service: &str, operation: &str| {
        let step = usual.iter().find(|step| step.service == service && step.operation == operation);
        slow_from.map(|_| round(step.map_or(0.0, |step| step.mean_ms)))
    };
    let steps = path_steps(&slow).into_iter().map(|step| Step {
        healthy_ms: usually(&step.service, &step.operation),
        slow_ms: round(step.mean_ms),
        share: round(step.share),
        operation: quote(&step.operation),
        service: step.service,
    });
    let mut steps: Vec<Step> = steps.collect();
    steps.sort_by(|a, b| b.added_ms().total_cmp(&a.added_ms()));
    let mean_ms = robust::mean(&slow.iter().map(ms).collect::<Vec<_>>()).unwrap_or_default();
    Path {
        windows,
        searched,
        service,
        trace,
        healthy: healthy.len(),
        slow: slow.len(),
        slow_from_ms: slow_from.map(round),
        mean_ms: round(mean_ms),
        steps,
    }
}

impl Step {
    fn added_ms(&self) -> f64 {
        self.slow_ms - self.healthy_ms.unwrap_or_default()
    }

    /// Writes its time, beside the healthy one where there is one.
    fn time(&self) -> String {
        match self.healthy_ms {
            Some(healthy) => change(quantity::ms, healthy, self.slow_ms),
            None => quantity::ms(self.slow_ms),
        }
    }
}

impl Output for Path {
    fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let told = self.steps.iter().filter(|step| step.added_ms() > 0.0 && step.share >= LEAST_TOLD).take(2).map(|step| {
            let Step { service, operation, .. } = step;
            let (time, share) = (step.time(), quantity::percent(step.share));
            let text = match (&self.trace, &self.service) {
                (Some(id), _) => language.pick(
                    format!("trace `{id}` waited {time} for {service} `{operation}`, {share} of its time"),
                    format!("trace `{id}` 在 {service} `{operation}` 上等待 {time}，占 {share}"),
                ),
                (None, Some(whose)) => language.pick(
                    format!("slow requests of {whose} wait for {service} `{operation}`: {time} per request, {share} of their time"),
                    format!("{whose} 的慢请求等待 {service} `{operation}`：每请求 {time}，占 {share}"),
                ),
                (None, None) => language.pick(
                    format!("slow requests wait for {service} `{operation}`: {time} per request, {share} of their time"),
                    format!("慢请求等待 {service} `{operation}`：每请求 {time}，占 {share}"),
                ),
            };
            Fact { service: service.clone(), topic: Topic::Trace, text }
        });
        told.collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            let slow =
                self.slow_from_ms.map(|ms| format!(" slower than {}", quantity::ms(ms))).unwrap_or_default();
            return write!(f, "no requests{slow}; searched: {}", self.searched);
        }
        let mean = quantity::ms(self.mean_ms);
        match self.slow_from_ms {
            Some(from) => writeln!(
                f,
                "{} requests slower than {} (p95 of {} healthy ones), {mean} on average; time on the critical path per request, healthy → slow ({}):",
                self.slow,
                quantity::ms(from),
                self.healthy,
                self.searched
            )?,
            None => writeln!(
                f,
                "{} requests of {mean} on average; time on the critical path ({}):",
                self.slow, self.searched
            )?,
        }
        write_rows(f, self.steps.iter(), MAX_STEPS)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, operation, share, .. } = self;
        write!(f, "{service} {operation}: {}, {} of the whole", self.time(), quantity::percent(*share))
    }
}
