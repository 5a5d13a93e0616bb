//! What was looked at and is not to blame, each with the numbers that say so.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use waggle_signals::Timestamp;

use crate::{
    facts::{Facts, is_before},
    graph::{Graph, Windows},
    observed::{Change, Observed},
    quantity,
    suspects::Suspect,
    walk::Walk,
};

/// A suspect that the data clears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuledOut {
    /// Who or what: `payment`, `deploy 3af9c12 of payment`, `network`, `CPU neighbours`.
    pub suspect: String,
    /// Why not, with numbers.
    pub reason: String,
}

/// Most services that are cleared one by one.
const MAX_SERVICES: usize = 8;

/// Returns what the data clears: changes first, then the network, CPU neighbours, traffic, and the services below the symptom.
pub(crate) fn ruled_out(
    observed: &Observed,
    windows: &Windows<'_>,
    walk: &Walk,
    all: &BTreeMap<&str, Facts<'_>>,
    first: Option<&Suspect>,
    onset: Timestamp,
) -> Vec<RuledOut> {
    let mut cleared: Vec<RuledOut> = Vec::new();
    cleared.extend(
        observed.changes.iter().filter_map(|c| change(c, walk, all.get(c.service.as_str()), first, onset)),
    );
    cleared.extend(network(windows, first));
    cleared.extend(neighbours(observed, all, first));
    cleared.extend(traffic(walk, all, first));
    let below = walk.contributions.iter().rev().filter_map(|c| all.get(c.service.as_str()));
    cleared.extend(below.filter_map(|facts| service(facts, walk, first)).take(MAX_SERVICES));
    cleared
}

fn change(
    change: &Change,
    walk: &Walk,
    facts: Option<&Facts<'_>>,
    first: Option<&Suspect>,
    onset: Timestamp,
) -> Option<RuledOut> {
    let is_blamed = first.and_then(|first| first.change.as_ref()) == Some(change);
    if is_blamed {
        return None;
    }
    let noun = if change.kind == "commit" { "deploy" } else { change.kind.as_str() };
    let suspect = format!("{noun} {} of {}", quantity::short(&change.id), change.service);
    let reason = if !is_before(change, onset) {
        let late = quantity::number(change.at.since(onset).as_secs_f64());
        format!("{late} s after the onset, at {}", quantity::clock(change.at))
    } else {
        let early = quantity::number(onset.since(change.at).as_secs_f64());
        let effect = match facts {
            None => "its service was not seen".to_owned(),
            Some(facts) if walk.contribution(&change.service).is_none() => {
                format!("no request of `{}` reaches it{}", walk.root, own_numbers(facts))
            }
            Some(facts) if first.is_none() => format!("nothing got worse{}", own_numbers(facts)),
            Some(facts) => {
                let share = quantity::percent(facts.or_zero("explained"));
                format!("its service explains {share} of the symptom{}", own_numbers(facts))
            }
        };
        if first.is_none() { effect } else { format!("{early} s before the onset, but {effect}") }
    };
    Some(RuledOut { suspect, reason })
}

fn own_numbers(facts: &Facts<'_>) -> String {
    let (Some(before), Some(after)) = (facts.value("self_ms.before"), facts.value("self_ms.after")) else {
        return String::new();
    };
    let errors = facts.or_zero("errors.own.delta");
    format!(
        "; own work {} → {}, own errors +{}",
        quantity::ms(before),
        quantity::ms(after),
        quantity::percent(errors)
    )
}

fn network(windows: &Windows<'_>, first: Option<&Suspect>) -> Option<RuledOut> {
    let edges = windows.edges();
    let loses = edges.iter().any(|(from, to)| windows.loses_packets(from, to));
    // Traces alone draw edges too, but say nothing of what the network did below them.
    let is_measured = [&windows.before, &windows.after]
        .iter()
        .flat_map(|graph| graph.edges.values())
        .any(|calls| calls.connections + calls.retransmits + calls.connect_failures > 0);
    if !is_measured || loses || first.is_some_and(|first| first.fault_class == "packet_loss") {
        return None;
    }
    let rate =
        |graph: &Graph<'_>| graph.edges.values().map(|c| c.retransmits as f64).sum::<f64>() / graph.seconds;
    Some(RuledOut {
        suspect: "network".to_owned(),
        reason: format!(
            "segments sent again {} → {} on {} edges",
            quantity::per_second(rate(&windows.before)),
            quantity::per_second(rate(&windows.after)),
            edges.len()
        ),
    })
}

