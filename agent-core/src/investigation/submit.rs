//! How a model hands in its finding, and what is filled in for it.

use std::sync::LazyLock;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Case,
    converse::{Goal, Handed},
};
use crate::{
    EvidenceId, Finding,
    fence::fenced,
    finding::{Action, ClaimKind, Verdict},
    ports::ToolSpec,
    slim::slim,
    toolbox::{MAX_FAULT_CHARS, MAX_FAULTS},
    triage::{Ranking, SUSPECTS_TOOL},
    verify::{OWNERS_TOOL, Verified, verify},
};

/// The call that ends an investigation.
pub const SUBMIT_FINDING: &str = "submit_finding";
/// The call that ends an answer.
pub const SUBMIT_ANSWER: &str = "submit_answer";

/// What a model has to say of a finding. The symptom, the way it spread, the impact, the owners and what was missing are
/// filled in from the triage where a model leaves them out; it may give them, as [`Finding`] has them.
#[derive(JsonSchema, Serialize)]
struct Submission {
    verdict: Verdict,
    /// Probability that the first root cause is right, or that there is no incident.
    confidence: f64,
    /// Likeliest first; empty unless `confirmed` or `likely`.
    root_causes: Vec<SubmittedCause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ruled_out: Option<Vec<SubmittedRuledOut>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<SubmittedRemediation>,
    /// Three questions somebody would ask next.
    #[serde(skip_serializing_if = "Option::is_none")]
    follow_ups: Option<Vec<String>>,
}

#[derive(JsonSchema, Serialize)]
struct SubmittedCause {
    service: String,
    /// As `suspects` names it, else `unknown`.
    fault_class: String,
    /// Full commit id, or name of the flag, config or deployment, when a change did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<String>,
    claims: Vec<SubmittedClaim>,
}

#[derive(JsonSchema, Serialize)]
struct SubmittedClaim {
    /// One sentence; its numbers, times and names stand in what it cites.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ClaimKind>,
    evidence: Vec<EvidenceId>,
}

#[derive(JsonSchema, Serialize)]
struct SubmittedRuledOut {
    suspect: String,
    reason: String,
    evidence: Vec<EvidenceId>,
}

#[derive(JsonSchema, Serialize)]
struct SubmittedRemediation {
    action: Action,
    text: String,
}

static SUBMISSION_SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<Submission>().to_value();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("title");
        fields.remove("description");
    }
    slim(schema)
});

static FINDING_SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = Finding::json_schema();
    // The incident is known; asking a model to repeat its id can only go wrong.
    if let Some(properties) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
        properties.remove("incident");
    }
    if let Some(required) = schema.pointer_mut("/required").and_then(Value::as_array_mut) {
        required.retain(|field| field != "incident");
    }
    schema
});
static FINDING_VALIDATOR: LazyLock<Option<jsonschema::Validator>> =
    LazyLock::new(|| jsonschema::validator_for(&FINDING_SCHEMA).ok());

/// A finding that stands.
#[derive(Debug, Default)]
pub(crate) struct TheFinding {
    n_repairs: u32,
}

impl Goal for TheFinding {
    type Outcome = Finding;

    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: SUBMIT_FINDING.to_owned(),
            description: "Submits the finding and ends the investigation. Every claim cites evidence."
                .to_owned(),
            schema: SUBMISSION_SCHEMA.clone(),
        }
    }

    fn read(&mut self, arguments: &Value, case: &Case<'_>, is_last: bool) -> Handed<Finding> {
        match finding(arguments, case) {
            Ok(Verified { finding, problems }) => {
                let stands = problems.is_empty() || self.n_repairs > 0 || is_last;
                self.n_repairs += 1;
                if stands {
                    return Handed::Accepted(finding);
                }
                // A cause that fell leaves no more than the fallback would begin with.
                let blamed = arguments.get("root_causes").and_then(Value::as_array);
                let fell = finding.root_causes.is_empty() && blamed.is_some_and(|causes| !causes.is_empty());
                let is_undone = finding.verdict == Verdict::Inconclusive
                    && arguments.get("verdict").and_then(Value::as_str)
                        != Some(Verdict::Inconclusive.as_str());
                let so_far = Some(finding).filter(|_| !fell && !is_undone);
                Handed::Mend { text: repair_text(&problems), so_far }
            }
            Err(fault) => Handed::Malformed(fault),
        }
    }
}

