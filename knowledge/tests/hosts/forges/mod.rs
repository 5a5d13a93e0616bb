//! Small hosts of code: a line of history behind the routes, headers and refusals of the real ones.

pub mod gitee;
pub mod github;
pub mod gitlab;

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use waggle_agent_core::{
    ports::{FileDiff, Hunk},
    testing::changes::sample,
};
use waggle_knowledge::hosts::{HostConfig, Patience};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// The token that all hosts take.
pub const TOKEN: &str = "s3cret-t0ken";

/// The private repository that all hosts have.
pub const PATH: &str = "acme/shop";

/// A line of history.
#[derive(Clone, Default)]
pub struct History {
    /// Oldest first.
    pub commits: Vec<Commit>,
}

#[derive(Clone)]
pub struct Commit {
    pub id: String,
    pub author: String,
    pub email: String,
    pub at_secs: i64,
    pub message: String,
    pub files: Vec<File>,
    /// All files as of this commit.
    pub tree: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone)]
pub struct File {
    pub diff: FileDiff,
    pub old_path: String,
    pub is_removed: bool,
    /// Whether the host finds it too large to tell its lines.
    pub is_too_large: bool,
}

impl History {
    /// The history of the conformance suite.
    pub fn sample() -> Self {
        let mut history = Self::default();
        let mut tree = BTreeMap::<String, Vec<u8>>::new();
        for commit in sample() {
            let before = tree.clone();
            for (path, bytes) in &commit.files {
                match bytes {
                    Some(bytes) => drop(tree.insert((*path).into(), bytes.to_vec())),
                    None => drop(tree.remove(*path)),
                }
            }
            let file = |diff: &FileDiff| {
                let moved = before.iter().find(|(path, bytes)| {
                    !before.contains_key(&diff.path)
                        && !tree.contains_key(*path)
                        && tree.get(&diff.path) == Some(*bytes)
                });
                File {
                    old_path: moved.map_or(&diff.path, |(path, _)| path).clone(),
                    is_removed: !tree.contains_key(&diff.path),
                    is_too_large: false,
                    diff: diff.clone(),
                }
            };
            let files = commit.changed.iter().map(file).collect();
            history.push(
                commit.author,
                commit.email,
                commit.at_secs,
                format!("{}\n\n{}\n", commit.summary, commit.body),
                files,
                tree.clone(),
            );
        }
        history
    }

    /// Many commits, each of which changes one file.
    pub fn long(n_commits: usize) -> Self {
        let mut history = Self::default();
        for n in 0..n_commits {
            let files = vec![added_file(&format!("file-{n}.txt"))];
            history.push(
                "Li Na",
                "li.na@shop.example",
                1_772_370_000 + n as i64 * 60,
                format!("Change {n}"),
                files,
                BTreeMap::new(),
            );
        }
        history
    }

    /// One commit with these files.
    pub fn of_files(files: Vec<File>) -> Self {
        let mut history = Self::default();
        history.push(
            "Li Na",
            "li.na@shop.example",
            1_772_370_000,
            "Change all".into(),
            files,
            BTreeMap::new(),
        );
        history
    }

    fn push(
        &mut self,
        author: &str,
        email: &str,
        at_secs: i64,
        message: String,
        files: Vec<File>,
        tree: BTreeMap<String, Vec<u8>>,
    ) {
        let n = self.commits.len();
        let id: String = (0..3).map(|part| format!("{:016x}", hash(&(n, part, &message)))).collect();
        let (author, email) = (author.into(), email.into());
        self.commits.push(Commit { id: id[..40].into(), author, email, at_secs, message, files, tree });
    }

    pub fn ids(&self) -> Vec<String> {
        self.commits.iter().map(|commit| commit.id.clone()).collect()
    }

    /// Where a revision is: an id, a unique beginning of one, or the branches `main` and `release/1`.
    pub fn find(&self, revision: &str) -> Option<usize> {
        if revision == "main" || revision == "release/1" {
            return self.commits.len().checked_sub(1);
        }
        let is_id = revision.len() >= 7 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut fits = (0..self.commits.len()).filter(|&n| is_id && self.commits[n].id.starts_with(revision));
        fits.next().filter(|_| fits.next().is_none())
    }
}

pub fn added_file(path: &str) -> File {
    let hunk = Hunk { old_start: 0, new_start: 1, context: String::new(), lines: vec!["+new".into()] };
    let diff = FileDiff { path: path.into(), added: 1, removed: 0, hunks: vec![hunk] };
    File { old_path: path.into(), diff, is_removed: false, is_too_large: false }
}

