//! Arithmetic: what one answer is worth against one truth.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answer::{Answer, Stance},
    case::{TrueChange, Truth},
    layouts::Layout,
};

/// One number that an answer gets, 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name in JSON; never renamed.
    pub key: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Which way is better.
    pub better: Better,
    /// The number; `None` where the truth does not say enough.
    pub of: fn(&Truth, &Answer) -> Option<f64>,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More of it.
    Higher,
    /// Less of it.
    Lower,
}

/// Name of the measure that says whether a case passed by the rule of its layout.
pub const PASS: &str = "pass";
/// Name of the same among the answers that were no abstentions.
pub const PASS_WHEN_ANSWERED: &str = "pass_when_answered";

/// The measures of every layout, in the order of the table. `pass` stands before them.
pub const COMMON: &[Measure] = &[
    Measure {
        key: "cause",
        title: "cause right in all that is known of it",
        better: Better::Higher,
        of: cause,
    },
    Measure {
        key: "service_at_1",
        title: "service of the cause named first",
        better: Better::Higher,
        of: |truth, answer| service_within(truth, answer, 1),
    },
    Measure {
        key: "service_at_3",
        title: "service of the cause among the first 3",
        better: Better::Higher,
        of: |truth, answer| service_within(truth, answer, 3),
    },
    Measure { key: "fault_class", title: "fault class right", better: Better::Higher, of: fault_class },
    Measure { key: "category", title: "category right", better: Better::Higher, of: category },
    Measure { key: "change", title: "change right, or rightly none", better: Better::Higher, of: change },
    Measure {
        key: "first_failing_service",
        title: "first failing service right",
        better: Better::Higher,
        of: first_failing_service,
    },
    Measure {
        key: "blast_radius",
        title: "services that were hit, Jaccard",
        better: Better::Higher,
        of: blast_radius,
    },
    Measure { key: "remediation", title: "remediation right", better: Better::Higher, of: remediation },
    Measure { key: "keywords", title: "required keywords said", better: Better::Higher, of: keywords },
    Measure {
        key: "forbidden",
        title: "a forbidden keyword or category said",
        better: Better::Lower,
        of: forbidden,
    },
    Measure { key: "decoy_blamed", title: "decoy blamed", better: Better::Lower, of: decoy_blamed },
    Measure {
        key: "false_alarm",
        title: "cause named where all is well",
        better: Better::Lower,
        of: false_alarm,
    },
    Measure {
        key: "missed_incident",
        title: "incident called well",
        better: Better::Lower,
        of: missed_incident,
    },
    Measure {
        key: "abstained",
        title: "no answer given",
        better: Better::Lower,
        of: |_, answer| Some(flag(answer.stance == Stance::Abstains)),
    },
];

/// Scores one answer by all measures of a layout. What the truth does not say is not among them.
pub fn scores(layout: &Layout, truth: &Truth, answer: &Answer) -> BTreeMap<String, f64> {
    let passed = flag((layout.pass)(truth, answer));
    let all = COMMON.iter().chain(layout.own);
    let mut scores: BTreeMap<String, f64> =
        all.filter_map(|measure| Some((measure.key.to_owned(), (measure.of)(truth, answer)?))).collect();
    scores.insert(PASS.to_owned(), passed);
    if answer.stance != Stance::Abstains {
        scores.insert(PASS_WHEN_ANSWERED.to_owned(), passed);
    }
    scores
}

/// Tells whether everything that the truth states about the cause was said: service, class, category and change; on a healthy system, that all is well.
pub fn cause(truth: &Truth, answer: &Answer) -> Option<f64> {
    if truth.healthy {
        return Some(flag(answer.stance == Stance::AllWell));
    }
    let parts = [
        service_within(truth, answer, 1),
        fault_class(truth, answer),
        category(truth, answer),
        change(truth, answer),
    ];
    let mut known = parts.into_iter().flatten().peekable();
    known.peek()?;
    Some(flag(answer.stance == Stance::Blames && known.all(|part| part >= 1.0)))
}

/// Tells whether the change was named exactly, or rightly none. Who does not answer has not said that it was none.
pub fn change(truth: &Truth, answer: &Answer) -> Option<f64> {
    let is_right = match truth.change.as_ref()? {
        TrueChange::None => answer.stance != Stance::Abstains && answer.change.is_none(),
        TrueChange::Is(id) => answer.blames_change(id),
    };
    Some(flag(is_right))
}

