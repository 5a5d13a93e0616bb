//! When what was deployed, as GitHub keeps it: a source of deploy times where telemetry has none.

use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use waggle_agent_core::{Error, Kind, Result};
use waggle_signals::{TimeRange, Timestamp};

use super::{GitHub, PER_PAGE, Page};
use crate::hosts::{
    Allow, HostConfig, Patience, RepositoryAddress,
    revision::encoded,
    wire::{Wire, not_understood},
};

/// Deployments of one answer. Each costs a question of its own.
const MAX_DEPLOYMENTS: usize = 50;

/// Pages that are looked through for a time that may be long ago.
const MAX_PAGES: usize = 10;

/// A commit that went live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Full id of the commit.
    pub revision: String,
    /// Where it went.
    pub environment: String,
    /// When GitHub was first told that it had succeeded.
    pub at: Timestamp,
}

/// Lists deployments of the repositories that the configuration names.
pub struct Deployments {
    github: GitHub,
    allow: Allow,
    patience: Patience,
}

impl Deployments {
    /// Prepares GitHub; nothing is sent yet. Reading them wants the permission `deployments: read`.
    ///
    /// # Errors
    ///
    /// As [`HostedChanges::github`](crate::hosts::HostedChanges::github).
    pub fn new(
        config: &HostConfig,
        token: Option<SecretString>,
        patience: Patience,
        seed: u64,
    ) -> Result<Self> {
        let github = GitHub::new(Wire::new(GitHub::door_of(config, token)?, patience, seed)?);
        Ok(Self { github, allow: Allow::read(&config.allow)?, patience })
    }

    /// Returns what went live in an environment within a range of time, newest first, at most 50. Those that failed are left out.
    ///
    /// # Errors
    ///
    /// `Denied` for a repository that is not allowed, `NotFound` for one that GitHub does not show.
    pub async fn deployments(
        &self,
        repository: &str,
        environment: &str,
        range: TimeRange,
    ) -> Result<Vec<Deployment>> {
        let path = allowed(&self.allow, repository)?;
        let listing = self.listed(&path, environment, range);
        let late = |_| Err(Kind::Timeout.error("GitHub did not list all deployments in time"));
        tokio::time::timeout(self.patience.question, listing).await.unwrap_or_else(late)
    }

    /// <https://docs.github.com/en/rest/deployments/deployments#list-deployments>, newest first.
    async fn listed(&self, path: &str, environment: &str, range: TimeRange) -> Result<Vec<Deployment>> {
        let mut deployments = Vec::new();
        for page in 1..=MAX_PAGES {
            let environment = encoded(environment);
            let route = format!(
                "/repos/{path}/deployments?environment={environment}&per_page={PER_PAGE}&page={page}"
            );
            let Page { value, has_next } =
                self.github.get::<Vec<Created>>(route, self.github.no_repository(path)).await?;
            for created in value {
                // What was begun after the range ended cannot have succeeded in it.
                if self.time(&created.created_at)? >= range.to() {
                    continue;
                }
                let Some(at) = self.succeeded_at(path, created.id).await? else { continue };
                if at < range.from() {
                    return Ok(deployments);
                }
                if at < range.to() {
                    let Created { sha: revision, environment, .. } = created;
                    deployments.push(Deployment { revision, environment, at });
                }
                if deployments.len() >= MAX_DEPLOYMENTS {
                    return Ok(deployments);
                }
            }
            if !has_next {
                break;
            }
        }
        Ok(deployments)
    }

    /// <https://docs.github.com/en/rest/deployments/statuses#list-deployment-statuses>
    async fn succeeded_at(&self, path: &str, id: u64) -> Result<Option<Timestamp>> {
        let route = format!("/repos/{path}/deployments/{id}/statuses?per_page={PER_PAGE}");
        let statuses = self.github.get::<Vec<Status>>(route, self.github.no_repository(path)).await?.value;
        let succeeded = statuses.iter().filter(|status| status.state == "success");
        let times: Result<Vec<_>> = succeeded.map(|status| self.time(&status.created_at)).collect();
        Ok(times?.into_iter().min())
    }

    fn time(&self, text: &str) -> Result<Timestamp> {
        text.parse().map_err(|error: jiff::Error| -> Error { not_understood(self.github.wire.door(), error) })
    }
}

impl fmt::Debug for Deployments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployments").field("github", &self.github).finish_non_exhaustive()
    }
}

/// Returns the path of a repository that may be asked about.
pub(super) fn allowed(allow: &Allow, repository: &str) -> Result<String> {
    let address: RepositoryAddress = repository.parse()?;
    if allow.allows(address.path()) {
        return Ok(address.path().to_owned());
    }
    Err(Kind::Denied.error(format!("repository `{address}` is not one of those that may be used")).with_hint(
        format!("if it may be, add `{}` to `allow` of GitHub in the settings file", address.path()),
    ))
}

#[derive(Debug, Deserialize)]
struct Created {
    id: u64,
    sha: String,
    environment: String,
    created_at: String,
}

#[derive(Debug, Deserialize)]
struct Status {
    state: String,
    created_at: String,
}
