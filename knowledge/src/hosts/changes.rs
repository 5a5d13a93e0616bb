//! The `Changes` port over a host: what may be asked is checked here, once for all hosts.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::time;
use waggle_agent_core::{
    Error, Kind, Result,
    finding::Owner,
    ports::{Changes, Commit, CommitDiff, CommitQuery, OwnerQuery},
};

use super::{
    Allow, HostConfig, Patience, RepositoryAddress, gitee::Gitee, github::GitHub, gitlab::GitLab, host::Host,
    revision::Revision, wire::Wire,
};
use crate::codeowners::{CodeOwners, MAX_BYTES, PLACES};

/// Commits in one answer. Hosts give a hundred a page.
const MAX_COMMITS: usize = 2_000;

/// Reads the repositories of one host that the configuration names. Safe to share; never writes. Must be used inside a Tokio
/// runtime.
///
/// A revision is a full or abbreviated commit id, a branch or a tag. Equal questions are asked with the tag of the earlier answer
/// and cost no quota when nothing changed.
///
/// # Limits
///
/// - At most 2,000 commits an answer. Gitee tells at most as many between two commits as its comparison has.
/// - A diff names the first 3,000 files of a commit on GitHub, 1,000 on GitLab; then a hunk without lines at the end of the last
///   file says so. The same stands where lines of a file are missing, because they are too many for the host, or over 256 KiB in
///   a file, 4 MiB in a commit.
/// - Names in a `.mailmap` are not applied.
/// - A question takes at most 30 seconds with all its pages and waits, see [`Patience`].
#[derive(Clone)]
pub struct HostedChanges {
    host: Arc<dyn Host>,
    names: Vec<String>,
    allow: Allow,
    patience: Patience,
}

impl HostedChanges {
    /// Prepares GitHub or a GitHub Enterprise server; nothing is sent yet. Without a token it is asked anonymously.
    ///
    /// # Errors
    ///
    /// `Invalid` when the address is none, a rule names no repository, or the token cannot be sent or would be sent unencrypted.
    pub fn github(config: &HostConfig, token: Option<SecretString>) -> Result<Self> {
        Self::github_with(config, token, Patience::default(), seed())
    }

    /// Prepares GitHub with other times. Equal seeds give equal waits.
    ///
    /// # Errors
    ///
    /// As [`github`](Self::github).
    pub fn github_with(
        config: &HostConfig,
        token: Option<SecretString>,
        patience: Patience,
        seed: u64,
    ) -> Result<Self> {
        let host = GitHub::new(Wire::new(GitHub::door_of(config, token)?, patience, seed)?);
        Self::new(config, Arc::new(host), patience)
    }

    /// Prepares GitLab or a GitLab server; nothing is sent yet. Without a token it is asked anonymously.
    ///
    /// # Errors
    ///
    /// As [`github`](Self::github).
    pub fn gitlab(config: &HostConfig, token: Option<SecretString>) -> Result<Self> {
        Self::gitlab_with(config, token, Patience::default(), seed())
    }

    /// Prepares GitLab with other times. Equal seeds give equal waits.
    ///
    /// # Errors
    ///
    /// As [`github`](Self::github).
    pub fn gitlab_with(
        config: &HostConfig,
        token: Option<SecretString>,
        patience: Patience,
        seed: u64,
    ) -> Result<Self> {
        let host = GitLab::new(Wire::new(GitLab::door_of(config, token)?, patience, seed)?);
        Self::new(config, Arc::new(host), patience)
    }

    /// Prepares Gitee; nothing is sent yet. Without a token it is asked anonymously.
    ///
    /// # Errors
    ///
    /// As [`github`](Self::github).
    pub fn gitee(config: &HostConfig, token: Option<SecretString>) -> Result<Self> {
        Self::gitee_with(config, token, Patience::default(), seed())
    }

    /// Prepares Gitee with other times. Equal seeds give equal waits.
    ///
    /// # Errors
    ///
    /// As [`github`](Self::github).
    pub fn gitee_with(
        config: &HostConfig,
        token: Option<SecretString>,
        patience: Patience,
        seed: u64,
    ) -> Result<Self> {
        let host = Gitee::new(Wire::new(Gitee::door_of(config, token)?, patience, seed)?);
        Self::new(config, Arc::new(host), patience)
    }

