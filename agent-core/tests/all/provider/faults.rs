//! Every fault of a provider through an investigation: with retries and a fallback, each run ends in a finding that holds.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use waggle_agent_core::{
    finding::Verdict,
    models::{Retries, Retrying},
};

use super::{Answer, Closing, Provider, message, whole};
use crate::shop::{Bench, calls, good_finding, modest_finding, proves, says, submits};

/// Waits that a test can wait for.
const QUICK: Retries = Retries {
    attempts: 4,
    first_wait: Duration::from_millis(2),
    max_wait: Duration::from_millis(10),
    total_wait: Duration::from_secs(1),
};

/// Runs an investigation against a script and checks who submitted which verdict, after how many requests.
async fn check(fault: &str, script: Vec<Answer>, model: &str, verdict: Verdict, n_requests: usize) {
    let provider = Provider::start(script).await;
    let mut bench = Bench::new([]).await;
    bench.investigator.model = Arc::new(Retrying::new(provider.model(), QUICK, 7));
    bench.investigator.budget.model_timeout = Duration::from_secs(2);
    let ran = bench.run().await;
    assert_eq!((ran.model.as_str(), ran.finding.verdict), (model, verdict), "{fault}");
    let budget = bench.investigator.budget;
    assert!(ran.usage.total() < budget.tokens, "{fault}: {:?}", ran.usage);
    let n_asked = provider.requests().len();
    assert_eq!(n_asked, n_requests, "{fault}");
}

/// The fault, then an investigation as it should be.
fn then_good(faults: impl IntoIterator<Item = Answer>) -> Vec<Answer> {
    faults.into_iter().chain([whole(proves()), whole(submits(&good_finding()))]).collect()
}

fn status(status: u16, body: &str) -> Answer {
    Answer::Status(status, "application/json", body.to_owned())
}

fn html(status: u16) -> Answer {
    Answer::Status(status, "text/html", "<html><body>It works!</body></html>".to_owned())
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let busy = || status(429, r#"{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}"#);
    let half = |closing| Answer::Cut(message(proves()), closing);
    let late = |answer| Answer::Late(Duration::from_millis(50), Box::new(answer));
    let streamed = |reply, seed| Answer::Streamed(message(reply), seed);
    let (confirmed, model) = (Verdict::Confirmed, "bee-1");
    for (fault, script, n_requests) in [
        ("none", then_good([]), 2),
        ("streamed", vec![streamed(proves(), 1), streamed(submits(&good_finding()), 2)], 2),
        ("a storm of 429", then_good([busy(), busy(), busy()]), 5),
        ("500s", then_good([status(500, "oops"), status(503, "")]), 4),
        ("the page of a proxy", then_good([html(502)]), 3),
        ("slow", vec![late(whole(proves())), late(whole(submits(&good_finding())))], 2),
        ("a stream that ends early", then_good([half(Closing::Orderly)]), 3),
        ("a stream that breaks", then_good([half(Closing::Abrupt), half(Closing::Abrupt)]), 4),
        ("an empty answer", then_good([whole(says(""))]), 3),
    ] {
        check(fault, script, model, confirmed, n_requests).await;
    }
}

#[tokio::test]
async fn what_a_model_does_wrong_it_can_mend() {
    let then_modest = |reply| vec![whole(reply), whole(submits(&modest_finding()))];
    for (fault, script) in [
        ("an unknown tool", then_modest(calls([("run_shell", json!({ "command": "reboot" }))]))),
        ("wrong types", then_modest(calls([("compare", json!({ "service": 7 }))]))),
        ("arguments that are none", then_modest(calls([("compare", json!("service=inventory"))]))),
    ] {
        check(fault, script, "bee-1", Verdict::Likely, 2).await;
    }
}

#[tokio::test]
async fn what_does_not_pass_is_left_to_the_fallback() {
    let looping = whole(calls([("compare", json!({ "service": "inventory" }))]));
    let malformed = "data: {\"choices\": [{\"delta\": \n\ndata: [DONE]\n\n".to_owned();
    let (confirmed, model) = (Verdict::Confirmed, "offline");
    for (fault, script, n_requests) in [
        ("busy for ever", vec![status(429, "")], 4),
        ("no JSON", vec![status(200, "{\"choices\": [")], 1),
        ("no JSON in a stream", vec![Answer::Status(200, "text/event-stream", malformed)], 1),
        ("another kind of JSON", vec![status(200, "[1, 2]")], 1),
        ("the page of a web server", vec![html(200)], 1),
        ("a key that is refused", vec![status(401, r#"{"error": {"message": "bad key"}}"#)], 1),
        ("a huge answer", vec![Answer::Endless("{\"choices\": \"", "x")], 1),
        ("blanks without end", vec![Answer::Endless("\n", " ")], 4),
        ("nothing but empty answers", vec![whole(says(""))], 2),
        ("an endless loop", vec![looping], 5),
    ] {
        check(fault, script, model, confirmed, n_requests).await;
    }
}

#[tokio::test]
async fn a_provider_that_says_nothing_is_not_waited_for() {
    let provider = Provider::start([Answer::Silence]).await;
    let mut bench = Bench::new([]).await;
    bench.investigator.model = Arc::new(Retrying::new(provider.model(), QUICK, 7));
    bench.investigator.budget.model_timeout = Duration::from_millis(200);
    let ran = bench.run().await;
    assert_eq!((ran.model.as_str(), ran.finding.verdict), ("offline", Verdict::Confirmed));
}
