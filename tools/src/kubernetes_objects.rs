//! The Kubernetes objects that were recorded around the incident, each as it was last seen, and how one is named.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use waggle_agent_core::{Result, Scene, ToolError, ports::EventQuery};
use waggle_analysis::kubernetes::object::{labels, name, namespace, path, text};
use waggle_signals::{TimeRange, Timestamp, semconv};

use crate::{names::nearest, services::whole_range};

/// Objects that are read at most, newest first.
const MAX_OBJECTS: usize = 5_000;
/// Bytes of one object; etcd takes none larger than 1.5 MiB (its `--max-request-bytes`).
const MAX_OBJECT_BYTES: usize = 2 << 20;
/// Lists in lists that are unwrapped.
const NESTED: usize = 4;

/// What was recorded.
pub(crate) struct Objects {
    /// Newest state of each object; events of the cluster are among them.
    pub all: Vec<Value>,
    /// Over which time.
    pub range: TimeRange,
    /// What was not read, and why.
    pub missing: Vec<String>,
}

/// Kinds with their short name and plural (`kubectl api-resources`).
const KINDS: [(&str, &str, &str); 25] = [
    ("Pod", "po", "pods"),
    ("Deployment", "deploy", "deployments"),
    ("ReplicaSet", "rs", "replicasets"),
    ("StatefulSet", "sts", "statefulsets"),
    ("DaemonSet", "ds", "daemonsets"),
    ("Job", "", "jobs"),
    ("CronJob", "cj", "cronjobs"),
    ("Service", "svc", "services"),
    ("Ingress", "ing", "ingresses"),
    ("Node", "no", "nodes"),
    ("ConfigMap", "cm", "configmaps"),
    ("Secret", "", "secrets"),
    ("PersistentVolumeClaim", "pvc", "persistentvolumeclaims"),
    ("PersistentVolume", "pv", "persistentvolumes"),
    ("HorizontalPodAutoscaler", "hpa", "horizontalpodautoscalers"),
    ("NetworkPolicy", "netpol", "networkpolicies"),
    ("PodDisruptionBudget", "pdb", "poddisruptionbudgets"),
    ("ServiceAccount", "sa", "serviceaccounts"),
    ("Namespace", "ns", "namespaces"),
    ("Endpoints", "ep", "endpoints"),
    ("EndpointSlice", "", "endpointslices"),
    ("ResourceQuota", "quota", "resourcequotas"),
    ("LimitRange", "limits", "limitranges"),
    ("StorageClass", "sc", "storageclasses"),
    ("Event", "ev", "events"),
];

/// Reads the objects of the scene.
pub(crate) async fn objects(scene: &Scene) -> Result<Objects> {
    let range = whole_range(scene);
    let name = Some(semconv::EVENT_K8S_OBJECT.to_owned());
    let query = EventQuery { range, service: None, name, limit: MAX_OBJECTS };
    let events = scene.ports.telemetry.events(&query).await?;
    let mut missing = Vec::new();
    if events.len() >= MAX_OBJECTS {
        missing.push(format!("only the newest {MAX_OBJECTS} states of objects were read"));
    }
    let (mut all, mut seen, mut n_unread) = (Vec::new(), BTreeSet::new(), 0_usize);
    for event in events {
        match serde_json::from_str::<Value>(&event.row.body) {
            Ok(value) if event.row.body.len() <= MAX_OBJECT_BYTES => {
                unwrap(value, NESTED, &mut |object| {
                    if seen.insert(identity(&object)) {
                        all.push(without_secrets(object));
                    }
                });
            }
            _ => n_unread += 1,
        }
    }
    if n_unread > 0 {
        missing.push(format!("{n_unread} objects are no JSON or too large, and were left out"));
    }
    Ok(Objects { all, range, missing })
}

fn unwrap(value: Value, nested: usize, take: &mut impl FnMut(Value)) {
    match value {
        Value::Array(items) if nested > 0 => {
            items.into_iter().for_each(|item| unwrap(item, nested - 1, take))
        }
        Value::Object(mut fields) => match fields.remove("items") {
            Some(items @ Value::Array(_)) if nested > 0 => unwrap(items, nested - 1, take),
            Some(items) => {
                fields.insert("items".to_owned(), items);
                take(Value::Object(fields));
            }
            None => take(Value::Object(fields)),
        },
        _ => {}
    }
}

