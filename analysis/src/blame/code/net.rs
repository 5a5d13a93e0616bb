//! What a row of commits does in the end: merges are seen through, and what was taken back again did nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::blame::candidate::Candidate;

/// The commits that count, and those that do not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Net {
    /// In their order.
    pub changes: Vec<Candidate>,
    /// Ids of those left out, each with why.
    pub left_out: Vec<(String, String)>,
}

/// Leaves out merges whose lines all stand in other commits of the row, and pairs of a commit and its revert.
///
/// A revert whose commit is not in the row stays: it changes what ran before. A merge that changes something by itself stays as well.
pub fn net(changes: Vec<Candidate>) -> Net {
    let lines: Vec<BTreeSet<(&str, &str)>> = changes.iter().map(changed).collect();
    let mut why: Vec<Option<String>> = vec![None; changes.len()];
    for (place, change) in changes.iter().enumerate() {
        let is_merge = change.message.trim_start().starts_with("Merge ");
        let own = lines.get(place);
        let stands_elsewhere = |line: &(&str, &str)| {
            lines.iter().zip(&changes).enumerate().any(|(other, (all, by))| {
                other != place && !by.message.trim_start().starts_with("Merge ") && all.contains(line)
            })
        };
        if is_merge && own.is_some_and(|own| own.iter().all(stands_elsewhere)) {
            why[place] = Some("it merges commits that are judged by themselves".to_owned());
        }
    }
    // Newest first, so that the revert of a revert is met before what it reverts.
    let mut order: Vec<usize> = (0..changes.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(changes[*place].at));
    for place in order {
        if why[place].is_some() {
            continue;
        }
        let Some(reverted) = reverted(&changes[place]) else { continue };
        let meant = changes.iter().position(|other| other.id.starts_with(&reverted));
        if let Some(meant) = meant.filter(|meant| {
            *meant != place && why[*meant].is_none() && is_opposite(&changes[place], &changes[*meant])
        }) {
            why[place] = Some(format!("it takes back {reverted}, which came with it"));
            why[meant] = Some(format!("{} takes it back, and came with it", changes[place].id));
        }
    }
    let mut net = Net::default();
    for (change, why) in changes.into_iter().zip(why) {
        match why {
            Some(why) => net.left_out.push((change.id, why)),
            None => net.changes.push(change),
        }
    }
    net
}

fn changed(change: &Candidate) -> BTreeSet<(&str, &str)> {
    let lines = change
        .files
        .iter()
        .flat_map(|file| file.lines.iter().map(|line| (file.path.as_str(), line.as_str())));
    lines.filter(|(_, line)| line.starts_with(['+', '-'])).collect()
}

/// Returns the id of the commit that a message says it takes back, as `git revert` writes it.
fn reverted(change: &Candidate) -> Option<String> {
    let (_, rest) = change.message.split_once("This reverts commit ")?;
    let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    (id.len() >= 7).then_some(id)
}

/// Tells whether one takes away what the other adds and the other way round.
fn is_opposite(one: &Candidate, other: &Candidate) -> bool {
    let flipped: BTreeSet<(&str, String)> = changed(one)
        .into_iter()
        .map(|(path, line)| {
            let sign = if line.starts_with('+') { '-' } else { '+' };
            (path, format!("{sign}{}", line.get(1..).unwrap_or_default()))
        })
        .collect();
    let own: BTreeSet<(&str, String)> =
        changed(other).into_iter().map(|(path, line)| (path, line.to_owned())).collect();
    !own.is_empty() && flipped == own
}
