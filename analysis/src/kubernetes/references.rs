//! ConfigMaps, Secrets, keys and service accounts that a pod names and that do not exist.

use serde_json::Value;

use super::{
    Cluster, KubernetesFault,
    object::{containers, is_true, list, namespace, path, pod_spec, text},
};

/// Holds the references of each pod against the objects of its namespace; a kind of which none was given is not judged.
pub fn check(cluster: &Cluster<'_>) -> Vec<KubernetesFault> {
    let mut faults = Vec::new();
    for workload in cluster.workloads().filter(|workload| !cluster.is_fine(workload)) {
        let Some(spec) = pod_spec(workload) else { continue };
        for Reference { kind, name, key, field } in references(spec) {
            let in_namespace = namespace(workload);
            // Every namespace has the ConfigMap of the cluster's authority; where not even that was given, none were.
            if name.is_empty() || !cluster.has_any(kind, in_namespace) {
                continue;
            }
            let class = if kind == "ConfigMap" { "config_map_missing" } else { "secret_missing" };
            let fault = match cluster.find(kind, in_namespace, name) {
                None => {
                    Some((class, format!("{kind} `{name}` does not exist in namespace `{in_namespace}`")))
                }
                Some(object) if key.is_some_and(|key| lacks(object, key)) => {
                    let key = key.unwrap_or_default();
                    Some(("config_key_missing", format!("{kind} `{name}` has no key `{key}`")))
                }
                Some(_) => None,
            };
            if let Some((class, why)) = fault {
                faults.push(KubernetesFault::new(class, path(workload), why, field).certainty(0.95));
            }
        }
        let account = text(spec, "/serviceAccountName");
        let is_unknown = !account.is_empty()
            && account != "default"
            && cluster.has_any("ServiceAccount", namespace(workload))
            && cluster.find("ServiceAccount", namespace(workload), account).is_none();
        if is_unknown {
            let why = format!("service account `{account}` does not exist");
            faults.push(KubernetesFault::new(
                "service_account_missing",
                path(workload),
                why,
                "spec.serviceAccountName",
            ));
        }
    }
    faults
}

/// What a pod names and cannot start without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name, in the pod's namespace; may be empty.
    pub name: &'a str,
    /// The one key of it that is used; all when `None`.
    pub key: Option<&'a str>,
    /// The field that names it.
    pub field: &'static str,
}

/// Lists the ConfigMaps and Secrets of a pod spec that are not optional, once for each field that names one.
pub fn references(spec: &Value) -> Vec<Reference<'_>> {
    let mut all = Vec::new();
    for container in containers(spec) {
        for from in list(container, "/envFrom") {
            all.extend(reference("ConfigMap", from.get("configMapRef"), "/name", "envFrom.configMapRef"));
            all.extend(reference("Secret", from.get("secretRef"), "/name", "envFrom.secretRef"));
        }
        for variable in list(container, "/env") {
            let from = variable.get("valueFrom");
            let config = from.and_then(|from| from.get("configMapKeyRef"));
            let secret = from.and_then(|from| from.get("secretKeyRef"));
            all.extend(reference("ConfigMap", config, "/name", "env.valueFrom.configMapKeyRef"));
            all.extend(reference("Secret", secret, "/name", "env.valueFrom.secretKeyRef"));
        }
    }
    for volume in list(spec, "/volumes") {
        all.extend(reference("ConfigMap", volume.get("configMap"), "/name", "volumes.configMap"));
        all.extend(reference("Secret", volume.get("secret"), "/secretName", "volumes.secret"));
    }
    all
}

fn reference<'a>(
    kind: &'static str,
    of: Option<&'a Value>,
    at: &str,
    field: &'static str,
) -> Option<Reference<'a>> {
    let of = of.filter(|of| !is_true(of, "/optional"))?;
    let key = of.get("key").and_then(Value::as_str);
    Some(Reference { kind, name: text(of, at), key, field })
}

/// Tells whether an object that was given with its keys has not this one. Names alone prove nothing.
fn lacks(object: &Value, key: &str) -> bool {
    let maps = ["data", "binaryData", "stringData"].map(|field| object.get(field).and_then(Value::as_object));
    maps.iter().any(Option::is_some) && !maps.iter().flatten().any(|map| map.contains_key(key))
}