/// Tells whether a change was blamed that only looks guilty.
pub fn decoy_blamed(truth: &Truth, answer: &Answer) -> Option<f64> {
    known(&truth.decoys)?;
    Some(flag(truth.decoys.iter().any(|decoy| answer.blames_change(decoy))))
}

/// Tells whether the category is right; of a healthy system it is `healthy`.
pub fn category(truth: &Truth, answer: &Answer) -> Option<f64> {
    known(&truth.category)?;
    Some(flag(truth.category == answer.category))
}

/// Tells whether the first service to fail was named.
pub fn first_failing_service(truth: &Truth, answer: &Answer) -> Option<f64> {
    known(&truth.first_failing_service)?;
    Some(flag(truth.first_failing_service == answer.first_failing_service))
}

/// Tells whether what was advised is what helps.
pub fn remediation(truth: &Truth, answer: &Answer) -> Option<f64> {
    Some(flag(truth.remediation? == answer.remediation))
}

/// Returns the size of the intersection over the size of the union; 1 for two empty sets.
pub fn jaccard(left: &BTreeSet<&str>, right: &BTreeSet<&str>) -> f64 {
    let n_all = left.union(right).count();
    if n_all == 0 { 1.0 } else { left.intersection(right).count() as f64 / n_all as f64 }
}

/// Returns 1 for true and 0 for false.
pub fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn service_within(truth: &Truth, answer: &Answer, n: usize) -> Option<f64> {
    known(&truth.services)?;
    Some(flag(answer.causes.iter().take(n).any(|cause| truth.services.contains(&cause.service))))
}

fn fault_class(truth: &Truth, answer: &Answer) -> Option<f64> {
    known(&truth.fault_classes)?;
    Some(flag(answer.causes.first().is_some_and(|cause| truth.fault_classes.contains(&cause.fault_class))))
}

/// The first service to fail is left out on both sides: some sets count it among those that were hit, some do not.
fn blast_radius(truth: &Truth, answer: &Answer) -> Option<f64> {
    let first = truth.first_failing_service.as_str();
    let besides_first = |name: &&str| *name != first;
    let right = truth.blast_radius.as_ref()?.iter().map(String::as_str).filter(besides_first).collect();
    let said = answer.hit.iter().map(String::as_str).filter(besides_first).collect();
    Some(jaccard(&right, &said))
}

fn keywords(truth: &Truth, answer: &Answer) -> Option<f64> {
    known(&truth.keywords)?;
    let said = truth.keywords.iter().filter(|keyword| answer.told.contains(&keyword.to_lowercase()));
    Some(said.count() as f64 / truth.keywords.len() as f64)
}

fn forbidden(truth: &Truth, answer: &Answer) -> Option<f64> {
    let Truth { forbidden_keywords, forbidden_categories, .. } = truth;
    known(forbidden_keywords).or(known(forbidden_categories))?;
    let is_said = forbidden_keywords.iter().any(|keyword| answer.told.contains(&keyword.to_lowercase()));
    Some(flag(is_said || forbidden_categories.contains(&answer.category)))
}

fn false_alarm(truth: &Truth, answer: &Answer) -> Option<f64> {
    truth.healthy.then(|| flag(answer.stance == Stance::Blames))
}

fn missed_incident(truth: &Truth, answer: &Answer) -> Option<f64> {
    (!truth.healthy).then(|| flag(answer.stance == Stance::AllWell))
}

