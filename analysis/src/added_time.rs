//! How the time that a symptom's requests take longer splits over the services below it.
//!
//! The split is exact. A service's mean time is `self + Σ calls × (gap + callee)`, so its change is the sum of its change of self time,
//! its change of calls (times what a call costs), the change of each gap, and the change of each callee, which is split the same way.
//! Products are split at their midpoints, which for two factors is the Shapley value.

use std::collections::BTreeMap;

use crate::{
    graph::{Graph, Windows},
    self_time::work_of,
    walk::{MAX_DEPTH, Suffered, Walker},
};

/// Added milliseconds of run-queue wait per request below which a service is not short of CPU: one scheduler tick at 1000 Hz is 1 ms, and less is common.
const MIN_RUN_QUEUE_MS: f64 = 0.3;

/// Visits per request of the root below which a way is not followed further.
const MIN_VISITS: f64 = 1e-6;

/// Failed connections for each request of the caller below which they explain no time: one in ten.
const MIN_REFUSALS: f64 = 0.1;

impl<'a> Walker<'a> {
    /// Splits the time that was added to each request of the root over it and the services below.
    pub(crate) fn split_time(&mut self, root: &'a str) {
        let before = &self.windows.before;
        let all = before.calls_to(root).attempts().max(1.0);
        for from in before.callers(root) {
            self.credit_gap(from, root, before.calls(from, root).attempts() / all);
        }
        let most_visits = self.most_visits(root);
        let mut frontier = BTreeMap::from([(root, 1.0)]);
        for _ in 0..MAX_DEPTH {
            let mut next: BTreeMap<&str, f64> = BTreeMap::new();
            for (service, visits) in frontier {
                let room = most_visits(service) - self.credited(service).visits;
                let visits = f64::min(visits, room);
                if visits <= MIN_VISITS {
                    continue;
                }
                for (callee, calls) in self.split_service(service, visits) {
                    *next.entry(callee).or_default() += visits * calls;
                }
            }
            if next.is_empty() {
                return;
            }
            frontier = next;
        }
    }

