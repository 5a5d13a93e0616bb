//! What was written down about something.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::PassageQuery,
    tool::Output,
};

use crate::{
    quote::{cut, quote},
    rows::write_rows,
};

/// Searches runbooks and documents for words, and returns the passages that fit best, each with its section and the id to read the whole document by.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct SearchKnowledge {
    /// What to look for, in words.
    pub query: String,
    /// Only documents about this service, or about none in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only documents of this collection, such as `runbooks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Passages {
    searched: String,
    /// Best first.
    passages: Vec<PassageRow>,
}

#[derive(Debug, Serialize)]
struct PassageRow {
    id: String,
    /// Where it stands; empty when that is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    place: String,
    /// Headings down to the passage, joined by ` › `; empty for a document without any.
    section: String,
    /// Untrusted.
    text: String,
}

/// Passages that are asked for.
const MAX_PASSAGES: usize = 5;
/// Characters of a passage that a model is shown.
const MAX_CHARS: usize = 200;
/// Characters of a passage that are kept.
const MAX_KEPT_CHARS: usize = 4_000;
/// Passages that a sentence is made of.
const MAX_FACTS: usize = 3;

#[async_trait]
impl Tool for SearchKnowledge {
    const NAME: &'static str = "search_knowledge";
    type Output = Passages;

    fn summary(&self) -> String {
        format!("what is written about `{}`", quote(&self.query))
    }

    async fn run(self, scene: &Scene) -> Result<Passages, ToolError> {
        if self.query.trim().is_empty() {
            return Err(ToolError::Respond("`query` is empty; say what to look for".to_owned()));
        }
        let query = PassageQuery {
            text: self.query.clone(),
            service: self.service,
            collections: self.collection.into_iter().collect(),
            limit: MAX_PASSAGES,
            ..PassageQuery::default()
        };
        let found = scene.ports.knowledge.search(&query).await?;
        let passages = found.into_iter().take(MAX_PASSAGES).map(|passage| PassageRow {
            id: passage.id,
            place: quote(&passage.place),
            section: quote(&passage.heading),
            text: passage.text.chars().take(MAX_KEPT_CHARS).collect(),
        });
        let searched = format!("documents for `{}`", quote(&self.query));
        Ok(Passages { searched, passages: passages.collect() })
    }
}

impl Output for Passages {
    fn is_empty(&self) -> bool {
        self.passages.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let facts = self.passages.iter().take(MAX_FACTS).map(|PassageRow { id, place, section, text }| {
            let text = quote(text);
            // Where it stands says more than the name, and has it in it.
            let id = if place.is_empty() { id } else { place };
            let text = match section.is_empty() {
                true => language
                    .pick(format!("document `{id}` says: `{text}`"), format!("文档 `{id}` 写道：`{text}`")),
                false => language.pick(
                    format!("document `{id}`, section `{section}`, says: `{text}`"),
                    format!("文档 `{id}` 的 `{section}` 一节写道：`{text}`"),
                ),
            };
            Fact { service: String::new(), topic: Topic::Knowledge, text }
        });
        facts.collect()
    }
}

impl fmt::Display for Passages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.passages.is_empty() {
            return write!(f, "nothing is written about it; searched: {}", self.searched);
        }
        write_rows(f, self.passages.iter(), MAX_PASSAGES)
    }
}

impl fmt::Display for PassageRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{} › {}: {}", self.id, self.section, cut(&text, MAX_CHARS))
    }
}
