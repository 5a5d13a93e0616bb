//! Work told from waiting, with the service map alone.
//!
//! A request's time at a service is its own work plus the time that it waited for others; the time that a caller waited is the callee's answer plus what lies between the two.
//!
//! ## Assumptions
//!
//! A service asks others one after another.
//! Where it asks several at once, waits overlap, self time comes out too small, and [`Work::overlapping`] says so when it would fall below zero.

use std::fmt;

use serde::{Deserialize, Serialize};
use waggle_signals::Topology;

use crate::{graph::Graph, quantity};

/// Where the time of one service's requests goes, per request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Whose.
    pub service: String,
    /// Requests that it answered; never zero.
    pub requests: u64,
    /// Mean time to answer, milliseconds.
    pub total_ms: f64,
    /// Mean time outside of its calls, milliseconds; never negative.
    pub self_ms: f64,
    /// Mean time inside its calls, milliseconds.
    pub waiting_ms: f64,
    /// Its waits add up to more than its answers take: it asks several at once.
    pub overlapping: bool,
    /// Failed requests per request, 0 to 1.
    pub error_ratio: f64,
    /// The part of `error_ratio` that failing calls of its own do not explain.
    pub own_error_ratio: f64,
}

/// What lies between a caller and its callee, per call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
    /// Calls as the caller counted them.
    pub calls: u64,
    /// Mean time that the caller waited, milliseconds.
    pub asked_ms: f64,
    /// Mean time that the callee took, milliseconds; `None` when the callee was not seen.
    pub answered_ms: Option<f64>,
    /// The difference: network, connecting, and queues before the callee reads. Never negative; `None` when the callee was not seen.
    pub gap_ms: Option<f64>,
}

/// Tells work from waiting for each service that answered requests, by name.
pub fn work(topology: &Topology) -> Vec<Work> {
    let graph = Graph::new(topology);
    graph.nodes.keys().filter_map(|service| work_of(&graph, service)).collect()
}

/// Tells what lies between the two ends of each edge that carried calls, by caller and callee.
pub fn gaps(topology: &Topology) -> Vec<Gap> {
    let graph = Graph::new(topology);
    let with_calls = graph.edges.iter().filter(|(_, calls)| calls.asked.count > 0);
    with_calls
        .map(|((from, to), calls)| Gap {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            calls: calls.asked.count,
            asked_ms: calls.asked.mean_ms(),
            answered_ms: (calls.answered.count > 0).then(|| calls.answered.mean_ms()),
            gap_ms: calls.gap_ms(),
        })
        .collect()
}

/// `None` when `service` answered nothing.
pub(crate) fn work_of(graph: &Graph<'_>, service: &str) -> Option<Work> {
    let answered = graph.answered(service);
    if answered.count == 0 {
        return None;
    }
    let requests = answered.count as f64;
    let (mut waiting_ms, mut failed) = (0.0, 0.0);
    for to in graph.callees(service) {
        let calls = graph.calls(service, to);
        waiting_ms += calls.asked.total_ms / requests;
        failed += calls.failed() / requests;
    }
    let total_ms = answered.mean_ms();
    let error_ratio = answered.error_ratio().min(1.0);
    Some(Work {
        service: service.to_owned(),
        requests: answered.count,
        total_ms,
        self_ms: (total_ms - waiting_ms).max(0.0),
        waiting_ms,
        overlapping: waiting_ms > total_ms,
        error_ratio,
        own_error_ratio: (error_ratio - failed).max(0.0),
    })
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` {} requests of {}: own work {}, waiting {}, errors {} (own {})",
            self.service,
            self.requests,
            quantity::ms(self.total_ms),
            quantity::ms(self.self_ms),
            quantity::ms(self.waiting_ms),
            quantity::percent(self.error_ratio),
            quantity::percent(self.own_error_ratio),
        )
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` → `{}` {} calls of {}", self.from, self.to, self.calls, quantity::ms(self.asked_ms))?;
        match (self.answered_ms, self.gap_ms) {
            (Some(answered), Some(gap)) => {
                write!(f, ": answered in {}, between them {}", quantity::ms(answered), quantity::ms(gap))
            }
            _ => write!(f, ": the callee was not seen"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Shop, red};

    #[test]
    fn self_time_is_what_waiting_leaves() {
        let topology = Shop::new(10)
            .node("checkout", red(100, 0, 84.0))
            .node("cart", red(200, 0, 20.0))
            .edge("checkout", "cart", red(200, 0, 22.0), red(200, 0, 20.0))
            .build();
        let work = work(&topology);
        assert_eq!((work[1].service.as_str(), work[1].self_ms, work[1].waiting_ms), ("checkout", 40.0, 44.0));
        assert_eq!(gaps(&topology)[0].gap_ms, Some(2.0));
        assert_eq!(
            work[1].to_string(),
            "`checkout` 100 requests of 84 ms: own work 40 ms, waiting 44 ms, errors 0% (own 0%)"
        );
    }

    #[test]
    fn calls_at_once_never_give_negative_work() {
        let topology = Shop::new(10)
            .node("page", red(10, 0, 50.0))
            .edge("page", "a", red(10, 0, 45.0), red(10, 0, 45.0))
            .edge("page", "b", red(10, 0, 45.0), red(10, 0, 45.0))
            .build();
        let work = work(&topology);
        assert_eq!((work[0].self_ms, work[0].overlapping), (0.0, true));
    }

    #[test]
    fn errors_that_failing_calls_explain_are_not_own() {
        let topology = Shop::new(10)
            .node("checkout", red(100, 30, 10.0))
            .edge("checkout", "payment", red(100, 20, 5.0), red(100, 20, 5.0))
            .build();
        assert!((work(&topology)[0].own_error_ratio - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_service_that_answered_nothing_has_no_work() {
        assert_eq!(work(&Shop::new(10).node("idle", red(0, 0, 0.0)).build()), []);
    }
}
