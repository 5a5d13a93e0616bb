//! What the tool `past_incidents` told, read back from its result: for the finding, for the ranking, and for the cases themselves.

use serde_json::Value;

use super::Outcome;
use crate::{Evidence, IncidentId, finding::SeenBefore};

/// Name of the tool that holds cases against today. Its result has
/// `incidents: [{id, causes: [{service, fault_class}], recheck: {outcome, at}}]`.
pub const PAST_TOOL: &str = "past_incidents";

/// Cases that a finding names.
const MAX_SEEN: usize = 3;

/// One case as the tool told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The case, by its incident.
    pub incident: IncidentId,
    /// What came of holding it against today; `None` when it blamed nothing.
    pub outcome: Option<Outcome>,
    /// The service at which it holds today; empty when it does not.
    pub at: String,
    /// What it blamed; empty for nothing.
    pub fault_class: String,
}

/// Reads a result of [`PAST_TOOL`], in its order. What is of another shape is left out.
pub fn told(result: &Value) -> Vec<Told> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows = result.get("incidents").and_then(Value::as_array).into_iter().flatten();
    let rows = rows.filter_map(|row| {
        let outcome = row.pointer("/recheck/outcome").cloned().map(serde_json::from_value);
        Some(Told {
            incident: IncidentId(row.get("id")?.as_str()?.to_owned()),
            outcome: outcome.transpose().ok()?,
            at: text(row.pointer("/recheck/at")),
            fault_class: text(row.pointer("/causes/0/fault_class")),
        })
    });
    rows.collect()
}

/// Returns which cases the latest result told, each with the sentence that was stated of it: what a finding says of other days.
/// Empty when nothing like it was seen before, or nobody asked.
pub fn seen_before<'a>(evidence: impl DoubleEndedIterator<Item = &'a Evidence>) -> Vec<SeenBefore> {
    let Some(latest) = evidence.rev().find(|evidence| evidence.tool == PAST_TOOL) else { return Vec::new() };
    let seen = told(&latest.data).into_iter().filter_map(|Told { incident, outcome, .. }| {
        let name = format!("`{incident}`");
        let fact = latest.facts.iter().find(|fact| fact.text.contains(&name))?;
        let outcome = outcome.unwrap_or(Outcome::CannotBeChecked);
        Some(SeenBefore { incident, outcome, text: fact.text.clone(), evidence: latest.id })
    });
    seen.take(MAX_SEEN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        EvidenceId,
        evidence::{Fact, Topic},
        past_case::record::tests::evidence,
    };

    #[test]
    fn a_result_of_another_shape_is_left_out() {
        let whole = json!({ "id": "inc-1", "causes": [{ "service": "cart", "fault_class": "slow_code" }], "recheck": { "outcome": "holds", "at": "stock" } });
        for (result, wanted) in [
            (json!(null), vec![]),
            (json!({ "incidents": "inc-1" }), vec![]),
            (
                json!({ "incidents": [{ "id": 7 }, { "id": "inc-2", "recheck": { "outcome": "perhaps" } }] }),
                vec![],
            ),
            (json!({ "incidents": [whole] }), vec![("inc-1", Some(Outcome::Holds), "stock", "slow_code")]),
            (json!({ "incidents": [{ "id": "inc-3" }] }), vec![("inc-3", None, "", "")]),
        ] {
            let told = told(&result);
            let found: Vec<_> = told
                .iter()
                .map(|told| {
                    (told.incident.0.as_str(), told.outcome, told.at.as_str(), told.fault_class.as_str())
                })
                .collect();
            assert_eq!(found, wanted, "{result}");
        }
    }

    #[test]
    fn a_finding_names_the_cases_of_the_latest_result_in_its_words() {
        let result = |id: &str| json!({ "incidents": [{ "id": id, "recheck": { "outcome": "holds" } }, { "id": "inc-unsaid" }] });
        let fact =
            |text: &str| Fact { service: String::new(), topic: Topic::Knowledge, text: text.to_owned() };
        let mut all = [
            evidence(1, PAST_TOOL, result("inc-1")),
            evidence(2, PAST_TOOL, result("inc-2")),
            evidence(3, "logs", result("inc-3")),
        ];
        for one in &mut all {
            one.facts = vec![fact("seen before: `inc-1`"), fact("seen before: `inc-2`"), fact("no proof")];
        }
        let text = "seen before: `inc-2`".to_owned();
        let (incident, evidence) = (IncidentId("inc-2".to_owned()), EvidenceId(2));
        let wanted = SeenBefore { incident, outcome: Outcome::Holds, text, evidence };
        assert_eq!(seen_before(all.iter()), [wanted]);
        assert_eq!(seen_before([].iter()), []);
    }
}
