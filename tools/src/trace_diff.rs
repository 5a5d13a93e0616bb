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
    trace_reads::read_traces,
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
    calls: Vec<CallChange>,
    /// Operations that take longer each time, by what they add to a request.
    slower: Vec<Slower>,
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
        let mut searched = format!("requests of `{}` in {}", self.service, windows.window);
        for note in [before.note(), after.note()].into_iter().filter(|note| !note.is_empty()).take(1) {
            searched = format!("{searched}, {note}");
        }
        let (before, after) = (before.requests_of(&self.service), after.requests_of(&self.service));
        let mut calls = structure_difference(&before, &after);
        calls.retain(|call| call.certainty >= MIN_CERTAINTY);
        for call in &mut calls {
            call.call = quote(&call.call);
            (call.good, call.bad, call.certainty) =
                (round(call.good), round(call.bad), round(call.certainty));
        }
        Ok(Difference {
            slower: slower(&before, &after),
            searched,
            windows,
            requests_before: before.len(),
            requests_after: after.len(),
            calls,
            service: self.service,
        })
    }
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
        let calls = self.calls.iter().take(MAX_TOLD).map(|call| {
            let (what, times) = (sort(call.sort, language), change(quantity::number, call.good, call.bad));
            let text = language.pick(
                format!("{whose}: {what} `{}`, {times} times per request", call.call),
                format!("{whose}：{what} `{}`，每请求 {times} 次", call.call),
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
        let calls = self.calls.iter().map(|call| {
            let times = change(quantity::number, call.good, call.bad);
            format!("{}: {}, {times} times per request", sort(call.sort, Language::En), call.call)
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
