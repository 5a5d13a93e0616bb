//! Which incident or time a call means: one optional argument, `look_at`, the same for every tool.
//!
//! Said with each call and not once for a session, since clients share one session among conversations, and since the
//! audit log then shows of each call what it looked at.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use waggle_agent_core::{IncidentId, ToolError};
use waggle_signals::{TimeRange, Timestamp};

use crate::{clean::one_line, host::LookAt};

/// The argument's name.
pub(crate) const LOOK_AT: &str = "look_at";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Said {
    incident: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// Adds the argument to a tool's schema. A schema that has an argument of that name already stays as it is: false.
pub(crate) fn add_to(schema: &mut Map<String, Value>) -> bool {
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    let Some(properties) = properties.as_object_mut() else { return false };
    if properties.contains_key(LOOK_AT) {
        return false;
    }
    properties.insert(LOOK_AT.to_owned(), schema_of_look_at());
    true
}

/// Tells whether the argument was added to this schema by [`add_to`].
pub(crate) fn is_in(schema: &Value) -> bool {
    schema.get("properties").and_then(|properties| properties.get(LOOK_AT)) == Some(&schema_of_look_at())
}

fn schema_of_look_at() -> Value {
    json!({
        "type": "object",
        "description": "`{\"incident\": id}`, or `{\"from\": t, \"to\": t}` in RFC 3339; leave it out for now.",
        "properties": {
            "incident": { "type": "string" },
            "from": { "type": "string", "format": "date-time" },
            "to": { "type": "string", "format": "date-time" },
        },
        "additionalProperties": false,
    })
}

/// Takes the argument out of a call.
///
/// # Errors
///
/// `Respond` that says how it is written.
pub(crate) fn take_from(arguments: &mut Value) -> Result<LookAt, ToolError> {
    let said = arguments.as_object_mut().and_then(|arguments| arguments.remove(LOOK_AT));
    let said = match said {
        None | Some(Value::Null) => return Ok(LookAt::Now),
        Some(said) => said,
    };
    let said: Said = serde_json::from_value(said).map_err(|error| wrong(&error.to_string()))?;
    match (said.incident, said.from, said.to) {
        (None, None, None) => Ok(LookAt::Now),
        (Some(id), None, None) => Ok(LookAt::Incident(IncidentId(id))),
        (None, Some(from), Some(to)) => {
            let range = TimeRange::new(from, to).map_err(|error| wrong(&error.to_string()))?;
            Ok(LookAt::Time(range))
        }
        (None, _, _) => Err(wrong("`from` and `to` go together")),
        (Some(_), _, _) => Err(wrong("it names both an incident and a time")),
    }
}

fn wrong(fault: &str) -> ToolError {
    ToolError::Respond(format!(
        "`{LOOK_AT}` cannot be read: {}; write `{{\"incident\": \"inc-…\"}}` or `{{\"from\": \"2026-03-01T14:00:00Z\", \"to\": \"2026-03-01T14:10:00Z\"}}`, or leave it out",
        one_line(fault, 200)
    ))
}

/// Writes it for the audit log.
pub(crate) fn as_json(look_at: &LookAt) -> Value {
    match look_at {
        LookAt::Now => Value::Null,
        LookAt::Incident(id) => json!({ "incident": id }),
        LookAt::Time(range) => json!({ "from": range.from(), "to": range.to() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut arguments: Value) -> Result<LookAt, String> {
        take_from(&mut arguments).map_err(|error| match error {
            ToolError::Respond(text) => text,
            ToolError::Fatal(error) => panic!("{error}"),
        })
    }

    #[test]
    fn a_call_means_an_incident_a_time_or_now() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let range = TimeRange::new(time("2026-03-01T14:00:00Z"), time("2026-03-01T14:10:00Z")).unwrap();
        for (arguments, want) in [
            (json!({}), LookAt::Now),
            (json!({"look_at": null}), LookAt::Now),
            (json!({"look_at": {}}), LookAt::Now),
            (json!({"look_at": {"incident": "inc-1"}}), LookAt::Incident(IncidentId("inc-1".to_owned()))),
            (
                json!({"look_at": {"from": "2026-03-01T22:00:00+08:00", "to": "2026-03-01T14:10:00Z"}}),
                LookAt::Time(range),
            ),
        ] {
            assert_eq!(read(arguments.clone()).unwrap(), want, "{arguments}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_how_to_write_it() {
        let cases = [
            json!({"look_at": "yesterday"}),
            json!({"look_at": {"from": "14:00", "to": "15:00"}}),
            json!({"look_at": {"from": "2026-03-01T14:00:00Z"}}),
            json!({"look_at": {"from": "2026-03-01T15:00:00Z", "to": "2026-03-01T14:00:00Z"}}),
            json!({"look_at": {"incident": "inc-1", "to": "2026-03-01T14:00:00Z"}}),
            json!({"look_at": {"incidnet": "inc-1"}}),
        ];
        let faults: Vec<_> = cases.iter().map(|case| read(case.clone()).unwrap_err()).collect();
        insta::assert_snapshot!(faults.join("\n"));
    }

    #[test]
    fn a_tool_with_an_argument_of_that_name_keeps_its_own() {
        let mut schema = json!({"type": "object", "properties": {"look_at": {"type": "string"}}});
        assert!(!add_to(schema.as_object_mut().unwrap()));
        assert!(!is_in(&schema));
        let mut schema = json!({"type": "object"});
        assert!(add_to(schema.as_object_mut().unwrap()));
        assert!(is_in(&schema));
    }
}
