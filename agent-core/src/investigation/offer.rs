//! Which tools a model is told about: descriptions cost tokens in every step.

use std::collections::BTreeSet;

use super::{
    Case,
    own_calls::{more_tools_spec, read_evidence_spec},
};
use crate::{
    ports::{Message, ToolSpec},
    triage::{Ranking, SUSPECTS_TOOL},
    verify::{DIFF_TOOL, OWNERS_TOOL},
};

/// What almost every investigation needs.
const ALWAYS: [&str; 4] = ["compare", DIFF_TOOL, OWNERS_TOOL, "logs"];
/// Suspects whose proof is made easy.
const MAX_SUSPECTS: usize = 3;

/// What may be called in a step.
#[derive(Debug, Default)]
pub(super) struct Offer {
    /// Told in full, those of the loop last.
    pub described: Vec<ToolSpec>,
    /// Only named.
    pub undescribed: Vec<ToolSpec>,
}

/// Chooses what to describe: everything where that is little; else what the suspects want, what was asked for, and what
/// almost everybody needs, in this order, up to the budget.
pub(super) fn offer(case: &Case<'_>, unlocked: &[String]) -> Offer {
    let mut all = case.investigator.toolbox.specs();
    let room = case.investigator.budget.described_tools;
    if all.len() <= room {
        all.push(read_evidence_spec());
        return Offer { described: all, undescribed: Vec::new() };
    }
    let mut chosen: BTreeSet<String> = unlocked.iter().cloned().collect();
    let known = |name: &String| case.has_tool(name);
    for name in called(case).chain(wanted(case)).chain(ALWAYS.map(str::to_owned)).filter(known) {
        if chosen.len() >= room {
            break;
        }
        chosen.insert(name);
    }
    let (mut described, undescribed): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|tool| chosen.contains(&tool.name));
    described.push(read_evidence_spec());
    described.push(more_tools_spec(&undescribed));
    Offer { described, undescribed }
}

/// Returns what the model called so far, the triage aside.
fn called(case: &Case<'_>) -> impl Iterator<Item = String> {
    let calls = case.transcript().iter().filter_map(|message| match message {
        Message::Assistant { calls, .. } => Some(calls),
        _ => None,
    });
    // The first message is the triage or the context.
    calls.skip(1).flatten().map(|call| call.name.clone())
}

/// Returns what would prove the first suspects.
fn wanted(case: &Case<'_>) -> impl Iterator<Item = String> {
    let ranking = case.evidence().values().rev().find(|evidence| evidence.tool == SUSPECTS_TOOL);
    let ranking = ranking.and_then(|evidence| serde_json::from_value::<Ranking>(evidence.data.clone()).ok());
    let suspects = ranking.into_iter().flat_map(|ranking| ranking.suspects.into_iter().take(MAX_SUSPECTS));
    suspects.flat_map(|suspect| suspect.wants)
}
