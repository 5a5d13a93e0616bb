//! Whether a root cause rests on what was measured, or on words alone.
//!
//! A sentence that stands in a log is grounded: every name and number of it is in the evidence. Whoever can write a log line
//! could so have anybody blamed. What a tool states of a service in its own words cannot be written by others.

use std::collections::BTreeMap;

use crate::{
    Evidence, EvidenceId,
    evidence::{Fact, Topic},
    finding::RootCause,
    grounding::Ground,
};

/// Tells whether a claim of `cause` restates a fact about its service: the whole sentence, or a number or time of it that does
/// not stand in a quote. Only facts count whose topic `is_proof`, of evidence that the claim cites.
pub(super) fn rests_on_fact(
    cause: &RootCause,
    evidence: &BTreeMap<EvidenceId, Evidence>,
    is_proof: impl Fn(Topic) -> bool,
) -> bool {
    let is_about = |fact: &&Fact| fact.service == cause.service && is_proof(fact.topic);
    cause.claims.iter().any(|claim| {
        let cited = claim.evidence.iter().filter_map(|id| evidence.get(id));
        let mut facts = cited.flat_map(|evidence| &evidence.facts).filter(is_about);
        facts.any(|fact| restates(&claim.text, &fact.text))
    })
}

/// Tells of a topic whether anything about it proves something: who answers and what was written down before does not.
pub(super) fn is_of_now(topic: Topic) -> bool {
    !matches!(topic, Topic::Owner | Topic::Knowledge)
}

/// Tells of a topic whether it is measured, and not told by lines, messages and diffs.
pub(super) fn is_measured(topic: Topic) -> bool {
    is_of_now(topic) && !matches!(topic, Topic::Logs | Topic::Change | Topic::Diff)
}

fn restates(claim: &str, fact: &str) -> bool {
    let mut ground = Ground::default();
    ground.add(&serde_json::Value::Null, &unquoted(fact));
    claim.contains(fact) || ground.has_any_measure(&unquoted(claim))
}

/// Leaves out what stands between backticks.
fn unquoted(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_restated_by_itself_or_by_its_measures() {
        let fact = "p99 of cart rose from 84 ms to 2.1 s at 14:05:10, trace `a 900 ms b`";
        for (claim, is_restated) in [
            (fact, true),
            ("cart got slow: 2.1 s", true),
            ("since 14:05:10 cart waits", true),
            ("cart is at fault", false),
            ("cart holds a lock for 900 ms", false),
            ("`cart took 2.1 s`", false),
        ] {
            assert_eq!(restates(claim, fact), is_restated, "{claim}");
        }
    }
}
