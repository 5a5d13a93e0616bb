//! What the cluster said of its objects.

use std::{collections::BTreeMap, fmt};

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
    event::Event,
    object::{name, text},
};
use waggle_signals::Timestamp;

use crate::{kubernetes_objects::objects, names::nearest, quote::quote, rows::write_rows};

/// Lists what the cluster said of its objects, as `kubectl get events` does: warnings first, those that came most often first among them, each with how often and when last.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct KubernetesEvents {
    /// Only about what has this name, or whose name begins with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// What was said.
#[derive(Debug, Serialize)]
pub struct ClusterEvents {
    searched: String,
    /// Times that warnings came.
    warnings: u64,
    /// Warnings first, the most frequent first.
    events: Vec<EventRow>,
    missing: Vec<String>,
}

/// The same said of the same object, any number of times.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EventRow {
    /// `namespace/kind/name`.
    pub object: String,
    pub name: String,
    pub reason: String,
    /// The newest wording, cut. Untrusted.
    pub message: String,
    pub is_warning: bool,
    pub count: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

/// Rows that a model is shown.
const MAX_ROWS: usize = 12;
/// Warnings that a sentence is made of.
const MAX_FACTS: usize = 5;

#[async_trait]
impl Tool for KubernetesEvents {
    const NAME: &'static str = "kubernetes_events";
    type Output = ClusterEvents;

    fn summary(&self) -> String {
        match &self.name {
            Some(name) => format!("what the cluster said of `{name}`"),
            None => "what the cluster said of its objects".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<ClusterEvents, ToolError> {
        let objects = objects(scene).await?;
        let asked_namespace = self.namespace.filter(|asked| !asked.is_empty());
        if let Some(asked) = asked_namespace.as_deref().filter(|_| !objects.all.is_empty()) {
            objects.check_namespace(asked)?;
        }
        let asked_name = self.name.unwrap_or_default();
        let events = merged(&objects.all, |event| {
            event.name.starts_with(&asked_name)
                && asked_namespace
                    .as_ref()
                    .is_none_or(|asked| event.namespace.is_empty() || event.namespace == asked)
        });
        if events.is_empty() {
            check_name(&objects.all, &asked_name)?;
        }
        let mut searched = objects.searched();
        if !asked_name.is_empty() {
            searched = format!("events about `{asked_name}` among {searched}");
        }
        let warnings = events.iter().filter(|event| event.is_warning).map(|event| event.count).sum();
        Ok(ClusterEvents { searched, warnings, events, missing: objects.missing })
    }
}

/// Checks that anything of this name is known: an object of which nothing was said is an answer, a name that nobody has is none.
fn check_name(all: &[Value], asked: &str) -> Result<(), ToolError> {
    let about =
        all.iter().filter(|object| text(object, "/kind") == "Event").map(|event| Event::read(event).name);
    let known: Vec<&str> = all.iter().map(name).chain(about).collect();
    if asked.is_empty() || known.is_empty() || known.iter().any(|name| name.starts_with(asked)) {
        return Ok(());
    }
    let advice = nearest(asked, known).map(|near| format!("; nearest is `{near}`")).unwrap_or_default();
    Err(ToolError::Respond(format!("no object `{asked}` is recorded{advice}")))
}

/// Returns the events that are asked for: the same said of the same object is one; warnings first, the most frequent first.
pub(crate) fn merged(all: &[Value], is_asked: impl Fn(&Event<'_>) -> bool) -> Vec<EventRow> {
    let events = all.iter().filter(|object| text(object, "/kind") == "Event").map(Event::read);
    let mut rows: BTreeMap<(String, String), EventRow> = BTreeMap::new();
    for event in events.filter(|event| !event.reason.is_empty() && is_asked(event)) {
        let row = rows.entry((event.object(), event.reason.to_owned())).or_insert_with(|| EventRow {
            object: event.object(),
            name: event.name.to_owned(),
            reason: quote(event.reason),
            message: String::new(),
            is_warning: false,
            count: 0,
            first: None,
            last: None,
        });
        row.count += event.count as u64;
        row.is_warning |= event.is_warning;
        if row.message.is_empty() || event.last >= row.last {
            row.message = quote(event.message);
        }
        row.last = row.last.max(event.last);
        row.first = row.first.into_iter().chain(event.first).min();
    }
    let mut rows: Vec<EventRow> = rows.into_values().collect();
    rows.sort_by_key(|row| (!row.is_warning, std::cmp::Reverse(row.count), std::cmp::Reverse(row.last)));
    rows
}

impl EventRow {
    /// Says it in a sentence.
    pub(crate) fn sentence(&self, language: Language) -> String {
        let Self { object, reason, message, count, .. } = self;
        let last =
            self.last.map(|last| language.pick(format!(", last at {last}"), format!("，最近一次在 {last}")));
        let last = last.unwrap_or_default();
        let message = match message.is_empty() {
            true => String::new(),
            false => language.pick(format!(": `{message}`"), format!("：`{message}`")),
        };
        language.pick(
            format!("{object}: `{reason}` was said {count} times{last}{message}"),
            format!("{object}：`{reason}` 出现 {count} 次{last}{message}"),
        )
    }
}

impl Output for ClusterEvents {
    fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let warnings = self.events.iter().filter(|event| event.is_warning).take(MAX_FACTS);
        let facts = warnings.map(|event| Fact {
            service: event.name.clone(),
            topic: Topic::Lifecycle,
            text: event.sentence(language),
        });
        facts.collect()
    }
}

impl fmt::Display for ClusterEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.events.is_empty() {
            write!(f, "the cluster said nothing; searched: {}", self.searched)?;
        } else {
            writeln!(f, "{} warnings; of each what was said last:", self.warnings)?;
            write_rows(f, self.events.iter(), MAX_ROWS)?;
        }
        self.missing.iter().try_for_each(|missing| writeln!(f, "missing: {missing}"))
    }
}

impl fmt::Display for EventRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grade = if self.is_warning { "Warning" } else { "Normal" };
        write!(f, "{grade} {} {}×{}", self.object, self.reason, self.count)?;
        if let Some(last) = self.last {
            write!(f, " last {last}")?;
        }
        write!(f, ": {}", self.message)
    }
}