    /// Returns a function that gives, by service, how often one request of the root can ask it at most: as often as it was asked by anyone.
    ///
    /// This ends cycles: what goes round twice was counted once.
    fn most_visits(&self, root: &str) -> impl Fn(&str) -> f64 + use<'a> {
        let windows = self.windows;
        let reached = |graph: &Graph<'_>, service: &str| {
            graph.requests(service).max(graph.calls_to(service).attempts())
        };
        let of_root = (reached(&windows.before, root).max(1.0), reached(&windows.after, root).max(1.0));
        move |service| {
            let before = reached(&windows.before, service) / of_root.0;
            before.max(reached(&windows.after, service) / of_root.1)
        }
    }

    /// Credits `visits` of `service` with what it adds itself, and returns its callees with the calls to each per request.
    fn split_service(&mut self, service: &'a str, visits: f64) -> Vec<(&'a str, f64)> {
        let (before, after) = (&self.windows.before, &self.windows.after);
        self.credited(service).visits += visits;
        let (n_before, n_after) = (before.requests(service), after.requests(service));
        let callees = self.windows.callees(service);
        if let (Some(work_before), Some(work_after)) = (work_of(before, service), work_of(after, service)) {
            self.credit_self(service, visits * (work_after.self_ms - work_before.self_ms));
        }
        let mut below = Vec::new();
        for callee in callees {
            let (old, new) = (before.calls(service, callee), after.calls(service, callee));
            if n_before < 1.0 || n_after < 1.0 || new.asked.count == 0 {
                continue;
            }
            let (calls_before, calls_after) =
                (old.asked.count as f64 / n_before, new.asked.count as f64 / n_after);
            let (cost_before, cost_after) = (old.asked.mean_ms(), new.asked.mean_ms());
            if old.asked.count == 0 {
                self.credited(service).more_calls_ms += visits * calls_after * cost_after;
                continue;
            }
            let calls = (calls_before + calls_after) / 2.0;
            let cost = (cost_before + cost_after) / 2.0;
            let more_ms = visits * (calls_after - calls_before) * cost;
            let more_failed = new.failed() / n_after - old.failed() / n_before;
            let retried = retried_part(calls_after - calls_before, more_failed);
            self.credited(service).more_calls_ms += more_ms * (1.0 - retried);
            self.credited(callee).retried_ms += more_ms * retried;
            self.credit_gap(service, callee, visits * calls);
            let added = visits * (calls_after * cost_after - calls_before * cost_before);
            self.pass(service, callee, (added, 0.0));
            below.push((callee, calls));
        }
        below
    }

    /// Credits a service with time of its own, except for what it spent on connections that did not come about: no call was made
    /// in that time, so it looks like work, and is the doing of whoever could not be reached.
    fn credit_self(&mut self, service: &'a str, added_ms: f64) {
        let (before, after) = (&self.windows.before, &self.windows.after);
        let (n_before, n_after) = (before.requests(service).max(1.0), after.requests(service).max(1.0));
        let refusals = self.windows.callees(service).into_iter().map(|callee| {
            let (old, new) = self.windows.calls(service, callee);
            let more = new.connect_failures as f64 / n_after - old.connect_failures as f64 / n_before;
            (callee, more.max(0.0))
        });
        let refusals: Vec<(&'a str, f64)> = refusals.filter(|(_, more)| *more >= MIN_REFUSALS).collect();
        let all: f64 = refusals.iter().map(|(_, more)| more).sum();
        let part = if added_ms > 0.0 { all.min(1.0) } else { 0.0 };
        self.credited(service).self_ms += added_ms * (1.0 - part);
        for (callee, more) in refusals.into_iter().filter(|_| part > 0.0) {
            let ms = added_ms * part * more / all;
            self.credited(callee).retried_ms += ms;
            self.pass(service, callee, (ms, 0.0));
        }
    }

    /// Credits what lies between caller and callee: to the callee, except for the part that the caller itself waited for a CPU before it could read the answer.
    fn credit_gap(&mut self, from: &'a str, to: &'a str, calls: f64) {
        let (old, new) = self.windows.calls(from, to);
        if old.asked.count == 0 || new.asked.count == 0 {
            return;
        }
        let asked = new.asked.mean_ms() - old.asked.mean_ms();
        let both_saw_it = old.answered.count > 0 && new.answered.count > 0;
        let answered = if both_saw_it { new.answered.mean_ms() - old.answered.mean_ms() } else { 0.0 };
        let gap_ms = calls * (asked - answered);
        if self.windows.loses_packets(from, to) {
            let credit = self.credited(to);
            credit.gap_ms += gap_ms;
            credit.network_ms += gap_ms;
            self.blame_caller(from, to, Suffered { errors: 0.0, ms: gap_ms });
            return;
        }
        let callers_part = self.callers_part(from, to);
        self.credited(from).self_ms += gap_ms * callers_part;
        self.credited(to).gap_ms += gap_ms * (1.0 - callers_part);
        self.blame_caller(from, to, Suffered { errors: 0.0, ms: gap_ms });
    }

    /// Returns the part of a gap, 0 to 1, that is the caller's: an answer lies in its socket while it has no CPU to read it.
    fn callers_part(&self, from: &str, to: &str) -> f64 {
        let Windows { before, after, hints } = self.windows;
        let waits = |service: &str| hints.run_queue_ms.get(service).map_or(0.0, |ms| ms.max(0.0));
        let works = |service: &str| match (work_of(before, service), work_of(after, service)) {
            (Some(before), Some(after)) => (after.self_ms - before.self_ms).max(0.0),
            _ => 0.0,
        };
        if waits(from) < MIN_RUN_QUEUE_MS {
            return 0.0;
        }
        let (caller, callee) = (waits(from) + works(from), waits(to) + works(to));
        caller / (caller + callee)
    }
}

/// Returns the part of added calls that are second attempts, 0 to 1: as many as more calls fail.
fn retried_part(more_calls: f64, more_failed: f64) -> f64 {
    if more_calls > 0.0 { (more_failed / more_calls).clamp(0.0, 1.0) } else { 0.0 }
}
