//! What a check of a deploy posts on GitHub: a comment that it keeps up to date, and the status of a commit.
//!
//! These are the only questions of this crate that change anything. They are asked by `waggle check-deploy` alone, and only when a
//! person configured it; no tool and no model can reach them.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::time;
use waggle_agent_core::{Error, Kind, Result};

use super::{GitHub, PER_PAGE, Page, deployments::allowed};
use crate::hosts::{
    Allow, HostConfig, Patience,
    host::{Host, unknown_repository},
    revision::Revision,
    wire::Wire,
};

/// "Body is too long (maximum is 65536 characters)", as GitHub answers.
const MAX_BODY_CHARS: usize = 65_536;

/// "Description is too long (maximum is 140 characters)", as GitHub answers.
const MAX_DESCRIPTION_CHARS: usize = 140;

/// Letters of a check's name and of a status's context.
const MAX_NAME_CHARS: usize = 100;

/// Pages of comments that are looked through for our own.
const MAX_PAGES: usize = 30;

/// Posts to the repositories that the configuration names. Wants the permissions `pull requests: write` and `commit statuses: write`.
pub struct PullRequests {
    github: GitHub,
    allow: Allow,
    patience: Patience,
}

/// A pull request that has a commit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its page.
    #[serde(rename = "html_url")]
    pub url: String,
    /// `open` or `closed`.
    pub state: String,
}

/// A comment that was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its page.
    pub url: String,
    /// Whether an earlier comment was updated, and none created.
    pub was_updated: bool,
}

/// What a check says of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitStatus {
    /// Which check says so, such as `waggle/check-deploy`; a later one with the same context takes its place.
    pub context: String,
    /// What it says.
    pub state: CommitState,
    /// Why, in a few words; cut after 140 characters.
    pub description: String,
    /// Where more is said: an address of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_url: Option<String>,
}

/// The states of a commit: <https://docs.github.com/en/rest/commits/statuses#create-a-commit-status>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitState {
    /// It is being checked.
    Pending,
    /// It passed.
    Success,
    /// It failed.
    Failure,
    /// It could not be checked.
    Error,
}

impl PullRequests {
    /// Prepares GitHub; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no token; else as [`HostedChanges::github`](crate::hosts::HostedChanges::github).
    pub fn new(config: &HostConfig, token: SecretString, patience: Patience, seed: u64) -> Result<Self> {
        let door = GitHub::door_of(config, Some(token))?;
        if door.is_anonymous() {
            return Err(Kind::Invalid
                .error("posting to GitHub needs a token")
                .with_hint("set the variable that `token_env` names"));
        }
        let github = GitHub::new(Wire::new(door, patience, seed)?);
        Ok(Self { github, allow: Allow::read(&config.allow)?, patience })
    }

    /// Returns the pull requests that a commit is part of, at most a hundred; empty when it came without one.
    ///
    /// # Errors
    ///
    /// `Denied` for a repository that is not allowed, `NotFound` for an unknown repository or revision.
    pub async fn of_commit(&self, repository: &str, revision: &str) -> Result<Vec<PullRequest>> {
        let path = allowed(&self.allow, repository)?;
        let revision = Revision::new(revision)?;
        self.in_time(async {
            let id = self.github.commit_id(&path, &revision).await?;
            // https://docs.github.com/en/rest/commits/commits#list-pull-requests-associated-with-a-commit
            let route = format!("/repos/{path}/commits/{id}/pulls?per_page={PER_PAGE}");
            Ok(self.github.get(route, self.github.no_repository(&path)).await?.value)
        })
        .await
    }

