//! The demo's own faults, whose recordings the program carries.

use std::path::Path;

use anyhow::Result;

use super::{Found, Layout, no_categories};
use crate::{
    NO_FAULT, decoy,
    eval::{
        answer::{Answer, Stance},
        case::{Case, TrueChange, Truth, What},
    },
    fault_named, faults, named_right,
};

/// Passes as the demo itself judges: the injected service and fault class first.
pub(super) const LAYOUT: Layout = Layout {
    name: "demo",
    text: "the faults of `waggle demo`, and a world where nothing goes wrong",
    read,
    wants_folder: false,
    category: no_categories,
    pass,
    pass_means: "the injected service and fault class, or a rightful all-clear",
    own: &[],
};

fn read(_: &Path) -> Result<Found> {
    let names = faults().iter().map(|fault| fault.name()).chain([NO_FAULT]);
    Ok(Found { cases: names.map(case).collect::<Result<_>>()?, not_run: Vec::new() })
}

fn case(name: &str) -> Result<Case> {
    let fault = fault_named(name)?;
    let truth = fault.map(|fault| fault.truth());
    let mut all = Truth { healthy: fault.is_none(), ..Truth::default() };
    all.decoys = vec![decoy(fault).commit.to_owned()];
    if let Some(truth) = truth {
        all.services = vec![truth.service];
        all.fault_classes = vec![truth.fault_class];
        all.change = truth.commit.map(TrueChange::Is);
    }
    let text = fault.map_or("nothing goes wrong", |fault| fault.text());
    let meta = [("text".to_owned(), text.to_owned())].into();
    Ok(Case { id: name.to_owned(), what: What::Fault(name.to_owned()), truth: all, meta })
}

fn pass(truth: &Truth, answer: &Answer) -> bool {
    if truth.healthy {
        return answer.stance == Stance::AllWell;
    }
    let (Some(service), Some(class)) = (truth.services.first(), truth.fault_classes.first()) else {
        return false;
    };
    let wanted =
        crate::Truth { service: service.clone(), fault_class: class.clone(), commit: None, neighbour: None };
    answer.causes.first().is_some_and(|first| named_right(&wanted, &first.service, &first.fault_class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{answer::Blamed, layouts::suite};

    #[test]
    fn every_fault_is_a_case_and_so_is_none() {
        let suite = suite("demo", None).unwrap();
        let ids: Vec<_> = suite.cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(ids, ["cpu-hog", "dependency-down", "error-burst", "none", "packet-loss", "slow-commit"]);
        for case in &suite.cases {
            assert_eq!(case.truth.healthy, case.id == NO_FAULT, "{}", case.id);
            let stance = if case.truth.healthy { Stance::AllWell } else { Stance::Blames };
            let causes = case.truth.services.iter().zip(&case.truth.fault_classes);
            let causes = causes
                .map(|(service, class)| Blamed { service: service.clone(), fault_class: class.clone() });
            let right = Answer { stance, causes: causes.collect(), ..Answer::default() };
            assert!(pass(&case.truth, &right), "{}", case.id);
            assert!(!pass(&case.truth, &Answer::default()), "{}: abstained", case.id);
        }
    }
}
