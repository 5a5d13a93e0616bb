//! Where a triage starts: which service is in trouble, since when, and whether it is trouble at all.

use std::collections::BTreeMap;

use waggle_signals::Timestamp;

use crate::{
    anomaly::Anomaly,
    facts::Facts,
    graph::Windows,
    observed::{Observed, Use},
    walk::Walk,
    worsening::{Worsening, worsening},
};

/// Trouble inside, that users do not feel, is still trouble from here on: latency doubled, or one request in six failing.
const SEVERE: f64 = 1.0;

/// Steps that an anomaly lasts at least, to be more than a stall of the host.
const LASTING_STEPS: usize = 5;

/// Failures of calls to a service that restarted and answers again, up to this share, are the restart itself.
const RESTART_ERRORS: f64 = 0.1;

/// Returns when it began: as told, else the first anomaly that users feel, else the start of the window.
pub(crate) fn onset(observed: &Observed) -> Timestamp {
    let felt = observed.anomalies.iter().flatten().filter(|anomaly| anomaly.is_symptom());
    let first = felt.map(|anomaly| anomaly.onset).min();
    observed.onset.or(first).unwrap_or(observed.window.range.from())
}

/// Returns the service to start from: the one that was named if it is in trouble, else the entry that is worst off, else any service in severe trouble.
///
/// Without trouble, the one that was named, or the busiest entry. Empty for an empty map.
pub(crate) fn root(observed: &Observed, windows: &Windows<'_>, missing: &mut Vec<String>) -> String {
    let (before, after) = (&windows.before, &windows.after);
    let names = windows.services();
    let named = observed.symptom.as_ref().map(|symptom| symptom.service.as_str());
    if let Some(service) = named {
        if !names.contains(service) {
            missing.push(format!("service `{service}`: it was not seen in either window"));
        } else if worsening(windows, service).is_trouble() {
            return service.to_owned();
        }
    }
    let answers = |service: &str| before.answered(service).count + after.answered(service).count > 0;
    let is_entry = |service: &str| {
        answers(service) && !before.callers(service).any(|from| from != service && answers(from))
    };
    let (mut worst_entry, mut worst_inside, mut busiest) = ((0.0, None), (SEVERE, None), (0, None));
    for service in names.iter().copied() {
        let severity = worsening(windows, service).severity();
        let requests = before.answered(service).count;
        if severity > worst_inside.0 {
            worst_inside = (severity, Some(service));
        }
        if is_entry(service) && severity > worst_entry.0 {
            worst_entry = (severity, Some(service));
        }
        if is_entry(service) && requests >= busiest.0 {
            busiest = (requests, Some(service));
        }
    }
    let named = named.filter(|service| names.contains(service));
    worst_entry.1.or(worst_inside.1).or(named).or(busiest.1).unwrap_or_default().to_owned()
}

/// Names the kinds of telemetry that are not there.
pub(crate) fn missing(observed: &Observed) -> Vec<String> {
    let knows = |of: fn(&Use) -> Option<f64>| {
        observed.resources.iter().any(|used| of(&used.before).is_some() && of(&used.after).is_some())
    };
    let absent = [
        (observed.baseline.nodes.is_empty(), "requests in the baseline: there is nothing to compare with"),
        (observed.window.nodes.is_empty() && observed.window.edges.is_empty(), "requests in the window"),
        (!knows(|used| used.cpu_cores), "CPU use of the services"),
        (
            !knows(|used| used.cpu_wait),
            "run-queue wait of the services: a CPU neighbour cannot be told from slow code",
        ),
    ];
    absent.into_iter().filter(|(is_absent, _)| *is_absent).map(|(_, what)| what.to_owned()).collect()
}

/// Tells whether all that is wrong is a few calls that failed while a service restarted, and that it answers again.
pub(crate) fn is_a_restart(walk: &Walk, all: &BTreeMap<&str, Facts<'_>>) -> bool {
    let seen = &walk.worsening;
    let only_few_errors = seen.failing && !seen.slower && !seen.silent && seen.errors_after < RESTART_ERRORS;
    let lost_at_restarts: f64 = walk
        .contributions
        .iter()
        .filter(|c| {
            all.get(c.service.as_str())
                .is_some_and(|f| f.or_zero("restarted") > 0.0 && f.or_zero("silent") == 0.0)
        })
        .map(|c| c.lost_error_share)
        .sum();
    only_few_errors && lost_at_restarts > 0.8
}

/// Tells whether a scan, second by second, found nothing that lasts at the symptom, though its sums are worse: a stall of a moment, or a few bad seconds here and there.
///
/// Sums that are much worse are believed all the same, unless most requests are as quick as before and none fail.
pub(crate) fn is_passing(observed: &Observed, seen: &Worsening) -> bool {
    let Some(anomalies) = &observed.anomalies else { return false };
    let is_mild = seen.severity() < SEVERE || (seen.slower && !seen.most_are_slower && !seen.failing);
    let lasts = |anomaly: &Anomaly| anomaly.is_symptom() && anomaly.steps >= LASTING_STEPS;
    is_mild && !seen.silent && !anomalies.iter().any(|a| a.service() == seen.service && lasts(a))
}