    /// Comments on a pull request, or brings the comment that it made there under the same name up to date. A body over GitHub's
    /// limit is cut and says so.
    ///
    /// Its own comment is one that begins with a hidden mark and was written by the token's own account: whoever else writes the mark
    /// cannot make their comment speak for Waggle.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that is not letters, digits, `-`, `_` and `.`; `Denied` for a repository that is not allowed or when the
    /// token may not comment; `NotFound` for an unknown pull request.
    pub async fn comment(&self, repository: &str, number: u64, name: &str, body: &str) -> Result<Comment> {
        let path = allowed(&self.allow, repository)?;
        let mark = mark(name)?;
        let body =
            json!({ "body": cut(&format!("{mark}\n{body}"), MAX_BODY_CHARS, "\n\n… the rest was left out") });
        self.in_time(async {
            let earlier = self.earlier(&path, number, &mark).await?;
            // https://docs.github.com/en/rest/issues/comments: comments of a pull request are those of its issue.
            let route = match earlier {
                Some(id) => format!("/repos/{path}/issues/comments/{id}"),
                None => format!("/repos/{path}/issues/{number}/comments"),
            };
            let missing = self.no_pull_request(&path, number);
            let posted: Posted = match earlier {
                Some(_) => self.github.octocrab()?.patch(route, Some(&body)).await,
                None => self.github.octocrab()?.post(route, Some(&body)).await,
            }
            .map_err(|error| self.github.failed(error, missing))?;
            Ok(Comment { url: posted.html_url, was_updated: earlier.is_some() })
        })
        .await
    }

    /// Sets the status of a commit.
    ///
    /// # Errors
    ///
    /// `Invalid` for a context that is empty or too long, or a target that is no address of the web; `Denied` for a repository that
    /// is not allowed or when the token may not; `NotFound` for an unknown repository or revision.
    pub async fn set_status(&self, repository: &str, revision: &str, status: &CommitStatus) -> Result<()> {
        let path = allowed(&self.allow, repository)?;
        let revision = Revision::new(revision)?;
        let status = CommitStatus {
            description: cut(&status.description, MAX_DESCRIPTION_CHARS, "…"),
            ..status.clone()
        };
        check(&status)?;
        self.in_time(async {
            let id = self.github.commit_id(&path, &revision).await?;
            let route = format!("/repos/{path}/statuses/{id}");
            let refused = |code| match code {
                // GitHub keeps 1,000 statuses of one context and commit, and refuses more.
                422 => Kind::Invalid.error(format!("GitHub does not take the status of `{revision}`")),
                _ => unknown_repository(self.github.door(), &path),
            };
            let posted = self.github.octocrab()?.post::<_, serde_json::Value>(route, Some(&status)).await;
            posted.map(drop).map_err(|error| self.github.failed(error, refused))
        })
        .await
    }

    /// Returns the id of the comment that was made before.
    async fn earlier(&self, path: &str, number: u64, mark: &str) -> Result<Option<u64>> {
        let mut me = None;
        for page in 1..=MAX_PAGES {
            let route = format!("/repos/{path}/issues/{number}/comments?per_page={PER_PAGE}&page={page}");
            let missing = self.no_pull_request(path, number);
            let Page { value, has_next } = self.github.get::<Vec<Posted>>(route, missing).await?;
            for comment in value.into_iter().filter(|comment| comment.has(mark)) {
                if me.is_none() {
                    me = Some(self.me().await?);
                }
                if me.as_ref().is_some_and(|me| me.wrote(&comment)) {
                    return Ok(Some(comment.id));
                }
            }
            if !has_next {
                break;
            }
        }
        Ok(None)
    }

    /// Returns who the token is. That of an app or a workflow is nobody: it may not ask, and its comments are a bot's.
    async fn me(&self) -> Result<Me> {
        #[derive(Deserialize)]
        struct User {
            id: u64,
        }
        match self.get_or_denied::<User>("/user").await? {
            Some(user) => Ok(Me::User(user.id)),
            None => Ok(Me::Bot),
        }
    }

