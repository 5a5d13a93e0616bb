//! A past incident as a case: what stood out then, what it was found to be, and what people thought of that. A case helps to
//! find an explanation sooner; it proves nothing, and one that fails against today's data again and again is retired.
//!
//! # Layout
//!
//! - [`PastCase`]: what is kept. [`signs`]: which measurements stand out, by name and direction. [`record`]: from an incident to its case.
//! - [`told`](mod@told): what the tool told of cases, read back.
//! - [`votes`]: what people thought, one voice each. [`lift`](mod@lift): how little a case moves the ranking of today. [`KeptCase`]: a case with all that was said about it since.

pub mod lift;
pub mod record;
pub mod signs;
pub mod told;
pub mod votes;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_signals::{TimeRange, Timestamp};

pub use lift::lift;
pub use record::{all_cases, case_of, keep_case};
pub use signs::{Magnitude, Reading, Role, ServiceSigns, Sign, Trend, reading};
pub use told::{PAST_TOOL, Told, seen_before, told};
pub use votes::Votes;

use crate::{
    IncidentId,
    finding::{Remediation, Verdict},
    ports::Rating,
};

/// What is kept of an incident that came to a finding. Its texts are redacted, cut to a line each, and untrusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastCase {
    /// The incident.
    pub incident: IncidentId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When its finding was made.
    pub closed_at: Timestamp,
    /// The time that it is about; `None` in cases from before that was kept.
    #[serde(default)]
    pub window: Option<TimeRange>,
    /// One line for people.
    pub title: String,
    /// The service that the alert or the person named; empty when none was.
    pub named: String,
    /// The service where it was felt; empty when unknown.
    pub felt_by: String,
    /// What was felt: `latency`, `error_ratio`; empty when unknown.
    pub felt_as: String,
    /// How bad it was.
    pub magnitude: Magnitude,
    /// What stood out, by the role of the service rather than by its name; at most [`signs::MAX_SIGNS`].
    pub signs: Vec<Sign>,
    /// Error lines without their numbers and names; at most [`record::MAX_TEMPLATES`].
    pub templates: Vec<String>,
    /// What was blamed; `None` when nothing was.
    pub cause: Option<CauseThen>,
    /// What was advised.
    pub remedy: Remediation,
    /// How sure it was.
    pub verdict: Verdict,
    /// How sure it was as a number, 0 to 1. Told, and never counted: whoever is wrong may be sure.
    pub confidence: f64,
    /// The commit that each service ran, where it was known.
    pub versions: BTreeMap<String, String>,
}

/// What was blamed then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseThen {
    /// The service.
    pub service: String,
    /// Where it stood, seen from the symptom.
    pub role: Role,
    /// The class of fault.
    pub fault_class: String,
    /// Kind of the change that was blamed: `commit`, `config`; empty when none was.
    pub change_kind: String,
    /// Id of that change; empty when none was blamed.
    pub change: String,
}

/// What a person took out of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    pub why: String,
}

/// What a later incident's data said of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCheck {
    /// The case, by its incident.
    pub case: IncidentId,
    /// The later incident.
    pub by: IncidentId,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
}

/// Whether what was the cause then shows today; the earlier, the more a case is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Today's data show the same cause at work.
    Holds,
    /// What would tell was not measured.
    CannotBeChecked,
    /// Today's data say otherwise.
    DoesNotHold,
}

/// A case with all that was said about it since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptCase {
    /// The case.
    pub case: PastCase,
    /// What people thought of it, oldest first.
    pub ratings: Vec<Rating>,
    /// Who took it out of use; `None` when nobody did.
    pub retirement: Option<Retirement>,
    /// What later incidents said of it, oldest first; one each.
    pub checks: Vec<CaseCheck>,
}

/// A case that failed so many times since it held last is retired by itself: once is chance, since alike incidents differ. Engineering judgement.
pub const MAX_FAILURES: usize = 5;

/// Why a case is out of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutOfUse<'a> {
    /// A person said so.
    Retired(&'a Retirement),
    /// It failed so many times against later data since it held last.
    Failed(usize),
}

// === impl KeptCase ===

impl KeptCase {
    /// Makes a case that nobody said anything about.
    pub fn new(case: PastCase) -> Self {
        Self { case, ratings: Vec::new(), retirement: None, checks: Vec::new() }
    }

    /// Tells why the case is never shown; `None` when it is in use.
    pub fn out_of_use(&self) -> Option<OutOfUse<'_>> {
        if let Some(retirement) = &self.retirement {
            return Some(OutOfUse::Retired(retirement));
        }
        let since_it_held = self.checks.iter().rev().take_while(|check| check.outcome != Outcome::Holds);
        let n_failures = since_it_held.filter(|check| check.outcome == Outcome::DoesNotHold).count();
        (n_failures >= MAX_FAILURES).then_some(OutOfUse::Failed(n_failures))
    }

    /// Returns what people thought, one voice each.
    pub fn votes(&self) -> Votes {
        Votes::of(&self.ratings)
    }
}

// === impl Outcome ===

impl Outcome {
    /// Returns the word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does_not_hold",
            Self::CannotBeChecked => "cannot_be_checked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(outcomes: &[Outcome]) -> KeptCase {
        let mut kept = KeptCase::new(record::tests::plain_case());
        let checks = outcomes.iter().enumerate().map(|(n, outcome)| CaseCheck {
            case: IncidentId("inc-1".to_owned()),
            by: IncidentId(format!("inc-later-{n}")),
            at: Timestamp::from_secs(i64::try_from(n).unwrap()),
            outcome: *outcome,
        });
        kept.checks = checks.collect();
        kept
    }

    #[test]
    fn a_case_that_fails_again_and_again_goes_out_of_use() {
        use Outcome::{CannotBeChecked as Unknown, DoesNotHold as Fails, Holds};
        for (outcomes, wanted) in [
            (vec![], None),
            (vec![Fails; 4], None),
            (vec![Fails; 5], Some(OutOfUse::Failed(5))),
            (vec![Unknown; 9], None),
            (vec![Fails, Fails, Fails, Holds, Fails, Fails], None),
            (vec![Holds, Fails, Fails, Unknown, Fails, Fails, Fails], Some(OutOfUse::Failed(5))),
        ] {
            assert_eq!(kept(&outcomes).out_of_use(), wanted, "{outcomes:?}");
        }
    }

    #[test]
    fn what_a_person_retired_stays_retired_even_when_it_holds() {
        let mut kept = kept(&[Outcome::Holds]);
        let (by, why) = ("li.na".to_owned(), "that host is gone".to_owned());
        kept.retirement = Some(Retirement { by, at: Timestamp::from_secs(1), why });
        assert!(matches!(kept.out_of_use(), Some(OutOfUse::Retired(retired)) if retired.by == "li.na"));
    }
}
