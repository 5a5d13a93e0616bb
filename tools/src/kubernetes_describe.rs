//! One object of Kubernetes: what it says of itself, what was said of it, and what is wrong with it.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::kubernetes::{
    Cluster,
    object::{labels, list, path, pod_spec, text},
};

use crate::{
    kubernetes_containers::{ContainerRow, containers_of},
    kubernetes_events::{EventRow, merged},
    kubernetes_objects::objects,
    kubernetes_rows::{Row, row, why},
    quote::quote,
    rows::write_rows,
};

/// Describes one object of Kubernetes: its fields, conditions, containers with limits and last end, its events, and what a check of its state finds wrong.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct KubernetesDescribe {
    /// Kind, its plural or short name: `pod`, `deployment`, `node`.
    pub kind: String,
    /// Its name, or a beginning of it that no other has.
    pub name: String,
    /// Its namespace; needed where several have that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// One object.
#[derive(Debug, Serialize)]
pub struct Described {
    searched: String,
    /// `None` when no object at all is recorded.
    object: Option<Row>,
    /// Name and value of what it says of itself.
    fields: Vec<(String, String)>,
    conditions: Vec<Condition>,
    containers: Vec<ContainerRow>,
    /// Warnings first.
    events: Vec<EventRow>,
    /// What a check of its state finds, most certain first.
    wrong: Vec<Wrong>,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Condition {
    of: String,
    status: String,
    reason: String,
    message: String,
    since: String,
}

#[derive(Debug, Serialize)]
struct Wrong {
    class: String,
    why: String,
    /// 0 to 1.
    certainty: f64,
}

/// Events that a model is shown.
const MAX_EVENTS: usize = 6;
/// Faults that a sentence is made of.
const MAX_FACTS: usize = 4;

/// Fields that say something, with their paths.
const FIELDS: [(&str, &str); 17] = [
    ("replicas wanted", "/spec/replicas"),
    ("replicas ready", "/status/readyReplicas"),
    ("replicas updated", "/status/updatedReplicas"),
    ("strategy", "/spec/strategy/type"),
    ("restart policy", "/spec/restartPolicy"),
    ("service account", "/spec/serviceAccountName"),
    ("type", "/spec/type"),
    ("cluster address", "/spec/clusterIP"),
    ("pod address", "/status/podIP"),
    ("schedule", "/spec/schedule"),
    ("storage class", "/spec/storageClassName"),
    ("volume", "/spec/volumeName"),
    ("storage asked", "/spec/resources/requests/storage"),
    ("most replicas", "/spec/maxReplicas"),
    ("replicas now", "/status/currentReplicas"),
    ("memory that may be used", "/status/allocatable/memory"),
    ("CPU that may be used", "/status/allocatable/cpu"),
];

#[async_trait]
impl Tool for KubernetesDescribe {
    const NAME: &'static str = "kubernetes_describe";
    type Output = Described;

    fn summary(&self) -> String {
        format!("{} `{}` in Kubernetes, with its events", self.kind, self.name)
    }

    async fn run(self, scene: &Scene) -> Result<Described, ToolError> {
        let objects = objects(scene).await?;
        let kind = objects.kind(&self.kind)?;
        let searched = objects.searched();
        if objects.all.is_empty() {
            return Ok(Described::nothing(searched, objects.missing));
        }
        let object =
            objects.one(&kind, &self.name, self.namespace.as_deref().filter(|one| !one.is_empty()))?;
        let cluster = Cluster::new(&objects.all, Some(objects.now()));
        let faults = cluster.faults();
        let own = path(object);
        let wrong = faults.iter().filter(|fault| fault.object == own).map(|fault| Wrong {
            class: fault.class.clone(),
            why: why(fault),
            certainty: fault.certainty,
        });
        Ok(Described {
            searched,
            fields: fields(object),
            conditions: list(object, "/status/conditions").iter().map(Condition::of).collect(),
            containers: containers_of(object),
            events: merged(&objects.all, |event| event.is_about(object)),
            wrong: wrong.collect(),
            object: Some(row(object, &cluster, &faults, objects.now())),
            missing: objects.missing,
        })
    }
}

fn fields(object: &Value) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for (name, at) in FIELDS {
        match object.pointer(at) {
            Some(Value::String(text)) if !text.is_empty() => fields.push((name.to_owned(), quote(text))),
            Some(Value::Number(number)) => fields.push((name.to_owned(), number.to_string())),
            _ => {}
        }
    }
    let mut pairs = |name: &str, at: &str| {
        let all: Vec<String> =
            labels(object, at).iter().map(|(key, value)| quote(&format!("{key}={value}"))).collect();
        if !all.is_empty() {
            fields.push((name.to_owned(), all.join(",")));
        }
    };
    pairs("labels", "/metadata/labels");
    pairs("selects", "/spec/selector");
    pairs("selects", "/spec/selector/matchLabels");
    for taint in list(object, "/spec/taints") {
        let said = format!("{}={}:{}", text(taint, "/key"), text(taint, "/value"), text(taint, "/effect"));
        fields.push(("taint".to_owned(), quote(&said)));
    }
    if matches!(text(object, "/kind"), "ConfigMap" | "Secret") {
        let keys =
            ["data", "binaryData", "stringData"].map(|field| object.get(field).and_then(Value::as_object));
        let keys: Vec<String> =
            keys.iter().flatten().flat_map(|map| map.keys()).map(|key| quote(key)).collect();
        fields.push(("keys".to_owned(), keys.join(",")));
    }
    let claims: Vec<&str> = pod_spec(object)
        .map(|spec| list(spec, "/volumes"))
        .unwrap_or_default()
        .iter()
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|claim| !claim.is_empty())
        .collect();
    if !claims.is_empty() {
        fields.push(("volume claims".to_owned(), claims.join(",")));
    }
    fields
}

