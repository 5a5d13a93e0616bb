//! How a model hands in its finding or its answer.

use std::sync::LazyLock;

use serde_json::Value;

use super::Case;
use crate::{
    Finding,
    ports::ToolSpec,
    toolbox::{MAX_FAULT_CHARS, MAX_FAULTS},
    verify::{Verified, verify},
};

/// The call that ends an investigation.
pub const SUBMIT_FINDING: &str = "submit_finding";
/// The call that ends an answer.
pub const SUBMIT_ANSWER: &str = "submit_answer";

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

/// Returns what a model needs to know to submit a finding.
pub(crate) fn finding_spec() -> ToolSpec {
    ToolSpec {
        name: SUBMIT_FINDING.to_owned(),
        description: "Submits the finding and ends the investigation. Every claim cites evidence.".to_owned(),
        schema: FINDING_SCHEMA.clone(),
    }
}

/// Reads and verifies a submitted finding; the error is for the model to mend.
pub(crate) fn finding(arguments: &Value, case: &Case<'_>) -> Result<Verified, String> {
    let faults: Vec<_> = FINDING_VALIDATOR
        .iter()
        .flat_map(|validator| validator.iter_errors(arguments))
        .take(MAX_FAULTS)
        .map(|error| {
            // The message quotes the value, which may be as long as a model likes.
            let message: String = error.to_string().chars().take(MAX_FAULT_CHARS).collect();
            format!("- at `{}`: {message}", error.instance_path())
        })
        .collect();
    if !faults.is_empty() {
        return Err(format!("the finding breaks its schema; mend and submit again:\n{}", faults.join("\n")));
    }
    let mut arguments = arguments.clone();
    if let Some(fields) = arguments.as_object_mut() {
        fields.insert("incident".to_owned(), Value::String(case.scene().incident.id.0.clone()));
    }
    let finding =
        serde_json::from_value(arguments).map_err(|error| format!("the finding cannot be read: {error}"))?;
    Ok(verify(finding, case.evidence(), &case.service_names()))
}

/// Says what verification refused.
pub(crate) fn repair_text(problems: &[String]) -> String {
    let problems: Vec<_> = problems.iter().map(|problem| format!("- {problem}")).collect();
    format!(
        "not accepted yet. Mend these and submit again; what fails a second time is dropped:\n{}",
        problems.join("\n")
    )
}