/// What tells one object from others. Events have many about one object, each by its own name or by what it says.
fn identity(object: &Value) -> [String; 4] {
    let of = |at: &str| text(object, at).to_owned();
    let said = match (text(object, "/kind"), name(object)) {
        ("Event", "") => {
            let about = of("/involvedObject/kind") + "/" + text(object, "/involvedObject/name");
            format!("{about} {} {} {}", of("/reason"), of("/lastTimestamp"), of("/message"))
        }
        _ => String::new(),
    };
    [of("/kind"), namespace(object).to_owned(), name(object).to_owned(), said]
}

/// Keeps the keys of a Secret and not what they hold: it would be kept as evidence and shown to a model.
fn without_secrets(mut object: Value) -> Value {
    if text(&object, "/kind") != "Secret" {
        return object;
    }
    for field in ["data", "stringData"] {
        if let Some(values) = object.get_mut(field).and_then(Value::as_object_mut) {
            values.values_mut().for_each(|value| *value = Value::String(String::new()));
        }
    }
    // `kubectl apply` keeps the whole object once more in an annotation.
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("annotations");
    }
    object
}

impl Objects {
    /// Returns the present: the end of the incident's window.
    pub(crate) fn now(&self) -> Timestamp {
        self.range.to()
    }

    /// Says what was searched.
    pub(crate) fn searched(&self) -> String {
        format!("events `{}` in {}", semconv::EVENT_K8S_OBJECT, self.range)
    }

    /// Returns the kind that is meant by `asked`: its name, short name or plural, in any case.
    ///
    /// # Errors
    ///
    /// [`ToolError::Respond`] for a kind that is neither known nor recorded, with the nearest.
    pub(crate) fn kind(&self, asked: &str) -> Result<String, ToolError> {
        let asked = asked.trim();
        // `deployments.apps` is a plural with its group.
        let bare = asked.split('.').next().unwrap_or(asked).to_lowercase();
        let is_it = |(kind, short, plural): &&(&str, &str, &str)| {
            kind.to_lowercase() == bare || *plural == bare || (!short.is_empty() && *short == bare)
        };
        if let Some((kind, ..)) = KINDS.iter().find(is_it) {
            return Ok((*kind).to_owned());
        }
        let counts = self.counts();
        let is_own = |kind: &&&str| {
            let kind = kind.to_lowercase();
            kind == bare || format!("{kind}s") == bare || format!("{kind}es") == bare
        };
        if let Some(kind) = counts.keys().find(is_own) {
            return Ok((*kind).to_owned());
        }
        let known = KINDS.iter().map(|(kind, ..)| *kind).chain(counts.keys().copied());
        let near = nearest(asked, known).map(|near| format!("; nearest is `{near}`")).unwrap_or_default();
        Err(ToolError::Respond(format!("unknown kind `{asked}`{near}; {}", self.recorded())))
    }

    /// Says how many objects of which kinds there are.
    pub(crate) fn recorded(&self) -> String {
        let counts: Vec<String> = self.counts().iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        if counts.is_empty() {
            "none is recorded".to_owned()
        } else {
            format!("recorded are: {}", counts.join(", "))
        }
    }

    fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for object in &self.all {
            *counts.entry(text(object, "/kind")).or_default() += 1;
        }
        counts.remove("");
        counts
    }

    /// Returns the objects of a kind, of one namespace when it is named, by namespace and name.
    ///
    /// # Errors
    ///
    /// [`ToolError::Respond`] for a namespace of which nothing is recorded, with the nearest.
    pub(crate) fn of(&self, kind: &str, in_namespace: Option<&str>) -> Result<Vec<&Value>, ToolError> {
        if let Some(asked) = in_namespace.filter(|_| !self.all.is_empty()) {
            self.check_namespace(asked)?;
        }
        let is_asked = |object: &&Value| {
            text(object, "/kind") == kind
                && in_namespace.is_none_or(|asked| is_global(object) || namespace(object) == asked)
        };
        let mut found: Vec<&Value> = self.all.iter().filter(is_asked).collect();
        found.sort_by_key(|object| (namespace(object), name(object)));
        Ok(found)
    }

    /// Checks that anything of a namespace is recorded.
    pub(crate) fn check_namespace(&self, asked: &str) -> Result<(), ToolError> {
        let known: BTreeSet<&str> =
            self.all.iter().filter(|object| !is_global(object)).map(whose_namespace).collect();
        if known.contains(asked) {
            return Ok(());
        }
        let advice = match nearest(asked, known.iter().copied()) {
            Some(near) => format!("nearest is `{near}`"),
            None => format!("known are: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
        };
        Err(ToolError::Respond(format!("unknown namespace `{asked}`; {advice}")))
    }

    /// Returns one object by its name, or by a beginning of it that only one has.
    ///
    /// # Errors
    ///
    /// [`ToolError::Respond`] when there is none, with the nearest name, or when several begin so.
    pub(crate) fn one(
        &self,
        kind: &str,
        named: &str,
        in_namespace: Option<&str>,
    ) -> Result<&Value, ToolError> {
        let found = self.of(kind, in_namespace)?;
        let exact: Vec<&&Value> = found.iter().filter(|object| name(object) == named).collect();
        let begun: Vec<&&Value> = found.iter().filter(|object| name(object).starts_with(named)).collect();
        match (exact.as_slice(), begun.as_slice()) {
            ([one], _) | ([], [one]) => Ok(**one),
            ([], []) => Err(ToolError::Respond(self.unknown(kind, named, &found))),
            ([], several) | (several, _) => {
                let paths: Vec<String> = several.iter().take(8).map(|object| path(object)).collect();
                let text =
                    format!("`{named}` may be any of {}; name one and its namespace", paths.join(", "));
                Err(ToolError::Respond(text))
            }
        }
    }

    /// Says that there is no such object, and which is nearest.
    pub(crate) fn unknown(&self, kind: &str, named: &str, of_kind: &[&Value]) -> String {
        let advice = match nearest(named, of_kind.iter().map(|object| name(object))) {
            Some(near) => format!("nearest is `{near}`"),
            None if of_kind.is_empty() => self.recorded(),
            None => {
                let names: Vec<&str> = of_kind.iter().take(12).map(|object| name(object)).collect();
                format!("known are: {}", names.join(", "))
            }
        };
        format!("no {kind} `{named}` is recorded; {advice}")
    }
}

