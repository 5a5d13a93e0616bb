//! What was changed, and who answers for it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use waggle_signals::Timestamp;

use crate::{Result, finding::Owner};

/// Reads the history of the code that runs.
///
/// `repository` is the value of the resource tag `vcs.repository.url.full`.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Returns commits, newest first.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown repository or revision, `Denied` for a repository outside of what the configuration allows.
    async fn commits(&self, query: &CommitQuery) -> Result<Vec<Commit>>;

    /// Returns what one commit changed against its first parent.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown repository or revision.
    async fn diff(&self, repository: &str, revision: &str) -> Result<CommitDiff>;

    /// Returns who answers for a path, each with the rule that names them. Empty when no rule does.
    async fn owners(&self, query: &OwnerQuery) -> Result<Vec<Owner>>;
}

/// Asks for commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitQuery {
    /// Where.
    pub repository: String,
    /// Reachable from this revision; it comes first.
    pub to: String,
    /// Not reachable from this one.
    pub from: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Asks who answers for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerQuery {
    /// Where.
    pub repository: String,
    /// At this revision.
    pub revision: String,
    /// Paths inside the repository, `/` between folders, no leading one.
    pub paths: Vec<String>,
}

/// What kind of thing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Code.
    Commit,
    /// Configuration.
    Config,
    /// A feature flag.
    Flag,
    /// The number or size of copies.
    Scale,
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Full id.
    pub id: String,
    /// Author's name.
    pub author: String,
    /// Author's e-mail.
    pub email: String,
    /// When it was authored.
    pub at: Timestamp,
    /// First line of the message.
    pub summary: String,
    /// The rest of the message.
    pub body: String,
}

/// What one commit changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitDiff {
    /// The commit.
    pub commit: Commit,
    /// By path. Binary files have no hunks.
    pub files: Vec<FileDiff>,
}

/// What changed in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDiff {
    /// Its path after the change; before it when it was removed.
    pub path: String,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// Changed places with three lines around, in order.
    pub hunks: Vec<Hunk>,
}

/// One changed place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// First line before the change, counted from 1.
    pub old_start: u32,
    /// First line after the change, counted from 1.
    pub new_start: u32,
    /// The enclosing function or heading, as far as it can be told; else empty.
    pub context: String,
    /// Lines with ` `, `+` or `-` in front, without line ends.
    pub lines: Vec<String>,
}
