//! Commits in their order.

use gix::{bstr::ByteSlice, mailmap, revision::walk::Sorting, traverse::commit::simple::CommitTimeOrder};
use waggle_agent_core::{Result, ports::Commit};
use waggle_signals::Timestamp;

use super::{repository::Repository, unreadable};

/// Commits in one answer.
const MAX_COMMITS: usize = 10_000;

/// Greatest `.mailmap`, bytes; greater ones are not applied.
const MAX_MAILMAP: u64 = 1024 * 1024;

impl Repository {
    /// Returns what is reachable from `to` and not from `from`: newest first by the time of committing, children before parents where clocks agree, `to` before all.
    pub fn commits(&self, to: &str, from: Option<&str>, limit: usize) -> Result<Vec<Commit>> {
        let to = self.commit(to)?;
        let hidden = from.map(|from| self.commit(from)).transpose()?.map(|commit| commit.id);
        let names = self.names(&to)?;
        let doing = || format!("walk the history of `{}`", to.id);
        let walk = self
            .git
            .rev_walk([to.id])
            .sorting(Sorting::ByCommitTime(CommitTimeOrder::NewestFirst))
            .with_hidden(hidden)
            .all()
            .map_err(unreadable(doing()))?;
        let mut commits = Vec::new();
        for step in walk.take(limit.min(MAX_COMMITS)) {
            self.deadline.check()?;
            let commit = step.and_then(|step| step.object()).map_err(unreadable(doing()))?;
            commits.push(told(&commit, &names)?);
        }
        Ok(commits)
    }

    /// Returns the names by which authors want to be known, as of a commit.
    pub fn names(&self, commit: &gix::Commit<'_>) -> Result<mailmap::Snapshot> {
        let text = self.file(commit, ".mailmap", MAX_MAILMAP)?;
        Ok(mailmap::Snapshot::from_bytes(&text.unwrap_or_default()))
    }
}

/// Tells a commit in the port's words.
pub fn told(commit: &gix::Commit<'_>, names: &mailmap::Snapshot) -> Result<Commit> {
    let doing = || format!("read commit `{}`", commit.id);
    let signed = commit.author().map_err(unreadable(doing()))?;
    let author = names.resolve(signed);
    let message = commit.message_raw().map_err(unreadable(doing()))?.to_str_lossy();
    let (summary, body) = match message.trim_start().split_once('\n') {
        Some((summary, body)) => (summary, body),
        None => (message.trim(), ""),
    };
    Ok(Commit {
        id: commit.id.to_string(),
        author: author.name.trim().to_str_lossy().into_owned(),
        email: author.email.trim().to_str_lossy().into_owned(),
        at: Timestamp::from_secs(author.time.seconds),
        summary: summary.trim_end().to_owned(),
        body: body.trim().to_owned(),
    })
}