impl File {
    /// Its patch as hosts write it, with a heading behind each place; `None` without lines.
    pub fn patch(&self) -> Option<String> {
        if self.diff.hunks.is_empty() || self.is_too_large {
            return None;
        }
        let mut patch = Vec::new();
        for hunk in &self.diff.hunks {
            let count = |left: char| hunk.lines.iter().filter(|line| !line.starts_with(left)).count();
            patch.push(format!(
                "@@ -{},{} +{},{} @@ fn heading()",
                hunk.old_start,
                count('+'),
                hunk.new_start,
                count('-')
            ));
            patch.extend(hunk.lines.iter().cloned());
        }
        if self.diff.path.ends_with("README.md") {
            patch.push("\\ No newline at end of file".into());
        }
        Some(patch.join("\n"))
    }
}

/// What all hosts share: faults that come before anything else.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<VecDeque<ResponseTemplate>>>);

impl Faults {
    /// Answers the next question so, whatever it is.
    pub fn push(&self, fault: ResponseTemplate) {
        self.0.lock().unwrap().push_back(fault);
    }

    pub fn next(&self) -> Option<ResponseTemplate> {
        self.0.lock().unwrap().pop_front()
    }
}

/// Starts a server.
pub async fn start(host: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(host).mount(&server).await;
    server
}

/// The settings of a host at a server, below `base`.
pub fn config(server: &MockServer, base: &str) -> HostConfig {
    HostConfig {
        url: Some(format!("{}{base}", server.uri())),
        allow: vec!["acme/*".into(), "no/such".into()],
        also: vec!["git.example".into()],
        ..HostConfig::default()
    }
}

/// Does not wait for long.
pub fn hasty() -> Patience {
    Patience { first_wait: Duration::from_millis(5), waits: Duration::from_secs(3), ..Patience::default() }
}

pub fn refusal(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "message": message }))
}

/// The refusal of a question in the middle of answering it.
pub fn refused(status: u16, message: &str) -> Box<ResponseTemplate> {
    Box::new(refusal(status, message))
}

/// What becomes of a question; errors are boxed because they are large.
pub type Answered = Result<ResponseTemplate, Box<ResponseTemplate>>;

pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name).map(|value| value.to_str().unwrap())
}

pub fn query(request: &Request, name: &str) -> Option<String> {
    request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Undoes percent-encoding.
pub fn decoded(text: &str) -> String {
    let url = wiremock::http::Url::parse(&format!("http://host/?x={}", text.replace('+', "%2B"))).unwrap();
    url.query_pairs().next().unwrap().1.into_owned()
}

/// One page of items, `Link`ed to the next: <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>.
pub struct Paged {
    pub from: usize,
    pub to: usize,
    pub link: Option<String>,
}

/// Cuts `len` items into pages of at most a hundred, 30 unless asked otherwise; `Err` when the question breaks the rules.
pub fn paged(request: &Request, len: usize) -> Result<Paged, Box<ResponseTemplate>> {
    let number = |name, default: usize| query(request, name).map_or(Some(default), |text| text.parse().ok());
    let (Some(size @ 1..=100), Some(page @ 1..)) = (number("per_page", 30), number("page", 1)) else {
        return Err(refused(400, "`per_page` is 1 to 100, `page` begins at 1"));
    };
    let (from, to) = (((page - 1) * size).min(len), (page * size).min(len));
    let mut next = request.url.clone();
    let kept: Vec<_> = next.query_pairs().into_owned().filter(|(key, _)| key != "page").collect();
    next.query_pairs_mut().clear().extend_pairs(kept).append_pair("page", &(page + 1).to_string());
    let link = (to < len).then(|| format!("<{next}>; rel=\"next\", <{next}>; rel=\"last\""));
    Ok(Paged { from, to, link })
}

/// Answers with JSON and its tag, or that it was not modified.
pub fn tagged(request: &Request, body: &Value, link: Option<String>) -> ResponseTemplate {
    let tag = format!("W/\"{:016x}\"", hash(&body.to_string()));
    if header(request, "if-none-match") == Some(tag.as_str()) {
        return ResponseTemplate::new(304);
    }
    let response = ResponseTemplate::new(200).set_body_json(body).insert_header("etag", tag.as_str());
    match link {
        Some(link) => response.insert_header("link", link.as_str()),
        None => response,
    }
}

pub fn time(at_secs: i64) -> String {
    waggle_signals::Timestamp::from_secs(at_secs).to_string()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
