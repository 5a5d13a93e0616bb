//! Who is asked about a repository: a clone on this machine first, then the host that has it.

use std::{collections::BTreeMap, path::PathBuf};

use async_trait::async_trait;
use waggle_agent_core::{
    Error, Kind, Result,
    finding::Owner,
    ports::{Changes, Commit, CommitDiff, CommitQuery, OwnerQuery},
};

use super::{HostedChanges, RepositoryAddress};
use crate::GitChanges;

/// Answers for all repositories that the configuration names, wherever they are.
///
/// A repository is known by its address, however that is spelt. One with a clone on this machine is read there; what the clone does
/// not have, being out of date, is asked of the host when that is allowed too. Everything that is neither is `Denied`.
#[derive(Clone, Debug)]
pub struct ByRepository {
    local: GitChanges,
    /// What the local repositories call each clone.
    clones: BTreeMap<RepositoryAddress, String>,
    hosts: Vec<HostedChanges>,
}

/// Who is asked, and under which name.
enum Route<'a> {
    Local(String),
    LocalThenHost(String, &'a HostedChanges),
    Host(&'a HostedChanges),
}

impl ByRepository {
    /// Begins with the repositories on this machine; add clones by [`with_clone`](Self::with_clone) rather than there.
    pub fn new(local: GitChanges) -> Self {
        Self { local, clones: BTreeMap::new(), hosts: Vec::new() }
    }

    /// Reads the repository that telemetry calls `url` from its clone at `path`.
    #[must_use]
    pub fn with_clone(mut self, url: &str, path: impl Into<PathBuf>) -> Self {
        self.local = self.local.with_clone(url, path);
        if let Ok(address) = url.parse() {
            self.clones.insert(address, url.to_owned());
        }
        self
    }

    /// Asks a host about the repositories that it has and its rules allow. Of hosts with the same name the first is asked.
    #[must_use]
    pub fn with_host(mut self, host: HostedChanges) -> Self {
        self.hosts.push(host);
        self
    }

    fn route(&self, repository: &str) -> Result<Route<'_>> {
        // Paths, and URLs that only the local repositories understand.
        let Ok(address) = repository.parse::<RepositoryAddress>() else {
            return Ok(Route::Local(repository.to_owned()));
        };
        let host = self.hosts.iter().find(|host| host.has(&address));
        let allowed = host.filter(|host| host.allows(&address));
        match (self.clones.get(&address), allowed, host) {
            (Some(name), Some(host), _) => Ok(Route::LocalThenHost(name.clone(), host)),
            (Some(name), None, _) => Ok(Route::Local(name.clone())),
            (None, Some(host), _) => Ok(Route::Host(host)),
            (None, None, Some(host)) => Err(host.denied(&address)),
            (None, None, None) => Err(unknown_host(&address)),
        }
    }

    /// Asks whoever has the repository; `ask` is given the answerer and its name for it.
    async fn ask<'a, T, A>(
        &'a self,
        repository: &str,
        ask: impl Fn(&'a dyn Changes, String) -> A,
    ) -> Result<T>
    where
        A: Future<Output = Result<T>>,
    {
        let repository = repository.to_owned();
        match self.route(&repository)? {
            Route::Local(name) => ask(&self.local, name).await,
            Route::Host(host) => ask(host, repository).await,
            Route::LocalThenHost(name, host) => match ask(&self.local, name).await {
                Err(error) if error.kind() == Kind::NotFound => ask(host, repository).await,
                answer => answer,
            },
        }
    }
}

fn unknown_host(address: &RepositoryAddress) -> Error {
    Kind::Denied.error(format!("repository `{address}` is not one of those that may be read")).with_hint(
        "name a local clone with `--repository URL=PATH`, or its host under `[changes]` in the settings file",
    )
}

#[async_trait]
impl Changes for ByRepository {
    async fn commits(&self, query: &CommitQuery) -> Result<Vec<Commit>> {
        self.ask(&query.repository, |changes, repository| async move {
            changes.commits(&CommitQuery { repository, ..query.clone() }).await
        })
        .await
    }

    async fn diff(&self, repository: &str, revision: &str) -> Result<CommitDiff> {
        self.ask(repository, |changes, repository| async move { changes.diff(&repository, revision).await })
            .await
    }

    async fn owners(&self, query: &OwnerQuery) -> Result<Vec<Owner>> {
        self.ask(&query.repository, |changes, repository| async move {
            changes.owners(&OwnerQuery { repository, ..query.clone() }).await
        })
        .await
    }
}
