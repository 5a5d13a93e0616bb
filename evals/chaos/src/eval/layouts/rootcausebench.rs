//! Incidents with commits, deploys and flags, some of them with no guilty change: <https://github.com/edgedelta/root-cause-bench>.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use waggle_agent_core::finding::Action;

use super::{Found, Layout, each, folders, last_part, no_categories, truth_text};
use crate::eval::{
    answer::Answer,
    case::{Case, TrueChange, Truth, What},
    measures::{Better, Measure, change, decoy_blamed, first_failing_service, jaccard, remediation},
};

/// Passes as its grader passes: the exact change, or rightly none.
pub(super) const LAYOUT: Layout = Layout {
    name: "rootcausebench",
    text: "a case is a folder with `ground_truth.json` and, in `data`, an incident as files",
    read,
    wants_folder: true,
    category: no_categories,
    pass: |truth, answer| change(truth, answer) == Some(1.0),
    pass_means: "the exact commit, or rightly none",
    own: &[Measure {
        key: "graded_reward",
        title: "graded reward of the set",
        better: Better::Higher,
        of: reward,
    }],
};

#[derive(Deserialize)]
struct GroundTruth {
    root_cause_commit: String,
    first_failing_service: String,
    #[serde(default)]
    blast_radius: Vec<String>,
    #[serde(default)]
    remediation: String,
    #[serde(default)]
    decoy_deploy_commits: Vec<String>,
}

/// The set's words for what helps, besides our own.
const ACTIONS: &[(&str, Action)] = &[
    ("rollback", Action::Rollback),
    ("roll_forward", Action::RollForward),
    ("config_revert", Action::ConfigRevert),
    ("scale", Action::Scale),
    ("failover", Action::Failover),
    ("rotate_certificate", Action::RotateCertificate),
    ("rotate_cert", Action::RotateCertificate),
    ("disable_flag", Action::DisableFlag),
    ("feature_flag_disable", Action::DisableFlag),
    ("fix_data", Action::FixData),
    ("purge_bad_data", Action::FixData),
    ("restart", Action::Restart),
    ("none", Action::None),
];

fn read(folder: &Path) -> Result<Found> {
    let scenarios = folders(folder)?.into_iter().map(|path| (last_part(&path), path));
    Ok(each(scenarios.collect(), case))
}

fn case(id: &str, folder: &Path) -> Result<Case> {
    // The set itself keeps what the agent sees apart from what its grader sees.
    let first = |names: [&str; 2]| names.map(|name| folder.join(name)).into_iter().find(|path| path.exists());
    let Some(truth_file) = first(["ground_truth.json", "tests/ground_truth.json"]) else {
        bail!("no `ground_truth.json` in `{}`", folder.display());
    };
    let Some(path) = first(["data", "environment/data"]) else {
        bail!("no folder `data` in `{}`", folder.display());
    };
    let stated: GroundTruth = serde_json::from_str(&truth_text(&truth_file)?)
        .with_context(|| format!("read `{}`", truth_file.display()))?;
    let word = stated.remediation.replace('-', "_");
    let remediation = ACTIONS.iter().find(|(known, _)| *known == word).map(|(_, action)| *action);
    let mut case = Case {
        id: id.to_owned(),
        what: What::Folder { path, borrowed: Vec::new() },
        truth: Truth {
            services: vec![stated.first_failing_service.clone()],
            change: Some(TrueChange::from(stated.root_cause_commit)),
            first_failing_service: stated.first_failing_service,
            blast_radius: Some(stated.blast_radius),
            remediation,
            decoys: stated.decoy_deploy_commits,
            ..Truth::default()
        },
        meta: [].into(),
    };
    if remediation.is_none() {
        case.meta.insert("remediation not understood".to_owned(), stated.remediation);
    }
    Ok(case)
}

/// 1 for the right change, 0 for a decoy, and otherwise at most a half for what else is right.
// `tests/test_outputs.py` of the set: 0.5 × (0.5 × first failing service + 0.3 × Jaccard + 0.2 × remediation).
fn reward(truth: &Truth, answer: &Answer) -> Option<f64> {
    if change(truth, answer)? >= 1.0 {
        return Some(1.0);
    }
    if decoy_blamed(truth, answer).unwrap_or_default() > 0.0 {
        return Some(0.0);
    }
    let right = truth.blast_radius.iter().flatten().map(String::as_str).collect();
    let said = answer.hit.iter().map(String::as_str).collect();
    let first = first_failing_service(truth, answer).unwrap_or_default();
    let helps = remediation(truth, answer).unwrap_or_default();
    Some(0.5 * (0.5 * first + 0.3 * jaccard(&right, &said) + 0.2 * helps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::answer::Stance;

    #[test]
    fn the_graded_reward_is_that_of_the_set() {
        let truth = Truth {
            change: Some(TrueChange::Is("c0ffee1234".to_owned())),
            first_failing_service: "stock".to_owned(),
            blast_radius: Some(vec!["shop".to_owned(), "edge".to_owned()]),
            remediation: Some(Action::Rollback),
            decoys: vec!["decade1234".to_owned()],
            ..Truth::default()
        };
        let answer = |change: Option<&str>, first: &str, hit: &[&str], remediation| Answer {
            stance: Stance::Blames,
            change: change.map(str::to_owned),
            first_failing_service: first.to_owned(),
            hit: hit.iter().map(|name| (*name).to_owned()).collect(),
            remediation,
            ..Answer::default()
        };
        for (said, wanted) in [
            (answer(Some("c0ffee1234"), "", &[], Action::None), 1.0),
            (answer(Some("c0ffee1"), "", &[], Action::None), 1.0),
            (answer(Some("decade1234"), "stock", &["shop", "edge"], Action::Rollback), 0.0),
            (answer(Some("some-flag"), "stock", &["shop", "edge"], Action::Rollback), 0.5),
            (answer(None, "stock", &["shop"], Action::Scale), 0.325),
            (answer(None, "shop", &[], Action::Rollback), 0.1),
        ] {
            let reward = reward(&truth, &said).unwrap();
            assert!((reward - wanted).abs() < 1e-12, "{said:?}: {reward}");
        }
    }
}