/// Kinds that lie in no namespace.
pub(crate) fn is_global(object: &Value) -> bool {
    matches!(text(object, "/kind"), "Node" | "PersistentVolume" | "Namespace" | "StorageClass")
}

fn whose_namespace(object: &Value) -> &str {
    match (text(object, "/kind"), text(object, "/involvedObject/namespace")) {
        ("Event", about) if !about.is_empty() => about,
        _ => namespace(object),
    }
}

/// Returns the name that people know an object's program by: its label, else the workload that made it, else its own name.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/; `app` and `k8s-app` are older habits.
pub(crate) fn program(object: &Value) -> String {
    let own = labels(object, "/metadata/labels");
    let label = ["app.kubernetes.io/name", "app", "k8s-app"].iter().find_map(|key| own.get(*key));
    if let Some(label) = label {
        return label.clone();
    }
    let owner = text(object, "/metadata/ownerReferences/0/name");
    match text(object, "/metadata/ownerReferences/0/kind") {
        // A Deployment makes ReplicaSets of its name and a hash of their template.
        "ReplicaSet" => owner.rsplit_once('-').map_or(owner, |(deployment, _)| deployment).to_owned(),
        "" => name(object).to_owned(),
        _ => owner.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waggle_signals::Timestamp;

    use super::*;

    fn of(all: Vec<Value>) -> Objects {
        let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60)).unwrap();
        Objects { all, range, missing: Vec::new() }
    }

    #[test]
    fn kinds_are_known_by_all_their_names() {
        let objects = of(vec![json!({"kind": "Rollout", "metadata": {"name": "cart"}})]);
        for (asked, wanted) in [
            ("pod", "Pod"),
            ("po", "Pod"),
            ("Deployments.apps", "Deployment"),
            ("ingresses", "Ingress"),
            ("rollouts", "Rollout"),
        ] {
            assert_eq!(objects.kind(asked).unwrap(), wanted, "{asked}");
        }
        let Err(ToolError::Respond(text)) = objects.kind("depoyment") else { panic!("it is no kind") };
        assert_eq!(text, "unknown kind `depoyment`; nearest is `Deployment`; recorded are: 1 Rollout");
    }

    #[test]
    fn a_secret_loses_what_it_holds() {
        let secret = json!({"kind": "Secret", "metadata": {"name": "db", "annotations": {"last": "aHVudGVyMg=="}}, "data": {"password": "aHVudGVyMg=="}});
        let kept = without_secrets(secret);
        assert_eq!(kept, json!({"kind": "Secret", "metadata": {"name": "db"}, "data": {"password": ""}}));
    }

    #[test]
    fn lists_are_unwrapped_and_items_of_other_things_are_not() {
        let mut seen = Vec::new();
        let list =
            json!([{"kind": "PodList", "items": [{"kind": "Pod"}]}, {"kind": "Box", "items": "three"}, 7]);
        unwrap(list, NESTED, &mut |object| seen.push(object));
        assert_eq!(seen, [json!({"kind": "Pod"}), json!({"kind": "Box", "items": "three"})]);
    }
}
