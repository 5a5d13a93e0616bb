//! A topology made safe to reckon with: duplicates added up, numbers that are no numbers dropped, everything by name.

use std::collections::{BTreeMap, BTreeSet};

use waggle_signals::{Red, Topology};

use crate::walk::Hints;

/// Services and calls of one window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph<'a> {
    /// Length of the window, seconds; above zero.
    pub seconds: f64,
    /// What each service answered. Every end of an edge is here.
    pub nodes: BTreeMap<&'a str, Red>,
    /// Calls by caller and callee.
    pub edges: BTreeMap<(&'a str, &'a str), Calls>,
    callees: BTreeMap<&'a str, Vec<&'a str>>,
    callers: BTreeMap<&'a str, Vec<&'a str>>,
}

/// The two windows, and what is known about services that the maps do not say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows<'a> {
    pub before: Graph<'a>,
    pub after: Graph<'a>,
    pub hints: Hints,
}

/// All calls from one service to another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub asked: Red,
    pub answered: Red,
    pub retransmits: u64,
    pub connect_failures: u64,
    /// Connections opened.
    pub connections: u64,
}

impl<'a> Graph<'a> {
    pub fn new(topology: &'a Topology) -> Self {
        let mut graph = Self { seconds: topology.range.length().as_secs_f64().max(1e-9), ..Self::default() };
        for node in &topology.nodes {
            add(graph.nodes.entry(&node.service).or_default(), &node.answered);
        }
        for edge in &topology.edges {
            graph.nodes.entry(&edge.from).or_default();
            graph.nodes.entry(&edge.to).or_default();
            let calls = graph.edges.entry((&edge.from, &edge.to)).or_default();
            add(&mut calls.asked, &edge.asked);
            add(&mut calls.answered, &edge.answered);
            calls.retransmits = calls.retransmits.saturating_add(edge.retransmits);
            calls.connect_failures = calls.connect_failures.saturating_add(edge.connect_failures);
            calls.connections = calls.connections.saturating_add(edge.connections);
        }
        for ((_, to), calls) in &mut graph.edges {
            if calls.answered.count == 0 {
                calls.answered = as_answered_to_all(graph.nodes.get(to), calls.asked.count);
            }
        }
        for (from, to) in graph.edges.keys() {
            graph.callees.entry(from).or_default().push(to);
            graph.callers.entry(to).or_default().push(from);
        }
        graph
    }

    /// Returns what `service` answered; zero for one that is not here.
    pub fn answered(&self, service: &str) -> Red {
        self.nodes.get(service).copied().unwrap_or_default()
    }

    /// Returns the calls between two services; zero when there are none.
    pub fn calls(&self, from: &str, to: &str) -> Calls {
        self.edges.get(&(from, to)).copied().unwrap_or_default()
    }

    /// Returns how many units of work `service` had: requests answered or, for one that only calls, calls made.
    pub fn requests(&self, service: &str) -> f64 {
        let answered = self.answered(service).count;
        if answered > 0 {
            return answered as f64;
        }
        self.callees(service).map(|to| self.calls(service, to).attempts()).sum()
    }

    /// Returns the services that `service` calls, by name.
    pub fn callees(&self, service: &str) -> impl Iterator<Item = &'a str> + use<'_, 'a> {
        self.callees.get(service).into_iter().flatten().copied()
    }

    /// Returns the services that call `service`, by name.
    pub fn callers(&self, service: &str) -> impl Iterator<Item = &'a str> + use<'_, 'a> {
        self.callers.get(service).into_iter().flatten().copied()
    }

    /// Returns all calls made to `service` as one set.
    pub fn calls_to(&self, service: &str) -> Calls {
        Calls::sum(self.callers(service).map(|from| self.calls(from, service)))
    }

    /// Returns all calls that `service` makes as one set.
    pub fn calls_from(&self, service: &str) -> Calls {
        Calls::sum(self.callees(service).map(|to| self.calls(service, to)))
    }

    /// Tells whether `service` only asks and is never asked, as a load generator or a cron job.
    pub fn only_asks(&self, service: &str) -> bool {
        self.answered(service).count == 0
            && !self.callers.contains_key(service)
            && self.callees.contains_key(service)
    }
}

