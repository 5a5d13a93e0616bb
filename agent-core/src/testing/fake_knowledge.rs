//! A shelf of documents that is searched word by word.

use std::{cmp::Reverse, collections::BTreeSet};

use async_trait::async_trait;

use crate::{
    Kind, Result,
    ports::{Knowledge, Library, Passage, PassageQuery},
};

/// Finds a section by how many of the words asked for it has. By default it has no documents: every search is empty, which
/// is an answer, and every id is unknown.
#[derive(Clone, Debug, Default)]
pub struct FakeKnowledge {
    documents: Vec<Document>,
}

/// Something that was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// The service that it is about; empty when it is about none.
    pub service: String,
    /// The library that it is about; `None` when it is about none.
    pub library: Option<Library>,
    /// Headings down to each section, joined by ` › `, and its text.
    pub sections: Vec<(String, String)>,
}

impl FakeKnowledge {
    /// Makes a shelf of documents.
    pub fn of(documents: Vec<Document>) -> Self {
        Self { documents }
    }
}

impl Document {
    /// Writes the document as Markdown, each section under the last of its headings.
    pub fn text(&self) -> String {
        let section = |(heading, text): &(String, String)| {
            let level = heading.matches(" › ").count() + 1;
            let title = heading.rsplit(" › ").next().unwrap_or_default();
            format!("{} {title}\n\n{text}\n", "#".repeat(level))
        };
        self.sections.iter().map(section).collect::<Vec<_>>().join("\n")
    }
}

#[async_trait]
impl Knowledge for FakeKnowledge {
    async fn search(&self, query: &PassageQuery) -> Result<Vec<Passage>> {
        let wanted = words(&query.text);
        let is_asked = |document: &&Document| {
            let library = document.library.as_ref();
            query.service.as_ref().is_none_or(|service| document.service == *service)
                && query.library.as_ref().is_none_or(|asked| library.is_some_and(|it| it.is_about(asked)))
        };
        let mut found: Vec<(usize, Passage)> = Vec::new();
        for document in self.documents.iter().filter(is_asked) {
            for (heading, text) in &document.sections {
                let n_shared = wanted.intersection(&words(&format!("{heading} {text}"))).count();
                if n_shared > 0 {
                    let score = n_shared as f64 / wanted.len() as f64;
                    let (id, heading, text) = (document.id.clone(), heading.clone(), text.clone());
                    let (collection, place) = (String::new(), id.clone());
                    found.push((n_shared, Passage { id, collection, heading, place, text, score }));
                }
            }
        }
        found.sort_by_key(|(n_shared, _)| Reverse(*n_shared));
        Ok(found.into_iter().take(query.limit).map(|(_, passage)| passage).collect())
    }

    async fn read(&self, id: &str) -> Result<String> {
        let document = self.documents.iter().find(|document| document.id == id);
        document.map(Document::text).ok_or_else(|| Kind::NotFound.error(format!("unknown document `{id}`")))
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2);
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::knowledge::{conformance, sample};

    #[tokio::test]
    async fn the_fake_keeps_the_rules_of_a_shelf() {
        conformance(&FakeKnowledge::of(sample())).await;
    }

    #[tokio::test]
    async fn an_empty_shelf_finds_nothing() {
        let query = PassageQuery { text: "anything".to_owned(), limit: 3, ..PassageQuery::default() };
        assert_eq!(FakeKnowledge::default().search(&query).await.unwrap(), []);
    }
}
