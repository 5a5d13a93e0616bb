//! Whether what was the cause of a past incident shows today: each of its claims is held against today's data, with the numbers.

use serde::Serialize;
use waggle_agent_core::past_case::{CauseThen, KeptCase, Outcome, Role, ServiceSigns, Sign, signs};
use waggle_analysis::{FaultTree, fault_tree::Fault, quantity, symptoms::Catalogue};

use crate::{
    named_class::named_class,
    past_today::{Today, names_a_fault},
};

/// What came of holding a case against today.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Recheck {
    /// Of all claims: one that fails fails the case, and one that cannot be checked leaves it open.
    pub outcome: Outcome,
    pub checks: Vec<Check>,
    /// The service at which it holds today; empty when it does not.
    pub at: String,
}

/// One claim of a case, held against today.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Check {
    pub claim: Claim,
    pub outcome: Outcome,
    /// With what numbers; empty when nothing was measured.
    pub numbers: String,
}

/// What a case claims of its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Claim {
    /// A service in that role shows that class of fault.
    FaultClass,
    /// Texts say so.
    Said,
    /// The state of objects shows it.
    Objects,
    /// What stood out in that role stands out again.
    Signs,
    /// A change of that service went live before the trouble.
    Change,
}

/// What is blamed by the case as it stands: what people corrected wins over what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blamed {
    pub cause: CauseThen,
    /// People said so, and the finding something else.
    pub is_corrected: bool,
}

/// Of the signs that the role had then, so many must stand out again.
const SIGNS_AGAIN: f64 = 0.5;
/// Conditions that are told of one fault.
const MAX_CONDITIONS: usize = 3;

/// Returns what the case blames; `None` when nothing was blamed.
pub(crate) fn blamed(kept: &KeptCase, tree: &FaultTree) -> Option<Blamed> {
    let correction = kept.votes().correction;
    let found = kept.case.cause.clone().filter(|cause| names_a_fault(&cause.fault_class));
    if correction.is_empty() {
        return found.map(|cause| Blamed { cause, is_corrected: false });
    }
    let fault_class = named_class(&correction, tree);
    let is_corrected = found.as_ref().is_none_or(|found| found.fault_class != fault_class);
    if !is_corrected {
        return found.map(|cause| Blamed { cause, is_corrected });
    }
    let (service, role) =
        found.map_or_else(|| (kept.case.felt_by.clone(), Role::Felt), |cause| (cause.service, cause.role));
    let cause = CauseThen { service, role, fault_class, change_kind: String::new(), change: String::new() };
    Some(Blamed { cause, is_corrected })
}

/// Holds what a case blames, with what stood out then, against today.
pub(crate) fn recheck(today: &Today, blamed: &Blamed, signs_then: &[Sign], tree: &FaultTree) -> Recheck {
    let cause = &blamed.cause;
    let in_role: Vec<&ServiceSigns> = today.services.iter().filter(|s| s.role == cause.role).collect();
    let (class, at) = class_check(today, &in_role, &cause.fault_class, tree);
    let mut checks = vec![class];
    // What a person said it was has no measurements of its own.
    let then: Vec<&Sign> = signs_then
        .iter()
        .filter(|sign| sign.role == cause.role && !sign.feature.starts_with("fault:"))
        .collect();
    if !blamed.is_corrected && !then.is_empty() {
        checks.push(signs_check(today, &in_role, &then));
    }
    if !cause.change.is_empty() {
        // What words, metrics and objects show may be at an object, which is nothing that is deployed.
        let is_service = today.heard.contains(&at) || today.services.iter().any(|s| s.service == at);
        let where_ = if is_service { at.as_str() } else { cause.service.as_str() };
        checks.push(change_check(today, where_));
    }
    let outcome = if checks.iter().any(|check| check.outcome == Outcome::DoesNotHold) {
        Outcome::DoesNotHold
    } else if checks.iter().all(|check| check.outcome == Outcome::Holds) {
        Outcome::Holds
    } else {
        Outcome::CannotBeChecked
    };
    let at = if outcome == Outcome::Holds { at } else { String::new() };
    Recheck { outcome, checks, at }
}

