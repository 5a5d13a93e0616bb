//! Who answers for a service, and by which rule.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    finding::Owner,
    ports::OwnerQuery,
    tool::Output,
};
use waggle_signals::semconv;

use crate::{
    recent_changes::{Change, recent},
    services::resources_of,
};

/// Returns who answers for a service, each with the rule that names them: the `owner` label on its processes, and CODEOWNERS for the files that its last change touched.
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
}

#[async_trait]
impl Tool for Owners {
    const NAME: &'static str = "owners";
    type Output = OwnersOf;

    fn summary(&self) -> String {
        format!("who answers for `{}`", self.service)
    }

    async fn run(self, scene: &Scene) -> Result<OwnersOf, ToolError> {
        let resources = resources_of(scene, &self.service).await?;
        let mut owners = Vec::new();
        let labels = resources.iter().filter_map(|resource| resource.owner());
        for label in labels {
            add(
                &mut owners,
                Owner { name: label.to_owned(), rule: label_rule(&self.service), contact: String::new() },
            );
        }
        for owner in code_owners(scene, &self.service).await {
            add(&mut owners, owner);
        }
        let searched = format!("label `{}` and CODEOWNERS", semconv::OWNER);
        Ok(OwnersOf { service: self.service, searched, owners })
    }
}

/// Adds an owner unless they are named already: the nearer rule stays.
fn add(owners: &mut Vec<Owner>, owner: Owner) {
    let bare = |name: &str| name.trim_start_matches('@').to_lowercase();
    if !owners.iter().any(|known| bare(&known.name) == bare(&owner.name)) {
        owners.push(owner);
    }
}

/// Asks CODEOWNERS about the files of the service's last change. Without a change, or when its repository cannot be read, it names nobody.
async fn code_owners(scene: &Scene, service: &str) -> Vec<Owner> {
    let Ok(changes) = recent(scene).await else { return Vec::new() };
    let last = changes.into_iter().find(|change| change.service == service && !change.after_onset);
    let Some(Change { repository, id: revision, .. }) = last else { return Vec::new() };
    let Ok(diff) = scene.ports.changes.diff(&repository, &revision).await else { return Vec::new() };
    let paths = diff.files.into_iter().map(|file| file.path).collect();
    scene.ports.changes.owners(&OwnerQuery { repository, revision, paths }).await.unwrap_or_default()
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
        if self.owners.is_empty() {
            return write!(f, "no rule names an owner of `{}`; searched: {}", self.service, self.searched);
        }
        for owner in &self.owners {
            writeln!(f, "- {} ({}) {}", owner.name, owner.rule, owner.contact)?;
        }
        Ok(())
    }
}
