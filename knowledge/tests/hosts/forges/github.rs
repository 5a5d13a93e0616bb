//! GitHub's REST API, version 2022-11-28: <https://docs.github.com/en/rest>.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::{
    Answered, Commit, Faults, File, History, PATH, TOKEN, decoded, header, paged, query, refusal, refused,
    tagged, time,
};

#[derive(Clone, Default)]
pub struct FakeGitHub {
    pub history: History,
    pub faults: Faults,
    /// Below the host: `/api/v3` on an Enterprise server.
    pub base: &'static str,
    pub comments: Arc<Mutex<Vec<Value>>>,
    pub statuses: Arc<Mutex<Vec<Value>>>,
    pub deployments: Vec<(Value, Vec<Value>)>,
    /// Whether the token is that of an app, which is no user.
    pub is_app: bool,
}

impl FakeGitHub {
    pub fn of(history: History) -> Self {
        Self { history, ..Self::default() }
    }

    /// Adds a comment on pull request 7, as somebody wrote it; nobody when the account is gone.
    pub fn add_comment(&self, user: Option<(u64, &str)>, body: &str) {
        let mut comments = self.comments.lock().unwrap();
        let id = 1_000 + comments.len() as u64;
        let user = user.map(|(id, kind)| json!({ "id": id, "type": kind, "login": format!("user-{id}") }));
        comments.push(json!({ "id": id, "html_url": format!("https://github.com/{PATH}/pull/7#issuecomment-{id}"), "body": body, "user": user }));
    }
}

impl Respond for FakeGitHub {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if let Some(fault) = self.faults.next() {
            return fault;
        }
        self.answer(request).unwrap_or_else(|refusal| *refusal)
    }
}

impl FakeGitHub {
    fn answer(&self, request: &Request) -> Answered {
        check_headers(request)?;
        let not_found = || refused(404, "Not Found");
        let path = request.url.path().strip_prefix(self.base).ok_or_else(not_found)?;
        let is_known = match header(request, "authorization") {
            None => false,
            Some(value) if value == format!("Bearer {TOKEN}") => true,
            Some(_) => return Err(refused(401, "Bad credentials")),
        };
        if path == "/user" {
            return Ok(match (is_known, self.is_app) {
                (true, false) => {
                    tagged(request, &json!({ "id": 1, "login": "waggle", "type": "User" }), None)
                }
                (true, true) => refusal(403, "Resource not accessible by integration"),
                (false, _) => refusal(401, "Requires authentication"),
            });
        }
        // "To prevent confirming the existence of private repositories": 404 without a token.
        let below =
            path.strip_prefix(&format!("/repos/{PATH}/")).filter(|_| is_known).ok_or_else(not_found)?;
        let parts: Vec<_> = below.split('/').map(decoded).collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["commits"]) => self.log(request),
            ("GET", ["commits", revision]) => self.commit(request, revision),
            ("GET", ["commits", id, "pulls"]) => self.pulls(request, id),
            ("GET", ["compare", range]) => self.compare(request, range),
            ("GET", ["contents", file @ ..]) => self.file(request, &file.join("/")),
            ("GET", ["deployments"]) => self.deployments(request),
            ("GET", ["deployments", id, "statuses"]) => self.deployment_statuses(request, id),
            ("GET", ["issues", "7", "comments"]) => self.list_comments(request),
            ("POST", ["issues", "7", "comments"]) => self.create_comment(request),
            // Not `POST`: https://docs.github.com/en/rest/issues/comments#update-an-issue-comment
            ("PATCH", ["issues", "comments", id]) => self.update_comment(request, id),
            ("POST", ["statuses", id]) => self.set_status(request, id),
            _ => Err(not_found()),
        }
    }

    fn log(&self, request: &Request) -> Answered {
        let from =
            self.history.find(&query(request, "sha").unwrap()).ok_or_else(|| refused(404, "Not Found"))?;
        let page = paged(request, from + 1)?;
        let commits = (page.from..page.to).map(|n| told(&self.history.commits[from - n]));
        Ok(tagged(request, &commits.collect(), page.link))
    }

    fn commit(&self, request: &Request, revision: &str) -> Answered {
        let unknown = || refused(422, &format!("No commit found for SHA: {revision}"));
        let commit = &self.history.commits[self.history.find(revision).ok_or_else(unknown)?];
        if header(request, "accept") == Some("application/vnd.github.sha") {
            return Ok(ResponseTemplate::new(200).set_body_string(&commit.id));
        }
        // "Up to a limit of 3000 files."
        let page = paged(request, commit.files.len().min(3_000))?;
        let mut body = told(commit);
        body["files"] = commit.files[page.from..page.to].iter().map(told_file).collect();
        Ok(tagged(request, &body, page.link))
    }

    fn compare(&self, request: &Request, range: &str) -> Answered {
        let (base, head) = range.split_once("...").unwrap();
        let find = |revision| self.history.find(revision).ok_or_else(|| refused(404, "Not Found"));
        let (base, head) = (find(base)?, find(head)?);
        let commits = self.history.commits.get(base + 1..=head).unwrap_or_default();
        let page = paged(request, commits.len())?;
        let told: Vec<_> = commits[page.from..page.to].iter().map(told).collect();
        let body = json!({ "total_commits": commits.len(), "commits": told, "status": "ahead", "files": [] });
        Ok(tagged(request, &body, page.link))
    }

    fn file(&self, request: &Request, file: &str) -> Answered {
        let at = query(request, "ref").and_then(|revision| self.history.find(&revision));
        let bytes = at.and_then(|at| self.history.commits[at].tree.get(file));
        let bytes = bytes.ok_or_else(|| refused(404, "Not Found"))?;
        assert_eq!(header(request, "accept"), Some("application/vnd.github.raw+json"));
        Ok(ResponseTemplate::new(200).set_body_bytes(bytes.clone()))
    }

    fn pulls(&self, request: &Request, id: &str) -> Answered {
        let has_one = self.history.find(id) == self.history.find("main");
        let pull = json!({ "number": 7, "title": "Reserve by any attribute", "state": "open", "html_url": format!("https://github.com/{PATH}/pull/7") });
        Ok(tagged(request, &if has_one { json!([pull]) } else { json!([]) }, None))
    }

    fn deployments(&self, request: &Request) -> Answered {
        let environment = query(request, "environment").unwrap();
        let fits: Vec<_> = self
            .deployments
            .iter()
            .map(|(told, _)| told)
            .filter(|told| told["environment"] == environment)
            .collect();
        let page = paged(request, fits.len())?;
        Ok(tagged(request, &json!(fits[page.from..page.to]), page.link))
    }

    fn deployment_statuses(&self, request: &Request, id: &str) -> Answered {
        let known = self.deployments.iter().find(|(told, _)| is_id(&told["id"], id));
        let (_, statuses) = known.ok_or_else(|| refused(404, "Not Found"))?;
        Ok(tagged(request, &json!(statuses), None))
    }

    fn list_comments(&self, request: &Request) -> Answered {
        let comments = self.comments.lock().unwrap();
        let page = paged(request, comments.len())?;
        Ok(tagged(request, &json!(comments[page.from..page.to]), page.link))
    }

    fn create_comment(&self, request: &Request) -> Answered {
        let user = if self.is_app { (41_898_282, "Bot") } else { (1, "User") };
        self.add_comment(Some(user), &body_of(request)?);
        let created = self.comments.lock().unwrap().last().cloned();
        Ok(ResponseTemplate::new(201).set_body_json(created))
    }

    fn update_comment(&self, request: &Request, id: &str) -> Answered {
        let body = body_of(request)?;
        let mut comments = self.comments.lock().unwrap();
        let comment = comments.iter_mut().find(|comment| is_id(&comment["id"], id));
        let comment = comment.ok_or_else(|| refused(404, "Not Found"))?;
        comment["body"] = body.into();
        Ok(ResponseTemplate::new(200).set_body_json(&*comment))
    }

    fn set_status(&self, request: &Request, id: &str) -> Answered {
        let known = self.history.find(id).filter(|_| id.len() == 40);
        known.ok_or_else(|| refused(422, &format!("No commit found for SHA: {id}")))?;
        let status: Value = request.body_json().unwrap();
        let is_state =
            ["error", "failure", "pending", "success"].iter().any(|state| status["state"] == *state);
        let n_chars = status["description"].as_str().unwrap_or_default().chars().count();
        if !is_state || n_chars > 140 {
            return Err(refused(422, "Validation Failed"));
        }
        self.statuses.lock().unwrap().push(status.clone());
        Ok(ResponseTemplate::new(201).set_body_json(status))
    }
}