/// Tries the class of fault on each service in the role: by the conditions of the fault tree where there are numbers, else by what words, metrics and objects show.
fn class_check(today: &Today, in_role: &[&ServiceSigns], class: &str, tree: &FaultTree) -> (Check, String) {
    let check = |outcome, numbers| Check { claim: Claim::FaultClass, outcome, numbers };
    let faults: Vec<&Fault> = tree.faults.iter().filter(|fault| fault.class == class).collect();
    for service in in_role {
        let best = faults.iter().filter_map(|fault| fault.match_against(&service.features));
        if let Some(found) = best.max_by(|a, b| a.grade.total_cmp(&b.grade)) {
            let held = found.held.iter().take(MAX_CONDITIONS);
            let held = held.map(|held| format!("{} is {}", held.condition, quantity::number(held.value)));
            let numbers = format!("{}: {}", service.service, held.collect::<Vec<_>>().join(", "));
            return (check(Outcome::Holds, numbers), service.service.clone());
        }
    }
    if let Some((object, grade)) = today.faults.get(class) {
        let numbers = format!("{object}: {class} {}", quantity::number(*grade));
        let at = in_role.iter().find(|service| service.fault_class == class);
        let at = at.map_or_else(|| object.clone(), |service| service.service.clone());
        return (check(Outcome::Holds, numbers), at);
    }
    if let Some(service) = in_role.iter().find(|service| service.fault_class == class && !class.is_empty()) {
        // A class that only the triage of changes and circumstances names.
        let numbers = format!("{}: {class}", service.service);
        return (check(Outcome::Holds, numbers), service.service.clone());
    }
    let check = |check| (check, String::new());
    if faults.is_empty() {
        return check(unshown(today, class));
    }
    let misses: Vec<String> = in_role
        .iter()
        .flat_map(|service| faults.iter().filter_map(move |fault| miss(service, fault)))
        .collect();
    // Others were measured, and nobody in that role had any part in it.
    let nobody = in_role.is_empty() && today.services.iter().any(|s| !s.features.is_empty());
    let outcome = if nobody || !misses.is_empty() { Outcome::DoesNotHold } else { Outcome::CannotBeChecked };
    let numbers = misses.into_iter().next().unwrap_or_default();
    check(Check { claim: Claim::FaultClass, outcome, numbers })
}

/// Says whether a class that words, metrics and objects show would have been seen if it were there.
fn unshown(today: &Today, class: &str) -> Check {
    let check = |claim, outcome, numbers| Check { claim, outcome, numbers };
    let known = Catalogue::shipped().class(class);
    let measured = known.into_iter().flat_map(|known| &known.any).find_map(|condition| {
        let (measure, _) = condition.feature.rsplit_once('.')?;
        today.measures.get_key_value(measure)
    });
    if let Some((measure, now)) = measured {
        let numbers = format!("{measure} is {}", quantity::number(*now));
        return check(Claim::FaultClass, Outcome::DoesNotHold, numbers);
    }
    if today.n_texts > 0 && known.is_some_and(|known| !known.says.is_empty()) {
        return check(Claim::Said, Outcome::DoesNotHold, format!("0/{}", today.n_texts));
    }
    if today.n_objects > 0 && known.is_some_and(|known| known.by_code) {
        return check(Claim::Objects, Outcome::DoesNotHold, format!("0/{}", today.n_objects));
    }
    check(Claim::FaultClass, Outcome::CannotBeChecked, String::new())
}

/// Says which measured condition a fault misses; `None` when what decides was not measured.
fn miss(service: &ServiceSigns, fault: &Fault) -> Option<String> {
    let value = |feature: &str| service.features.get(feature).copied();
    let failing = fault.when.iter().find_map(|condition| {
        let value = value(&condition.feature)?;
        (!condition.holds(value)).then_some((condition, value))
    });
    let defeated = || {
        fault.unless.iter().find_map(|condition| {
            let value = value(&condition.feature)?;
            condition.holds(value).then_some((condition, value))
        })
    };
    let none_of = || {
        let measured: Vec<_> =
            fault.any.iter().map(|c| Some((c, value(&c.feature)?))).collect::<Option<_>>()?;
        measured.first().copied()
    };
    let (condition, number) = failing.or_else(defeated).or_else(none_of)?;
    Some(format!("{}: {condition}, {} is {}", service.service, condition.feature, quantity::number(number)))
}