/// `None` for what a set does not state.
fn known<T: Default + PartialEq>(stated: &T) -> Option<()> {
    (*stated != T::default()).then_some(())
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::finding::Action;

    use super::*;
    use crate::eval::answer::Blamed;

    fn strings(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    fn truth() -> Truth {
        Truth {
            services: strings(&["stock"]),
            fault_classes: strings(&["slow_code"]),
            change: Some(TrueChange::Is("c0ffee1234".to_owned())),
            first_failing_service: "stock".to_owned(),
            blast_radius: Some(strings(&["shop", "edge"])),
            remediation: Some(Action::Rollback),
            decoys: strings(&["decade1234"]),
            keywords: strings(&["Shelf", "lock"]),
            ..Truth::default()
        }
    }

    fn right() -> Answer {
        let blamed = |service: &str, class: &str| Blamed {
            service: service.to_owned(),
            fault_class: class.to_owned(),
        };
        Answer {
            stance: Stance::Blames,
            causes: vec![blamed("stock", "slow_code"), blamed("shop", "cpu")],
            category: "code".to_owned(),
            change: Some("c0ffee1234".to_owned()),
            first_failing_service: "stock".to_owned(),
            hit: strings(&["stock", "shop", "edge"]).into_iter().collect(),
            remediation: Action::Rollback,
            told: "the shelf is scanned".to_owned(),
        }
    }

    fn check(truth: &Truth, answer: &Answer, wanted: &[(&str, Option<f64>)]) {
        for (key, value) in wanted {
            let measure = COMMON.iter().find(|measure| measure.key == *key).unwrap();
            assert_eq!((measure.of)(truth, answer), *value, "{key}");
        }
    }

    #[test]
    fn a_right_answer_gets_all_there_is() {
        check(
            &truth(),
            &right(),
            &[
                ("cause", Some(1.0)),
                ("service_at_1", Some(1.0)),
                ("fault_class", Some(1.0)),
                ("category", None),
                ("change", Some(1.0)),
                ("blast_radius", Some(1.0)),
                ("remediation", Some(1.0)),
                ("keywords", Some(0.5)),
                ("forbidden", None),
                ("decoy_blamed", Some(0.0)),
                ("false_alarm", None),
                ("missed_incident", Some(0.0)),
                ("abstained", Some(0.0)),
            ],
        );
    }

    #[test]
    fn a_cause_is_right_only_in_all_its_parts() {
        let blamed = |service: &str, class: &str| {
            vec![Blamed { service: service.to_owned(), fault_class: class.to_owned() }]
        };
        for wrong in [
            Answer { causes: blamed("shop", "slow_code"), ..right() },
            Answer { causes: blamed("stock", "cpu"), ..right() },
            Answer { change: Some("decade1234".to_owned()), ..right() },
            Answer { stance: Stance::Abstains, ..right() },
        ] {
            assert_eq!(cause(&truth(), &wrong), Some(0.0), "{wrong:?}");
        }
        let mut second = right();
        second.causes.swap(0, 1);
        check(&truth(), &second, &[("service_at_1", Some(0.0)), ("service_at_3", Some(1.0))]);
    }

    #[test]
    fn who_does_not_answer_has_not_said_that_no_change_did_it() {
        let truth =
            Truth { change: Some(TrueChange::None), decoys: strings(&["decade1234"]), ..Truth::default() };
        let of = |stance, change: Option<&str>| Answer {
            stance,
            change: change.map(str::to_owned),
            ..Answer::default()
        };
        for (stance, said, change, decoy) in [
            (Stance::Blames, None, 1.0, 0.0),
            (Stance::AllWell, None, 1.0, 0.0),
            (Stance::Abstains, None, 0.0, 0.0),
            (Stance::Blames, Some("decade1234"), 0.0, 1.0),
            (Stance::Blames, Some("some-flag"), 0.0, 0.0),
        ] {
            let answer = of(stance, said);
            check(&truth, &answer, &[("change", Some(change)), ("decoy_blamed", Some(decoy))]);
        }
    }

    #[test]
    fn on_a_healthy_system_only_an_all_clear_is_right() {
        let truth = Truth { healthy: true, category: "healthy".to_owned(), ..Truth::default() };
        for (stance, cause, false_alarm) in
            [(Stance::AllWell, 1.0, 0.0), (Stance::Abstains, 0.0, 0.0), (Stance::Blames, 0.0, 1.0)]
        {
            let answer = Answer { stance, ..Answer::default() };
            check(
                &truth,
                &answer,
                &[("cause", Some(cause)), ("false_alarm", Some(false_alarm)), ("missed_incident", None)],
            );
        }
    }

    #[test]
    fn sets_are_compared_by_what_they_share() {
        for (left, right, wanted) in [
            (&["a", "b"][..], &["b", "c"][..], 1.0 / 3.0),
            (&[], &[], 1.0),
            (&["a"], &[], 0.0),
            (&["a", "b"], &["a", "b"], 1.0),
        ] {
            let set = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
            assert_eq!(jaccard(&set(left), &set(right)), wanted);
        }
    }
}