/// <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#headers>
fn check_headers(request: &Request) -> Result<(), Box<ResponseTemplate>> {
    if header(request, "user-agent").is_none_or(str::is_empty) {
        return Err(refused(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        ));
    }
    if !header(request, "accept").is_some_and(|form| form.starts_with("application/vnd.github")) {
        return Err(refused(415, "Unsupported 'Accept' header"));
    }
    if header(request, "x-github-api-version") != Some("2022-11-28") {
        return Err(refused(400, "The `X-GitHub-Api-Version` header is not supported"));
    }
    Ok(())
}

fn body_of(request: &Request) -> Result<String, Box<ResponseTemplate>> {
    let body: Value = request.body_json().map_err(|_| refused(400, "Problems parsing JSON"))?;
    let body = body["body"].as_str().unwrap_or_default();
    if body.is_empty() || body.chars().count() > 65_536 {
        return Err(refused(422, "Validation Failed"));
    }
    Ok(body.to_owned())
}

fn is_id(told: &Value, id: &str) -> bool {
    id.parse::<u64>().is_ok_and(|id| *told == id)
}

/// Most fields of the real answers are left out; those that may be `null` are.
fn told(commit: &Commit) -> Value {
    let signature = json!({ "name": commit.author, "email": commit.email, "date": time(commit.at_secs) });
    json!({
        "sha": commit.id,
        "commit": { "author": signature, "committer": signature, "message": commit.message.trim_end() },
        "author": null,
        "committer": null,
        "parents": [],
    })
}

fn told_file(file: &File) -> Value {
    let mut told = json!({
        "filename": file.diff.path,
        "status": if file.is_removed { "removed" } else if file.old_path == file.diff.path { "modified" } else { "renamed" },
        "additions": file.diff.added,
        "deletions": file.diff.removed,
        "changes": file.diff.added + file.diff.removed,
    });
    // Left out, not `null`, for binary files and those that are too large.
    if let Some(patch) = file.patch() {
        told["patch"] = patch.into();
    }
    told
}
