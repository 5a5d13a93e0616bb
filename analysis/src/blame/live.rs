//! Whether, where and since when a change was live.

use std::collections::BTreeMap;

use waggle_signals::Timestamp;

use super::{
    candidate::{Candidate, Deployment, Kind},
    place::reach,
    signs::Signs,
};
use crate::quantity;

/// An onset is placed on a step of a series or on the first line that was kept. Where nobody says how surely, a change this little after it may still be its cause.
const ONSET_SLACK_S: f64 = 60.0;

/// After so long without trouble, a change is half as likely to be what began it.
const HALF_LIFE_S: f64 = 2.0 * 3600.0;

/// Whether, where and since when a change was live.
pub(super) struct Live {
    pub grade: f64,
    pub service: String,
    pub at: Option<Timestamp>,
    pub after_onset: bool,
}

/// Was it live in time?
pub(super) fn live(
    candidate: &Candidate,
    built: &Built<'_>,
    deployments: &[Deployment],
    signs: &Signs,
    why: &mut Vec<String>,
) -> Live {
    let not = |grade| Live { grade, service: candidate.service.clone(), at: None, after_onset: false };
    let slack_s = signs.onset_within.map_or(ONSET_SLACK_S, |within| within.as_secs_f64());
    let before_onset = |at: Timestamp| seconds(at, signs.onset) >= -slack_s;
    if !before_onset(candidate.at) {
        why.push(format!("made {} after the onset", quantity::seconds(-seconds(candidate.at, signs.onset))));
        return Live { after_onset: true, ..not(0.0) };
    }
    let brings =
        |deployment: &&Deployment| deployment.brought.iter().any(|id| is_same_commit(&candidate.id, id));
    // What is known to have come with later deployments only was not there when it began.
    let mut known = deployments.iter().filter(brings).peekable();
    let is_known = known.peek().is_some();
    if is_known && !known.any(|deployment| before_onset(deployment.at)) {
        let first = deployments.iter().filter(brings).min_by_key(|deployment| deployment.at);
        let service = first.map(|first| first.service.clone()).unwrap_or_default();
        why.push(format!("live in `{service}` only after the onset"));
        return Live { service, at: first.map(|first| first.at), grade: 0.0, after_onset: true };
    }
    if candidate.kind != Kind::Commit {
        let gap = seconds(candidate.at, signs.onset).max(0.0);
        why.push(format!("turned {} before the onset", quantity::seconds(gap)));
        return Live { at: Some(candidate.at), ..not(decay(gap)) };
    }
    if deployments.is_empty() {
        let gap = seconds(candidate.at, signs.onset).max(0.0);
        return not(0.6 * decay(gap));
    }
    let carrying =
        deployments.iter().filter(|deployment| before_onset(deployment.at)).filter_map(|deployment| {
            let is_own = is_same_commit(&candidate.id, &deployment.commit);
            let is_brought = brings(&deployment);
            if is_known && !is_brought {
                return None;
            }
            let built_later = built.get(deployment.commit.as_str()).is_some_and(|at| *at >= candidate.at);
            let carries = built_later && seconds(candidate.at, deployment.at) >= 0.0;
            let reach = reach(candidate, &deployment.service);
            let grade = match (is_own, carries) {
                (true, _) => 1.0,
                // Who lists it knows better than the times of commits.
                (false, _) if is_brought => reach.max(0.5),
                (false, true) => 0.95 * reach,
                (false, false) => return None,
            };
            let gap = seconds(deployment.at, signs.onset).max(0.0);
            Some((grade * decay(gap), gap, deployment))
        });
    let best = carrying.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    match best {
        Some((grade, gap, deployment)) if grade > 0.1 => {
            why.push(format!("live in `{}` {} before the onset", deployment.service, quantity::seconds(gap)));
            Live { grade, service: deployment.service.clone(), at: Some(deployment.at), after_onset: false }
        }
        _ => {
            why.push("no deployment before the onset is known to carry it".to_owned());
            not(0.2)
        }
    }
}

fn decay(gap_s: f64) -> f64 {
    0.5_f64.powf(gap_s / HALF_LIFE_S)
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.nanos().saturating_sub(from.nanos()) as f64 / 1e9
}

/// When the commit of each deployment was committed, by the id that the deployment gives; those that are not among the candidates are left out.
pub(super) type Built<'a> = BTreeMap<&'a str, Timestamp>;

/// Shorter ids of commits name too many.
const MIN_ID: usize = 7;

/// Finds the commits that deployments were built from.
pub(super) fn built<'a>(candidates: &[Candidate], deployments: &'a [Deployment]) -> Built<'a> {
    let mut by_id: Vec<(&str, Timestamp)> = candidates.iter().map(|c| (c.id.as_str(), c.at)).collect();
    by_id.sort_unstable();
    let ids = deployments.iter().map(|deployment| deployment.commit.as_str());
    let found = ids.filter_map(|id| {
        // The first id from this one on is the only one that it can be short for.
        let from = by_id.partition_point(|(known, _)| *known < id);
        let (known, at) = by_id.get(from)?;
        is_same_commit(known, id).then_some((id, *at))
    });
    found.collect()
}

/// Tells whether two ids name one commit, where either may be short.
fn is_same_commit(one: &str, other: &str) -> bool {
    one == other && !one.is_empty()
        || one.len().min(other.len()) >= MIN_ID && (one.starts_with(other) || other.starts_with(one))
}
