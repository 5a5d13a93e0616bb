//! Which measurements of a triage stand out, by name, direction and the role of the service: what two incidents can share though no service has the same name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Signs that are kept of one incident: what stands out everywhere tells nothing.
pub const MAX_SIGNS: usize = 24;
/// Suspects whose measurements are read; those behind them explain little.
const MAX_SUSPECTS: usize = 3;
/// Longest name that is read from a record, in characters.
const MAX_NAME: usize = 120;

/// Where a service stands, seen from the symptom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The symptom is felt at it.
    Felt,
    /// It lies on the way from the cause to the symptom.
    Below,
    /// It lies elsewhere.
    Beside,
}

/// Which way a measurement went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// More than usual, or there at all.
    Up,
    /// Less than usual.
    Down,
}

/// One measurement that stood out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sign {
    /// Whose it was.
    pub role: Role,
    /// The feature, as the triage names it, or `fault:` and a class that it suspected.
    pub feature: String,
    /// Which way.
    pub trend: Trend,
    /// The number, in the unit of its feature; a confidence for a class.
    pub value: f64,
}

/// How much worse it was for those who felt it, as a ratio of after and before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Magnitude {
    /// Not measured.
    #[default]
    Unknown,
    /// Less than double.
    Slight,
    /// Double to fivefold.
    Several,
    /// Fivefold and more.
    Manifold,
}

/// What the triage measured of one suspect.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSigns {
    /// The service.
    pub service: String,
    /// Where it stands.
    pub role: Role,
    /// The class of fault that the triage named.
    pub fault_class: String,
    /// All that was measured, by name; empty where requests are not counted.
    pub features: BTreeMap<String, f64>,
}

/// What can be read from the result of a triage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Where it is felt; empty when nowhere.
    pub felt_by: String,
    /// As what; empty when unknown.
    pub felt_as: String,
    /// How bad.
    pub magnitude: Magnitude,
    /// The suspects, likeliest first.
    pub services: Vec<ServiceSigns>,
    /// What stands out.
    pub signs: Vec<Sign>,
}

/// From where on a feature stands out: below the first number or above the second. What is not listed has no direction, or is
/// a part of what is. The numbers are those at which fault trees begin to take a feature for a sign, rounded. Engineering judgement.
pub const STANDS_OUT: [(&str, Option<f64>, Option<f64>); 31] = [
    ("latency.share", None, Some(0.3)),
    ("errors.own.share", None, Some(0.3)),
    ("errors.lost.share", None, Some(0.3)),
    ("self_ms.ratio", None, Some(1.5)),
    ("self.share", None, Some(0.5)),
    ("calls.share", None, Some(0.3)),
    ("retries.share", None, Some(0.3)),
    ("gap.share", None, Some(0.3)),
    ("network.share", None, Some(0.3)),
    ("load.share", None, Some(0.3)),
    ("rate.ratio", Some(0.6), Some(1.5)),
    ("errors.delta", None, Some(0.02)),
    ("errors.own.delta", None, Some(0.02)),
    ("edge.failed.delta", None, Some(0.05)),
    ("silent", None, Some(0.5)),
    ("starved", None, Some(0.5)),
    ("edge.gap_ms.delta", None, Some(5.0)),
    ("edge.retransmits.delta", None, Some(0.2)),
    ("edge.connect_failures.delta", None, Some(0.2)),
    ("cpu.ratio", Some(0.5), Some(1.5)),
    ("cpu_per_request.ratio", None, Some(1.5)),
    ("cpu.share", None, Some(0.3)),
    ("cpu_wait.delta", None, Some(0.1)),
    ("cpu_wait.share", None, Some(0.3)),
    ("neighbour_cpu.delta", None, Some(0.3)),
    ("memory.ratio", None, Some(1.3)),
    ("process_ended", None, Some(0.5)),
    ("restarted", None, Some(0.5)),
    // Absent when there was no change: any number is a sign. A change may be seen a step after the onset.
    ("deploy.seconds_before_onset", None, Some(-60.0)),
    ("error_logs.delta", None, Some(0.1)),
    ("error_logs.new_templates", None, Some(0.5)),
];

