//! The documents of a git repository as one revision has them, without a checkout.

use std::{path::Path, time::Duration};

use gix::{ObjectId, object::tree::EntryKind};
use waggle_agent_core::Result;

use super::{Found, MAX_DOCUMENTS, Step};
use crate::{
    documents::{DocumentId, Format, MAX_BYTES, Reason},
    git::{deadline::Deadline, repository::Repository, unreadable},
};

/// How long a run may take, the time in which its steps are used included.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Folders in each other.
const MAX_DEPTH: usize = 32;

/// Entries of one folder.
const MAX_ENTRIES: usize = 100_000;

/// A revision of a repository on this machine whose documents are read.
///
/// Left out, each with its reason, are hidden files, links, submodules, what no document is named like, and what is too large.
pub struct GitSource {
    collection: String,
    repository: Repository,
    commit: ObjectId,
    tree: ObjectId,
    max_documents: usize,
}

impl GitSource {
    /// Opens the repository at `path` at a revision: a commit id, a branch, a tag.
    ///
    /// # Errors
    ///
    /// `NotFound` for no repository or an unknown revision, `Invalid` for what is no revision.
    pub fn open(collection: &str, path: &Path, revision: &str) -> Result<Self> {
        let repository = Repository::open(path, Deadline::after(PATIENCE))?;
        let (commit, tree) = {
            let commit = repository.commit(revision)?;
            let tree = commit.tree_id().map_err(unreadable(format!("read commit `{}`", commit.id)))?;
            (commit.id, tree.detach())
        };
        Ok(Self { collection: collection.to_owned(), repository, commit, tree, max_documents: MAX_DOCUMENTS })
    }

    /// Sets how many documents a run may read.
    #[must_use]
    pub fn with_max_documents(self, max_documents: usize) -> Self {
        Self { max_documents, ..self }
    }

    /// Returns the full id of the commit that is read.
    pub fn commit(&self) -> String {
        self.commit.to_string()
    }

    /// Walks the tree in git's order. Blocks; holds one document at a time.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        let root = Entry { path: String::new(), kind: EntryKind::Tree, id: self.tree, depth: 0 };
        Walk { source: self, waiting: vec![root], n_documents: 0, is_over: false }
    }
}

/// A walk through the tree.
struct Walk<'a> {
    source: &'a GitSource,
    /// What is still to come, the next one last.
    waiting: Vec<Entry>,
    n_documents: usize,
    is_over: bool,
}

struct Entry {
    /// Its path in the repository; empty for the tree of the commit.
    path: String,
    kind: EntryKind,
    id: ObjectId,
    depth: usize,
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        while !self.is_over {
            let entry = self.waiting.pop()?;
            if let Some(step) = self.visit(entry) {
                return Some(step);
            }
        }
        None
    }
}

impl Walk<'_> {
    fn visit(&mut self, entry: Entry) -> Option<Step> {
        let Entry { path, kind, id, depth } = entry;
        if let Err(late) = self.source.repository.deadline.check() {
            self.is_over = true;
            return Some(Step::stopped(path, Reason::Unavailable(late.to_string())));
        }
        if path.rsplit('/').next().is_some_and(|name| name.starts_with('.')) {
            return Some(Step::skipped(path, Reason::Hidden));
        }
        match kind {
            EntryKind::Tree if depth > MAX_DEPTH => {
                Some(Step::skipped(path, Reason::TooDeep(format!("over {MAX_DEPTH} folders in each other"))))
            }
            EntryKind::Tree => match self.enter(&path, id, depth) {
                Ok(()) => None,
                Err(error) => Some(Step::stopped(path, Reason::Unavailable(error.chain()))),
            },
            EntryKind::Link => Some(Step::skipped(path, Reason::Link)),
            EntryKind::Commit => Some(Step::skipped(path, Reason::PointsTo(format!("submodule at {id}")))),
            EntryKind::Blob | EntryKind::BlobExecutable => Some(self.read(path, id)),
        }
    }

    fn enter(&mut self, path: &str, id: ObjectId, depth: usize) -> Result<()> {
        let doing = || format!("read folder `{path}`");
        let object = self.source.repository.git.find_object(id).map_err(unreadable(doing()))?;
        let tree = object.try_into_tree().map_err(unreadable(doing()))?;
        let mut entries = Vec::new();
        for entry in tree.iter() {
            let entry = entry.map_err(unreadable(doing()))?;
            if entries.len() >= MAX_ENTRIES {
                return Err(waggle_agent_core::Kind::Unavailable.error(format!("over {MAX_ENTRIES} entries")));
            }
            let name = entry.filename().to_string();
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            let (kind, id) = (entry.mode().kind(), entry.object_id());
            entries.push(Entry { path, kind, id, depth: depth + 1 });
        }
        self.waiting.extend(entries.into_iter().rev());
        Ok(())
    }

    fn read(&mut self, path: String, id: ObjectId) -> Step {
        if !Format::may_be_document(&path) {
            return Step::skipped(path, Reason::NotADocument);
        }
        if self.n_documents >= self.source.max_documents {
            self.is_over = true;
            return Step::stopped(path, Reason::TooMany { limit: self.source.max_documents });
        }
        self.n_documents += 1;
        let document = DocumentId::new(&self.source.collection, &path);
        let limit = MAX_BYTES as u64;
        match self.source.repository.size(id) {
            Ok(bytes) if bytes > limit => return Step::skipped(path, Reason::TooLarge { bytes, limit }),
            Ok(_) => {}
            Err(error) => return Step::unread(document, path, Reason::Unavailable(error.chain())),
        }
        match self.source.repository.git.find_object(id) {
            Ok(mut object) => Step::Found(Found::new(document, path, std::mem::take(&mut object.data))),
            Err(error) => Step::unread(document, path, Reason::Unavailable(error.to_string())),
        }
    }
}
