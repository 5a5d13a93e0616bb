//! Which change explains what is seen: code, configuration and flags against the words, levels and times of an incident.
//!
//! A change is graded by four parts, each 0 to 1, and their product is its score:
//! whether it was *live* before the trouble, whether it reaches what fails (*place*), whether its diff does anything at all (*effect*), and whether what it does is what is complained of (*match*).
//! A change that fails one of them is not to blame, however near in time it lies: the latest deployment is a suspect only by what it did.
//!
//! When no change is good enough, none is blamed. What happened without a change is told by [`circumstances`].
//!
//! ## Source
//!
//! The parts are those of information-retrieval bug localisation (Zhou, Zhang and Lo, ICSE 2012, terms weighted by rarity; Wen, Wu and Cheung, ASE 2016, from bug reports to changes),
//! with the time and place of deployments added.
//!
//! # Layout
//!
//! - [`signs`]: what is seen. [`observe`]: from telemetry to signs. [`candidate`]: what was changed.
//! - [`diff_shape`]: what a diff does. [`words`]: terms and their rarity. `grade`: the parts of the score; `live`, `place`: two of them.
//! - [`code`]: which hunk it is, by routes, functions, calls and words. [`circumstances`]: what happens without a change.

pub mod candidate;
pub mod circumstances;
pub mod code;
pub mod diff_shape;
mod grade;
mod live;
pub mod observe;
mod place;
pub mod signs;
pub mod words;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use waggle_signals::Timestamp;

pub use candidate::{Candidate, ChangedFile, Deployment, Kind};
pub use circumstances::{Circumstance, CircumstanceKind};
pub use code::RankedHunk;
pub use diff_shape::{DiffShape, Effect};
pub use signs::{Level, Sign, SignSource, Signs};

use crate::quantity;

/// The changes, most to blame first, and what else may explain the incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blame {
    /// All changes that were judged.
    pub ranked: Vec<Blamed>,
    /// What may have happened without a change, strongest first.
    pub circumstances: Vec<Circumstance>,
}

/// One change, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blamed {
    /// Its id, as in [`Candidate::id`].
    pub id: String,
    /// What kind of change.
    pub kind: Kind,
    /// The service that it was live in; empty when that is not known.
    pub service: String,
    /// When it went live there, of a flag when it was turned; `None` when no deployment is known to carry it.
    pub live_at: Option<Timestamp>,
    /// It went live, or was made, only after the trouble began: it is never to blame.
    #[serde(default)]
    pub after_onset: bool,
    /// Product of the parts, 0 to 1.
    pub score: f64,
    /// Was it live in time? 0 to 1.
    pub live: f64,
    /// Does it reach what fails? 0 to 1.
    pub place: f64,
    /// Does it do anything? 0 to 1.
    pub effect: f64,
    /// Is what it does complained of? 0 to 1.
    pub matching: f64,
    /// What its diff does.
    pub shape: DiffShape,
    /// Its places, most to blame first; a few of them, and none where none is met.
    #[serde(default)]
    pub hunks: Vec<RankedHunk>,
    /// The grounds, strongest first, as short sentences.
    pub why: Vec<String>,
}

/// A change with a lower score is not named: less than half a grade in each of two parts.
pub const NAMED: f64 = 0.2;

/// Hunks that are kept of each change.
const MAX_HUNKS: usize = 3;

/// Judges all candidates against what is seen.
///
/// Changes of equal score stand with the later one first. Empty candidates give an empty ranking, and circumstances are told all the same.
pub fn blame(candidates: &[Candidate], deployments: &[Deployment], signs: &Signs) -> Blame {
    let circumstances = circumstances::circumstances(signs);
    let rarity = words::Rarity::of(candidates);
    let built = live::built(candidates, deployments);
    let mut hunks: BTreeMap<String, Vec<RankedHunk>> = BTreeMap::new();
    for hunk in code::rank_hunks(candidates, signs).into_iter().filter(|hunk| hunk.score > 0.0) {
        let of_change = hunks.entry(hunk.change.clone()).or_default();
        if of_change.len() < MAX_HUNKS {
            of_change.push(hunk);
        }
    }
    let mut graded: Vec<(Blamed, i64)> = candidates
        .iter()
        .map(|candidate| {
            let hunks = hunks.remove(candidate.id.as_str()).unwrap_or_default();
            let blamed = grade::grade(candidate, &built, deployments, signs, &rarity, hunks);
            (blamed, candidate.at.nanos())
        })
        .collect();
    graded.sort_by(|a, b| b.0.score.total_cmp(&a.0.score).then(b.1.cmp(&a.1)));
    Blame { ranked: graded.into_iter().map(|(blamed, _)| blamed).collect(), circumstances }
}

// === impl Blame ===

impl Blame {
    /// Returns the change that is to blame; `None` when none is good enough or a circumstance explains more.
    pub fn culprit(&self) -> Option<&Blamed> {
        let first = self.ranked.first().filter(|first| first.score >= NAMED)?;
        let stronger = self.circumstance().is_some_and(|found| found.strength > first.score);
        (!stronger).then_some(first)
    }

    /// Returns the strongest circumstance.
    pub fn circumstance(&self) -> Option<&Circumstance> {
        self.circumstances.first()
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.culprit(), self.circumstance()) {
            (Some(culprit), _) => write!(f, "to blame: {culprit}")?,
            (None, Some(found)) => write!(f, "no change is to blame: {found}")?,
            (None, None) => write!(f, "no change explains what is seen")?,
        }
        for blamed in self.ranked.iter().filter(|blamed| blamed.score > 0.0).take(5) {
            write!(f, "\n{blamed}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Blamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, score, live, place, effect, matching, why, .. } = self;
        write!(
            f,
            "{} {score:.2} (live {live:.2} × place {place:.2} × effect {effect:.2} × match {matching:.2}): {}",
            quantity::short(id),
            why.join("; ")
        )
    }
}

#[cfg(test)]
mod tests;