/// Reads the JSON result of [`SUSPECTS_TOOL`](crate::triage::SUSPECTS_TOOL). What is missing or of another shape is left out.
pub fn reading(result: &Value) -> Reading {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(name).unwrap_or_default();
    let list = |value: &Value, key: &str| -> Vec<Value> {
        value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let felt_by = text(result.pointer("/symptom/service"));
    let hops = list(result, "propagation");
    let on_the_way: BTreeSet<String> =
        hops.iter().flat_map(|hop| [text(hop.get("from")), text(hop.get("to"))]).collect();
    let role = |service: &str| match service {
        _ if service == felt_by => Role::Felt,
        _ if on_the_way.contains(service) => Role::Below,
        _ => Role::Beside,
    };
    let measured = list(result.get("triage").unwrap_or(&Value::Null), "suspects");
    let mut services = Vec::new();
    let mut signs: Vec<Sign> = Vec::new();
    for suspect in list(result, "suspects").iter().take(MAX_SUSPECTS) {
        let (service, fault_class) = (text(suspect.get("service")), text(suspect.get("fault_class")));
        let role = role(&service);
        let own = measured.iter().find(|own| text(own.get("service")) == service);
        let features = own.and_then(|own| own.get("features")).and_then(Value::as_object);
        let features: BTreeMap<String, f64> = features
            .into_iter()
            .flatten()
            .filter_map(|(feature, value)| Some((feature.clone(), value.as_f64()?)))
            .collect();
        let confidence = suspect.get("confidence").and_then(Value::as_f64).unwrap_or_default();
        if !fault_class.is_empty() {
            let (feature, trend) = (format!("fault:{fault_class}"), Trend::Up);
            add(&mut signs, Sign { role, feature, trend, value: confidence });
        }
        for sign in standing_out(role, &features) {
            add(&mut signs, sign);
        }
        services.push(ServiceSigns { service, role, fault_class, features });
    }
    Reading {
        felt_as: text(result.pointer("/symptom/signal")),
        magnitude: magnitude(result.pointer("/triage/symptom")),
        felt_by,
        services,
        signs,
    }
}

/// Returns which of `features` stand out, in the order of [`STANDS_OUT`].
pub fn standing_out(role: Role, features: &BTreeMap<String, f64>) -> Vec<Sign> {
    let signs = STANDS_OUT.iter().filter_map(|(feature, below, above)| {
        let value = *features.get(*feature)?;
        let trend = match (below, above) {
            (_, Some(above)) if value > *above => Trend::Up,
            (Some(below), _) if value < *below => Trend::Down,
            _ => return None,
        };
        Some(Sign { role, feature: (*feature).to_owned(), trend, value })
    });
    signs.collect()
}

/// The first word on a feature of a role stands: the likelier suspect's.
fn add(signs: &mut Vec<Sign>, sign: Sign) {
    let is_known = signs.iter().any(|known| known.role == sign.role && known.feature == sign.feature);
    if !is_known && signs.len() < MAX_SIGNS && sign.value.is_finite() {
        signs.push(sign);
    }
}

/// The greater of how much slower it was and how many more requests failed.
fn magnitude(symptom: Option<&Value>) -> Magnitude {
    let number = |key: &str| symptom?.get(key)?.as_f64();
    let ratio =
        |before: &str, after: &str, least: f64| Some(number(after)?.max(least) / number(before)?.max(least));
    let slower = ratio("latency_before_ms", "latency_after_ms", 0.1);
    // A failure in a hundred is where failures begin to be felt.
    let failing = ratio("errors_before", "errors_after", 0.01);
    match slower.into_iter().chain(failing).fold(0.0, f64::max) {
        worst if worst <= 0.0 => Magnitude::Unknown,
        worst if worst < 2.0 => Magnitude::Slight,
        worst if worst < 5.0 => Magnitude::Several,
        _ => Magnitude::Manifold,
    }
}

fn name(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '`').take(MAX_NAME).collect()
}

// === impl Sign ===

impl Sign {
    /// Returns the sign without its number, as it is compared: `below self_ms.ratio up`.
    pub fn term(&self) -> String {
        let role = match self.role {
            Role::Felt => "felt",
            Role::Below => "below",
            Role::Beside => "beside",
        };
        let trend = if self.trend == Trend::Up { "up" } else { "down" };
        format!("{role} {} {trend}", self.feature)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn signs_are_by_role_and_not_by_name() {
        let result = |edge: &str, deep: &str| {
            json!({
                "symptom": { "service": edge, "signal": "latency" },
                "propagation": [{ "from": deep, "to": edge, "kind": "call" }],
                "suspects": [{ "service": deep, "fault_class": "slow_code", "confidence": 0.8 }],
                "triage": {
                    "symptom": { "latency_before_ms": 20.0, "latency_after_ms": 70.0 },
                    "suspects": [{ "service": deep, "features": { "self_ms.ratio": 4.0, "rate.ratio": 0.4, "cpu.ratio": 1.1 } }],
                },
            })
        };
        let (one, other) = (reading(&result("gateway", "stock")), reading(&result("api", "users")));
        let terms: Vec<String> = one.signs.iter().map(Sign::term).collect();
        assert_eq!(terms, ["below fault:slow_code up", "below self_ms.ratio up", "below rate.ratio down"]);
        assert_eq!((&one.signs, one.magnitude), (&other.signs, Magnitude::Several));
        assert_eq!((one.felt_by.as_str(), other.felt_by.as_str()), ("gateway", "api"));
    }

    proptest! {
        #[test]
        fn a_result_of_any_shape_is_read(keys in proptest::collection::vec("symptom|suspects|triage|features|service|propagation", 0..6), text in ".{0,20}", number: f64) {
            let mut value = json!([text, number]);
            for key in &keys {
                value = json!({ key.as_str(): [value.clone()], "suspects": [{ "service": text, "features": value }] });
            }
            let read = reading(&value);
            prop_assert!(read.signs.len() <= MAX_SIGNS && read.services.len() <= MAX_SUSPECTS);
        }
    }
}