    async fn get_or_denied<T: DeserializeOwned>(&self, route: &str) -> Result<Option<T>> {
        let missing = |status| Kind::Unavailable.error(format!("GitHub answered {status} to `{route}`"));
        match self.github.get(route.to_owned(), missing).await {
            Ok(page) => Ok(Some(page.value)),
            Err(error) if error.kind() == Kind::Denied => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn no_pull_request(&self, path: &str, number: u64) -> impl Fn(u16) -> Error + Send {
        let message = format!("GitHub shows no pull request {number} in `{path}`");
        move |status| match status {
            422 => Kind::Invalid.error(format!("GitHub does not take the comment on pull request {number}")),
            _ => Kind::NotFound
                .error(message.clone())
                .with_hint("the token needs to write pull requests of this repository"),
        }
    }

    async fn in_time<T>(&self, answer: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let late = |_| Err(Kind::Timeout.error("GitHub did not answer in time"));
        time::timeout(self.patience.question, answer).await.unwrap_or_else(late)
    }
}

impl fmt::Debug for PullRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullRequests").field("github", &self.github).finish_non_exhaustive()
    }
}

/// Who posts.
enum Me {
    User(u64),
    Bot,
}

/// A comment, of which most is left out.
#[derive(Debug, Deserialize)]
struct Posted {
    id: u64,
    html_url: String,
    body: Option<String>,
    /// `null` when the account is gone.
    user: Option<Author>,
}

#[derive(Debug, Deserialize)]
struct Author {
    id: u64,
    r#type: String,
}

impl Posted {
    fn has(&self, mark: &str) -> bool {
        self.body.as_deref().is_some_and(|body| body.starts_with(mark))
    }
}

impl Me {
    fn wrote(&self, comment: &Posted) -> bool {
        let Some(author) = &comment.user else { return false };
        match self {
            Self::User(id) => author.id == *id,
            Self::Bot => author.r#type == "Bot",
        }
    }
}

/// Returns the hidden line by which a comment is found again.
fn mark(name: &str) -> Result<String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    // `--` would end an HTML comment early.
    if name.is_empty() || name.len() > MAX_NAME_CHARS || !name.chars().all(is_letter) || name.contains("--") {
        let shown: String = name.chars().take(40).collect();
        return Err(Kind::Invalid
            .error(format!("`{}` cannot name a check", shown.escape_debug()))
            .with_hint("use letters, digits, `-`, `_` and `.`, at most 100"));
    }
    Ok(format!("<!-- waggle:check-deploy:{name} -->"))
}

fn check(status: &CommitStatus) -> Result<()> {
    let n_chars = status.context.chars().count();
    if n_chars == 0 || n_chars > MAX_NAME_CHARS {
        return Err(Kind::Invalid
            .error(format!("the context of a status has 1 to {MAX_NAME_CHARS} characters, not {n_chars}")));
    }
    let is_web =
        |url: &str| reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if status.target_url.as_deref().is_some_and(|url| !is_web(url)) {
        return Err(Kind::Invalid
            .error("the target of a status is not an address of the web")
            .with_hint("it begins with `https://`"));
    }
    Ok(())
}

/// Cuts a text to so many characters, `ending` included.
fn cut(text: &str, max_chars: usize, ending: &str) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let kept = max_chars.saturating_sub(ending.chars().count());
    text.chars().take(kept).chain(ending.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_cannot_be_closed_by_a_name() {
        assert_eq!(mark("shop-canary").unwrap(), "<!-- waggle:check-deploy:shop-canary -->");
        let long = "a".repeat(MAX_NAME_CHARS + 1);
        for name in ["", "a -->", "a--b", "店", "a b", "a\n", &long] {
            assert_eq!(mark(name).unwrap_err().kind(), Kind::Invalid, "{name:?}");
        }
    }

    #[test]
    fn texts_are_cut_by_characters() {
        assert_eq!(cut("慢慢慢", 3, "…"), "慢慢慢");
        assert_eq!(cut("慢慢慢慢", 3, "…"), "慢慢…");
    }
}