fn neighbours(
    observed: &Observed,
    all: &BTreeMap<&str, Facts<'_>>,
    first: Option<&Suspect>,
) -> Option<RuledOut> {
    if first.is_some_and(|first| first.fault_class == "cpu_contention") {
        return None;
    }
    // Cleared for the first suspect or, without one, for the service that waits longest.
    let measured = all.values().filter(|facts| facts.value("cpu_wait.delta").is_some());
    let facts = match first {
        Some(first) => {
            all.get(first.service.as_str()).filter(|facts| facts.value("cpu_wait.delta").is_some())?
        }
        None => {
            measured.max_by(|a, b| a.or_zero("cpu_wait.delta").total_cmp(&b.or_zero("cpu_wait.delta")))?
        }
    };
    let waited = (facts.or_zero("cpu_wait.before"), facts.or_zero("cpu_wait.after"));
    let share = facts.or_zero("cpu_wait.share");
    let part = match first {
        Some(_) => format!(", {} of the time that it adds", quantity::percent(share.min(1.0))),
        None => String::new(),
    };
    let is_flat = facts.or_zero("cpu_wait.delta") < 0.03 || share < 0.2;
    let top = observed
        .neighbours
        .iter()
        .filter_map(|n| Some((n.cpu_rise()?, n)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let busiest = top.map_or_else(String::new, |(_, neighbour)| {
        let cores = |cores: Option<f64>| quantity::number(cores.unwrap_or(0.0));
        format!(
            "; the one that rose most, `{}`, uses {} → {} cores",
            neighbour.name,
            cores(neighbour.before.cpu_cores),
            cores(neighbour.after.cpu_cores)
        )
    });
    is_flat.then(|| RuledOut {
        suspect: "CPU neighbours".to_owned(),
        reason: format!(
            "`{}` waits for a CPU {} → {} s/s{part}{busiest}",
            facts.service,
            quantity::number(waited.0),
            quantity::number(waited.1),
        ),
    })
}

fn traffic(walk: &Walk, all: &BTreeMap<&str, Facts<'_>>, first: Option<&Suspect>) -> Option<RuledOut> {
    let facts = all.get(walk.root.as_str())?;
    let ratio = facts.value("rate.ratio")?;
    let is_blamed = first.is_some_and(|first| first.fault_class == "traffic_surge");
    ((0.5..1.5).contains(&ratio) && !is_blamed).then(|| RuledOut {
        suspect: "traffic".to_owned(),
        reason: format!(
            "requests of `{}` {} → {}",
            walk.root,
            quantity::per_second(facts.or_zero("rate.before")),
            quantity::per_second(facts.or_zero("rate.after"))
        ),
    })
}

/// Clears a service below the symptom that does its own part as before.
fn service(facts: &Facts<'_>, walk: &Walk, first: Option<&Suspect>) -> Option<RuledOut> {
    let is_first = first.is_some_and(|first| first.service == facts.service);
    let explained = facts.or_zero("explained");
    let (before, after) = (facts.value("self_ms.before")?, facts.value("self_ms.after")?);
    if is_first || facts.service == walk.root || explained > 0.1 || facts.or_zero("silent") > 0.0 {
        return None;
    }
    let own_errors = quantity::percent(facts.or_zero("errors.own.delta"));
    let (before, after) = (quantity::ms(before), quantity::ms(after));
    let mut reason = format!("own work {before} → {after} per request, own errors +{own_errors}");
    if first.is_some() {
        reason += &format!(", explains {} of the symptom", quantity::percent(explained));
    }
    Some(RuledOut { suspect: facts.service.to_owned(), reason })
}

impl fmt::Display for RuledOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.suspect, self.reason)
    }
}
