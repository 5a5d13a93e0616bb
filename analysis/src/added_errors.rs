//! How a symptom's added errors split over the services below it.
//!
//! Errors flow down the calls: to a callee as far as more calls to it fail, and what is left is the service's own.
//! Of those that flow to a callee, the ones that it did not answer with were lost on the way to it.

use crate::{
    graph::{Calls, Windows},
    walk::{MAX_DEPTH, Suffered, Walker},
    worsening::worsening,
};

/// Flow of errors below which the walk stops: a thousandth of the trouble.
const MIN_FLOW: f64 = 1e-3;

impl<'a> Walker<'a> {
    /// Splits the root's added errors over it and the services below: those lost on the way to it, and those that it answered.
    pub(crate) fn split_errors(&mut self, root: &'a str) {
        let mut way = vec![root];
        if self.windows.before.only_asks(root) {
            self.split_answered(root, 1.0, &mut way);
            return;
        }
        let (old, new) = (self.windows.before.calls_to(root), self.windows.after.calls_to(root));
        let rise = |part: fn(&Calls) -> f64| {
            (part(&new) / new.attempts().max(1.0) - part(&old) / old.attempts().max(1.0)).max(0.0)
        };
        let (failed, lost) = (rise(Calls::failed), rise(Calls::lost));
        let lost_share = if failed > 0.0 { (lost / failed).min(1.0) } else { 0.0 };
        let answers = self.windows.after.answered(root).count > 0;
        let lost_share = if answers { lost_share } else { 1.0 };
        if lost_share > 0.0 {
            self.lose(root, lost_share, &mut way);
        }
        if lost_share < 1.0 {
            self.split_answered(root, 1.0 - lost_share, &mut way);
        }
    }

    /// Splits `flow` of errors that `service` answered between itself and its callees. `way` is how the flow came here.
    fn split_answered(&mut self, service: &'a str, flow: f64, way: &mut Vec<&'a str>) {
        let (before, after) = (&self.windows.before, &self.windows.after);
        let (n_before, n_after) = (before.requests(service).max(1.0), after.requests(service).max(1.0));
        let own_rise = after.answered(service).error_ratio() - before.answered(service).error_ratio();
        let callees = self.windows.callees(service);
        let mut below = Vec::new();
        let mut explained = 0.0;
        for callee in callees.into_iter().filter(|callee| !way.contains(callee)) {
            let (old, new) = (before.calls(service, callee), after.calls(service, callee));
            let failed = (new.failed() / n_after).min(1.0) - (old.failed() / n_before).min(1.0);
            let lost = (new.lost() / n_after).min(1.0) - (old.lost() / n_before).min(1.0);
            if failed > 1e-4 {
                explained += failed;
                below.push((callee, failed, (lost / failed).clamp(0.0, 1.0)));
            }
        }
        let mut own = (own_rise - explained).max(0.0);
        if let Some(callee) = self.ended_callee(service).filter(|callee| !way.contains(callee) && own > 0.0) {
            explained += own;
            below.push((callee, own, 1.0));
            own = 0.0;
        }
        let total = own + explained;
        if total <= 0.0 {
            self.credited(service).own_error_share += flow;
            return;
        }
        self.credited(service).own_error_share += flow * own / total;
        for (callee, failed, lost) in below {
            let flow = flow * failed / total;
            self.pass(service, callee, (0.0, flow));
            if flow < MIN_FLOW || way.len() >= MAX_DEPTH {
                self.credited(callee).own_error_share += flow;
                continue;
            }
            way.push(callee);
            if lost > 0.0 {
                self.blame_caller(service, callee, Suffered { errors: flow * lost, ms: 0.0 });
                self.lose(callee, flow * lost, way);
            }
            if lost < 1.0 {
                self.split_answered(callee, flow * (1.0 - lost), way);
            }
            way.pop();
        }
    }

    /// Returns the callee that `service` no longer asks because its process ended; refused connections are not always seen.
    fn ended_callee(&self, service: &str) -> Option<&'a str> {
        let Windows { before, after, hints } = self.windows;
        let vanished = |callee: &&str| {
            let (old, new) = self.windows.calls(service, callee);
            new.attempts() / after.seconds < 0.5 * old.attempts() / before.seconds
        };
        before.callees(service).find(|callee| hints.ended.contains(*callee) && vanished(callee))
    }

    /// Credits `flow` of requests that `service` left without an answer; to those below it that leave it waiting in vain, when there are any.
    fn lose(&mut self, service: &'a str, flow: f64, way: &mut Vec<&'a str>) {
        let after = &self.windows.after;
        let hangs = after.answered(service).count == 0;
        let vain = |callee: &str| {
            let calls = after.calls(service, callee);
            let tries = calls.lost() + calls.attempts() - calls.asked.count as f64;
            if worsening(self.windows, callee).silent { tries } else { 0.0 }
        };
        let below = after.callees(service).filter(|callee| !way.contains(callee));
        let deepest = below.map(|callee| (vain(callee), callee)).max_by(|a, b| a.0.total_cmp(&b.0));
        match deepest.filter(|(tries, _)| hangs && *tries > 0.0 && way.len() < MAX_DEPTH) {
            Some((_, callee)) => {
                self.pass(service, callee, (0.0, flow));
                self.blame_caller(service, callee, Suffered { errors: flow, ms: 0.0 });
                way.push(callee);
                self.lose(callee, flow, way);
                way.pop();
            }
            None => self.credited(service).lost_error_share += flow,
        }
    }
}
