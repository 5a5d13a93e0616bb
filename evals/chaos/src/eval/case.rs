//! What is asked and what is right: suites, cases, and the truth about each.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::finding::Action;

use super::layouts::Layout;

/// Incidents with known answers.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What it is called in reports: the name of its folder, or of the layout that needs none.
    pub name: String,
    /// How it is kept, and by which rule its cases pass.
    pub layout: &'static Layout,
    /// The cases that were read, in the order of their ids.
    pub cases: Vec<Case>,
    /// What looks like a case and does not read.
    pub not_run: Vec<NotRun>,
}

/// One incident with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Unique within its suite. It often tells the answer: the agent must not see it.
    pub id: String,
    /// What is looked into.
    pub what: What,
    /// What is right.
    pub truth: Truth,
    /// What else the set says of it, for people: group, difficulty, what of its truth was not understood.
    pub meta: BTreeMap<String, String>,
}

/// What is looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A folder of files, as `waggle_files::incident` reads one.
    Folder {
        /// The folder. What is in it besides telemetry may tell the answer: see [`super::stage`].
        path: PathBuf,
        /// Files of other folders that belong to it.
        borrowed: Vec<PathBuf>,
    },
    /// A fault of the demo, by its name; `none` for a world where nothing goes wrong.
    Fault(String),
}

/// What is right. Everything that a set does not state stays empty, and is not scored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Truth {
    /// Nothing is wrong, whatever the alert says.
    pub healthy: bool,
    /// The services of which any is right as the first root cause.
    pub services: Vec<String>,
    /// The fault classes of which any is right.
    pub fault_classes: Vec<String>,
    /// The category in the set's own words.
    pub category: String,
    /// The change that did it, or that none did.
    pub change: Option<TrueChange>,
    /// The first service to fail.
    pub first_failing_service: String,
    /// The services that were hit besides; `None` when the set does not say.
    pub blast_radius: Option<Vec<String>>,
    /// What helps.
    pub remediation: Option<Action>,
    /// Changes that look guilty and are not.
    pub decoys: Vec<String>,
    /// What an explanation has to say, in any case of letters.
    pub keywords: Vec<String>,
    /// What an explanation must not say.
    pub forbidden_keywords: Vec<String>,
    /// Categories that are plainly wrong.
    pub forbidden_categories: Vec<String>,
}

/// The change that did it. Written as its id, or as `none`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum TrueChange {
    /// No change did it.
    None,
    /// This one did, by its full id or name.
    Is(String),
}

/// A case that has no answer of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotRun {
    /// Its id.
    pub case: String,
    /// Why: which file does not read, or what failed.
    pub why: String,
}

impl From<String> for TrueChange {
    fn from(text: String) -> Self {
        if text == "none" { Self::None } else { Self::Is(text) }
    }
}

impl From<TrueChange> for String {
    fn from(change: TrueChange) -> Self {
        match change {
            TrueChange::None => "none".to_owned(),
            TrueChange::Is(id) => id,
        }
    }
}

impl Truth {
    /// Says in one line what is right, for lists of misses.
    pub fn in_words(&self) -> String {
        if self.healthy {
            return "nothing is wrong".to_owned();
        }
        let mut words = Vec::new();
        let one_of = |all: &[String]| all.join(" or ");
        if !self.services.is_empty() {
            words.push(one_of(&self.services));
        }
        if !self.fault_classes.is_empty() {
            words.push(one_of(&self.fault_classes));
        }
        if !self.category.is_empty() {
            words.push(format!("category {}", self.category));
        }
        match &self.change {
            Some(TrueChange::None) => words.push("no change".to_owned()),
            Some(TrueChange::Is(id)) => words.push(format!("change {id}")),
            None => {}
        }
        words.join(", ")
    }
}
