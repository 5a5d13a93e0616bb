//! The schema that the project publishes is the one that the program keeps to.

use std::{collections::BTreeMap, env, fs, path::Path};

use serde_json::{Value, json};
use waggle_agent_core::Finding;

use crate::shop::good_finding;

#[test]
fn the_published_schema_of_a_finding_is_the_program_s() {
    let path = Path::new("../docs/finding.schema.json");
    let written = format!("{}\n", serde_json::to_string_pretty(&sorted(Finding::json_schema())).unwrap());
    if env::var_os("UPDATE").is_some() {
        fs::write(path, &written).unwrap();
    }
    let published = fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == written,
        "docs/finding.schema.json is stale; write it anew with `UPDATE=1 cargo test -p waggle-agent-core --test all schema`"
    );
}

/// Puts keys in order: whether maps keep theirs depends on what else is built.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> =
                fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Fields may be added, never renamed: these are what others read.
#[test]
fn the_fields_of_a_finding_keep_their_names() {
    let schema = Finding::json_schema();
    let names: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    for name in [
        "incident",
        "verdict",
        "confidence",
        "symptom",
        "root_causes",
        "first_failing_service",
        "propagation",
        "impact",
        "ruled_out",
        "remediation",
        "owners",
        "missing_data",
        "follow_ups",
    ] {
        assert!(names.iter().any(|have| have == name), "`{name}` is gone");
    }
}

#[test]
fn a_finding_follows_the_schema_and_nonsense_does_not() {
    let validator = jsonschema::validator_for(&Finding::json_schema()).unwrap();
    let mut finding = good_finding();
    assert!(!validator.is_valid(&finding), "the incident is missing");
    finding["incident"] = json!("inc-1");
    assert!(validator.is_valid(&finding));
    for (at, nonsense) in [
        ("/verdict", json!("guilty")),
        ("/confidence", json!("high")),
        ("/root_causes/0/claims/0/evidence/0", json!("4")),
        ("/root_causes/0/claims/0/kind", json!("guessed")),
        ("/remediation/action", json!("reboot")),
        ("/impact/requests_failed", json!(-1)),
    ] {
        let mut broken = finding.clone();
        *broken.pointer_mut(at).unwrap() = nonsense;
        assert!(!validator.is_valid(&broken), "{at}");
    }
}