// === impl Windows ===

impl<'a> Windows<'a> {
    pub fn new(baseline: &'a Topology, window: &'a Topology, hints: Hints) -> Self {
        Self { before: Graph::new(baseline), after: Graph::new(window), hints }
    }

    /// Returns the names of all services.
    pub fn services(&self) -> BTreeSet<&'a str> {
        self.before.nodes.keys().chain(self.after.nodes.keys()).copied().collect()
    }

    /// Returns the ends of all edges.
    pub fn edges(&self) -> BTreeSet<(&'a str, &'a str)> {
        self.before.edges.keys().chain(self.after.edges.keys()).copied().collect()
    }

    /// Returns the calls between two services, before and after.
    pub fn calls(&self, from: &str, to: &str) -> (Calls, Calls) {
        (self.before.calls(from, to), self.after.calls(from, to))
    }

    /// Returns the services that `service` calls in either window, by name.
    pub fn callees(&self, service: &str) -> BTreeSet<&'a str> {
        self.before.callees(service).chain(self.after.callees(service)).collect()
    }

    /// Tells whether segments between two services are sent again more often than before: more than one in five seconds, and with more than one call in 200.
    pub fn loses_packets(&self, from: &str, to: &str) -> bool {
        let (old, new) = self.calls(from, to);
        let rise = new.retransmits as f64 / self.after.seconds - old.retransmits as f64 / self.before.seconds;
        rise > 0.2 && rise * self.after.seconds > new.attempts() / 200.0
    }
}

impl Calls {
    fn sum(all: impl Iterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for calls in all {
            add(&mut sum.asked, &calls.asked);
            add(&mut sum.answered, &calls.answered);
            sum.retransmits = sum.retransmits.saturating_add(calls.retransmits);
            sum.connect_failures = sum.connect_failures.saturating_add(calls.connect_failures);
        }
        sum
    }

    /// Returns how often the caller tried, also in vain.
    pub fn attempts(&self) -> f64 {
        self.asked.count as f64 + self.connect_failures as f64
    }

    /// Returns how many calls failed for the caller, for whatever reason.
    pub fn failed(&self) -> f64 {
        self.asked.errors.min(self.asked.count) as f64 + self.connect_failures as f64
    }

    /// Returns how many calls failed for the caller though the callee did not fail them.
    pub fn lost(&self) -> f64 {
        (self.failed() - self.answered.errors as f64).max(0.0)
    }

    /// Returns the mean time between the caller's clock and the callee's: network, and queues before the callee reads. `None` unless both saw calls.
    pub fn gap_ms(&self) -> Option<f64> {
        let both = self.asked.count > 0 && self.answered.count > 0;
        both.then(|| (self.asked.mean_ms() - self.answered.mean_ms()).max(0.0))
    }
}

/// Returns what the callee answered, where its side could not be matched to the caller's: `count` requests like those of all callers together.
fn as_answered_to_all(node: Option<&Red>, count: u64) -> Red {
    let Some(node) = node.filter(|node| node.count > 0) else { return Red::default() };
    let scale = count as f64 / node.count as f64;
    let errors = (node.errors as f64 * scale).round() as u64;
    Red { count, errors, total_ms: node.total_ms * scale, ..*node }
}

/// Adds requests up. Percentiles become means weighted by count, which is near enough for replicas of one service.
fn add(sum: &mut Red, red: &Red) {
    let (old, new) = (sum.count as f64, red.count as f64);
    let blend = |a: f64, b: f64| if old + new > 0.0 { (a * old + b * new) / (old + new) } else { 0.0 };
    let sane = |value: f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
    *sum = Red {
        count: sum.count.saturating_add(red.count),
        errors: sum.errors.saturating_add(red.errors),
        total_ms: sum.total_ms + sane(red.total_ms),
        p50_ms: blend(sum.p50_ms, sane(red.p50_ms)),
        p90_ms: blend(sum.p90_ms, sane(red.p90_ms)),
        p99_ms: blend(sum.p99_ms, sane(red.p99_ms)),
    };
}