/// Counts how many of the role's signs stand out again at the service where most do.
fn signs_check(today: &Today, in_role: &[&ServiceSigns], then: &[&Sign]) -> Check {
    let check = |outcome, numbers| Check { claim: Claim::Signs, outcome, numbers };
    let measured = || in_role.iter().filter(|service| !service.features.is_empty());
    let again = measured().map(|service| {
        let now = signs::standing_out(service.role, &service.features);
        let n = then.iter().filter(|then| now.iter().any(|now| now.term() == then.term())).count();
        (n, &service.service)
    });
    match again.max_by_key(|(n, _)| *n) {
        Some((n, service)) => {
            let holds = n as f64 >= SIGNS_AGAIN * then.len() as f64;
            let numbers = format!("{service} {n}/{}", then.len());
            check(if holds { Outcome::Holds } else { Outcome::DoesNotHold }, numbers)
        }
        None if today.services.iter().any(|service| !service.features.is_empty()) => {
            check(Outcome::DoesNotHold, format!("0/{}", then.len()))
        }
        None => check(Outcome::CannotBeChecked, String::new()),
    }
}

fn change_check(today: &Today, service: &str) -> Check {
    let change = today.changed.get(service);
    let outcome = if change.is_some() { Outcome::Holds } else { Outcome::DoesNotHold };
    let numbers = change.map(|id| format!("{service}: {id}")).unwrap_or_default();
    Check { claim: Claim::Change, outcome, numbers }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(role: Role, fault_class: &str) -> Blamed {
        let (service, fault_class) = ("cart".to_owned(), fault_class.to_owned());
        let cause =
            CauseThen { service, role, fault_class, change_kind: String::new(), change: String::new() };
        Blamed { cause, is_corrected: false }
    }

    #[test]
    fn a_class_that_is_not_seen_is_denied_only_by_what_would_have_shown_it() {
        let blind = Today::default();
        let texts = Today { n_texts: 40, ..Today::default() };
        let lag = Today { measures: [("db.replica_lag".to_owned(), 3.0)].into(), ..Today::default() };
        for (today, class, outcome, numbers) in [
            (&blind, "replication_lag", Outcome::CannotBeChecked, ""),
            (&lag, "replication_lag", Outcome::DoesNotHold, "db.replica_lag is 3"),
            (&lag, "database_cpu_saturated", Outcome::CannotBeChecked, ""),
            (&blind, "authentication_failing", Outcome::CannotBeChecked, ""),
            (&texts, "authentication_failing", Outcome::DoesNotHold, "0/40"),
            (&texts, "gremlins", Outcome::CannotBeChecked, ""),
        ] {
            let recheck = recheck(today, &cause(Role::Felt, class), &[], &FaultTree::first());
            assert_eq!((recheck.outcome, recheck.checks[0].numbers.as_str()), (outcome, numbers), "{class}");
        }
    }

    #[test]
    fn a_change_is_looked_for_at_a_service_and_not_at_an_object() {
        let heard = ["cart", "stock"].map(str::to_owned);
        for (object, changed, outcome) in [
            ("pod/cart-7", "cart", Outcome::Holds),
            ("pod/cart-7", "stock", Outcome::DoesNotHold),
            ("stock", "stock", Outcome::Holds),
            ("stock", "cart", Outcome::DoesNotHold),
        ] {
            let today = Today {
                faults: [("image_not_found".to_owned(), (object.to_owned(), 1.0))].into(),
                changed: [(changed.to_owned(), "c0ffee".to_owned())].into(),
                heard: heard.clone().into(),
                ..Today::default()
            };
            let mut blamed = cause(Role::Felt, "image_not_found");
            blamed.cause.change = "decade".to_owned();
            let recheck = recheck(&today, &blamed, &[], &FaultTree::first());
            assert_eq!(recheck.outcome, outcome, "{object} {changed}: {recheck:?}");
        }
    }

    #[test]
    fn a_class_is_looked_for_in_the_role_and_not_by_the_name() {
        let features =
            [("silent", 1.0), ("process_ended", 1.0), ("explained", 0.8), ("errors.lost.share", 0.9)];
        let features = features.map(|(name, value)| (name.to_owned(), value)).into();
        let stock = ServiceSigns {
            service: "stock".to_owned(),
            role: Role::Below,
            fault_class: String::new(),
            features,
        };
        let today = Today { services: vec![stock], ..Today::default() };
        for (role, outcome, at) in
            [(Role::Below, Outcome::Holds, "stock"), (Role::Felt, Outcome::DoesNotHold, "")]
        {
            let recheck = recheck(&today, &cause(role, "service_down"), &[], &FaultTree::first());
            assert_eq!((recheck.outcome, recheck.at.as_str()), (outcome, at), "{recheck:?}");
        }
    }
}
