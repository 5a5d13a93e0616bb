//! What an object of Kubernetes stands on and what stands on it, and which of that is missing or not well.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
};

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
    Cluster, KubernetesFault,
    object::{number, path, text},
};
use waggle_signals::Timestamp;

use crate::{
    kubernetes_objects::{Objects, objects, program},
    kubernetes_rows::{is_judged, row},
    kubernetes_ties::{Relation, ties},
    rows::write_rows,
};

/// Returns what an object of Kubernetes stands on and what stands on it: owners, pods, services, ingresses, config maps, secrets, volumes, node; those that are missing or not well first.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct KubernetesDependencies {
    /// Kind, its plural or short name: `deployment`, `pod`, `svc`.
    pub kind: String,
    /// Its name, or a beginning of it that no other has.
    pub name: String,
}

/// What hangs together with an object.
#[derive(Debug, Serialize)]
pub struct Dependencies {
    searched: String,
    /// `namespace/kind/name`; empty when no object at all is recorded.
    object: String,
    service: String,
    n_missing: usize,
    n_unwell: usize,
    /// Those that are missing first, then those that are not well.
    ties: Vec<TieRow>,
    missing: Vec<String>,
}

/// An object, with the tie by which it was come to.
#[derive(Debug, Serialize)]
struct TieRow {
    /// `namespace/kind/name`.
    object: String,
    state: Health,
    /// Why it is not well; empty when it is. Quotes untrusted text.
    why: String,
    from: String,
    relation: Relation,
    to: String,
}

/// How an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    /// It does not exist.
    Missing,
    /// It is not as it should be.
    Unwell,
    /// It is as it should be.
    Fine,
    /// It exists, and nothing tells how it is.
    Exists,
    /// Objects of its kind were not recorded.
    NotRecorded,
}

/// Objects that are walked to.
const MAX_OBJECTS: usize = 300;
/// Rows that a model is shown.
const MAX_ROWS: usize = 14;
/// Ties that a sentence is made of.
const MAX_FACTS: usize = 5;

#[async_trait]
impl Tool for KubernetesDependencies {
    const NAME: &'static str = "kubernetes_dependencies";
    type Output = Dependencies;

    fn summary(&self) -> String {
        format!("what {} `{}` stands on in Kubernetes", self.kind, self.name)
    }

    async fn run(self, scene: &Scene) -> Result<Dependencies, ToolError> {
        let objects = objects(scene).await?;
        let kind = objects.kind(&self.kind)?;
        let searched = objects.searched();
        if objects.all.is_empty() {
            let (object, service, missing) = (String::new(), String::new(), objects.missing);
            return Ok(Dependencies {
                searched,
                object,
                service,
                n_missing: 0,
                n_unwell: 0,
                ties: Vec::new(),
                missing,
            });
        }
        let start = objects.one(&kind, &self.name, None)?;
        let (object, service) = (path(start), program(start));
        let ties = around(&objects, start);
        let count = |health| ties.iter().filter(|tie| tie.state == health).count();
        let (n_missing, n_unwell) = (count(Health::Missing), count(Health::Unwell));
        Ok(Dependencies { searched, object, service, n_missing, n_unwell, ties, missing: objects.missing })
    }
}

/// Walks from one object along all ties, through what runs programs and what leads requests to them.
///
/// What many share (a node, a config map) is told and not walked through, or everything would hang together.
fn around(objects: &Objects, start: &Value) -> Vec<TieRow> {
    let cluster = Cluster::new(&objects.all, Some(objects.now()));
    let faults = cluster.faults();
    let all = ties(&objects.all, &cluster);
    let own = path(start);
    let mut seen = BTreeSet::from([own.clone()]);
    let mut open = VecDeque::from([own]);
    let mut rows = Vec::new();
    while let Some(here) = open.pop_front() {
        for tie in &all {
            let to = tie.to.path();
            let (far, object) = match (tie.from == here, to == here) {
                (true, _) => (to.clone(), tie.to.object(&cluster)),
                (false, true) => {
                    (tie.from.clone(), objects.all.iter().find(|object| path(object) == tie.from))
                }
                (false, false) => continue,
            };
            if object.is_some_and(is_left_over) || rows.len() >= MAX_OBJECTS || !seen.insert(far.clone()) {
                continue;
            }
            if object.is_some_and(|object| is_walked_through(text(object, "/kind"))) {
                open.push_back(far.clone());
            }
            let (state, why) = match object {
                Some(object) => health(object, &cluster, &faults, objects.now()),
                None if tie.to.would_be_recorded(&cluster) => (Health::Missing, String::new()),
                None => (Health::NotRecorded, String::new()),
            };
            let (from, relation) = (tie.from.clone(), tie.relation);
            rows.push(TieRow { object: far, state, why, from, relation, to });
        }
    }
    rows.sort_by_key(|row| row.state);
    rows
}

