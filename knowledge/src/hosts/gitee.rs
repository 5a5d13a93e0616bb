//! Gitee, by its REST API: <https://gitee.com/api/v5/swagger>.

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
    patch::Room,
    revision::{Revision, encoded},
    wire::{Answer, Door, Question, TokenHeader, Wire},
};

/// The public service.
const PUBLIC: &str = "https://gitee.com/api/v5";

/// The most that Gitee gives: "每页的数量，最大为 100".
const PER_PAGE: usize = 100;

/// One Gitee.
#[derive(Debug)]
pub struct Gitee {
    wire: Wire,
}

impl Gitee {
    /// Returns where a configured Gitee is. Gitee takes a token in the address as well, `access_token=`, where logs would show it; so
    /// it is sent as OAuth has it, RFC 6750 §2.1.
    pub fn door_of(config: &HostConfig, token: Option<SecretString>) -> Result<Door> {
        config.door("Gitee", PUBLIC, TokenHeader::Bearer, token)
    }

    /// Asks over this wire.
    pub fn new(wire: Wire) -> Self {
        Self { wire }
    }

    async fn ask(&self, path: &str, route: &str) -> Result<Answer> {
        self.wire.ask(&Question::get(format!("/repos/{path}/{route}"))).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, route: &str) -> Result<T> {
        let answer = self.ask(path, route).await?;
        if !answer.status.is_success() {
            return Err(unknown_repository(self.door(), path));
        }
        answer.json(self.door())
    }
}

#[async_trait]
impl Host for Gitee {
    fn door(&self) -> &Door {
        self.wire.door()
    }

    /// `GET /repos/{owner}/{repo}/commits/{sha}` takes branches as well. 404 does not say of what, so the repository is asked for.
    async fn commit_id(&self, path: &str, revision: &Revision) -> Result<String> {
        let answer = self.ask(path, &format!("commits/{}", revision.encoded())).await?;
        if answer.status.is_success() {
            return full_id(self.door(), answer.json::<CommitAnswer>(self.door())?.sha);
        }
        let repository = self.wire.ask(&Question::get(format!("/repos/{path}"))).await?;
        Err(match repository.status.is_success() {
            true => unknown_revision(self.door(), path, revision),
            false => unknown_repository(self.door(), path),
        })
    }

    /// `GET /repos/{owner}/{repo}/commits`
    async fn log(&self, path: &str, id: &str, limit: usize) -> Result<Vec<Commit>> {
        let mut commits = Vec::new();
        for page in 1.. {
            let route = format!("commits?sha={id}&per_page={PER_PAGE}&page={page}");
            let told = self.get::<Vec<CommitAnswer>>(path, &route).await?;
            // Gitee counts pages in headers of its own; a page that is not full is the last in any case.
            let is_last = told.len() < PER_PAGE;
            for commit in told {
                commits.push(commit.told().commit(self.door())?);
            }
            if is_last || commits.len() >= limit {
                break;
            }
        }
        Ok(commits)
    }

    /// `GET /repos/{owner}/{repo}/compare/{base}...{head}` has no pages. The order is not stated; `to` is at its newer end.
    async fn between(&self, path: &str, from: &str, to: &str, _limit: usize) -> Result<Vec<Commit>> {
        let told = self.get::<Comparison>(path, &format!("compare/{from}...{to}")).await?;
        let commits: Result<Vec<_>> =
            told.commits.into_iter().map(|commit| commit.told().commit(self.door())).collect();
        let mut commits = commits?;
        if commits.first().is_some_and(|first| first.id != to) {
            commits.reverse();
        }
        Ok(commits)
    }

    /// `GET /repos/{owner}/{repo}/commits/{sha}`
    async fn diff(&self, path: &str, id: &str) -> Result<CommitDiff> {
        let mut commit = self.get::<CommitAnswer>(path, &format!("commits/{id}")).await?;
        let (files, mut room) = (std::mem::take(&mut commit.files), Room::default());
        let files = files.unwrap_or_default().into_iter();
        let files = files.map(|file| file.told().diff(self.door(), &mut room)).collect();
        Ok(CommitDiff { commit: commit.told().commit(self.door())?, files })
    }

    /// `GET /repos/{owner}/{repo}/raw/{path}`
    async fn file(&self, path: &str, id: &str, file: &str) -> Result<Option<String>> {
        let file: Vec<_> = file.split('/').map(encoded).collect();
        let answer = self.ask(path, &format!("raw/{}?ref={id}", file.join("/"))).await?;
        let text = || String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status.as_u16() {
            404 => Ok(None),
            _ if answer.status.is_success() => Ok(Some(text())),
            status => {
                Err(Kind::Unavailable.error(format!("Gitee answered {status} to a question for a file")))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
struct Comparison {
    commits: Vec<CommitAnswer>,
}

#[derive(Debug, Deserialize)]
struct CommitAnswer {
    sha: String,
    commit: GitCommit,
    files: Option<Vec<FileAnswer>>,
}

#[derive(Debug, Deserialize)]
struct GitCommit {
    author: Signature,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Signature {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    date: String,
}

#[derive(Debug, Deserialize)]
struct FileAnswer {
    filename: String,
    #[serde(default)]
    additions: u32,
    #[serde(default)]
    deletions: u32,
    patch: Option<PatchAnswer>,
}

/// A text where a commit is told, an object with the text in it where a pull request is; either is read.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum PatchAnswer {
    Text(String),
    Object {
        diff: String,
        #[serde(default)]
        too_large: bool,
    },
}

impl CommitAnswer {
    fn told(self) -> Told {
        let GitCommit { author: Signature { name, email, date }, message } = self.commit;
        Told { id: self.sha, author: name, email, at: date, message }
    }
}

impl FileAnswer {
    fn told(self) -> ToldFile {
        let counts = Some((self.additions, self.deletions));
        let (patch, is_cut) = match self.patch {
            Some(PatchAnswer::Text(diff)) => (Some(diff), false),
            Some(PatchAnswer::Object { diff, too_large }) => (Some(diff), too_large),
            None => (None, false),
        };
        ToldFile { path: self.filename, counts, patch, is_cut }
    }
}
