//! A history that is told rather than read.

use async_trait::async_trait;

use crate::{
    Kind, Result,
    finding::Owner,
    ports::{Changes, Commit, CommitDiff, CommitQuery, OwnerQuery},
};

/// One repository with one line of history.
#[derive(Clone, Debug, Default)]
pub struct FakeChanges {
    repository: String,
    /// Oldest first.
    history: Vec<CommitDiff>,
    /// Folder or file, and who answers for what lies there; the last that fits decides.
    owners: Vec<(String, Vec<Owner>)>,
}

impl FakeChanges {
    /// Makes a repository out of its commits, oldest first. Any other repository is unknown.
    pub fn new(repository: impl Into<String>, history: Vec<CommitDiff>) -> Self {
        Self { repository: repository.into(), history, owners: Vec::new() }
    }

    /// Adds a rule: `owners` answer for what lies under `folder`, the root when it is empty. Later rules go before earlier ones.
    #[must_use]
    pub fn owned_by(mut self, folder: impl Into<String>, owners: Vec<Owner>) -> Self {
        self.owners.push((folder.into(), owners));
        self
    }

    /// Returns the place of a commit in the history.
    fn place(&self, repository: &str, revision: &str) -> Result<usize> {
        if repository != self.repository {
            return Err(Kind::NotFound.error(format!("unknown repository `{repository}`")));
        }
        let is_abbreviation = revision.len() >= 4;
        let fits = |diff: &CommitDiff| is_abbreviation && diff.commit.id.starts_with(revision);
        let mut places = (0..self.history.len()).filter(|&place| fits(&self.history[place]));
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Kind::NotFound.error(format!("unknown revision `{revision}`"))),
            (Some(_), Some(_)) => Err(Kind::Invalid.error(format!("revision `{revision}` is ambiguous"))),
        }
    }

    fn owners_of(&self, path: &str) -> &[Owner] {
        let lies_under = |folder: &str| {
            folder.is_empty()
                || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let rule = self.owners.iter().rfind(|(folder, _)| lies_under(folder));
        rule.map_or(&[], |(_, owners)| owners)
    }
}

#[async_trait]
impl Changes for FakeChanges {
    async fn commits(&self, query: &CommitQuery) -> Result<Vec<Commit>> {
        let to = self.place(&query.repository, &query.to)?;
        let first = match &query.from {
            Some(from) => self.place(&query.repository, from)? + 1,
            None => 0,
        };
        let wanted = self.history.get(first..=to).unwrap_or_default();
        Ok(wanted.iter().rev().take(query.limit).map(|diff| diff.commit.clone()).collect())
    }

    async fn diff(&self, repository: &str, revision: &str) -> Result<CommitDiff> {
        Ok(self.history[self.place(repository, revision)?].clone())
    }

    async fn owners(&self, query: &OwnerQuery) -> Result<Vec<Owner>> {
        self.place(&query.repository, &query.revision)?;
        let mut owners: Vec<Owner> = Vec::new();
        for owner in query.paths.iter().flat_map(|path| self.owners_of(path)) {
            if !owners.contains(owner) {
                owners.push(owner.clone());
            }
        }
        Ok(owners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::changes::{conformance, sample};

    #[tokio::test]
    async fn the_fake_keeps_the_rules_of_a_history() {
        let repository = "file:///srv/git/shop";
        let ids: Vec<_> = (1..=sample().len()).map(|n| n.to_string().repeat(40)).collect();
        let history = sample().iter().zip(&ids).map(|(commit, id)| commit.diff(id)).collect();
        let owner = |name: &str| Owner { name: name.into(), rule: "told".into(), contact: name.into() };
        let changes = FakeChanges::new(repository, history)
            .owned_by("", vec![owner("@acme/shop")])
            .owned_by("inventory", vec![owner("@li.na"), owner("wang.wei@shop.example")])
            .owned_by("inventory/generated", Vec::new());
        conformance(&changes, repository, &ids).await;
    }
}
