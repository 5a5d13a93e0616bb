//! GitLab and GitLab servers, by their REST API: <https://docs.gitlab.com/api/rest/>.

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use waggle_agent_core::{
    Kind, Result,
    ports::{Commit, CommitDiff},
};

use super::{
    HostConfig,
    commit::{Told, ToldFile, full_id},
    host::{Host, unknown_repository, unknown_revision},
    patch::{Room, note},
    revision::{Revision, encoded},
    wire::{Answer, Door, Question, TokenHeader, Wire},
};

/// The public service.
const PUBLIC: &str = "https://gitlab.com/api/v4";

/// The most that GitLab gives: <https://docs.gitlab.com/api/rest/#pagination>.
const PER_PAGE: usize = 100;

/// Files of a commit that GitLab tells: <https://docs.gitlab.com/administration/diff_limits/>, at most 1,000 unless an administrator
/// allows up to 3,000.
const MAX_FILES: usize = 1_000;
const MAX_FILES_EVER: usize = 3_000;

/// One GitLab.
#[derive(Debug)]
pub struct GitLab {
    wire: Wire,
}

impl GitLab {
    /// Returns where a configured GitLab is. `PRIVATE-TOKEN` takes personal, group and project tokens:
    /// <https://docs.gitlab.com/api/rest/authentication/>.
    pub fn door_of(config: &HostConfig, token: Option<SecretString>) -> Result<Door> {
        config.door("GitLab", PUBLIC, TokenHeader::Private, token)
    }

    /// Asks over this wire.
    pub fn new(wire: Wire) -> Self {
        Self { wire }
    }

    async fn ask(&self, path: &str, route: &str) -> Result<Answer> {
        // The path of a project is one part of the address: https://docs.gitlab.com/api/rest/#namespaced-paths.
        self.wire.ask(&Question::get(format!("/projects/{}/repository/{route}", encoded(path)))).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, route: &str) -> Result<(T, bool)> {
        let answer = self.ask(path, route).await?;
        if !answer.status.is_success() {
            return Err(unknown_repository(self.door(), path));
        }
        Ok((answer.json(self.door())?, answer.has_next()))
    }

    /// Lists commits; `range` is a commit or `from..to`: "the name of a repository branch, tag or revision range",
    /// <https://docs.gitlab.com/api/commits/#list-repository-commits>.
    async fn list(&self, path: &str, range: &str, limit: usize) -> Result<Vec<Commit>> {
        let mut commits = Vec::new();
        for page in 1.. {
            let route = format!("commits?ref_name={range}&per_page={PER_PAGE}&page={page}");
            let (told, has_next) = self.get::<Vec<CommitAnswer>>(path, &route).await?;
            let is_last = !has_next || told.is_empty();
            for commit in told {
                commits.push(commit.told().commit(self.door())?);
            }
            if is_last || commits.len() >= limit {
                break;
            }
        }
        Ok(commits)
    }
}

#[async_trait]
impl Host for GitLab {
    fn door(&self) -> &Door {
        self.wire.door()
    }

    /// <https://docs.gitlab.com/api/commits/#retrieve-a-commit>; 404 is for both, and the message says for which.
    async fn commit_id(&self, path: &str, revision: &Revision) -> Result<String> {
        let answer = self.ask(path, &format!("commits/{}", revision.encoded())).await?;
        if answer.status.is_success() {
            return full_id(self.door(), answer.json::<CommitAnswer>(self.door())?.id);
        }
        let is_project = answer.said(self.door()).contains("Project");
        Err(match is_project {
            true => unknown_repository(self.door(), path),
            false => unknown_revision(self.door(), path, revision),
        })
    }

    async fn log(&self, path: &str, id: &str, limit: usize) -> Result<Vec<Commit>> {
        self.list(path, id, limit).await
    }

    async fn between(&self, path: &str, from: &str, to: &str, limit: usize) -> Result<Vec<Commit>> {
        self.list(path, &format!("{from}..{to}"), limit).await
    }

    /// <https://docs.gitlab.com/api/commits/#retrieve-the-diff-of-a-commit>
    async fn diff(&self, path: &str, id: &str) -> Result<CommitDiff> {
        let (commit, _) = self.get::<CommitAnswer>(path, &format!("commits/{id}")).await?;
        let (mut files, mut room) = (Vec::new(), Room::default());
        for page in 1..=MAX_FILES_EVER.div_ceil(PER_PAGE) {
            let route = format!("commits/{id}/diff?per_page={PER_PAGE}&page={page}");
            let (told, has_next) = self.get::<Vec<FileAnswer>>(path, &route).await?;
            files.extend(told.into_iter().map(|file| file.told().diff(self.door(), &mut room)));
            if !has_next {
                break;
            }
        }
        // GitLab has no next page after its limit, nor says that there are more files.
        let is_at_limit = !files.is_empty() && files.len().is_multiple_of(MAX_FILES);
        if is_at_limit && let Some(last) = files.last_mut() {
            let n_files = MAX_FILES;
            last.hunks.push(note(format!(
                "GitLab tells only the first {n_files} files of a commit: more may have been changed"
            )));
        }
        Ok(CommitDiff { commit: commit.told().commit(self.door())?, files })
    }

    /// <https://docs.gitlab.com/api/repository_files/#retrieve-a-raw-file-from-a-repository>
    async fn file(&self, path: &str, id: &str, file: &str) -> Result<Option<String>> {
        let answer = self.ask(path, &format!("files/{}/raw?ref={id}", encoded(file))).await?;
        let text = || String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status.as_u16() {
            404 => Ok(None),
            _ if answer.status.is_success() => Ok(Some(text())),
            status => {
                Err(Kind::Unavailable.error(format!("GitLab answered {status} to a question for `{file}`")))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
struct CommitAnswer {
    id: String,
    message: String,
    author_name: String,
    author_email: String,
    authored_date: String,
}

#[derive(Debug, Deserialize)]
struct FileAnswer {
    new_path: String,
    old_path: String,
    diff: Option<String>,
    #[serde(default)]
    deleted_file: bool,
    /// Left out, but to be had; <https://docs.gitlab.com/development/diffs/>.
    #[serde(default)]
    collapsed: bool,
    #[serde(default)]
    too_large: Option<bool>,
}

impl CommitAnswer {
    fn told(self) -> Told {
        let Self { id, message, author_name: author, author_email: email, authored_date: at } = self;
        Told { id, author, email, at, message }
    }
}

impl FileAnswer {
    fn told(self) -> ToldFile {
        let path = if self.deleted_file { self.old_path } else { self.new_path };
        let is_cut = self.collapsed || self.too_large == Some(true);
        ToldFile { path, counts: None, patch: self.diff, is_cut }
    }
}
