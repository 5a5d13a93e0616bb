//! What a host has to answer, in words that all hosts share.

use async_trait::async_trait;
use waggle_agent_core::{
    Error, Kind, Result,
    ports::{Commit, CommitDiff},
};

use super::{revision::Revision, wire::Door};

/// Commits and files of repositories on one host. Whoever asks has checked that the repository may be asked about.
///
/// `path` is that of a repository, `owner/name`; `id` is a full commit id that the host gave.
#[async_trait]
pub trait Host: Send + Sync {
    /// Returns where it is asked.
    fn door(&self) -> &Door;

    /// Returns the full id of the commit that a revision names.
    async fn commit_id(&self, path: &str, revision: &Revision) -> Result<String>;

    /// Returns what is reachable from a commit, newest first, at most `limit`.
    async fn log(&self, path: &str, id: &str, limit: usize) -> Result<Vec<Commit>>;

    /// Returns what is reachable from `to` and not from `from`, newest first, at most `limit`.
    async fn between(&self, path: &str, from: &str, to: &str, limit: usize) -> Result<Vec<Commit>>;

    /// Returns what a commit changed, in any order.
    async fn diff(&self, path: &str, id: &str) -> Result<CommitDiff>;

    /// Returns the text of a file as a commit has it; `None` when it has none.
    async fn file(&self, path: &str, id: &str, file: &str) -> Result<Option<String>>;
}

/// Makes the error for a repository that is not there, or not for this token: hosts do not tell these apart.
pub fn unknown_repository(door: &Door, path: &str) -> Error {
    let hint = if door.is_anonymous() {
        "a private repository needs a token; set `token_env` of the host"
    } else {
        "the token may not cover it: it needs to read the contents of this repository"
    };
    Kind::NotFound.error(format!("{} shows no repository `{path}`", door.name())).with_hint(hint)
}

/// Makes the error for a revision that is not there.
pub fn unknown_revision(door: &Door, path: &str, revision: &Revision) -> Error {
    Kind::NotFound
        .error(format!("unknown revision `{revision}` in `{path}` on {}", door.name()))
        .with_hint("the commit may not have been pushed, or its branch may be gone")
}
