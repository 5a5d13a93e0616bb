//! What was changed of Kubernetes objects, told from their states one after another.

use std::collections::BTreeMap;

use serde_json::Value;
use waggle_signals::Timestamp;

/// One change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectChange {
    /// Kind, namespace and name, as `Deployment/shop/cart`.
    pub object: String,
    /// The service that sent it, or the object's own name.
    pub service: String,
    /// When the new state was seen first.
    pub at: Timestamp,
    /// Fields with their values before and after.
    pub what: String,
    /// Only the number or size of copies was changed.
    pub is_scale: bool,
}

/// Larger states are not read.
const MAX_BODY: usize = 256 * 1024;
/// Fields that are told of one change.
const MAX_FIELDS: usize = 5;
/// Values are told up to so many letters.
const MAX_VALUE: usize = 60;
/// Kinds whose settings people change; pods and replica sets follow theirs.
const KINDS: &[&str] = &[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "ConfigMap",
    "HorizontalPodAutoscaler",
    "Service",
    "Ingress",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodDisruptionBudget",
];

/// Returns what was changed from one state of an object to the next, oldest first. States that are no JSON are left out; secrets are never read.
pub(crate) fn object_changes(states: &[(Timestamp, &str, &str)]) -> Vec<ObjectChange> {
    let mut ordered: Vec<&(Timestamp, &str, &str)> = states.iter().collect();
    ordered.sort_by_key(|(at, ..)| *at);
    let mut known: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut changes = Vec::new();
    for (at, service, body) in ordered.into_iter().filter(|(.., body)| body.len() <= MAX_BODY) {
        let Ok(value) = serde_json::from_str::<Value>(body) else { continue };
        let items = value.get("items").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![value]);
        for item in items {
            let text = |path: &str| item.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let (kind, name) = (text("/kind"), text("/metadata/name"));
            if !KINDS.contains(&kind) || name.is_empty() {
                continue;
            }
            let object = format!("{kind}/{}/{name}", text("/metadata/namespace"));
            let mut fields = BTreeMap::new();
            for part in ["spec", "data"] {
                flatten(part, item.get(part).unwrap_or(&Value::Null), 0, &mut fields);
            }
            if let Some(before) = known.insert(object.clone(), fields.clone()) {
                let service = if service.is_empty() { name } else { service };
                changes.extend(difference(&before, &fields).map(|(what, is_scale)| ObjectChange {
                    object,
                    service: service.to_owned(),
                    at: *at,
                    what,
                    is_scale,
                }));
            }
        }
    }
    changes
}

/// Says which fields differ, and whether all of them are about numbers or sizes of copies; `None` when none does.
fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Option<(String, bool)> {
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    let changed: Vec<&String> = keys.filter(|key| before.get(*key) != after.get(*key)).collect();
    if changed.is_empty() {
        return None;
    }
    let is_size = |key: &&String| key.ends_with("eplicas") || key.contains(".resources.");
    let is_scale = changed.iter().all(is_size);
    let shown = |fields: &BTreeMap<String, String>, key: &String| {
        let value = fields.get(key).map_or("nothing", String::as_str);
        value.chars().take(MAX_VALUE).collect::<String>()
    };
    let told = changed
        .iter()
        .take(MAX_FIELDS)
        .map(|key| format!("{key} {} → {}", shown(before, key), shown(after, key)));
    Some((told.collect::<Vec<_>>().join(", "), is_scale))
}

/// Writes the leaves of a value under their paths. Lists of named things go by their names, so that their order says nothing.
fn flatten(path: &str, value: &Value, depth: usize, into: &mut BTreeMap<String, String>) {
    // The cluster writes these by itself.
    let is_noise =
        ["restartedAt", "template-hash", "clusterIP", "nodePort"].iter().any(|word| path.ends_with(word));
    if depth > 12 || into.len() > 2_000 || is_noise {
        return;
    }
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(&format!("{path}.{key}"), value, depth + 1, into));
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                let name =
                    item.get("name").and_then(Value::as_str).map_or_else(|| place.to_string(), str::to_owned);
                flatten(&format!("{path}.{name}"), item, depth + 1, into);
            }
        }
        Value::String(text) => drop(into.insert(path.to_owned(), text.clone())),
        other => drop(into.insert(path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(before: Value, after: Value, wanted: Option<(&str, bool)>) {
        let (before, after) = (before.to_string(), after.to_string());
        let states =
            [(Timestamp::from_secs(9), "", after.as_str()), (Timestamp::from_secs(1), "", before.as_str())];
        let found = object_changes(&states);
        let told: Vec<_> = found.iter().map(|change| (change.what.as_str(), change.is_scale)).collect();
        assert_eq!(told, wanted.into_iter().collect::<Vec<_>>());
    }

    fn deployment(image: &str, replicas: u32) -> Value {
        json!({"kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "cart", "image": image}]}}}})
    }

    #[test]
    fn states_one_after_another_say_what_was_changed() {
        check(
            deployment("cart:1", 4),
            deployment("cart:2", 4),
            Some(("spec.template.spec.containers.cart.image cart:1 → cart:2", false)),
        );
        check(deployment("cart:1", 4), deployment("cart:1", 1), Some(("spec.replicas 4 → 1", true)));
        check(deployment("cart:1", 4), deployment("cart:1", 4), None);
        let config =
            |size| json!({"kind": "ConfigMap", "metadata": {"name": "cart"}, "data": {"POOL_SIZE": size}});
        check(config("20"), config("2"), Some(("data.POOL_SIZE 20 → 2", false)));
        let secret =
            |value| json!({"kind": "Secret", "metadata": {"name": "cart"}, "data": {"password": value}});
        check(secret("a"), secret("b"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(one in "(?s).{0,80}", other in "[{}\\[\\]\":a-z0-9,]{0,80}") {
            object_changes(&[(Timestamp::from_secs(1), "", &one), (Timestamp::from_secs(2), "cart", &other)]);
        }
    }
}
