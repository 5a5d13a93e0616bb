//! Who answers for a service at a moment, by whatever rules were written down for it.

use std::sync::Arc;

use async_trait::async_trait;
use waggle_signals::{Timestamp, semconv};

use crate::{
    Result,
    finding::Owner,
    ports::{Changes, OwnerQuery},
};

/// Names who answers for a service. Read-only; nobody is ever named without the rule that names them.
#[async_trait]
pub trait Ownership: Send + Sync {
    /// Returns who answers for a service at a moment.
    ///
    /// A source that cannot be read names nobody and is told in the notes: what the other sources say still holds.
    /// A service that no source lists is no error: its labels and its code may still name somebody.
    async fn owners_of(&self, query: &OwnershipQuery) -> Result<Owned>;
}

/// Asks who answers for a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnershipQuery {
    /// Name of the service, letter by letter.
    pub service: String,
    /// Values of the label `owner` on its processes; empty when there are none.
    pub labels: Vec<String>,
    /// Where its code lies, as telemetry says; empty when unknown.
    pub repository: String,
    /// Which revision of it runs; empty when unknown.
    pub revision: String,
    /// Files that are suspected, `/` between folders, no leading one; empty when none is.
    pub paths: Vec<String>,
    /// When: who is on call depends on it.
    pub at: Timestamp,
}

/// Who answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// The rule nearest to the service first, nobody twice. Empty when no rule names anybody.
    pub owners: Vec<Owner>,
    /// What people should know besides: a shift that nobody has, a name that may be two people, a source that did not answer.
    pub notes: Vec<String>,
    /// Whether a source lists the service by this very name.
    pub is_listed: bool,
    /// The listed name most like the one asked for, when that one is not listed and any is alike.
    pub nearest: Option<String>,
    /// What was searched, in words.
    pub searched: String,
}

/// Owners by the two rules that need no configuration: the label `owner`, then `CODEOWNERS` of the repository. Lists no services.
#[derive(Clone)]
pub struct LabelsAndCode(pub Arc<dyn Changes>);

#[async_trait]
impl Ownership for LabelsAndCode {
    async fn owners_of(&self, query: &OwnershipQuery) -> Result<Owned> {
        let mut owned =
            Owned { searched: format!("label `{}` and CODEOWNERS", semconv::OWNER), ..Owned::default() };
        for label in &query.labels {
            owned.add(by_label(label, &query.service));
        }
        let (code, note) = by_code(&*self.0, query).await;
        code.into_iter().for_each(|owner| owned.add(owner));
        owned.notes.extend(note);
        Ok(owned)
    }
}

/// Returns the owner that a label names. Its contact is unknown.
pub fn by_label(label: &str, service: &str) -> Owner {
    let rule = format!("label `{}` of {service}", semconv::OWNER);
    Owner { name: label.to_owned(), rule, contact: String::new() }
}

/// Returns the owners that `CODEOWNERS` names for the suspected files, or a note that says why it could not be read. Both are
/// empty when the query names no file.
pub async fn by_code(changes: &dyn Changes, query: &OwnershipQuery) -> (Vec<Owner>, Option<String>) {
    let OwnershipQuery { repository, revision, paths, .. } = query.clone();
    if repository.is_empty() || revision.is_empty() || paths.is_empty() {
        return (Vec::new(), None);
    }
    match changes.owners(&OwnerQuery { repository, revision, paths }).await {
        Ok(owners) => (owners, None),
        Err(error) => (Vec::new(), Some(format!("CODEOWNERS was not read: {error}"))),
    }
}

// === impl Owned ===

impl Owned {
    /// Adds an owner unless they are named already: the nearer rule stays, and takes over a contact that it did not know.
    ///
    /// Names are compared without `@` in front and without case.
    pub fn add(&mut self, owner: Owner) {
        let bare = |name: &str| name.trim_start_matches('@').to_lowercase();
        let known = self.owners.iter_mut().find(|known| bare(&known.name) == bare(&owner.name));
        match known {
            Some(known) if known.contact.is_empty() => known.contact = owner.contact,
            Some(_) => {}
            None => self.owners.push(owner),
        }
    }
}
