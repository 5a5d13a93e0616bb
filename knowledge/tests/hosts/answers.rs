//! All hosts keep the rules of a history, page by page, and say what they left out.

use waggle_agent_core::{
    Kind,
    ports::{Changes, CommitQuery},
    testing::changes::conformance,
};
use waggle_knowledge::HostedChanges;
use wiremock::MockServer;

use crate::forges::{
    File, History, PATH, TOKEN, added_file, config, gitee::FakeGitee, github::FakeGitHub, gitlab::FakeGitLab,
    hasty, start,
};

const URL: &str = "https://git.example/acme/shop";

pub fn github(server: &MockServer) -> HostedChanges {
    HostedChanges::github_with(&config(server, ""), Some(TOKEN.into()), hasty(), 7).unwrap()
}

pub fn gitlab(server: &MockServer) -> HostedChanges {
    HostedChanges::gitlab_with(&config(server, "/api/v4"), Some(TOKEN.into()), hasty(), 7).unwrap()
}

pub fn gitee(server: &MockServer) -> HostedChanges {
    HostedChanges::gitee_with(&config(server, "/api/v5"), Some(TOKEN.into()), hasty(), 7).unwrap()
}

/// All hosts with one history.
async fn hosts(history: History) -> Vec<(MockServer, HostedChanges)> {
    let hub = start(FakeGitHub::of(history.clone())).await;
    let lab = start(FakeGitLab { history: history.clone(), ..FakeGitLab::default() }).await;
    let tee = start(FakeGitee { history, ..FakeGitee::default() }).await;
    let (a, b, c) = (github(&hub), gitlab(&lab), gitee(&tee));
    vec![(hub, a), (lab, b), (tee, c)]
}

#[tokio::test]
async fn hosts_keep_the_rules_of_a_history() {
    let ids = History::sample().ids();
    for (_server, changes) in hosts(History::sample()).await {
        conformance(&changes, URL, &ids).await;
        conformance(&changes, "git@git.example:acme/shop.git", &ids).await;
    }
}

#[tokio::test]
async fn an_enterprise_server_answers_below_its_own_base() {
    let ids = History::sample().ids();
    let fake = FakeGitHub { base: "/api/v3", ..FakeGitHub::of(History::sample()) };
    let server = start(fake).await;
    let changes = HostedChanges::github(&config(&server, "/api/v3/"), Some(TOKEN.into())).unwrap();
    conformance(&changes, URL, &ids).await;
}

#[tokio::test]
async fn branches_are_revisions_also_with_a_slash() {
    let history = History::sample();
    for (_server, changes) in hosts(history.clone()).await {
        for branch in ["main", "release/1"] {
            let diff = changes.diff(URL, branch).await.unwrap();
            assert_eq!(Some(&diff.commit.id), history.ids().last(), "{branch}");
        }
    }
}

#[tokio::test]
async fn a_hunk_tells_its_enclosing_function() {
    let history = History::sample();
    for (_server, changes) in hosts(history.clone()).await {
        let diff = changes.diff(URL, &history.ids()[1]).await.unwrap();
        assert_eq!(diff.files[0].hunks[0].context, "fn heading()");
    }
}

#[tokio::test]
async fn long_histories_come_page_by_page_newest_first() {
    let history = History::long(250);
    let ids = history.ids();
    let newest_first =
        |from: usize, limit: usize| -> Vec<_> { ids[from..].iter().rev().take(limit).cloned().collect() };
    for (server, changes) in hosts(history.clone()).await {
        for (from, limit) in
            [(None, 999), (None, 120), (Some(0), 999), (Some(0), 60), (Some(199), 999), (Some(200), 10)]
        {
            let query = CommitQuery {
                repository: URL.into(),
                to: "main".into(),
                from: from.map(|n: usize| ids[n].clone()),
                limit,
            };
            let told: Vec<_> =
                changes.commits(&query).await.unwrap().into_iter().map(|commit| commit.id).collect();
            assert_eq!(
                told,
                newest_first(from.map_or(0, |n| n + 1), limit),
                "{from:?} {limit} {}",
                server.uri()
            );
        }
    }
}

#[tokio::test]
async fn a_commit_of_many_files_is_told_whole() {
    let files: Vec<_> = (0..450).map(|n| added_file(&format!("src/{n:03}.rs"))).collect();
    let paths: Vec<_> = files.iter().map(|file| file.diff.path.clone()).collect();
    for (_server, changes) in hosts(History::of_files(files)).await {
        let diff = changes.diff(URL, "main").await.unwrap();
        assert_eq!(diff.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>(), paths);
        assert!(diff.files.iter().all(|file| file.hunks.len() == 1 && file.added == 1));
    }
}