/// Reads and verifies a submitted finding; the error is for the model to mend.
fn finding(arguments: &Value, case: &Case<'_>) -> Result<Verified, String> {
    let arguments = completed(arguments, case);
    let faults: Vec<_> = FINDING_VALIDATOR
        .iter()
        .flat_map(|validator| validator.iter_errors(&arguments))
        .take(MAX_FAULTS)
        .map(|error| {
            // The message quotes the value, which may be as long as a model likes.
            let message: String = error.to_string().chars().take(MAX_FAULT_CHARS).collect();
            format!("- at `{}`: {message}", error.instance_path())
        })
        .collect();
    if !faults.is_empty() {
        let faults = fenced("faults", &faults.join("\n"));
        return Err(format!("the finding breaks its schema; mend and submit again:\n{faults}"));
    }
    let mut arguments = arguments;
    if let Some(fields) = arguments.as_object_mut() {
        fields.insert("incident".to_owned(), Value::String(case.scene().incident.id.0.clone()));
    }
    let finding = serde_json::from_value(arguments)
        .map_err(|error| format!("the finding cannot be read:\n{}", fenced("faults", &error.to_string())))?;
    Ok(verify(finding, case.evidence(), &case.service_names()))
}

/// Says what verification refused. The sentences in it may be from outside.
fn repair_text(problems: &[String]) -> String {
    let problems: Vec<_> = problems.iter().map(|problem| format!("- {problem}")).collect();
    format!(
        "not accepted yet. Mend these and submit again; what fails a second time is dropped:\n{}",
        fenced("problems", &problems.join("\n"))
    )
}

/// Fills in what a model left out and the triage knows. What it gave stays as it is, also where it is wrong.
fn completed(arguments: &Value, case: &Case<'_>) -> Value {
    let mut arguments = arguments.clone();
    let Some(fields) = arguments.as_object_mut() else { return arguments };
    let confidence = fields.get("confidence").cloned().unwrap_or(Value::Null);
    let causes = fields.get_mut("root_causes").and_then(Value::as_array_mut);
    for cause in causes.into_iter().flatten().filter_map(Value::as_object_mut) {
        complete_cause(cause, &confidence);
    }
    let ranking = case.evidence().values().rev().find(|evidence| evidence.tool == SUSPECTS_TOOL);
    let ranking = ranking.and_then(|evidence| serde_json::from_value::<Ranking>(evidence.data.clone()).ok());
    let ranking = ranking.unwrap_or_default();
    let is_quiet = fields.get("verdict").and_then(Value::as_str) == Some(Verdict::NoIncident.as_str());
    let blamed = text_at(fields, "/root_causes/0/service");
    let is_first = ranking.suspects.first().is_some_and(|suspect| Some(&suspect.service) == blamed.as_ref());

    fill(fields, "missing_data", || json!(ranking.missing_data));
    if is_quiet {
        fill(fields, "symptom", || json!({}));
        return arguments;
    }
    fill(fields, "symptom", || json!(ranking.symptom));
    fill(
        fields,
        "impact",
        || json!({ "services": ranking.affected, "requests_failed": ranking.requests_failed }),
    );
    if is_first {
        fill(fields, "propagation", || json!(ranking.propagation));
    }
    if let Some(blamed) = blamed {
        fill(fields, "owners", || owners(case, &blamed));
        fill(fields, "first_failing_service", || json!(blamed));
    }
    arguments
}

fn complete_cause(cause: &mut Map<String, Value>, confidence: &Value) {
    if !confidence.is_null() {
        fill(cause, "confidence", || confidence.clone());
    }
    match cause.get_mut("change") {
        // What kind it is and whether its diff was read is known better than by the model.
        Some(Value::String(id)) if id.is_empty() => {
            cause.remove("change");
        }
        Some(change @ Value::String(_)) => {
            *change = json!({ "kind": "change", "id": change.clone(), "diff_read": false });
        }
        Some(Value::Object(change)) => {
            fill(change, "kind", || json!("change"));
            fill(change, "diff_read", || json!(false));
        }
        _ => {}
    }
    let claims = cause.get_mut("claims").and_then(Value::as_array_mut);
    for claim in claims.into_iter().flatten().filter_map(Value::as_object_mut) {
        fill(claim, "kind", || json!(ClaimKind::Inferred));
    }
}

fn owners(case: &Case<'_>, service: &str) -> Value {
    let stated = case.evidence().values().rev().find(|evidence| {
        evidence.tool == OWNERS_TOOL
            && evidence.arguments.get("service").and_then(Value::as_str) == Some(service)
    });
    stated.and_then(|evidence| evidence.data.get("owners").cloned()).unwrap_or_else(|| json!([]))
}

fn fill(fields: &mut Map<String, Value>, name: &str, value: impl FnOnce() -> Value) {
    if fields.get(name).is_none_or(Value::is_null) {
        fields.insert(name.to_owned(), value());
    }
}

fn text_at(fields: &Map<String, Value>, pointer: &str) -> Option<String> {
    let (first, rest) = pointer.trim_start_matches('/').split_once('/')?;
    Some(fields.get(first)?.pointer(&format!("/{rest}"))?.as_str()?.to_owned())
}
