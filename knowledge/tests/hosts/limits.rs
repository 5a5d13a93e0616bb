//! Hosts that are busy, broken, slow or somebody else.

use std::time::Duration;

use waggle_agent_core::{Error, Kind, ports::Changes};
use waggle_knowledge::{
    HostedChanges,
    hosts::{HostConfig, Patience},
};
use wiremock::{MockServer, ResponseTemplate};

use crate::forges::{Faults, History, TOKEN, config, github::FakeGitHub, hasty, refusal, start};

const URL: &str = "https://git.example/acme/shop";

async fn github(patience: Patience) -> (MockServer, Faults, HostedChanges) {
    let fake = FakeGitHub::of(History::sample());
    let faults = fake.faults.clone();
    let server = start(fake).await;
    let changes = HostedChanges::github_with(&config(&server, ""), Some(TOKEN.into()), patience, 7).unwrap();
    (server, faults, changes)
}

/// Asks with these answers before all others; returns the error, if it comes to one, and how often the host was asked.
async fn ask(faults: Vec<ResponseTemplate>) -> (Option<Error>, usize) {
    let (server, queue, changes) = github(hasty()).await;
    faults.into_iter().for_each(|fault| queue.push(fault));
    let error = changes.diff(URL, "main").await.err();
    (error, server.received_requests().await.unwrap().len())
}

/// How often a diff asks when nothing goes wrong.
const UNTROUBLED: usize = 2;

fn limited(status: u16, reset: &str) -> ResponseTemplate {
    refusal(status, "API rate limit exceeded")
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", reset)
        .insert_header("date", "Sun, 01 Mar 2026 14:05:00 GMT")
}

#[tokio::test]
async fn short_limits_and_faults_are_waited_for() {
    for faults in [
        vec![limited(403, "1772373899")],
        vec![limited(429, "1772373901")],
        vec![refusal(403, "You have exceeded a secondary rate limit").insert_header("retry-after", "1")],
        vec![refusal(502, "Bad Gateway"), refusal(500, "Server Error")],
        vec![ResponseTemplate::new(503).set_body_string("<html>Unicorn!</html>")],
    ] {
        let n_faults = faults.len();
        let (error, asked) = ask(faults).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(asked, UNTROUBLED + n_faults);
    }
}

#[tokio::test]
async fn long_limits_are_told_with_their_end_and_not_waited_for() {
    for (fault, until) in [
        (limited(403, "1772375400"), "2026-03-01T14:30:01Z"),
        (limited(429, "1772375400"), "2026-03-01T14:30:01Z"),
        (limited(403, "1772375400").insert_header("retry-after", "120"), "2026-03-01T14:07:00Z"),
    ] {
        let (error, asked) = ask(vec![fault]).await;
        let error = error.unwrap();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(error.to_string(), format!("GitHub answers no more questions until {until}"));
        assert!(error.retry_after().is_some_and(|wait| wait >= Duration::from_secs(60)), "{error:?}");
        assert_eq!(asked, 1);
    }
}

#[tokio::test]
async fn a_host_that_stays_broken_is_given_up() {
    let (error, asked) = ask(vec![refusal(500, "Server Error"); 9]).await;
    let error = error.unwrap();
    assert_eq!((error.kind(), asked), (Kind::Unavailable, 4));
    assert_eq!(error.to_string(), "GitHub answered 500 Internal Server Error: `Server Error`");
}

#[tokio::test]
async fn what_asking_again_does_not_help_is_asked_once() {
    let page = ResponseTemplate::new(200).set_body_string("<html>Sign in</html>");
    for (fault, kind, message) in [
        (refusal(401, "Bad credentials"), Kind::Denied, "GitHub does not take the token: `Bad credentials`"),
        (
            refusal(403, "Resource protected by organization SAML"),
            Kind::Denied,
            "GitHub does not allow that: `Resource protected by organization SAML`",
        ),
        (
            refusal(403, &format!("{TOKEN} is revoked")),
            Kind::Denied,
            "GitHub does not allow that: `<token> is revoked`",
        ),
        (refusal(400, "no"), Kind::Invalid, "GitHub refused the question: `no`"),
        (
            ResponseTemplate::new(302).insert_header("location", "https://login.example/"),
            Kind::Invalid,
            "GitHub answered 302 Found",
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b' '; 17 * 1024 * 1024]),
            Kind::Invalid,
            "an answer of GitHub is over 16777216 bytes",
        ),
    ] {
        let (error, asked) = ask(vec![fault]).await;
        let error = error.unwrap();
        assert_eq!((error.kind(), error.to_string().as_str(), asked), (kind, message, 1));
        assert!(!format!("{error:?} {}", error.chain()).contains(TOKEN));
    }
    // The id, then a page of the web instead of the commit.
    let id = ResponseTemplate::new(200).set_body_string(&History::sample().ids()[0]);
    let (error, _) = ask(vec![id, page]).await;
    assert_eq!(error.unwrap().to_string(), "an answer of GitHub was not understood");
}

#[tokio::test]
async fn a_slow_host_is_waited_for_no_longer_than_a_question_may_take() {
    let slow = || ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    let attempt = Patience { attempt: Duration::from_millis(100), attempts: 2, ..hasty() };
    let (_server, faults, changes) = github(attempt).await;
    (0..2).for_each(|_| faults.push(slow()));
    let error = changes.diff(URL, "main").await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Timeout, "GitHub took too long"));

    let question = Patience { question: Duration::from_millis(100), ..hasty() };
    let (_server, faults, changes) = github(question).await;
    faults.push(slow());
    let error = changes.diff(URL, "main").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::Timeout, "GitHub did not answer all of it within 0.1 s")
    );
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unavailable() {
    // A port that nobody has: taken and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = HostConfig {
        url: Some(format!("http://127.0.0.1:{port}")),
        allow: vec!["acme/*".into()],
        also: vec!["git.example".into()],
        ..HostConfig::default()
    };
    let changes = HostedChanges::github_with(&config, Some(TOKEN.into()), hasty(), 7).unwrap();
    let error = changes.diff(URL, "main").await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Unavailable, "GitHub cannot be reached"));
    assert!(!error.chain().contains(TOKEN), "{}", error.chain());
}
