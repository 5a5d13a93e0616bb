//! GitLab's REST API v4: <https://docs.gitlab.com/api/rest/>.

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::{
    Answered, Commit, Faults, File, History, PATH, TOKEN, decoded, header, paged, query, refused, tagged,
    time,
};

#[derive(Clone, Default)]
pub struct FakeGitLab {
    pub history: History,
    pub faults: Faults,
}

impl Respond for FakeGitLab {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if let Some(fault) = self.faults.next() {
            return fault;
        }
        self.answer(request).unwrap_or_else(|refusal| *refusal)
    }
}

impl FakeGitLab {
    fn answer(&self, request: &Request) -> Answered {
        let no_project = || refused(404, "404 Project Not Found");
        let is_known = match header(request, "private-token") {
            None => false,
            Some(TOKEN) => true,
            Some(_) => return Err(refused(401, "401 Unauthorized")),
        };
        let path = request.url.path().strip_prefix("/api/v4/projects/").ok_or_else(no_project)?;
        let (project, below) = path.split_once("/repository/").ok_or_else(no_project)?;
        // The path is one part, its slash encoded: https://docs.gitlab.com/api/rest/#namespaced-paths.
        if project.contains('/') || decoded(project) != PATH || !is_known {
            return Err(no_project());
        }
        let parts: Vec<_> = below.split('/').map(decoded).collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["commits"] => self.list(request),
            ["commits", revision] => Ok(tagged(request, &told(self.find(revision)?), None)),
            ["commits", revision, "diff"] => self.diff(request, revision),
            ["files", file, "raw"] => self.file(request, file),
            _ => Err(refused(404, "404 Not Found")),
        }
    }

    fn find(&self, revision: &str) -> Result<&Commit, Box<ResponseTemplate>> {
        let found = self.history.find(revision).map(|at| &self.history.commits[at]);
        found.ok_or_else(|| refused(404, "404 Commit Not Found"))
    }

    fn list(&self, request: &Request) -> Answered {
        let range = query(request, "ref_name").unwrap();
        let (from, to) = range.split_once("..").map_or((None, range.as_str()), |(from, to)| (Some(from), to));
        let end = self.history.find(to).map_or(0, |at| at + 1);
        let start = from.and_then(|from| self.history.find(from)).map_or(0, |at| at + 1);
        let mut commits: Vec<_> =
            self.history.commits.get(start..end).unwrap_or_default().iter().map(told).collect();
        commits.reverse();
        let page = paged(request, commits.len())?;
        Ok(tagged(request, &json!(commits[page.from..page.to]), page.link))
    }

    /// Never more than a thousand files, nor a page after them.
    fn diff(&self, request: &Request, revision: &str) -> Answered {
        let files = &self.find(revision)?.files;
        let page = paged(request, files.len().min(1_000))?;
        let told: Vec<_> = files[page.from..page.to].iter().map(told_file).collect();
        Ok(tagged(request, &json!(told), page.link))
    }

    fn file(&self, request: &Request, file: &str) -> Answered {
        let tree = &self.find(&query(request, "ref").unwrap())?.tree;
        let bytes = tree.get(file).ok_or_else(|| refused(404, "404 File Not Found"))?;
        Ok(ResponseTemplate::new(200).set_body_bytes(bytes.clone()))
    }
}

fn told(commit: &Commit) -> Value {
    json!({
        "id": commit.id,
        "short_id": &commit.id[..8],
        "title": commit.message.lines().next(),
        "message": commit.message,
        "author_name": commit.author,
        "author_email": commit.email,
        // In the time zone of the author.
        "authored_date": time(commit.at_secs + 8 * 3_600).replace('Z', ".000+08:00"),
    })
}

fn told_file(file: &File) -> Value {
    json!({
        "old_path": file.old_path,
        "new_path": file.diff.path,
        "deleted_file": file.is_removed,
        "renamed_file": file.old_path != file.diff.path,
        "collapsed": false,
        "too_large": file.is_too_large,
        "diff": file.patch().unwrap_or_default(),
    })
}