impl Condition {
    fn of(value: &Value) -> Self {
        Self {
            of: text(value, "/type").to_owned(),
            status: text(value, "/status").to_owned(),
            reason: text(value, "/reason").to_owned(),
            message: quote(text(value, "/message")),
            since: text(value, "/lastTransitionTime").to_owned(),
        }
    }

    /// Tells whether it says that something is not well: most are good when true, pressures and failures when false.
    fn is_bad(&self) -> bool {
        let is_trouble = ["Pressure", "Failure", "Failed", "Unavailable", "Disruption"];
        let bad_when = if is_trouble.iter().any(|word| self.of.contains(word)) { "True" } else { "False" };
        self.status == bad_when || self.status == "Unknown"
    }
}

impl Described {
    fn nothing(searched: String, missing: Vec<String>) -> Self {
        Self {
            searched,
            object: None,
            fields: Vec::new(),
            conditions: Vec::new(),
            containers: Vec::new(),
            events: Vec::new(),
            wrong: Vec::new(),
            missing,
        }
    }
}

impl Output for Described {
    fn is_empty(&self) -> bool {
        self.object.is_none()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let Some(object) = &self.object else { return Vec::new() };
        let mut facts = vec![object.fact(language)];
        let mut say =
            |text| facts.push(Fact { service: object.service.clone(), topic: Topic::Lifecycle, text });
        let place = object.place();
        // The line of the object tells the first of them already.
        for wrong in self.wrong.iter().skip(1).take(MAX_FACTS) {
            say(language.pick(format!("{place}: {}", wrong.why), format!("{place}：{}", wrong.why)));
        }
        for container in &self.containers {
            say_end(container, language, &mut say);
        }
        if let Some(event) = self.events.first().filter(|event| event.is_warning) {
            say(event.sentence(language));
        }
        facts
    }
}

fn say_end(container: &ContainerRow, language: Language, say: &mut impl FnMut(String)) {
    if let Some(end) = &container.last_end {
        let (name, restarts) = (&container.name, container.restarts);
        let limit = container.memory_limit.as_ref().map(|limit| {
            language.pick(format!("; its memory limit is {limit}"), format!("；内存上限为 {limit}"))
        });
        let limit = limit.unwrap_or_default();
        say(language.pick(
            format!("container {name} ended with {end} and was restarted {restarts} times{limit}"),
            format!("容器 {name} 以 {end} 结束，已重启 {restarts} 次{limit}"),
        ));
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(object) = &self.object else {
            write!(f, "no objects of Kubernetes are recorded; searched: {}", self.searched)?;
            return self.missing.iter().try_for_each(|missing| write!(f, "\nmissing: {missing}"));
        };
        writeln!(f, "{} {object}", object.kind)?;
        if self.wrong.is_empty() {
            writeln!(f, "a check of its state finds nothing wrong")?;
        }
        for wrong in &self.wrong {
            writeln!(f, "wrong: {} ({})", wrong.why, wrong.class)?;
        }
        for (name, value) in &self.fields {
            writeln!(f, "{name}: {value}")?;
        }
        let (bad, good): (Vec<_>, Vec<_>) = self.conditions.iter().partition(|condition| condition.is_bad());
        for condition in bad {
            writeln!(f, "condition {condition}")?;
        }
        if !good.is_empty() {
            let good: Vec<String> = good.iter().map(|one| format!("{}={}", one.of, one.status)).collect();
            writeln!(f, "other conditions: {}", good.join(", "))?;
        }
        for container in &self.containers {
            writeln!(f, "container {container}")?;
        }
        if !self.events.is_empty() {
            writeln!(f, "events:")?;
            write_rows(f, self.events.iter(), MAX_EVENTS)?;
        }
        self.missing.iter().try_for_each(|missing| writeln!(f, "missing: {missing}"))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.of, self.status)?;
        if !self.reason.is_empty() {
            write!(f, " {}", self.reason)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if self.since.is_empty() { Ok(()) } else { write!(f, " (since {})", self.since) }
    }
}