#[tokio::test]
async fn what_a_host_leaves_out_of_a_commit_is_said() {
    let files: Vec<_> = (0..3_200).map(|n| added_file(&format!("src/{n:04}.rs"))).collect();
    let history = History::of_files(files);
    let hub = start(FakeGitHub::of(history.clone())).await;
    let lab = start(FakeGitLab { history, ..FakeGitLab::default() }).await;
    for (changes, n_files, note) in [
        (
            github(&hub),
            3_000,
            "GitHub tells only the first 3000 files of a commit: more may have been changed",
        ),
        (
            gitlab(&lab),
            1_000,
            "GitLab tells only the first 1000 files of a commit: more may have been changed",
        ),
    ] {
        let diff = changes.diff(URL, "main").await.unwrap();
        assert_eq!(diff.files.len(), n_files);
        let last = diff.files.last().unwrap().hunks.last().unwrap();
        assert_eq!((last.context.as_str(), last.lines.len()), (note, 0));
    }
}

#[tokio::test]
async fn lines_that_a_host_leaves_out_are_said() {
    let large = File { is_too_large: true, ..added_file("package-lock.json") };
    for (server, changes) in hosts(History::of_files(vec![added_file("a.rs"), large])).await {
        let diff = changes.diff(URL, "main").await.unwrap();
        let [whole, cut] = diff.files.as_slice() else { panic!("{:?}", diff.files) };
        assert_eq!((whole.hunks.len(), cut.hunks.len()), (1, 1), "{}", server.uri());
        assert!(cut.hunks[0].context.starts_with("not all changed lines of this file are here"), "{cut:?}");
        assert!(cut.hunks[0].lines.is_empty());
    }
}

#[tokio::test]
async fn a_private_repository_is_not_found_without_a_token_and_the_hint_says_so() {
    let server = start(FakeGitHub::of(History::sample())).await;
    let anonymous = HostedChanges::github_with(&config(&server, ""), None, hasty(), 7).unwrap();
    let known = github(&server);
    let cases = [
        (
            &anonymous,
            URL,
            "GitHub shows no repository `acme/shop`",
            "a private repository needs a token; set `token_env` of the host",
        ),
        (
            &known,
            "https://git.example/acme/gone",
            "GitHub shows no repository `acme/gone`",
            "the token may not cover it: it needs to read the contents of this repository",
        ),
    ];
    for (changes, repository, message, hint) in cases {
        let error = changes.diff(repository, "main").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str(), error.hint()),
            (Kind::NotFound, message, Some(hint))
        );
    }
    for (_server, changes) in hosts(History::sample()).await {
        let error = changes.diff("https://git.example/acme/gone", "main").await.unwrap_err();
        assert!(error.to_string().contains("shows no repository"), "{error}");
        let error = changes.diff(URL, "feature/gone").await.unwrap_err();
        assert!(
            error.to_string().starts_with("unknown revision `feature/gone` in `acme/shop` on G"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn equal_questions_cost_no_quota_again() {
    let history = History::long(150);
    let server = start(FakeGitHub::of(history)).await;
    let changes = github(&server);
    let query = CommitQuery { repository: URL.into(), to: "main".into(), from: None, limit: 999 };
    let first = changes.commits(&query).await.unwrap();
    assert_eq!(changes.commits(&query).await.unwrap(), first);
    let asked = server.received_requests().await.unwrap();
    let pages: Vec<_> = asked.iter().filter(|request| request.url.path().ends_with("/commits")).collect();
    let tagged: Vec<_> = pages.iter().map(|page| page.headers.contains_key("if-none-match")).collect();
    assert_eq!(tagged, [false, false, true, true]);
}

#[tokio::test]
async fn a_repository_that_was_renamed_is_followed_on_the_same_host_only() {
    let fake = FakeGitHub::of(History::sample());
    let server = start(fake.clone()).await;
    let changes = github(&server);
    let moved = |to: &str| wiremock::ResponseTemplate::new(301).insert_header("location", to);
    fake.faults.push(moved(&format!("/repos/{PATH}/commits/main")));
    assert!(changes.diff(URL, "main").await.is_ok());

    let elsewhere = start(FakeGitHub::of(History::sample())).await;
    fake.faults.push(moved(&format!("{}/repos/{PATH}/commits/main", elsewhere.uri())));
    let error = changes.diff(URL, "main").await.unwrap_err();
    assert_eq!(error.to_string(), "GitHub answered 301 Moved Permanently");
    assert!(elsewhere.received_requests().await.unwrap().is_empty(), "no token goes to another host");
}
