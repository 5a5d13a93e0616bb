//! Which objects of a kind there are, and how each of them is.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::kubernetes::{Cluster, object::name};

use crate::{
    kubernetes_objects::objects,
    kubernetes_rows::{Row, row},
    rows::write_rows,
};

/// Lists objects of Kubernetes of one kind as `kubectl get` does: state, ready parts, restarts, age, node, and why one is not as it should be; those that are not come first.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct KubernetesGet {
    /// Kind, its plural or short name: `pod`, `deployments`, `svc`, `node`.
    pub kind: String,
    /// Only of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Only what has this name, or whose name begins with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Objects of one kind.
#[derive(Debug, Serialize)]
pub struct ObjectRows {
    kind: String,
    searched: String,
    total: usize,
    /// How many of them are as they should be.
    fine: usize,
    /// Those that are not as they should be first.
    objects: Vec<Row>,
    /// What is recorded of other kinds, when there is nothing of this one.
    recorded: String,
    missing: Vec<String>,
}

/// Rows that a model is shown.
const MAX_ROWS: usize = 15;
/// Objects that a sentence is made of.
const MAX_FACTS: usize = 5;

#[async_trait]
impl Tool for KubernetesGet {
    const NAME: &'static str = "kubernetes_get";
    type Output = ObjectRows;

    fn summary(&self) -> String {
        match (&self.name, &self.namespace) {
            (Some(name), _) => format!("{} `{name}` in Kubernetes", self.kind),
            (None, Some(namespace)) => format!("{} of `{namespace}` in Kubernetes", self.kind),
            (None, None) => format!("{} in Kubernetes", self.kind),
        }
    }

    async fn run(self, scene: &Scene) -> Result<ObjectRows, ToolError> {
        let objects = objects(scene).await?;
        let kind = objects.kind(&self.kind)?;
        let of_kind = objects.of(&kind, self.namespace.as_deref().filter(|one| !one.is_empty()))?;
        let found = match self.name.as_deref().filter(|name| !name.is_empty()) {
            None => of_kind,
            Some(asked) => {
                let named: Vec<_> =
                    of_kind.iter().copied().filter(|object| name(object).starts_with(asked)).collect();
                if named.is_empty() && !of_kind.is_empty() {
                    return Err(ToolError::Respond(objects.unknown(&kind, asked, &of_kind)));
                }
                named
            }
        };
        let cluster = Cluster::new(&objects.all, Some(objects.now()));
        let faults = cluster.faults();
        let mut rows: Vec<Row> =
            found.into_iter().map(|object| row(object, &cluster, &faults, objects.now())).collect();
        rows.sort_by_key(|row| !row.is_bad);
        Ok(ObjectRows {
            searched: objects.searched(),
            total: rows.len(),
            fine: rows.iter().filter(|row| !row.is_bad).count(),
            objects: rows,
            recorded: objects.recorded(),
            missing: objects.missing,
            kind,
        })
    }
}

impl Output for ObjectRows {
    fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let Self { kind, total, fine, .. } = self;
        let mut facts = Vec::new();
        if *total > 0 {
            let text = language.pick(
                format!("{fine} of {total} objects of kind {kind} are as they should be"),
                format!("{total} 个 {kind} 中有 {fine} 个正常"),
            );
            facts.push(Fact { service: String::new(), topic: Topic::Lifecycle, text });
        }
        let bad = self.objects.iter().filter(|row| row.is_bad).take(MAX_FACTS);
        facts.extend(bad.map(|row| row.fact(language)));
        facts
    }
}

impl Row {
    /// Says how the object is, in a sentence.
    pub(crate) fn fact(&self, language: Language) -> Fact {
        let (kind, place, state) = (&self.kind, self.place(), &self.state);
        let mut text =
            language.pick(format!("{kind} {place} is {state}"), format!("{kind} {place} 的状态为 {state}"));
        if let Some(ready) = &self.ready {
            text += &language.pick(format!(", {ready} ready"), format!("，就绪 {ready}"));
        }
        if let Some(restarts) = self.restarts.filter(|restarts| *restarts > 0) {
            text += &language.pick(format!(", {restarts} restarts"), format!("，重启 {restarts} 次"));
        }
        if !self.why.is_empty() {
            text += &language.pick(format!(": {}", self.why), format!("：{}", self.why));
        }
        Fact { service: self.service.clone(), topic: Topic::Lifecycle, text }
    }
}

impl fmt::Display for ObjectRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, total, fine, .. } = self;
        if self.objects.is_empty() {
            write!(f, "no {kind}; {}; searched: {}", self.recorded, self.searched)?;
        } else {
            writeln!(f, "{kind}: {total}, of which {fine} as they should be")?;
            write_rows(f, self.objects.iter(), MAX_ROWS)?;
        }
        self.missing.iter().try_for_each(|missing| writeln!(f, "missing: {missing}"))
    }
}