/// A Deployment keeps the ReplicaSets of older versions for going back, with no pods.
fn is_left_over(object: &Value) -> bool {
    text(object, "/kind") == "ReplicaSet" && number(object, "/spec/replicas") == Some(0.0)
}

fn is_walked_through(kind: &str) -> bool {
    matches!(
        kind,
        "Pod" | "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" | "Service"
    )
}

fn health(
    object: &Value,
    cluster: &Cluster<'_>,
    faults: &[KubernetesFault],
    now: Timestamp,
) -> (Health, String) {
    let row = row(object, cluster, faults, now);
    match (row.is_bad, is_judged(&row.kind)) {
        (true, _) => (Health::Unwell, if row.why.is_empty() { row.state } else { row.why }),
        (false, true) => (Health::Fine, String::new()),
        (false, false) => (Health::Exists, String::new()),
    }
}

impl TieRow {
    fn sentence(&self, language: Language) -> String {
        let Self { object, from, to, why, .. } = self;
        let (state, words) = (self.state.words(language), self.relation.words(language));
        let why = match why.is_empty() {
            true => String::new(),
            false => language.pick(": ", "：").to_owned() + why,
        };
        language.pick(
            format!("{object} {state}{why} ({from} {words} {to})"),
            format!("{object} {state}{why}（{from} {words} {to}）"),
        )
    }
}

impl Health {
    fn words(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Missing => ("does not exist", "不存在"),
            Self::Unwell => ("is not well", "状态不正常"),
            Self::Fine => ("is well", "正常"),
            Self::Exists => ("exists", "存在"),
            Self::NotRecorded => ("is not recorded", "没有记录"),
        };
        language.pick(en, zh)
    }
}

impl Output for Dependencies {
    fn is_empty(&self) -> bool {
        self.ties.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let Self { object, service, n_missing, n_unwell, .. } = self;
        if self.ties.is_empty() {
            return Vec::new();
        }
        let fact = |text| Fact { service: service.clone(), topic: Topic::Lifecycle, text };
        let mut facts = vec![fact(language.pick(
            format!(
                "of what hangs together with {object}, {n_missing} do not exist and {n_unwell} are not well"
            ),
            format!("与 {object} 相关的对象中，{n_missing} 个不存在，{n_unwell} 个状态不正常"),
        ))];
        let bad = self.ties.iter().filter(|tie| tie.state <= Health::Unwell).take(MAX_FACTS);
        facts.extend(bad.map(|tie| fact(tie.sentence(language))));
        facts
    }
}

impl fmt::Display for Dependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.object.is_empty() {
            write!(f, "no objects of Kubernetes are recorded; searched: {}", self.searched)?;
        } else if self.ties.is_empty() {
            write!(f, "nothing recorded hangs together with {}; searched: {}", self.object, self.searched)?;
        } else {
            let Self { object, n_missing, n_unwell, .. } = self;
            writeln!(f, "around {object}: {n_missing} do not exist, {n_unwell} are not well")?;
            write_rows(f, self.ties.iter(), MAX_ROWS)?;
        }
        self.missing.iter().try_for_each(|missing| writeln!(f, "missing: {missing}"))
    }
}

impl fmt::Display for TieRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(Language::En))
    }
}
