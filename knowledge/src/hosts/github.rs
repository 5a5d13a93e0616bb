//! GitHub and GitHub Enterprise, by octocrab over this crate's own wire.
//!
//! What octocrab gives is its requests, pages and routes. Its models are not used: they refuse an answer for one field that is
//! `null` where they did not expect it, such as the `user` of a comment whose author is gone.
//!
//! # Layout
//!
//! - [`service`]: octocrab, with the wire below it.
//! - [`deployments`]: when what was deployed. [`pull_requests`]: what a check of a deploy posts; all that acts is there.

mod deployments;
mod pull_requests;
mod service;

use async_trait::async_trait;
use octocrab::{FromResponse, Octocrab};
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use waggle_agent_core::{
    Error, Kind, Result,
    ports::{Commit, CommitDiff},
};

use super::{
    HostConfig,
    commit::{Told, ToldFile, full_id},
    host::{Host, unknown_repository, unknown_revision},
    patch::{Room, note},
    revision::{Revision, encoded},
    wire::{Door, TokenHeader, Wire, has_next, not_understood},
};

pub use deployments::{Deployment, Deployments};
pub use pull_requests::{Comment, CommitState, CommitStatus, PullRequest, PullRequests};

/// The public service.
const PUBLIC: &str = "https://api.github.com";

/// The most that GitHub gives: <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>.
const PER_PAGE: usize = 100;

/// "Up to a limit of 3000 files": <https://docs.github.com/en/rest/commits/commits#get-a-commit>.
const MAX_FILES: usize = 3_000;

/// One GitHub.
#[derive(Clone, Debug)]
pub(super) struct GitHub {
    wire: service::Shared,
}

/// A page and whether there is another.
struct Page<T> {
    value: T,
    has_next: bool,
}

impl GitHub {
    /// Returns where a configured GitHub is.
    pub fn door_of(config: &HostConfig, token: Option<SecretString>) -> Result<Door> {
        config.door("GitHub", PUBLIC, TokenHeader::Bearer, token)
    }

    /// Asks over this wire.
    pub fn new(wire: Wire) -> Self {
        Self { wire: service::Shared::new(wire) }
    }

    /// Returns a client for one question. Its worker lives in the runtime of whoever asks, which may not be the one of the last.
    fn octocrab(&self) -> Result<Octocrab> {
        service::octocrab(self.wire.clone())
    }

    /// Returns what is at a route. `missing` makes the error for 404, 409 and 422, of which each question knows its own meaning.
    async fn get<T: DeserializeOwned>(
        &self,
        route: String,
        missing: impl Fn(u16) -> Error + Send,
    ) -> Result<Page<T>> {
        let answer = self.octocrab()?._get(route).await.map_err(|error| self.failed(error, &missing))?;
        let has_next = has_next(answer.headers());
        let answer = octocrab::map_github_error(answer).await;
        let answer = answer.map_err(|error| self.failed(error, &missing))?;
        let value = T::from_response(answer).await.map_err(|error| self.failed(error, &missing))?;
        Ok(Page { value, has_next })
    }

    /// Brings a failure of octocrab's into the port's words. Those of the wire come out as they went in.
    fn failed(&self, error: octocrab::Error, missing: impl Fn(u16) -> Error) -> Error {
        match error {
            octocrab::Error::GitHub { source, .. } => missing(source.status_code.as_u16()),
            octocrab::Error::Service { source, .. } => match source.downcast::<Error>() {
                Ok(error) => *error,
                Err(source) => Kind::Internal.because("ask GitHub", source),
            },
            error @ (octocrab::Error::Json { .. } | octocrab::Error::Serde { .. }) => {
                not_understood(self.wire.door(), error)
            }
            error => Kind::Internal.because("ask GitHub", error),
        }
    }

    /// Makes the error for a question about a repository that is not there.
    fn no_repository(&self, path: &str) -> impl Fn(u16) -> Error + Send {
        let error = unknown_repository(self.wire.door(), path);
        let (message, hint) = (error.to_string(), error.hint().unwrap_or_default().to_owned());
        // An empty repository answers 409.
        move |_| Kind::NotFound.error(message.clone()).with_hint(hint.clone())
    }
}

#[async_trait]
impl Host for GitHub {
    fn door(&self) -> &Door {
        self.wire.door()
    }

    /// One commit's id, asked for in the form that has nothing else:
    /// <https://docs.github.com/en/rest/commits/commits#get-a-commit>. 404 is for the repository, 422 for the revision.
    async fn commit_id(&self, path: &str, revision: &Revision) -> Result<String> {
        let route = format!("/repos/{path}/commits/{}", revision.encoded());
        let text = self.text(route, "application/vnd.github.sha").await?;
        match text {
            Ok(id) => full_id(self.door(), id.trim().to_owned()),
            Err(422) => Err(unknown_revision(self.door(), path, revision)),
            Err(_) => Err(unknown_repository(self.door(), path)),
        }
    }

