//! Trivial answers, which a real one must beat: computed from the case's own files without any analysis.

mod carried;

use std::{cmp::Reverse, collections::BTreeMap};

use anyhow::Result;
use waggle_agent_core::finding::Action;
use waggle_files::incident::{self, Incident};
use waggle_signals::{Measure, Severity, Timestamp, semconv};

use super::{
    answer::{Answer, Blamed, HEALTHY, NO_CATEGORY, Stance},
    case::{Case, What},
    stage::stage,
};

/// A rule that answers without looking.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// Its name in JSON; never renamed.
    pub key: &'static str,
    /// Its name for people.
    pub title: &'static str,
    answer: fn(&Seen) -> Answer,
}

/// All floors, in the order of the table.
pub const FLOORS: &[Floor] = &[
    Floor { key: "always_none", title: "always none", answer: |_| always_none() },
    Floor { key: "latest_deploy", title: "latest deploy", answer: latest_deploy },
    Floor { key: "loudest_service", title: "loudest service", answer: loudest_service },
];

/// Answers a case by all rules, in the order of [`FLOORS`].
///
/// # Errors
///
/// When the files of the case do not read.
pub fn floors(case: &Case) -> Result<Vec<Answer>> {
    let seen = match &case.what {
        What::Folder { .. } => {
            let folder = tempfile::tempdir()?;
            let staged = stage(case, folder.path())?.unwrap_or_default();
            of_files(&incident::read(&staged)?)
        }
        What::Fault(name) => carried::seen(name)?,
    };
    Ok(FLOORS.iter().map(|floor| (floor.answer)(&seen)).collect())
}

/// What the rules look at.
#[derive(Debug, Default)]
struct Seen {
    /// The last deploy before the alert: the service and, if it is known, the commit.
    deploy: Option<(String, Option<String>)>,
    /// Errors that each service logged or returned.
    n_errors: BTreeMap<String, u64>,
    /// The worst value of any error ratio of each service.
    error_ratio: BTreeMap<String, f64>,
}

fn of_files(incident: &Incident) -> Seen {
    let end = incident.alert.fired_at.unwrap_or(Timestamp::from_nanos(i64::MAX));
    let deploys = incident.deployments.iter().filter(|deploy| deploy.at <= end);
    let deploy = deploys.max_by_key(|deploy| deploy.at).map(|deploy| {
        (deploy.service.clone(), Some(deploy.commit.clone()).filter(|commit| !commit.is_empty()))
    });
    let mut seen = Seen { deploy, ..Seen::default() };
    let logged = incident.lines.iter().filter(|line| line.severity >= Severity::Error);
    let logged = logged.map(|line| line.service.as_str());
    let failed = incident.spans.iter().filter(|span| span.error.is_some()).map(|span| span.service.as_str());
    let said = incident.recorded.said.iter().filter(|said| said.severity >= Some(Severity::Error));
    for service in logged.chain(failed).chain(said.map(|said| said.object.as_str())) {
        if !service.is_empty() {
            *seen.n_errors.entry(service.to_owned()).or_default() += 1;
        }
    }
    for series in &incident.series {
        let Measure::Metric(name) = &series.measure else { continue };
        if name.contains("error") && (name.contains("ratio") || name.contains("rate")) {
            let worst = series.values.iter().flatten().copied().fold(0.0, f64::max);
            let known = seen.error_ratio.entry(series.label(semconv::SERVICE_NAME).to_owned()).or_default();
            *known = known.max(worst);
        }
    }
    seen
}

fn always_none() -> Answer {
    Answer { stance: Stance::AllWell, category: HEALTHY.to_owned(), ..Answer::default() }
}

fn latest_deploy(seen: &Seen) -> Answer {
    let Some((service, commit)) = &seen.deploy else { return always_none() };
    Answer { change: commit.clone(), remediation: Action::Rollback, ..blaming(service) }
}

/// The most errors; where there are none, the worst error ratio; where that is not measured, nothing.
fn loudest_service(seen: &Seen) -> Answer {
    let most = seen.n_errors.iter().max_by_key(|(name, n)| (**n, Reverse(*name)));
    let worst = seen.error_ratio.iter().filter(|(_, ratio)| **ratio > 0.0);
    let worst = worst.max_by(|a, b| a.1.total_cmp(b.1).then_with(|| b.0.cmp(a.0)));
    match most.map(|(name, _)| name).or(worst.map(|(name, _)| name)) {
        Some(service) => blaming(service),
        None => always_none(),
    }
}

fn blaming(service: &str) -> Answer {
    Answer {
        stance: Stance::Blames,
        causes: vec![Blamed { service: service.to_owned(), fault_class: String::new() }],
        category: NO_CATEGORY.to_owned(),
        first_failing_service: service.to_owned(),
        ..Answer::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(deploy: Option<(&str, Option<&str>)>, errors: &[(&str, u64)], ratios: &[(&str, f64)]) -> Seen {
        Seen {
            deploy: deploy.map(|(service, commit)| (service.to_owned(), commit.map(str::to_owned))),
            n_errors: errors.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect(),
            error_ratio: ratios.iter().map(|(name, ratio)| ((*name).to_owned(), *ratio)).collect(),
        }
    }

    #[test]
    fn floors_answer_without_looking() {
        for (seen, wanted) in [
            (seen(None, &[], &[]), ["nothing is wrong"; 3]),
            (
                seen(Some(("shop", Some("c0ffee1"))), &[("b", 2), ("a", 2), ("c", 1)], &[("z", 0.9)]),
                ["nothing is wrong", "shop, change c0ffee1", "a"],
            ),
            (seen(Some(("shop", None)), &[], &[("x", 0.1), ("y", 0.2)]), ["nothing is wrong", "shop", "y"]),
        ] {
            let said: Vec<_> = FLOORS.iter().map(|floor| (floor.answer)(&seen).in_words()).collect();
            assert_eq!(said, wanted, "{seen:?}");
        }
    }

    #[test]
    fn the_carried_recordings_have_floors_too() {
        for (fault, deploy, is_loud) in [("error-burst", "cart", true), ("none", "payment", false)] {
            let case = Case {
                id: fault.to_owned(),
                what: What::Fault(fault.to_owned()),
                truth: super::super::case::Truth::default(),
                meta: BTreeMap::new(),
            };
            let answers = floors(&case).unwrap();
            assert_eq!(answers[1].causes[0].service, deploy);
            assert_eq!(answers[2].stance == Stance::Blames, is_loud, "{fault}: {}", answers[2].in_words());
        }
    }
}
