//! Of the commits that a blamed deployment brought, the one that did it.

use waggle_agent_core::{Result, Scene, triage::Ranking};
use waggle_analysis::blame::{Kind, blame};

use crate::signs::gather;

/// Puts the guilty commit and its hunk in the place of the deployed commit, where the first suspect's deployment brought several and one of them explains what is seen.
///
/// What ran before stays: that is what a rollback goes back to.
pub(crate) async fn name_commit(scene: &Scene, ranking: &mut Ranking) -> Result<()> {
    let Some(suspect) = ranking.suspects.first_mut() else { return Ok(()) };
    let Some(change) = suspect.change.as_mut().filter(|change| change.kind == "commit") else {
        return Ok(());
    };
    let gathered = gather(scene).await?;
    let is_meant = |brought: &&Vec<String>| brought.len() > 1 && brought.contains(&change.id);
    let Some(brought) = gathered.deployments.iter().map(|deployment| &deployment.brought).find(is_meant)
    else {
        return Ok(());
    };
    let judged = blame(&gathered.candidates, &gathered.deployments, &gathered.signs);
    let Some(culprit) = judged.culprit() else { return Ok(()) };
    let is_of_it = culprit.kind == Kind::Commit
        && !culprit.after_onset
        && culprit.service == suspect.service
        && brought.contains(&culprit.id);
    let Some(hunk) = culprit.hunks.first().filter(|_| is_of_it) else { return Ok(()) };
    change.id.clone_from(&culprit.id);
    let inside = if hunk.function.is_empty() { String::new() } else { format!(" (`{}`)", hunk.function) };
    suspect.because.push(format!(
        "of {} commits that came with it, {} fits best: {}{inside}",
        brought.len(),
        waggle_analysis::quantity::short(&culprit.id),
        hunk.place()
    ));
    Ok(())
}
