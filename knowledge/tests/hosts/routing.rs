//! A repository is read where it is, and only when it is named.

use waggle_agent_core::{
    Kind,
    ports::{Changes, CommitQuery},
};
use waggle_knowledge::{ByRepository, GitChanges};

use crate::{
    answers::{github, gitlab},
    forges::{History, github::FakeGitHub, gitlab::FakeGitLab, start},
};

/// Every spelling of one repository.
const SPELLINGS: [&str; 5] = [
    "https://git.example/acme/shop",
    "https://git.example/acme/shop.git/",
    "https://bee:honey@git.example/acme/shop.git",
    "ssh://git@git.example:2222/acme/shop",
    "git@git.example:acme/shop.git",
];

/// A repository with one commit, made by git.
fn clone() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .current_dir(folder.path())
            .args(["-c", "user.name=Li Na", "-c", "user.email=li.na@shop.example"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["commit", "--quiet", "--allow-empty", "-m", "Local"]);
    let id = git(&["rev-parse", "HEAD"]);
    (folder, id)
}

#[tokio::test]
async fn a_clone_on_this_machine_goes_before_its_host() {
    let server = start(FakeGitHub::of(History::sample())).await;
    let (folder, id) = clone();
    let local = GitChanges::new([folder.path()]);
    let changes = ByRepository::new(local)
        .with_clone("git@git.example:acme/shop.git", folder.path())
        .with_host(github(&server));
    for spelling in SPELLINGS {
        assert_eq!(changes.diff(spelling, "main").await.unwrap().commit.id, id, "{spelling}");
    }
    assert_eq!(changes.diff(folder.path().to_str().unwrap(), "main").await.unwrap().commit.id, id);
    assert!(server.received_requests().await.unwrap().is_empty(), "nobody else was asked");
}

#[tokio::test]
async fn what_a_stale_clone_does_not_have_is_asked_of_the_host() {
    let server = start(FakeGitHub::of(History::sample())).await;
    let newest = History::sample().ids().pop().unwrap();
    let (folder, _) = clone();
    let url = "https://git.example/acme/shop";
    let alone = ByRepository::new(GitChanges::new([folder.path()])).with_clone(url, folder.path());
    assert_eq!(alone.diff(url, &newest).await.unwrap_err().kind(), Kind::NotFound);
    let changes = alone.with_host(github(&server));
    assert_eq!(changes.diff(url, &newest).await.unwrap().commit.id, newest);
}

#[tokio::test]
async fn a_repository_without_a_clone_is_asked_of_the_host_that_has_it() {
    let server = start(FakeGitHub::of(History::sample())).await;
    let changes = ByRepository::new(GitChanges::new::<String>([])).with_host(github(&server));
    for spelling in SPELLINGS {
        let query = CommitQuery { repository: spelling.into(), to: "main".into(), from: None, limit: 9 };
        assert_eq!(changes.commits(&query).await.unwrap().len(), 4, "{spelling}");
    }
    let own_name = server.uri().replace("http://", "https://bee@") + "/acme/shop";
    assert_eq!(changes.diff(&own_name, "main").await.unwrap().files.len(), 3);
}

#[tokio::test]
async fn what_is_not_named_is_denied_without_asking_and_without_its_password() {
    let server = start(FakeGitLab { history: History::sample(), ..FakeGitLab::default() }).await;
    let changes = ByRepository::new(GitChanges::new::<String>([])).with_host(gitlab(&server));
    for (repository, message, hint) in [
        (
            "https://bee:honey@git.example/other/shop",
            "repository `https://git.example/other/shop` is not one of those that may be read",
            "if it may be, add `other/shop` to `allow` of GitLab in the settings file",
        ),
        (
            "https://bee:honey@elsewhere.example/acme/shop",
            "repository `https://elsewhere.example/acme/shop` is not one of those that may be read",
            "name a local clone with `--repository URL=PATH`, or its host under `[changes]` in the settings file",
        ),
        (
            "https://bee:honey@git.example/shop",
            "repository `git.example/shop` is not one of those that may be read",
            "name a local clone with `--repository URL=PATH`",
        ),
        (
            "/srv/git/shop",
            "repository `/srv/git/shop` is not one of those that may be read",
            "name a local clone with `--repository URL=PATH`",
        ),
    ] {
        let error = changes.diff(repository, "main").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str(), error.hint()),
            (Kind::Denied, message, Some(hint))
        );
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}
