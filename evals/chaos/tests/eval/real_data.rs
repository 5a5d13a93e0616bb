//! The layouts over sets that others made, where they are at hand.

use std::{env, path::PathBuf};

use waggle_chaos::eval::{
    Suite, TrueChange,
    floors::{FLOORS, floors},
    measures::{PASS, scores},
    suite,
};

/// `WAGGLE_DATA` is the folder with the sets; none of them is part of this project.
fn set(name: &str) -> Option<Suite> {
    let folder = env::var_os("WAGGLE_DATA").map(PathBuf::from).unwrap_or_default().join(name);
    if env::var_os("WAGGLE_DATA").is_none() || !folder.is_dir() {
        println!("skipped: no data at `{}`", folder.display());
        return None;
    }
    Some(suite(&folder.to_string_lossy(), Some(name)).unwrap())
}

/// Every case of the folder reads, and each floor passes as often as counting the truths says.
fn check_floors(suite: &Suite, n_none: usize) {
    let mut n_passed = [0; FLOORS.len()];
    for case in &suite.cases {
        let answers = floors(case).unwrap_or_else(|error| panic!("{}: {error:#}", case.id));
        for (n, answer) in n_passed.iter_mut().zip(&answers) {
            *n += usize::from(scores(suite.layout, &case.truth, answer)[PASS] > 0.0);
        }
    }
    println!("{}: {} cases, floors pass {n_passed:?}", suite.name, suite.cases.len());
    assert_eq!(n_passed[0], n_none, "always none");
}

#[test]
fn every_scenario_of_rootcausebench_is_read() {
    let Some(suite) = set("rootcausebench") else { return };
    assert!(suite.not_run.is_empty(), "{:?}", suite.not_run);
    assert!(!suite.cases.is_empty());
    for case in &suite.cases {
        assert!(case.truth.change.is_some() && case.truth.blast_radius.is_some(), "{}", case.id);
        assert!(!case.truth.first_failing_service.is_empty(), "{}", case.id);
        assert!(case.truth.remediation.is_some(), "{}: {:?}", case.id, case.meta);
    }
    let n_none = suite.cases.iter().filter(|case| case.truth.change == Some(TrueChange::None)).count();
    check_floors(&suite, n_none);
}

#[test]
fn every_case_of_opensre_is_read() {
    let Some(suite) = set("opensre") else { return };
    assert!(suite.not_run.is_empty(), "{:?}", suite.not_run);
    assert!(
        suite.cases.iter().all(|case| !case.truth.category.is_empty() && !case.truth.keywords.is_empty())
    );
    let n_healthy = suite.cases.iter().filter(|case| case.truth.healthy).count();
    assert!(n_healthy > 0);
    check_floors(&suite, n_healthy);
}
