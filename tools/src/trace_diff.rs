//! How a service's requests are made up, before and now: calls that are new, gone, more often, slower.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::{
    quantity,
    trace_sets::{CallChange, CallChangeSort, structure_difference},
    traces::Trace,
};

use crate::{
    change::change,
    quote::quote,
    red::round,
    rows::write_rows,
    services::resources_of,
    trace_reads::{note, read_traces},
    windows::{Windows, windows},
};

/// Compares the make-up of a service's requests now with the healthy time: calls that are new, gone, made more often per request (N+1), or slower.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct TraceDiff {
    /// Name of the service.
    pub service: String,
}

/// What differs.
#[derive(Debug, Serialize)]
pub struct Difference {
    service: String,
    windows: Windows,
    searched: String,
    /// Requests that were compared, before and now.
    requests_before: usize,
    requests_after: usize,
    /// Most changed first.
    calls: Vec<Call>,
    /// Operations that take longer each time, by what they add to a request.
    slower: Vec<Slower>,
}

#[derive(Debug, Serialize)]
struct Call {
    /// The operation whose requests make it otherwise; absent when all do.
    request: Option<String>,
    #[serde(flatten)]
    change: CallChange,
}

#[derive(Debug, Serialize)]
struct Slower {
    service: String,
    operation: String,
    mean_ms_before: f64,
    mean_ms_after: f64,
    /// Times per request now.
    per_request: f64,
}

/// A change is told when chance explains it in fewer than one of ten cases.
const MIN_CERTAINTY: f64 = 0.9;
/// An operation is slower from half again and so many milliseconds on.
const SLOWER_RATIO: f64 = 1.5;
const SLOWER_MS: f64 = 3.0;
/// … when it was seen so often in each window.
const SLOWER_MIN_SPANS: usize = 10;
/// Operations of the service that are compared by themselves.
const MAX_OPERATIONS: usize = 30;
/// Changes of one sort that are listed.
const MAX_LISTED: usize = 6;
/// Sentences of one sort.
const MAX_TOLD: usize = 3;

#[async_trait]
impl Tool for TraceDiff {
    const NAME: &'static str = "trace_diff";
    type Output = Difference;

    fn summary(&self) -> String {
        format!("how requests of `{}` are made up, before and now", self.service)
    }

    async fn run(self, scene: &Scene) -> Result<Difference, ToolError> {
        resources_of(scene, &self.service).await?;
        let windows = windows(scene).await?;
        let (before, after) =
            (read_traces(scene, windows.baseline).await?, read_traces(scene, windows.window).await?);
        let searched =
            format!("requests of `{}` in {}{}", self.service, windows.window, note([&before, &after]));
        let (before, after) = (before.requests_of(&self.service), after.requests_of(&self.service));
        Ok(Difference {
            slower: slower(&before, &after),
            searched,
            windows,
            requests_before: before.len(),
            requests_after: after.len(),
            calls: calls(&before, &after),
            service: self.service,
        })
    }
}

/// Compares all requests, then those of each operation: what one makes more often is hidden among others that never make it.
fn calls(before: &[Trace], after: &[Trace]) -> Vec<Call> {
    let (old, new) = (by_operation(before), by_operation(after));
    let mut all = told(None, structure_difference(before, after));
    for (operation, after) in new {
        let Some(before) = old.get(operation) else { continue };
        for found in told(Some(operation), structure_difference(before, &after)) {
            let is_same = |known: &&Call| {
                known.change.call == found.change.call && known.change.sort == found.change.sort
            };
            if !all.iter().any(|known| is_same(&known)) {
                all.push(found);
            }
        }
    }
    let weight = |call: &Call| call.change.certainty * (call.change.bad - call.change.good).abs();
    all.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    all
}

fn by_operation(traces: &[Trace]) -> BTreeMap<&str, Vec<Trace>> {
    let mut by: BTreeMap<&str, Vec<Trace>> = BTreeMap::new();
    for trace in traces {
        let operation = trace.root().map_or("", |root| root.name.as_str());
        if by.len() < MAX_OPERATIONS || by.contains_key(operation) {
            by.entry(operation).or_default().push(trace.clone());
        }
    }
    by
}

/// Keeps what chance does not explain.
fn told(operation: Option<&str>, changes: Vec<CallChange>) -> Vec<Call> {
    let sure = changes.into_iter().filter(|change| change.certainty >= MIN_CERTAINTY);
    let call = sure.map(|change| CallChange {
        call: quote(&change.call),
        good: round(change.good),
        bad: round(change.bad),
        certainty: round(change.certainty),
        ..change
    });
    call.map(|change| Call { request: operation.map(quote), change }).collect()
}