    fn new(config: &HostConfig, host: Arc<dyn Host>, patience: Patience) -> Result<Self> {
        let (names, allow) = (config.names(host.door()), Allow::read(&config.allow)?);
        Ok(Self { host, names, allow, patience })
    }

    /// Returns the names that addresses of repositories on this host have.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Tells whether a repository is on this host.
    pub fn has(&self, address: &RepositoryAddress) -> bool {
        self.names.iter().any(|name| name == address.host())
    }

    /// Tells whether a repository is on this host and may be asked about.
    pub fn allows(&self, address: &RepositoryAddress) -> bool {
        self.has(address) && self.allow.allows(address.path())
    }

    /// Returns the path of a repository that may be asked about.
    fn allowed(&self, repository: &str) -> Result<String> {
        let address: RepositoryAddress = repository.parse()?;
        if self.allows(&address) { Ok(address.path().to_owned()) } else { Err(self.denied(&address)) }
    }

    /// Makes the error for a repository that may not be asked about, whether or not it exists.
    pub(super) fn denied(&self, address: &RepositoryAddress) -> Error {
        let (name, path) = (self.host.door().name(), address.path());
        Kind::Denied
            .error(format!("repository `{address}` is not one of those that may be read"))
            .with_hint(format!("if it may be, add `{path}` to `allow` of {name} in the settings file"))
    }

    /// Waits for an answer, within the time of a question.
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let time = self.patience.question;
        let late = |_| {
            let name = self.host.door().name();
            Err(Kind::Timeout
                .error(format!("{name} did not answer all of it within {} s", time.as_secs_f64())))
        };
        time::timeout(time, answer).await.unwrap_or_else(late)
    }
}

#[async_trait]
impl Changes for HostedChanges {
    async fn commits(&self, query: &CommitQuery) -> Result<Vec<Commit>> {
        let path = self.allowed(&query.repository)?;
        let to = Revision::new(&query.to)?;
        let from = query.from.as_deref().map(Revision::new).transpose()?;
        let limit = query.limit.min(MAX_COMMITS);
        self.in_time(async {
            let to = self.host.commit_id(&path, &to).await?;
            let from = match from {
                Some(from) => Some(self.host.commit_id(&path, &from).await?),
                None => None,
            };
            let mut commits = match from {
                _ if limit == 0 => Vec::new(),
                Some(from) if from == to => Vec::new(),
                Some(from) => self.host.between(&path, &from, &to, limit).await?,
                None => self.host.log(&path, &to, limit).await?,
            };
            commits.truncate(limit);
            Ok(commits)
        })
        .await
    }

    async fn diff(&self, repository: &str, revision: &str) -> Result<CommitDiff> {
        let path = self.allowed(repository)?;
        let revision = Revision::new(revision)?;
        let mut diff = self
            .in_time(async {
                let id = self.host.commit_id(&path, &revision).await?;
                self.host.diff(&path, &id).await
            })
            .await?;
        diff.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(diff)
    }

    async fn owners(&self, query: &OwnerQuery) -> Result<Vec<Owner>> {
        let path = self.allowed(&query.repository)?;
        let revision = Revision::new(&query.revision)?;
        self.in_time(async {
            let id = self.host.commit_id(&path, &revision).await?;
            let mut owners: Vec<Owner> = Vec::new();
            if query.paths.is_empty() {
                return Ok(owners);
            }
            for place in PLACES {
                let Some(text) = self.host.file(&path, &id, place).await? else { continue };
                if text.len() as u64 > MAX_BYTES {
                    continue;
                }
                let rules = CodeOwners::read(place, &text);
                for owner in query.paths.iter().flat_map(|path| rules.owners(path)) {
                    if !owners.contains(&owner) {
                        owners.push(owner);
                    }
                }
                break;
            }
            Ok(owners)
        })
        .await
    }
}

impl fmt::Debug for HostedChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let door = self.host.door();
        f.debug_struct("HostedChanges")
            .field("door", door)
            .field("allow", &self.allow)
            .finish_non_exhaustive()
    }
}

/// Many programs that start at once must not come back at once.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
