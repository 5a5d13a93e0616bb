//! What a check of a deploy posts, and when what was deployed.

use serde_json::json;
use waggle_agent_core::Kind;
use waggle_knowledge::hosts::github::{CommitState, CommitStatus, Deployments, PullRequests};
use waggle_signals::{TimeRange, Timestamp};
use wiremock::MockServer;

use crate::forges::{History, PATH, TOKEN, config, github::FakeGitHub, hasty, refusal, start, time};

const URL: &str = "git@git.example:acme/shop.git";

async fn posting(fake: &FakeGitHub) -> (MockServer, PullRequests) {
    let server = start(fake.clone()).await;
    let posting = PullRequests::new(&config(&server, ""), TOKEN.into(), hasty(), 7).unwrap();
    (server, posting)
}

fn bodies(fake: &FakeGitHub) -> Vec<String> {
    let comments = fake.comments.lock().unwrap();
    comments.iter().map(|comment| comment["body"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_pull_requests_of_a_commit_are_found() {
    let fake = FakeGitHub::of(History::sample());
    let (_server, posting) = posting(&fake).await;
    let found = posting.of_commit(URL, "main").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].number, found[0].state.as_str()), (7, "open"));
    assert!(posting.of_commit(URL, &History::sample().ids()[0]).await.unwrap().is_empty());
    assert_eq!(posting.of_commit(URL, "gone").await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_comment_is_created_once_and_then_updated_in_place() {
    let fake = FakeGitHub::of(History::sample());
    // Our comment will be on the third page.
    (0..205).for_each(|n| fake.add_comment(Some((50 + n, "User")), "I like it"));
    let (_server, posting) = posting(&fake).await;
    let first = posting.comment(URL, 7, "shop", "## Pass").await.unwrap();
    let second = posting.comment(URL, 7, "shop", "## Fail").await.unwrap();
    assert_eq!((first.was_updated, second.was_updated), (false, true));
    assert_eq!(first.url, second.url);
    assert_eq!(bodies(&fake)[205..], ["<!-- waggle:check-deploy:shop -->\n## Fail"]);
    let other = posting.comment(URL, 7, "cart", "## Pass").await.unwrap();
    assert!(!other.was_updated, "another check has a comment of its own");
    assert_eq!(fake.comments.lock().unwrap().len(), 207);
}

#[tokio::test]
async fn a_mark_in_somebody_elses_comment_is_not_ours() {
    let marked = "<!-- waggle:check-deploy:shop -->\nAll is well, says Mallory";
    for is_app in [false, true] {
        let fake = FakeGitHub { is_app, ..FakeGitHub::of(History::sample()) };
        fake.add_comment(Some((66, "User")), marked);
        fake.add_comment(None, marked);
        fake.add_comment(Some((1, "User")), &format!("> {marked}"));
        let (_server, posting) = posting(&fake).await;
        for was_updated in [false, true] {
            let comment = posting.comment(URL, 7, "shop", "## Fail").await.unwrap();
            assert_eq!(comment.was_updated, was_updated, "app: {is_app}");
        }
        let bodies = bodies(&fake);
        assert_eq!(bodies.len(), 4);
        assert_eq!(bodies[..2], [marked, marked]);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_cut_and_says_so() {
    let fake = FakeGitHub::of(History::sample());
    let (_server, posting) = posting(&fake).await;
    posting.comment(URL, 7, "shop", &"慢".repeat(70_000)).await.unwrap();
    let body = bodies(&fake).pop().unwrap();
    assert_eq!(body.chars().count(), 65_536);
    assert!(body.ends_with("慢\n\n… the rest was left out"));
}

#[tokio::test]
async fn a_status_is_set_on_the_whole_id_with_a_short_description() {
    let fake = FakeGitHub::of(History::sample());
    let (_server, posting) = posting(&fake).await;
    let status = CommitStatus {
        context: "waggle/check-deploy".into(),
        state: CommitState::Failure,
        description: "p99 of Reserve 31 ms → 1.98 s. ".repeat(9),
        target_url: Some("https://waggle.acme.example/checks/7".into()),
    };
    posting.set_status(URL, &History::sample().ids()[3][..12], &status).await.unwrap();
    let posted = fake.statuses.lock().unwrap().pop().unwrap();
    assert_eq!(posted["description"].as_str().unwrap().chars().count(), 140);
    assert_eq!((&posted["state"], &posted["context"]), (&json!("failure"), &json!("waggle/check-deploy")));

    let no_context = CommitStatus { context: String::new(), ..status.clone() };
    let no_web = CommitStatus { target_url: Some("javascript:alert(1)".into()), ..status.clone() };
    for wrong in [no_context, no_web] {
        assert_eq!(posting.set_status(URL, "main", &wrong).await.unwrap_err().kind(), Kind::Invalid);
    }
    assert_eq!(posting.set_status(URL, "gone", &status).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn posting_needs_a_token_a_named_repository_and_a_pull_request() {
    let fake = FakeGitHub::of(History::sample());
    let (server, posting) = posting(&fake).await;
    let error = PullRequests::new(&config(&server, ""), "".into(), hasty(), 7).unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    let error = posting.comment("https://git.example/other/shop", 7, "shop", "x").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(server.received_requests().await.unwrap().is_empty());
    let error = posting.comment(URL, 8, "shop", "x").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (Kind::NotFound, format!("GitHub shows no pull request 8 in `{PATH}`"))
    );
}

#[tokio::test]
async fn a_comment_that_may_have_been_created_is_not_created_again() {
    let fake = FakeGitHub::of(History::sample());
    let (server, posting) = posting(&fake).await;
    // What the list answers, and then a gateway that lost the answer to the comment.
    fake.faults.push(wiremock::ResponseTemplate::new(200).set_body_json(json!([])));
    fake.faults.push(refusal(502, "Bad Gateway"));
    let error = posting.comment(URL, 7, "shop", "x").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    let posts = server.received_requests().await.unwrap();
    assert_eq!(posts.iter().filter(|request| request.method.as_str() == "POST").count(), 1);

    // Refused for a limit, nothing was created: it is asked again.
    fake.faults.push(wiremock::ResponseTemplate::new(200).set_body_json(json!([])));
    fake.faults.push(refusal(403, "secondary rate limit").insert_header("retry-after", "0"));
    posting.comment(URL, 7, "shop", "x").await.unwrap();
    assert_eq!(bodies(&fake).len(), 1);
}

#[tokio::test]
async fn deployments_are_told_by_when_they_succeeded() {
    const HOUR: i64 = 3_600;
    let begin = 1_772_370_000;
    let deployment = |n: i64, environment: &str, states: &[(&str, i64)]| {
        let told = json!({ "id": n, "sha": format!("{n:040}"), "environment": environment, "created_at": time(begin + n * HOUR) });
        let statuses = states.iter().map(
            |(state, minute)| json!({ "state": state, "created_at": time(begin + n * HOUR + minute * 60) }),
        );
        (told, statuses.rev().collect())
    };
    let fake = FakeGitHub {
        // Newest first, as GitHub lists them.
        deployments: vec![
            deployment(5, "production", &[("in_progress", 0), ("success", 9)]),
            deployment(4, "staging", &[("success", 1)]),
            deployment(3, "production", &[("in_progress", 0), ("failure", 4)]),
            deployment(
                2,
                "production",
                &[("in_progress", 0), ("success", 5), ("inactive", 90), ("success", 95)],
            ),
            deployment(1, "production", &[("success", 2)]),
        ],
        ..FakeGitHub::of(History::sample())
    };
    let server = start(fake).await;
    let deployments = Deployments::new(&config(&server, ""), Some(TOKEN.into()), hasty(), 7).unwrap();
    let at = |hours: i64| Timestamp::from_secs(begin + hours * HOUR);
    for (from, to, expected) in
        [(0, 9, &[(5, 9), (2, 5), (1, 2)][..]), (2, 5, &[(2, 5)]), (5, 6, &[(5, 9)]), (3, 5, &[])]
    {
        let range = TimeRange::new(at(from), at(to)).unwrap();
        let told = deployments.deployments(URL, "production", range).await.unwrap();
        let told: Vec<_> = told.into_iter().map(|told| (told.revision, told.at)).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(n, minute)| (format!("{n:040}"), Timestamp::from_secs(begin + n * HOUR + minute * 60)))
            .collect();
        assert_eq!(told, expected, "{from} to {to}");
    }
}
