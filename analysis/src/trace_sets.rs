//! Many traces: who spent the time, which one stands for the rest, and how bad ones differ from good ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use waggle_signals::SpanKind;

use crate::{
    quantity, robust,
    traces::{Trace, TraceSpan},
};

/// What one service spent of requests' time, over many traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The service.
    pub service: String,
    /// Mean milliseconds on the critical path, per trace.
    pub mean_ms: f64,
    /// Its part of all traces' time, 0 to 1.
    pub share: f64,
}

/// How calls of one kind differ between good and bad traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallChange {
    /// The call: `checkout → inventory GET /stock`.
    pub call: String,
    /// What became of it.
    pub sort: CallChangeSort,
    /// Mean times per good trace.
    pub good: f64,
    /// Mean times per bad trace.
    pub bad: f64,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallChangeSort {
    /// Good traces have none.
    New,
    /// At least twice as often.
    Repeated,
    /// Bad traces have none.
    Missing,
}

/// A call is usual when this share of traces or more has it.
const USUAL: f64 = 0.5;

/// Returns what each service spent on the critical paths of `traces`, most first; empty for no traces.
pub fn budget(traces: &[Trace]) -> Vec<Budget> {
    let mut spent: BTreeMap<&str, f64> = BTreeMap::new();
    for trace in traces {
        for segment in trace.critical_path() {
            let service = trace.spans[segment.span].service.as_str();
            *spent.entry(service).or_default() += segment.duration.as_secs_f64() * 1000.0;
        }
    }
    let all: f64 = spent.values().sum();
    let mut budgets: Vec<Budget> = spent
        .into_iter()
        .map(|(service, ms)| Budget {
            service: service.to_owned(),
            mean_ms: ms / traces.len() as f64,
            share: if all > 0.0 { ms / all } else { 0.0 },
        })
        .collect();
    budgets.sort_by(|a, b| b.mean_ms.total_cmp(&a.mean_ms));
    budgets
}

/// Returns the trace whose duration is the nearest to the percentile `q` (0 to 1); `None` for no traces.
///
/// Among equally near ones the trace with most spans, which tells most.
pub fn exemplar(traces: &[Trace], q: f64) -> Option<&Trace> {
    let durations: Vec<f64> = traces.iter().map(|trace| trace.duration().as_secs_f64()).collect();
    let wanted = robust::quantile(&durations, q)?;
    let distance = |trace: &Trace| (trace.duration().as_secs_f64() - wanted).abs();
    traces
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)).then_with(|| b.spans.len().cmp(&a.spans.len())))
}

/// Tells which calls bad traces have that good ones have not, or far more often, or no longer; those that changed most first. Empty when either is.
pub fn structure_difference(good: &[Trace], bad: &[Trace]) -> Vec<CallChange> {
    if good.is_empty() || bad.is_empty() {
        return Vec::new();
    }
    let (good, bad) = (mean_calls(good), mean_calls(bad));
    let names: BTreeSet<&String> = good.keys().chain(bad.keys()).collect();
    let mut changes: Vec<CallChange> = names
        .into_iter()
        .filter_map(|call| {
            let mean = |calls: &BTreeMap<String, f64>| calls.get(call).copied().unwrap_or(0.0);
            let (good, bad) = (mean(&good), mean(&bad));
            let sort = match (good, bad) {
                (good, bad) if good < 0.05 && bad >= USUAL => CallChangeSort::New,
                (good, bad) if bad < 0.05 && good >= USUAL => CallChangeSort::Missing,
                (good, bad) if good > 0.0 && bad >= 2.0 * good && bad - good >= USUAL => {
                    CallChangeSort::Repeated
                }
                _ => return None,
            };
            Some(CallChange { call: call.clone(), sort, good, bad })
        })
        .collect();
    changes.sort_by(|a, b| (b.bad - b.good).abs().total_cmp(&(a.bad - a.good).abs()));
    changes
}

fn mean_calls(traces: &[Trace]) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for (call, times) in traces.iter().flat_map(Trace::calls) {
        *sums.entry(call).or_default() += times;
    }
    sums.values_mut().for_each(|sum| *sum /= traces.len() as f64);
    sums
}

impl Trace {
    /// Returns how often each call was made, by `caller → service name`; only what a service was asked, as its own side saw it or, where it was not seen, its caller's.
    fn calls(&self) -> BTreeMap<String, f64> {
        let mut calls = BTreeMap::new();
        for span in &self.spans {
            let is_answer = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
            let is_unseen = matches!(span.kind, SpanKind::Client | SpanKind::Producer)
                && !span.children.iter().any(|child| self.spans[*child].service != span.service);
            if is_answer || is_unseen {
                *calls.entry(self.call(span)).or_insert(0.0) += 1.0;
            }
        }
        calls
    }

    fn call(&self, span: &TraceSpan) -> String {
        let mut caller = span.parent.map(|parent| &self.spans[parent]);
        while let Some(above) = caller.filter(|above| above.service == span.service) {
            caller = above.parent.map(|parent| &self.spans[parent]);
        }
        match (caller, span.kind) {
            (_, SpanKind::Client | SpanKind::Producer) => format!("{} → ? {}", span.service, span.name),
            (Some(caller), _) => format!("{} → {} {}", caller.service, span.service, span.name),
            (None, _) => format!("{} {}", span.service, span.name),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {} ({})", self.service, quantity::ms(self.mean_ms), quantity::percent(self.share))
    }
}

impl fmt::Display for CallChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sort = match self.sort {
            CallChangeSort::New => "new",
            CallChangeSort::Repeated => "repeated",
            CallChangeSort::Missing => "missing",
        };
        let (good, bad) = (quantity::number(self.good), quantity::number(self.bad));
        write!(f, "{sort} call `{}`: {good} → {bad} times per request", self.call)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixture::{ORDER, Row, traces};

    #[test]
    fn the_budget_is_what_services_spent_on_critical_paths() {
        let budget: Vec<String> = budget(&traces(&[&ORDER])).iter().map(Budget::to_string).collect();
        assert_eq!(budget, ["`inventory` 50 ms (50%)", "`checkout` 30 ms (30%)", "`gateway` 20 ms (20%)"]);
    }

    #[test]
    fn bad_traces_differ_by_new_repeated_and_missing_calls() {
        let bad: [Row; 6] = [
            (1, 0, 0, 0, 100),
            (2, 1, 1, 10, 90),
            (4, 2, 3, 20, 30),
            (5, 2, 3, 30, 40),
            (6, 2, 3, 40, 50),
            (7, 4, 2, 21, 29),
        ];
        let changes = structure_difference(&traces(&[&ORDER, &ORDER]), &traces(&[&bad]));
        let text: Vec<String> = changes.iter().map(CallChange::to_string).collect();
        assert_eq!(
            text,
            [
                "repeated call `checkout → inventory GET /`: 1 → 3 times per request",
                "missing call `checkout → cart GET /`: 1 → 0 times per request",
                "new call `inventory → cart GET /`: 0 → 1 times per request",
            ]
        );
        assert_eq!(structure_difference(&[], &traces(&[&bad])), []);
    }

    #[test]
    fn the_exemplar_is_near_the_percentile() {
        let all: Vec<[Row; 1]> = (1..=100).map(|ms| [(1, 0, 0, 0, ms)]).collect();
        let rows: Vec<&[Row]> = all.iter().map(<[Row; 1]>::as_slice).collect();
        let traces = traces(&rows);
        assert_eq!(exemplar(&traces, 0.99).unwrap().duration(), Duration::from_millis(99));
        assert_eq!(exemplar(&[], 0.99), None);
    }
}