    /// <https://docs.github.com/en/rest/commits/commits#list-commits>
    async fn log(&self, path: &str, id: &str, limit: usize) -> Result<Vec<Commit>> {
        let mut commits = Vec::new();
        for page in 1.. {
            let route = format!("/repos/{path}/commits?sha={id}&per_page={PER_PAGE}&page={page}");
            let Page { value, has_next } =
                self.get::<Vec<CommitAnswer>>(route, self.no_repository(path)).await?;
            let is_last = !has_next || value.is_empty();
            for commit in value {
                commits.push(commit.told().commit(self.door())?);
            }
            if is_last || commits.len() >= limit {
                break;
            }
        }
        Ok(commits)
    }

    /// "Equivalent to running the `git log base..head` command; however, commits are returned in chronological order", oldest first:
    /// <https://docs.github.com/en/rest/commits/commits#compare-two-commits>. So the newest are on the last page.
    async fn between(&self, path: &str, from: &str, to: &str, limit: usize) -> Result<Vec<Commit>> {
        let ask = async |page: usize| {
            let route = format!("/repos/{path}/compare/{from}...{to}?per_page={PER_PAGE}&page={page}");
            let apart = |_| {
                Kind::NotFound
                    .error(format!("`{from}` and `{to}` of `{path}` have no history in common"))
                    .with_hint("one of them may be of a branch that was rewritten")
            };
            Ok::<Comparison, Error>(self.get::<Comparison>(route, apart).await?.value)
        };
        let first = ask(1).await?;
        let n_pages = first.total_commits.div_ceil(PER_PAGE).max(1);
        let mut commits = Vec::new();
        for page in (1..=n_pages).rev() {
            let compared = if page == 1 { first.commits.clone() } else { ask(page).await?.commits };
            let is_empty = compared.is_empty();
            for commit in compared.into_iter().rev() {
                commits.push(commit.told().commit(self.door())?);
            }
            if is_empty || commits.len() >= limit {
                break;
            }
        }
        Ok(commits)
    }

    /// <https://docs.github.com/en/rest/commits/commits#get-a-commit>
    async fn diff(&self, path: &str, id: &str) -> Result<CommitDiff> {
        let (mut files, mut room, mut commit) = (Vec::new(), Room::default(), None);
        for page in 1..=MAX_FILES.div_ceil(PER_PAGE) {
            let route = format!("/repos/{path}/commits/{id}?per_page={PER_PAGE}&page={page}");
            let Page { value, has_next } = self.get::<CommitAnswer>(route, self.no_repository(path)).await?;
            let more = value.files.clone().unwrap_or_default();
            files.extend(more.into_iter().map(|file| file.told().diff(self.door(), &mut room)));
            commit = commit.or(Some(value));
            if !has_next {
                break;
            }
        }
        if files.len() >= MAX_FILES
            && let Some(last) = files.last_mut()
        {
            last.hunks.push(note(format!(
                "GitHub tells only the first {MAX_FILES} files of a commit: more may have been changed"
            )));
        }
        let commit = commit.ok_or_else(|| Kind::Internal.error("no page of a commit was asked for"))?;
        Ok(CommitDiff { commit: commit.told().commit(self.door())?, files })
    }

    /// <https://docs.github.com/en/rest/repos/contents#get-repository-content>
    async fn file(&self, path: &str, id: &str, file: &str) -> Result<Option<String>> {
        let file: Vec<_> = file.split('/').map(encoded).collect();
        let route = format!("/repos/{path}/contents/{}?ref={id}", file.join("/"));
        Ok(self.text(route, "application/vnd.github.raw+json").await?.ok())
    }
}

/// A comparison: <https://docs.github.com/en/rest/commits/commits#compare-two-commits>.
#[derive(Clone, Debug, Deserialize)]
struct Comparison {
    total_commits: usize,
    commits: Vec<CommitAnswer>,
}

/// A commit, of which most is left out.
#[derive(Clone, Debug, Deserialize)]
struct CommitAnswer {
    sha: String,
    commit: GitCommit,
    files: Option<Vec<FileAnswer>>,
}

#[derive(Clone, Debug, Deserialize)]
struct GitCommit {
    author: Option<Signature>,
    committer: Option<Signature>,
    message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Signature {
    name: String,
    email: Option<String>,
    date: String,
}

#[derive(Clone, Debug, Deserialize)]
struct FileAnswer {
    filename: String,
    additions: u32,
    deletions: u32,
    patch: Option<String>,
}

impl CommitAnswer {
    fn told(self) -> Told {
        let Signature { name, email, date } =
            self.commit.author.or(self.commit.committer).unwrap_or_default();
        let email = email.unwrap_or_default();
        Told { id: self.sha, author: name, email, at: date, message: self.commit.message }
    }
}

impl FileAnswer {
    fn told(self) -> ToldFile {
        let counts = Some((self.additions, self.deletions));
        ToldFile { path: self.filename, counts, patch: self.patch, is_cut: false }
    }
}
