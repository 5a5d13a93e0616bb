//! Sources tell every document once, in order, and what they left out; they do not leave what they were given.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod shop;

use std::{collections::HashMap, fs, os::unix::fs::symlink, time::Duration};

use shop::Shop;
use tempfile::TempDir;
use waggle_agent_core::{Error, Kind};
use waggle_knowledge::{
    documents::{DocumentId, MAX_BYTES},
    sources::{Census, FolderSource, GitSource, Step, UrlSettings, UrlSource, Validators, plan},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path},
};

fn told(step: &Step) -> String {
    match step {
        Step::Found(found) => format!("{} = {}", found.id, String::from_utf8_lossy(&found.bytes)),
        Step::Same(id) => format!("{id} as it was"),
        Step::Unread(id, skipped) => format!("{id} unread: {}", skipped.reason),
        Step::Skipped(skipped) => format!("{} skipped: {}", skipped.source, skipped.reason),
        Step::Stopped(skipped) => format!("{} stopped: {}", skipped.source, skipped.reason),
    }
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside.md");
    let root = folder.path().join("docs");
    fs::create_dir_all(root.join("alerts/.git")).unwrap();
    fs::create_dir_all(root.join("build")).unwrap();
    let files = [
        ("alerts/disk.md", "# Disk"),
        ("alerts/.hidden.md", "no"),
        ("alerts/draft.txt", "no"),
        ("alerts/main.rs", "fn main() {}"),
        ("build/out.md", "no"),
        ("shop.1", ".TH SHOP 1"),
        (".gitignore", "build/\n"),
        ("alerts/.waggleignore", "draft*\n"),
    ];
    for (name, text) in files {
        fs::write(root.join(name), text).unwrap();
    }
    fs::write(&outside, "no").unwrap();
    fs::File::create(root.join("huge.md")).unwrap().set_len(MAX_BYTES as u64 + 1).unwrap();
    symlink(&outside, root.join("link.md")).unwrap();
    symlink("..", root.join("up")).unwrap();
    folder
}

#[test]
fn a_folder_tells_its_documents_and_what_it_leaves_out() {
    let folder = folder();
    let source = FolderSource::open("runbooks", folder.path().join("docs")).unwrap();
    let steps: Vec<_> = source.steps().map(|step| told(&step)).collect();
    let expected = [
        ".gitignore skipped: hidden".to_owned(),
        "alerts/.git skipped: hidden".to_owned(),
        "alerts/.hidden.md skipped: hidden".to_owned(),
        "alerts/.waggleignore skipped: hidden".to_owned(),
        "runbooks:alerts/disk.md = # Disk".to_owned(),
        "alerts/draft.txt skipped: ignored".to_owned(),
        "alerts/main.rs skipped: not a document".to_owned(),
        "build skipped: ignored".to_owned(),
        format!("huge.md skipped: too large: {} bytes, and {MAX_BYTES} may be read", MAX_BYTES + 1),
        "link.md skipped: link".to_owned(),
        "runbooks:shop.1 = .TH SHOP 1".to_owned(),
        "up skipped: link".to_owned(),
    ];
    assert_eq!(steps, expected);
    let one: Vec<_> = source.with_max_documents(1).steps().map(|step| told(&step)).collect();
    assert_eq!(one.last().unwrap(), "huge.md stopped: too many: 1 may be read in one run");
}

#[test]
fn a_second_run_plans_only_what_changed() {
    let folder = folder();
    let source = FolderSource::open("runbooks", folder.path().join("docs")).unwrap();
    let mut known = HashMap::new();
    for step in source.steps() {
        if let Step::Found(found) = step {
            known.insert(found.id, found.content_hash);
        }
    }
    fs::write(folder.path().join("docs/alerts/disk.md"), "# Disk full").unwrap();
    fs::write(folder.path().join("docs/new.md"), "# New").unwrap();
    fs::remove_file(folder.path().join("docs/shop.1")).unwrap();
    let mut census = Census::default();
    source.steps().for_each(|step| census.add(&step));
    let plan = plan(&known, &census);
    let id = |name: &str| DocumentId::new("runbooks", name);
    assert_eq!(
        (plan.added, plan.changed, plan.removed),
        (vec![id("new.md")], vec![id("alerts/disk.md")], vec![id("shop.1")])
    );
    assert!(plan.unchanged.is_empty() && plan.unread.is_empty());
}

#[test]
fn no_folder_and_no_repository_are_not_found() {
    let nowhere = tempfile::tempdir().unwrap().path().join("nowhere");
    assert_eq!(
        FolderSource::open("a", &nowhere).err().map(|error| Error::kind(&error)),
        Some(Kind::NotFound)
    );
    assert_eq!(
        GitSource::open("a", &nowhere, "main").err().map(|error| Error::kind(&error)),
        Some(Kind::NotFound)
    );
}