fn slower(before: &[Trace], after: &[Trace]) -> Vec<Slower> {
    let old = operations(before);
    let mut all: Vec<Slower> = Vec::new();
    for ((service, operation), now) in operations(after) {
        let Some(was) = old.get(&(service, operation)) else { continue };
        let is_slower =
            now.mean_ms() > was.mean_ms() * SLOWER_RATIO && now.mean_ms() > was.mean_ms() + SLOWER_MS;
        if is_slower && was.spans.min(now.spans) >= SLOWER_MIN_SPANS {
            all.push(Slower {
                service: service.to_owned(),
                operation: quote(operation),
                mean_ms_before: round(was.mean_ms()),
                mean_ms_after: round(now.mean_ms()),
                per_request: round(now.spans as f64 / after.len() as f64),
            });
        }
    }
    let added = |it: &Slower| (it.mean_ms_after - it.mean_ms_before) * it.per_request;
    all.sort_by(|a, b| added(b).total_cmp(&added(a)));
    all
}

/// Spans of one operation.
#[derive(Clone, Copy, Default)]
struct Spans {
    own_ms: f64,
    spans: usize,
}

impl Spans {
    fn mean_ms(&self) -> f64 {
        self.own_ms / self.spans as f64
    }
}

/// Adds up the time of operations outside of what they wait for: else whoever calls a slow one is slow as well.
fn operations(traces: &[Trace]) -> BTreeMap<(&str, &str), Spans> {
    let mut all: BTreeMap<(&str, &str), Spans> = BTreeMap::new();
    for trace in traces {
        for segment in trace.critical_path() {
            if let Some(span) = trace.spans.get(segment.span) {
                all.entry((&span.service, &span.name)).or_default().own_ms +=
                    segment.duration.as_secs_f64() * 1e3;
            }
        }
        for span in &trace.spans {
            all.entry((&span.service, &span.name)).or_default().spans += 1;
        }
    }
    all
}

/// Says in words what became of a call.
fn sort(sort: CallChangeSort, language: Language) -> &'static str {
    match sort {
        CallChangeSort::New => language.pick("new call", "新增调用"),
        CallChangeSort::Repeated => language.pick("call made more often", "调用次数增多"),
        CallChangeSort::Missing => language.pick("call no longer made", "不再调用"),
    }
}

impl Output for Difference {
    fn is_empty(&self) -> bool {
        self.requests_before == 0 || self.requests_after == 0
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let whose = &self.service;
        let calls = self.calls.iter().take(MAX_TOLD).map(|Call { request, change: found }| {
            let (what, times) = (sort(found.sort, language), change(quantity::number, found.good, found.bad));
            let of = request.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
            let text = language.pick(
                format!("{whose}{of}: {what} `{}`, {times} times per request", found.call),
                format!("{whose}{of}：{what} `{}`，每请求 {times} 次", found.call),
            );
            Fact { service: whose.clone(), topic: Topic::Trace, text }
        });
        let slower = self.slower.iter().take(MAX_TOLD).map(|slower| {
            let Slower { service, operation, mean_ms_before, mean_ms_after, .. } = slower;
            let time = change(quantity::ms, *mean_ms_before, *mean_ms_after);
            let text = language.pick(
                format!(
                    "below {whose}, {service} `{operation}` takes {time} each time, without what it waits for"
                ),
                format!("在 {whose} 之下，{service} `{operation}` 每次自身耗时 {time}"),
            );
            Fact { service: service.clone(), topic: Topic::Latency, text }
        });
        calls.chain(slower).collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (self.requests_before, self.requests_after);
        if self.is_empty() {
            return write!(
                f,
                "{before} requests before and {after} now cannot be compared; searched: {}",
                self.searched
            );
        }
        writeln!(f, "{before} requests before, {after} now ({})", self.searched)?;
        if self.calls.is_empty() && self.slower.is_empty() {
            return writeln!(f, "the same calls, as often and as fast");
        }
        let calls = self.calls.iter().map(|Call { request, change: found }| {
            let times = change(quantity::number, found.good, found.bad);
            let of = request.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            format!("{of}{}: {}, {times} times per request", sort(found.sort, Language::En), found.call)
        });
        write_rows(f, calls, MAX_LISTED)?;
        write_rows(f, self.slower.iter(), MAX_LISTED)
    }
}

impl fmt::Display for Slower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, operation, mean_ms_before, mean_ms_after, per_request } = self;
        let (time, times) =
            (change(quantity::ms, *mean_ms_before, *mean_ms_after), quantity::number(*per_request));
        write!(f, "slower: {service} {operation}, own time {time} each, {times} times per request")
    }
}
