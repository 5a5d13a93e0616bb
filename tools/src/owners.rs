//! Who answers for a service, and by which rule.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    finding::Owner,
    ports::{Owned, OwnershipQuery},
    tool::Output,
};
use waggle_signals::semconv;

use crate::{
    recent_changes::{Change, recent},
    services::resources_of,
};

/// Returns who answers for a service, each with the rule that names them: the `owner` label on its processes, the service catalogue, CODEOWNERS for the files that its last change touched, and who is on call now.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Owners {
    /// Name of the service.
    pub service: String,
}

/// Who answers for it.
#[derive(Debug, Serialize)]
pub struct OwnersOf {
    service: String,
    searched: String,
    /// The rule nearest to the service first.
    owners: Vec<Owner>,
    /// What people should know besides: gaps, doubts, sources that did not answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[async_trait]
impl Tool for Owners {
    const NAME: &'static str = "owners";
    type Output = OwnersOf;

    fn summary(&self) -> String {
        format!("who answers for `{}`", self.service)
    }

    async fn run(self, scene: &Scene) -> Result<OwnersOf, ToolError> {
        let measured = resources_of(scene, &self.service).await;
        let resources = measured.as_deref().unwrap_or_default();
        let labels = resources.iter().filter_map(|resource| resource.owner()).map(str::to_owned).collect();
        let query = OwnershipQuery { labels, ..code_of(scene, &self.service).await };
        let Owned { owners, notes, is_listed, nearest, searched } =
            scene.ports.ownership.owners_of(&query).await?;
        // A service that only a catalogue knows has owners as well; one that nobody knows is not answered for another.
        if let Err(error) = measured
            && !is_listed
        {
            return Err(unknown(error, nearest));
        }
        Ok(OwnersOf { service: self.service, searched, owners, notes })
    }
}

/// Says that a service is unknown, with the name that a catalogue lists beside those that telemetry knows.
fn unknown(error: ToolError, nearest: Option<String>) -> ToolError {
    match (error, nearest) {
        (ToolError::Respond(text), Some(name)) => {
            ToolError::Respond(format!("{text}; the catalogue lists `{name}`"))
        }
        (error, _) => error,
    }
}

/// Returns the question about a service's owners now, with the files of its last change before the onset. Without a change, or
/// when its repository cannot be read, it names no files.
async fn code_of(scene: &Scene, service: &str) -> OwnershipQuery {
    let at = scene.ports.clock.now();
    let nowhere = OwnershipQuery { service: service.to_owned(), at, ..OwnershipQuery::default() };
    let Ok(changes) = recent(scene).await else { return nowhere };
    let last = changes.into_iter().find(|change| change.service == service && !change.after_onset);
    let Some(Change { repository, id: revision, .. }) = last else { return nowhere };
    let Ok(diff) = scene.ports.changes.diff(&repository, &revision).await else { return nowhere };
    let paths = diff.files.into_iter().map(|file| file.path).collect();
    OwnershipQuery { repository, revision, paths, ..nowhere }
}

impl OwnersOf {
    /// Says the rule of the label in Chinese; a rule of CODEOWNERS is quoted as it is written there.
    fn rule_zh(&self, rule: &str) -> String {
        match rule == label_rule(&self.service) {
            true => format!("{} 的标签 `{}`", self.service, semconv::OWNER),
            false => rule.to_owned(),
        }
    }
}

/// Names the rule of the label on a service's processes.
fn label_rule(service: &str) -> String {
    format!("label `{}` of {service}", semconv::OWNER)
}

impl Output for OwnersOf {
    fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let facts = self.owners.iter().map(|owner| Fact {
            service: self.service.clone(),
            topic: Topic::Owner,
            text: language.pick(
                format!("{} answers for {} by {}", owner.name, self.service, owner.rule),
                format!("{} 负责 {}，依据：{}", owner.name, self.service, self.rule_zh(&owner.rule)),
            ),
        });
        facts.collect()
    }
}

impl fmt::Display for OwnersOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for owner in &self.owners {
            writeln!(f, "- {} ({}) {}", owner.name, owner.rule, owner.contact)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        if self.owners.is_empty() {
            write!(f, "no rule names an owner of `{}`; searched: {}", self.service, self.searched)?;
        }
        Ok(())
    }
}
