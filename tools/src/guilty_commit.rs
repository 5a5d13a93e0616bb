//! Of the commits that a blamed deployment brought, the one that did it.

use waggle_agent_core::{Result, Scene, triage::Ranking};
use waggle_analysis::blame::{Blame, Deployment, Kind, blame};

use crate::signs::gather;

/// Puts the guilty commit and its hunk in the place of the deployed commit, where a suspect's deployment brought several and one of them explains what is seen.
///
/// What ran before stays: that is what a rollback goes back to. Suspects after the first are named theirs, too, for a case of before may put one of them first.
pub(crate) async fn name_commit(scene: &Scene, ranking: &mut Ranking) -> Result<()> {
    let changes = ranking.suspects.iter().filter_map(|suspect| suspect.change.as_ref());
    if !changes.into_iter().any(|change| change.kind == "commit") {
        return Ok(());
    }
    let gathered = gather(scene).await?;
    let judged = blame(&gathered.candidates, &gathered.deployments, &gathered.signs);
    name(ranking, &gathered.deployments, &judged);
    Ok(())
}

/// Names the culprit at the suspects whose deployment brought it. Where one repository has several services, the same commit comes with deployments of others.
fn name(ranking: &mut Ranking, deployments: &[Deployment], judged: &Blame) {
    let Some(culprit) = judged.culprit().filter(|it| it.kind == Kind::Commit && !it.after_onset) else {
        return;
    };
    let Some(hunk) = culprit.hunks.first() else { return };
    for suspect in ranking.suspects.iter_mut().filter(|suspect| suspect.service == culprit.service) {
        let Some(change) = suspect.change.as_mut().filter(|change| change.kind == "commit") else { continue };
        let is_meant = |deployment: &&Deployment| {
            deployment.service == suspect.service
                && deployment.commit == change.id
                && deployment.brought.len() > 1
                && deployment.brought.contains(&culprit.id)
        };
        let Some(Deployment { brought, .. }) = deployments.iter().find(is_meant) else { continue };
        change.id.clone_from(&culprit.id);
        let inside = if hunk.function.is_empty() { String::new() } else { format!(" (`{}`)", hunk.function) };
        suspect.because.push(format!(
            "of {} commits that came with it, {} fits best: {}{inside}",
            brought.len(),
            waggle_analysis::quantity::short(&culprit.id),
            hunk.place()
        ));
    }
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::{
        finding::Action,
        triage::{Suspect, SuspectChange},
    };
    use waggle_analysis::blame::{Blamed, DiffShape, RankedHunk};
    use waggle_signals::Timestamp;

    use super::*;

    fn suspect(service: &str, commit: &str) -> Suspect {
        let (kind, id) = ("commit".to_owned(), commit.to_owned());
        Suspect {
            service: service.to_owned(),
            resource: String::new(),
            fault_class: "slow_code".to_owned(),
            title: String::new(),
            confidence: 0.6,
            change: Some(SuspectChange { kind, id, before: "old".to_owned(), at: String::new() }),
            because: Vec::new(),
            wants: Vec::new(),
            action: Action::None,
            advice: String::new(),
        }
    }

    fn deployment((service, brought): (&str, &[&str])) -> Deployment {
        Deployment {
            service: service.to_owned(),
            at: Timestamp::from_secs(0),
            commit: brought[0].to_owned(),
            brought: brought.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    fn guilty(service: &str) -> Blame {
        let hunk = RankedHunk {
            change: "guilty".to_owned(),
            path: "stock/shelf.rs".to_owned(),
            line: 7,
            function: "match_sku".to_owned(),
            score: 0.9,
            effect: 1.0,
            why: Vec::new(),
        };
        let culprit = Blamed {
            id: "guilty".to_owned(),
            kind: Kind::Commit,
            service: service.to_owned(),
            live_at: None,
            after_onset: false,
            score: 0.9,
            live: 1.0,
            place: 1.0,
            effect: 1.0,
            matching: 0.9,
            shape: DiffShape::default(),
            hunks: vec![hunk],
            why: Vec::new(),
        };
        Blame { ranked: vec![culprit], circumstances: Vec::new() }
    }

    /// The changes of the suspects, after the guilty commit of `stock` was named.
    fn check(suspects: &[(&str, &str)], deployments: &[(&str, &[&str])], wanted: &[&str]) {
        let suspects = suspects.iter().map(|(service, commit)| suspect(service, commit)).collect();
        let mut ranking = Ranking { suspects, ..Ranking::default() };
        let deployments: Vec<Deployment> = deployments.iter().copied().map(deployment).collect();
        name(&mut ranking, &deployments, &guilty("stock"));
        let named = ranking.suspects.iter().filter_map(|suspect| suspect.change.as_ref());
        assert_eq!(named.map(|change| change.id.as_str()).collect::<Vec<_>>(), wanted);
        let told = ranking.suspects.iter().flat_map(|suspect| &suspect.because).next();
        if let Some(told) = told {
            assert_eq!(
                told,
                "of 2 commits that came with it, guilty fits best: stock/shelf.rs:7 (`match_sku`)"
            );
        }
    }

    #[test]
    fn the_guilty_commit_is_of_the_deployment_that_brought_it() {
        let two: &[&str] = &["new", "guilty"];
        check(&[("stock", "new")], &[("stock", two)], &["guilty"]);
        check(&[("stock", "new")], &[("stock", &["new"])], &["new"]);
        check(&[("cart", "new")], &[("cart", two)], &["new"]);
        // One repository, two services: `stock` got it with an earlier deployment, or not at all.
        check(&[("stock", "new")], &[("cart", two), ("stock", &["new", "other"])], &["new"]);
        check(&[("stock", "newer")], &[("stock", &["newer", "new"]), ("stock", two)], &["newer"]);
    }

    #[test]
    fn a_suspect_that_may_come_first_later_has_its_commit_named_too() {
        let two: &[&str] = &["new", "guilty"];
        check(&[("cart", "x"), ("stock", "new")], &[("stock", two)], &["x", "guilty"]);
    }
}
