//! Commits, diffs and owners out of git repositories on this machine.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{sync::Semaphore, task};
use waggle_agent_core::{
    Error, Kind, Result,
    finding::Owner,
    ports::{Changes, Commit, CommitDiff, CommitQuery, OwnerQuery},
};

mod allowed;
pub(crate) mod deadline;
mod diff;
mod enclosing;
mod files;
mod history;
mod hunks;
mod owners;
pub(crate) mod repository;

use crate::codeowners::Dialect;
use allowed::Allowed;
use deadline::Deadline;
use repository::Repository;

/// Questions answered at a time. Further ones wait within their time.
const AT_A_TIME: usize = 4;

/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the repositories that the configuration names, and no others. Safe to share; never writes.
///
/// A revision is a full or abbreviated commit id, a branch, a tag, or one of these with `~2` or `^` behind it; at most 250 bytes.
/// Names in a `.mailmap` of the revision that is asked about are applied to authors.
///
/// # Limits
///
/// - At most 10,000 commits an answer.
/// - A diff names every file that was changed. Files over 2 MiB are told like binary ones: no counts, no hunks.
/// - A file has at most 256 KiB of hunks, a commit 4 MiB: a hunk may miss lines at its end and later hunks may be missing. `added` and `removed` still count all of them, and so tell.
/// - A side without lines has no first line: `old_start` of a new file is 0, as git writes it.
#[derive(Clone, Debug)]
pub struct GitChanges {
    allowed: Arc<Allowed>,
    /// A question that ran out of time keeps its place until its thread has noticed.
    places: Arc<Semaphore>,
    patience: Duration,
    code_owners: Option<Dialect>,
}

impl GitChanges {
    /// Allows the repositories at these paths: worktrees or bare ones. Symbolic links in them are followed now, not later.
    pub fn new<P: Into<PathBuf>>(repositories: impl IntoIterator<Item = P>) -> Self {
        let mut allowed = Allowed::default();
        for path in repositories {
            allowed.add(path.into());
        }
        let places = Arc::new(Semaphore::new(AT_A_TIME));
        Self { allowed: Arc::new(allowed), places, patience: PATIENCE, code_owners: None }
    }

    /// Allows the repository at `path` also under the name `url`, of which it is a clone: `https://git.example/acme/shop`.
    #[must_use]
    pub fn with_clone(mut self, url: &str, path: impl Into<PathBuf>) -> Self {
        Arc::make_mut(&mut self.allowed).add_clone(url, path.into());
        self
    }

    /// Checks that each repository can be read now; until asked, none is opened.
    ///
    /// # Errors
    ///
    /// `NotFound` for the first that is no git repository or may not be read.
    pub fn check(&self) -> Result<()> {
        let mut paths = self.allowed.all();
        paths.try_for_each(|path| Repository::open(path, Deadline::after(self.patience)).map(drop))
    }

    /// Sets how long a question may take; ten seconds unless set.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Says whose `CODEOWNERS` the repositories have where the place of the file does not tell; GitHub's unless set.
    #[must_use]
    pub fn with_code_owners(self, dialect: Dialect) -> Self {
        Self { code_owners: Some(dialect), ..self }
    }

    /// Returns the files of these names, wherever they lie in a revision, by path: at most 2,000, of at most `limit` bytes each.
    /// Greater ones, links and what lies over 32 folders deep are left out.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown repository or revision, `Denied` for one that is not allowed.
    pub async fn files_named(
        &self,
        repository: &str,
        revision: &str,
        names: &'static [&'static str],
        limit: u64,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let revision = revision.to_owned();
        self.ask(repository, move |repository| repository.files_named(&revision, names, limit)).await
    }

    /// Answers a question about a repository on a thread of its own, in time.
    async fn ask<T: Send + 'static>(
        &self,
        repository: &str,
        question: impl FnOnce(&Repository) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.allowed.path(repository)?;
        let deadline = Deadline::after(self.patience);
        let answer = async {
            let places = Arc::clone(&self.places);
            let closed = |error| Kind::Internal.because("wait for a place", error);
            let place = places.acquire_owned().await.map_err(closed)?;
            let answering = task::spawn_blocking(move || {
                let _place = place;
                question(&Repository::open(&path, deadline)?)
            });
            answering.await.map_err(|error| Kind::Internal.because("read a repository", error))?
        };
        match tokio::time::timeout(self.patience, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(deadline.missed()),
        }
    }
}

#[async_trait]
impl Changes for GitChanges {
    async fn commits(&self, query: &CommitQuery) -> Result<Vec<Commit>> {
        let CommitQuery { repository, to, from, limit } = query.clone();
        self.ask(&repository, move |repository| repository.commits(&to, from.as_deref(), limit)).await
    }

    async fn diff(&self, repository: &str, revision: &str) -> Result<CommitDiff> {
        let revision = revision.to_owned();
        self.ask(repository, move |repository| repository.diff(&revision)).await
    }

    async fn owners(&self, query: &OwnerQuery) -> Result<Vec<Owner>> {
        let OwnerQuery { repository, revision, paths } = query.clone();
        let dialect = self.code_owners;
        self.ask(&repository, move |repository| repository.owners(&revision, &paths, dialect)).await
    }
}

/// Returns what turns a failure of git's into an error of kind `Unavailable`: the repository is there, and cannot be read as a whole.
pub(crate) fn unreadable(doing: impl Into<String>) -> impl FnOnce(gix::Error) -> Error {
    move |error| {
        Kind::Unavailable.because(doing, error).with_hint(
            "the clone may be shallow, partial or damaged; try `git fsck` or `git fetch --unshallow`",
        )
    }
}
