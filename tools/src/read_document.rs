//! A whole document, section by section.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Kind, Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::PassageQuery,
    tool::Output,
};

use crate::{
    names::nearest,
    quote::{cut, quote},
};

/// Reads a runbook or document by its id, as a search for knowledge names it, section by section.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct ReadDocument {
    /// The id.
    pub id: String,
}

/// A document.
#[derive(Debug, Serialize)]
pub struct Document {
    id: String,
    /// In the order of the document.
    sections: Vec<Section>,
    /// Characters of the document.
    chars: usize,
    /// Characters that were left out, at its end.
    chars_left_out: usize,
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Section {
    /// Headings down to it, joined by ` › `; empty before the first.
    heading: String,
    /// Untrusted.
    text: String,
}

/// Characters of a document that are kept.
const MAX_CHARS: usize = 60_000;
/// Characters that a model is shown.
const MAX_SHOWN_CHARS: usize = 4_000;
/// Sections that a sentence is made of.
const MAX_FACTS: usize = 4;
/// Documents that are looked at for the one that was meant.
const MAX_NEAR: usize = 10;

#[async_trait]
impl Tool for ReadDocument {
    const NAME: &'static str = "read_document";
    type Output = Document;

    fn summary(&self) -> String {
        format!("document `{}`", quote(&self.id))
    }

    async fn run(self, scene: &Scene) -> Result<Document, ToolError> {
        match scene.ports.knowledge.read(&self.id).await {
            Ok(text) => Ok(Document::of(self.id, &text)),
            Err(error) if error.kind() == Kind::NotFound => Err(unknown(scene, &self.id).await?),
            Err(error) => Err(error.into()),
        }
    }
}

/// Says which document was probably meant: the most like it among those that a search for its words finds.
async fn unknown(scene: &Scene, id: &str) -> Result<ToolError, ToolError> {
    let text = id.replace(['-', '_', '/', '.'], " ");
    let found = scene
        .ports
        .knowledge
        .search(&PassageQuery { text, limit: MAX_NEAR, ..PassageQuery::default() })
        .await?;
    let ids: Vec<&str> = found.iter().map(|passage| passage.id.as_str()).collect();
    let advice = match nearest(id, ids.iter().copied()).or(ids.first().copied()) {
        Some(near) => format!("nearest is `{near}`"),
        None => "`search_knowledge` finds ids by words".to_owned(),
    };
    Ok(ToolError::Respond(format!("unknown document `{}`; {advice}", quote(id))))
}

impl Document {
    fn of(id: String, text: &str) -> Self {
        let chars = text.chars().count();
        let kept: String = text.chars().take(MAX_CHARS).collect();
        Self { id, sections: sections(&kept), chars, chars_left_out: chars.saturating_sub(MAX_CHARS) }
    }
}

/// Reads the sections of a Markdown text by its `#` headings; what stands between fences is no heading.
// https://spec.commonmark.org/0.31.2/#atx-headings and #fenced-code-blocks
fn sections(text: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    let mut open = Section::default();
    let mut is_fenced = false;
    for line in text.lines() {
        let trimmed = line.trim();
        is_fenced ^= trimmed.starts_with("```") || trimmed.starts_with("~~~");
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let title = line.get(level..).filter(|rest| (1..=6).contains(&level) && rest.starts_with(' '));
        let Some(title) = title.filter(|_| !is_fenced) else {
            open.text += line;
            open.text.push('\n');
            continue;
        };
        path.truncate(level - 1);
        path.push(title.trim().trim_end_matches('#').trim_end());
        let next = Section { heading: path.join(" › "), text: String::new() };
        sections.push(std::mem::replace(&mut open, next));
    }
    sections.push(open);
    sections.iter_mut().for_each(|section| section.text = section.text.trim().to_owned());
    sections.retain(|section| !section.text.is_empty());
    sections
}

impl Output for Document {
    fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let id = &self.id;
        let facts = self.sections.iter().take(MAX_FACTS).map(|Section { heading, text }| {
            let (heading, text) = (quote(heading), quote(text));
            let text = match heading.is_empty() {
                true => language
                    .pick(format!("document `{id}` says: `{text}`"), format!("文档 `{id}` 写道：`{text}`")),
                false => language.pick(
                    format!("document `{id}`, section `{heading}`, says: `{text}`"),
                    format!("文档 `{id}` 的 `{heading}` 一节写道：`{text}`"),
                ),
            };
            Fact { service: String::new(), topic: Topic::Knowledge, text }
        });
        facts.collect()
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sections.is_empty() {
            return write!(f, "document `{}` is empty", self.id);
        }
        writeln!(f, "document `{}`, {} characters", self.id, self.chars)?;
        let mut left = MAX_SHOWN_CHARS;
        for (index, Section { heading, text }) in self.sections.iter().enumerate() {
            if left == 0 {
                let rest: Vec<&str> =
                    self.sections.iter().skip(index).map(|rest| rest.heading.as_str()).collect();
                writeln!(f, "… not shown: {}", cut(&rest.join("; "), 400))?;
                break;
            }
            if !heading.is_empty() {
                writeln!(f, "[{heading}]")?;
            }
            writeln!(f, "{}", cut(text, left))?;
            left = left.saturating_sub(text.chars().count());
        }
        if self.chars_left_out > 0 {
            writeln!(f, "… {} characters at its end were not read", self.chars_left_out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_section_is_named_by_all_headings_above_it() {
        let text = "before\n# Cart\n## Slow\nlook at the cache\n```sh\n# no heading\n```\n## Down ##\nrestart it\n#tag\n# Else\n";
        let found: Vec<(String, String)> =
            sections(text).into_iter().map(|section| (section.heading, section.text)).collect();
        let wanted = [
            ("", "before"),
            ("Cart › Slow", "look at the cache\n```sh\n# no heading\n```"),
            ("Cart › Down", "restart it\n#tag"),
        ];
        assert_eq!(found, wanted.map(|(heading, text)| (heading.to_owned(), text.to_owned())));
    }

    proptest! {
        #[test]
        fn sections_that_are_written_are_read(written in prop::collection::vec((1..=6_usize, "[a-z]{1,8}", "[a-z]{1,8}( [a-z]{1,8}){0,3}"), 0..8)) {
            let text: String = written.iter().map(|(level, title, text)| format!("{} {title}\n{text}\n", "#".repeat(*level))).collect();
            let read = sections(&text);
            prop_assert_eq!(read.len(), written.len());
            for (section, (_, title, text)) in read.iter().zip(&written) {
                prop_assert!(section.heading.ends_with(title.as_str()) && section.text == *text);
            }
        }

        #[test]
        fn any_text_is_read(text in "(?s).{0,200}", mark in "[#`~ \n]{0,40}") {
            sections(&text);
            sections(&mark);
        }
    }
}
