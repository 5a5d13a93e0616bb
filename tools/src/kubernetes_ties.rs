//! Which object of Kubernetes stands on which: owners, selectors, references, nodes, routes.

use serde::Serialize;
use serde_json::Value;
use waggle_agent_core::Language;
use waggle_analysis::kubernetes::{
    Cluster,
    object::{labels, list, meets, name, namespace, path, pod_spec, text},
    references::references,
};

/// One object that stands on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    /// `namespace/kind/name` of the one.
    pub from: String,
    pub relation: Relation,
    /// The other, which may not exist.
    pub to: Target,
}

/// An object by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub kind: String,
    /// That of the object that names it; of no meaning for what lies in none.
    pub namespace: String,
    pub name: String,
}

/// How one object stands on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Relation {
    /// It was made by it.
    OwnedBy,
    /// It reads its values.
    Reads,
    /// It mounts it.
    Mounts,
    /// It acts in its name.
    RunsAs,
    /// It was placed on it.
    RunsOn,
    /// It sends requests to it, chosen by labels.
    Selects,
    /// It sends requests to it, chosen by name.
    RoutesTo,
    /// It sets how many there are of it.
    Scales,
    /// Its storage is it.
    BoundTo,
    /// It says who may talk to it.
    Restricts,
}

/// Kinds in no namespace, as `path` writes them.
const GLOBAL: [&str; 2] = ["Node", "PersistentVolume"];

/// Returns all ties between objects, in the order of the objects that stand.
pub(crate) fn ties(all: &[Value], cluster: &Cluster<'_>) -> Vec<Tie> {
    let mut ties = Vec::new();
    for object in all {
        let mut tie = |relation, kind: &str, named: &str| {
            if !named.is_empty() {
                let (kind, namespace) = (kind.to_owned(), namespace(object).to_owned());
                let to = Target { kind, namespace, name: named.to_owned() };
                ties.push(Tie { from: path(object), relation, to });
            }
        };
        for owner in list(object, "/metadata/ownerReferences") {
            tie(Relation::OwnedBy, text(owner, "/kind"), text(owner, "/name"));
        }
        of_pods(object, &mut tie);
        match text(object, "/kind") {
            "Service" => {
                let selector = labels(object, "/spec/selector");
                if !selector.is_empty() {
                    let pods = cluster.selected(namespace(object), &selector);
                    pods.iter().for_each(|pod| tie(Relation::Selects, "Pod", name(pod)));
                }
            }
            "Ingress" => of_ingress(object, &mut tie),
            "HorizontalPodAutoscaler" => {
                let target = |field: &str| text(object, &format!("/spec/scaleTargetRef/{field}")).to_owned();
                tie(Relation::Scales, &target("kind"), &target("name"));
            }
            "PersistentVolumeClaim" => {
                tie(Relation::BoundTo, "PersistentVolume", text(object, "/spec/volumeName"));
            }
            "NetworkPolicy" => {
                let Some(selector) = object.pointer("/spec/podSelector") else { continue };
                let pods = cluster.of("Pod").iter().filter(|pod| namespace(pod) == namespace(object));
                let pods = pods.filter(|pod| meets(&labels(pod, "/metadata/labels"), selector));
                pods.for_each(|pod| tie(Relation::Restricts, "Pod", name(pod)));
            }
            _ => {}
        }
    }
    ties
}

fn of_pods(object: &Value, tie: &mut impl FnMut(Relation, &str, &str)) {
    let Some(spec) = pod_spec(object) else { return };
    tie(Relation::RunsOn, "Node", text(spec, "/nodeName"));
    for reference in references(spec) {
        tie(Relation::Reads, reference.kind, reference.name);
    }
    for volume in list(spec, "/volumes") {
        tie(Relation::Mounts, "PersistentVolumeClaim", text(volume, "/persistentVolumeClaim/claimName"));
    }
    let account = text(spec, "/serviceAccountName");
    if account != "default" {
        tie(Relation::RunsAs, "ServiceAccount", account);
    }
}

fn of_ingress(ingress: &Value, tie: &mut impl FnMut(Relation, &str, &str)) {
    let rules = list(ingress, "/spec/rules").iter().flat_map(|rule| list(rule, "/http/paths"));
    let backends =
        rules.filter_map(|path| path.get("backend")).chain(ingress.pointer("/spec/defaultBackend"));
    backends.for_each(|backend| tie(Relation::RoutesTo, "Service", text(backend, "/service/name")));
    for tls in list(ingress, "/spec/tls") {
        tie(Relation::Reads, "Secret", text(tls, "/secretName"));
    }
}

impl Target {
    /// Writes `namespace/kind/name`; without the namespace for what has none.
    pub(crate) fn path(&self) -> String {
        let Self { kind, namespace, name } = self;
        if GLOBAL.contains(&kind.as_str()) {
            format!("{kind}/{name}")
        } else {
            format!("{namespace}/{kind}/{name}")
        }
    }

    /// Finds it.
    pub(crate) fn object<'a>(&self, cluster: &Cluster<'a>) -> Option<&'a Value> {
        let mut of_kind = cluster.of(&self.kind).iter().copied();
        if GLOBAL.contains(&self.kind.as_str()) {
            return of_kind.find(|object| name(object) == self.name);
        }
        cluster.find(&self.kind, &self.namespace, &self.name)
    }

    /// Tells whether objects of its kind were recorded where it should be, so that it is missing when it is not among them.
    pub(crate) fn would_be_recorded(&self, cluster: &Cluster<'_>) -> bool {
        if GLOBAL.contains(&self.kind.as_str()) {
            return !cluster.of(&self.kind).is_empty();
        }
        cluster.has_any(&self.kind, &self.namespace)
    }
}

impl Relation {
    /// Returns the words between the one that stands and the one that it stands on.
    pub(crate) fn words(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::OwnedBy => ("is owned by", "属于"),
            Self::Reads => ("reads", "读取"),
            Self::Mounts => ("mounts", "挂载"),
            Self::RunsAs => ("runs as", "使用账号"),
            Self::RunsOn => ("runs on", "运行在"),
            Self::Selects => ("selects", "选择"),
            Self::RoutesTo => ("routes to", "转发到"),
            Self::Scales => ("scales", "伸缩"),
            Self::BoundTo => ("is bound to", "绑定到"),
            Self::Restricts => ("restricts", "限制"),
        };
        language.pick(en, zh)
    }
}
