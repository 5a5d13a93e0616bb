//! Gitee's REST API v5: <https://gitee.com/api/v5/swagger>.

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::{
    Answered, Commit, Faults, File, History, PATH, TOKEN, decoded, header, paged, query, refused, tagged,
    time,
};

#[derive(Clone, Default)]
pub struct FakeGitee {
    pub history: History,
    pub faults: Faults,
}

impl Respond for FakeGitee {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if let Some(fault) = self.faults.next() {
            return fault;
        }
        self.answer(request).unwrap_or_else(|refusal| *refusal)
    }
}

impl FakeGitee {
    fn answer(&self, request: &Request) -> Answered {
        let not_found = || refused(404, "Not Found Project");
        let is_known = match header(request, "authorization") {
            None => false,
            Some(value) if value == format!("Bearer {TOKEN}") => true,
            Some(_) => return Err(refused(401, "401 Unauthorized: Access token does not exist")),
        };
        assert!(query(request, "access_token").is_none(), "an address is no place for a token");
        let path = request.url.path().strip_prefix("/api/v5/repos/").ok_or_else(not_found)?;
        let below = path.strip_prefix(PATH).filter(|_| is_known).ok_or_else(not_found)?;
        let parts: Vec<_> = below.split('/').skip(1).map(decoded).collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [] => Ok(tagged(request, &json!({ "full_name": PATH }), None)),
            ["commits"] => self.log(request),
            ["commits", revision] => self.commit(request, revision),
            ["compare", range] => self.compare(request, range),
            ["raw", file @ ..] => self.file(request, &file.join("/")),
            _ => Err(not_found()),
        }
    }

    fn find(&self, revision: &str) -> Result<usize, Box<ResponseTemplate>> {
        self.history.find(revision).ok_or_else(|| refused(404, "Commit Not Found"))
    }

    fn log(&self, request: &Request) -> Answered {
        let from = self.find(&query(request, "sha").unwrap())?;
        let page = paged(request, from + 1)?;
        let commits = (page.from..page.to).map(|n| told(&self.history.commits[from - n]));
        // Pages are counted in `total_page`, without links.
        Ok(tagged(request, &commits.collect(), None))
    }

    fn commit(&self, request: &Request, revision: &str) -> Answered {
        let commit = &self.history.commits[self.find(revision)?];
        let mut body = told(commit);
        body["files"] = commit.files.iter().map(told_file).collect();
        Ok(tagged(request, &body, None))
    }

    fn compare(&self, request: &Request, range: &str) -> Answered {
        let (base, head) = range.split_once("...").unwrap();
        let (base, head) = (self.find(base)?, self.find(head)?);
        let commits: Vec<_> =
            self.history.commits.get(base + 1..=head).unwrap_or_default().iter().map(told).collect();
        Ok(tagged(request, &json!({ "commits": commits, "files": [] }), None))
    }

    fn file(&self, request: &Request, file: &str) -> Answered {
        let tree = &self.history.commits[self.find(&query(request, "ref").unwrap())?].tree;
        let bytes = tree.get(file).ok_or_else(|| refused(404, "File Not Found"))?;
        Ok(ResponseTemplate::new(200).set_body_bytes(bytes.clone()))
    }
}

fn told(commit: &Commit) -> Value {
    let at = time(commit.at_secs + 8 * 3_600).replace('Z', "+08:00");
    let signature = json!({ "name": commit.author, "email": commit.email, "date": at });
    json!({ "sha": commit.id, "commit": { "author": signature, "committer": signature, "message": commit.message } })
}

fn told_file(file: &File) -> Value {
    json!({
        "filename": file.diff.path,
        "additions": file.diff.added,
        "deletions": file.diff.removed,
        "patch": file.patch().map(|patch| format!("--- a/{}\n+++ b/{}\n{patch}\n", file.old_path, file.diff.path)),
    })
}
