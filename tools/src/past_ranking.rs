//! Which cases are worth telling today: alike, in use, held against today's data, and each kind once.

use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeMap,
};

use waggle_agent_core::past_case::{KeptCase, Outcome, Role};
use waggle_analysis::FaultTree;
use waggle_signals::Timestamp;

use crate::{
    past_differences::{Difference, differences, other_version},
    past_recheck::{Blamed, Recheck, blamed, recheck},
    past_today::{Today, signal},
    past_worth::worth,
    similarity::{Commonness, Features, Likeness, likeness, words},
};

/// A case that is like today.
#[derive(Clone, Debug)]
pub(crate) struct Alike {
    pub kept: KeptCase,
    pub blamed: Option<Blamed>,
    pub likeness: Likeness,
    /// Likeness less for age, ratings and other code, 0 to 1.
    pub rank: f64,
    /// `None` when the case blames nothing.
    pub recheck: Option<Recheck>,
    pub differences: Vec<Difference>,
    /// Cases that blame the same in the same place, this one included. Told, and never counted.
    pub n_equal: usize,
}

/// Below this, two incidents share less than a fault: see the table of the test below.
pub(crate) const LEAST_ALIKE: f64 = 0.35;
/// A case that is not shown to hold today is worth telling only when it looks much like it: the reader may think of it, too.
const LEAST_ALIKE_UNPROVEN: f64 = 0.5;
/// Service, class and role that are blamed, and where it is felt.
type SameKind = (String, String, Role, String);

/// Returns the cases that are like today, those that hold first, each kind once. Empty is an answer: nothing like it was seen.
///
/// Cases out of use and those of the future are left out. How many equal cases there are, and how sure they were, does not count.
pub(crate) fn alike(cases: Vec<KeptCase>, today: &Today, now: Timestamp, tree: &FaultTree) -> Vec<Alike> {
    let in_use = cases
        .into_iter()
        .filter(|kept| kept.out_of_use().is_none() && kept.case.closed_at < now && kept.case.opened_at < now);
    let mut kinds: BTreeMap<SameKind, Vec<(KeptCase, Option<Blamed>, Features)>> = BTreeMap::new();
    for kept in in_use {
        let blamed = blamed(&kept, tree);
        let features = features(&kept, blamed.as_ref());
        kinds.entry(same_kind(&kept, blamed.as_ref())).or_default().push((kept, blamed, features));
    }
    // One of each kind is counted, or a flood of equal cases would make its own signs common and others rare.
    let common =
        Commonness::of(kinds.values().filter_map(|same| same.first()).map(|(.., features)| features));
    let mut found: Vec<Alike> = Vec::new();
    for same in kinds.into_values() {
        let n_equal = same.len();
        let all = same.into_iter().filter_map(|(kept, blamed, features)| {
            let likeness = likeness(&common, &today.features, &features);
            if likeness.grade < LEAST_ALIKE {
                return None;
            }
            let rank = rank(&kept, blamed.as_ref(), &likeness, today, now);
            let recheck = blamed.as_ref().map(|blamed| recheck(today, blamed, &kept.case.signs, tree));
            let differences = differences(today, &features, &kept.case, blamed.as_ref());
            Some(Alike { kept, blamed, likeness, rank, recheck, differences, n_equal })
        });
        // Of one kind, too, what holds stands before what does not.
        found.extend(all.min_by(by_place));
    }
    found.retain(|alike| alike.outcome() == Outcome::Holds || alike.likeness.grade >= LEAST_ALIKE_UNPROVEN);
    found.sort_by(by_place);
    found
}

/// What holds first, then what ranks higher, then what is newer.
fn by_place(a: &Alike, b: &Alike) -> Ordering {
    let newer = |alike: &Alike| (Reverse(alike.kept.case.closed_at), alike.kept.case.incident.clone());
    a.outcome().cmp(&b.outcome()).then(b.rank.total_cmp(&a.rank)).then_with(|| newer(a).cmp(&newer(b)))
}

fn rank(kept: &KeptCase, blamed: Option<&Blamed>, likeness: &Likeness, today: &Today, now: Timestamp) -> f64 {
    let votes = kept.votes();
    let is_other =
        blamed.is_some_and(|blamed| other_version(today, &kept.case, &blamed.cause.service).is_some());
    // A correction is a bad rating of the finding, and not of what the case became by it.
    let n_unhelpful = if blamed.is_some_and(|blamed| blamed.is_corrected) { 0 } else { votes.n_unhelpful };
    likeness.grade * worth(now.since(kept.case.closed_at), votes.n_helpful, n_unhelpful, is_other)
}

fn same_kind(kept: &KeptCase, blamed: Option<&Blamed>) -> SameKind {
    match blamed {
        Some(Blamed { cause, .. }) => {
            (cause.service.clone(), cause.fault_class.clone(), cause.role, kept.case.felt_by.clone())
        }
        None => (kept.case.named.clone(), String::new(), Role::Felt, kept.case.felt_by.clone()),
    }
}

/// Returns what showed of an incident then.
pub(crate) fn features(kept: &KeptCase, blamed: Option<&Blamed>) -> Features {
    let case = &kept.case;
    let some = |text: &&String| !text.is_empty();
    let cause = blamed.map(|blamed| &blamed.cause);
    let text = [vec![case.title.clone()], case.templates.clone()].concat().join("\n");
    let services = [&case.named, &case.felt_by].into_iter().chain(cause.map(|cause| &cause.service));
    Features {
        services: services.filter(some).cloned().collect(),
        classes: cause.map(|cause| &cause.fault_class).filter(some).cloned().into_iter().collect(),
        signals: signal(&case.felt_as).into_iter().collect(),
        signs: case.signs.iter().map(|sign| sign.term()).collect(),
        words: words(&text),
    }
}

impl Alike {
    /// What came of holding it against today.
    pub(crate) fn outcome(&self) -> Outcome {
        self.recheck.as_ref().map_or(Outcome::CannotBeChecked, |recheck| recheck.outcome)
    }
}

#[cfg(test)]
mod tests;