#[test]
fn a_repository_tells_a_revision_and_not_the_worktree() {
    let shop = Shop::new();
    shop.write("docs/disk.md", "# Disk");
    shop.write("docs/.hidden.md", "no");
    shop.write("README", "Shop.");
    shop.write("src/main.rs", "fn main() {}");
    symlink("docs/disk.md", shop.path().join("link.md")).unwrap();
    let first = shop.commit("docs");
    shop.write("docs/disk.md", "# Disk full");
    shop.commit("more");
    shop.write("docs/disk.md", "# Not committed");
    let source = GitSource::open("notes", shop.path(), &first).unwrap();
    assert_eq!(source.commit(), first);
    let steps: Vec<_> = source.steps().map(|step| told(&step)).collect();
    let expected = [
        "notes:README = Shop.",
        "docs/.hidden.md skipped: hidden",
        "notes:docs/disk.md = # Disk",
        "link.md skipped: link",
        "src/main.rs skipped: not a document",
    ];
    assert_eq!(steps, expected);
    let head: Vec<_> =
        GitSource::open("notes", shop.path(), "main").unwrap().steps().map(|step| told(&step)).collect();
    assert!(head.contains(&"notes:docs/disk.md = # Disk full".to_owned()));
    assert_eq!(
        GitSource::open("a", shop.name().as_ref(), "nowhere").err().map(|error| error.kind()),
        Some(Kind::NotFound)
    );
}

async fn server() -> MockServer {
    let server = MockServer::start().await;
    let answers = [
        ("/a.md", ResponseTemplate::new(200).set_body_string("# A").insert_header("etag", "\"1\"")),
        ("/moved", ResponseTemplate::new(302).insert_header("location", "/a.md")),
        ("/away", ResponseTemplate::new(302).insert_header("location", "http://elsewhere.example/a.md")),
        ("/file", ResponseTemplate::new(302).insert_header("location", "file:///etc/passwd")),
        ("/loop", ResponseTemplate::new(302).insert_header("location", "/loop")),
        ("/gone", ResponseTemplate::new(404)),
        ("/down", ResponseTemplate::new(503)),
        ("/big", ResponseTemplate::new(200).set_body_bytes(vec![b'a'; 5_000])),
        ("/slow", ResponseTemplate::new(200).set_delay(Duration::from_secs(20))),
    ];
    let known = Mock::given(method("GET")).and(path("/a.md")).and(header("if-none-match", "\"1\""));
    known.respond_with(ResponseTemplate::new(304)).mount(&server).await;
    for (at, answer) in answers {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&server).await;
    }
    server
}

fn local() -> UrlSettings {
    UrlSettings {
        allow_private: true,
        patience: Duration::from_secs(5),
        max_bytes: 1_000,
        ..UrlSettings::default()
    }
}

#[tokio::test]
async fn urls_are_read_within_their_bounds() {
    let server = server().await;
    let cases = [
        ("/a.md", "= # A"),
        ("/moved", "= # A"),
        (
            "/away",
            "unread: denied: redirects to `elsewhere.example`, which is not one of the hosts that may be asked",
        ),
        ("/file", "unread: denied: `file` is neither `http` nor `https`"),
        ("/loop", "unread: denied: over 5 redirects"),
        ("/gone", "skipped: gone"),
        ("/down", "unread: unavailable: status 503"),
        ("/big", "skipped: too large: 5000 bytes, and 1000 may be read"),
        ("/slow", "unread: too slow"),
    ];
    let urls = cases.iter().map(|(at, _)| format!("{}{at}", server.uri()));
    let mut source = UrlSource::new("web", urls, HashMap::new(), local()).unwrap();
    for (at, expected) in cases {
        let step = source.next().await.unwrap();
        assert!(told(&step).ends_with(expected), "{at}: {}", told(&step));
    }
    assert_eq!(source.next().await, None);
}

#[tokio::test]
async fn pages_that_did_not_change_are_not_sent_again() {
    let server = server().await;
    let url = format!("{}/a.md", server.uri());
    let mut first = UrlSource::new("web", [url.clone()], HashMap::new(), local()).unwrap();
    let Some(Step::Found(found)) = first.next().await else { panic!("the page is there") };
    assert_eq!(found.validators, Validators { etag: Some("\"1\"".into()), last_modified: None });
    let known = HashMap::from([(found.id.clone(), found.validators)]);
    let mut second = UrlSource::new("web", [url], known, local()).unwrap();
    assert_eq!(second.next().await, Some(Step::Same(found.id)));
}

#[tokio::test]
async fn private_addresses_and_credentials_are_refused() {
    let server = server().await;
    let port = server.address().port();
    let cases = [
        (format!("http://127.0.0.1:{port}/a.md"), "`127.0.0.1` is an address of a private network"),
        (format!("http://[::1]:{port}/a.md"), "`[::1]` is an address of a private network"),
        (format!("http://2130706433:{port}/a.md"), "`127.0.0.1` is an address of a private network"),
        (format!("http://localhost:{port}/a.md"), "`localhost` has no public address"),
        (format!("http://li:secret@127.0.0.1:{port}/a.md"), "credentials do not belong into a URL"),
        ("ftp://docs.example/a.md".to_owned(), "`ftp` is neither `http` nor `https`"),
    ];
    let urls = cases.iter().map(|(url, _)| url.clone());
    let mut source = UrlSource::new("web", urls, HashMap::new(), UrlSettings::default()).unwrap();
    for (url, expected) in &cases {
        let told = told(&source.next().await.unwrap());
        assert!(told.ends_with(&format!("unread: denied: {expected}")), "{url}: {told}");
        assert!(!told.contains("secret"), "{told}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}
