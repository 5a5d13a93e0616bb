//! Decorators around models: asking again, asking the next, asking by purpose, pricing, playing a recording.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;
use waggle_agent_core::{
    Error, Kind, Result,
    finding::Verdict,
    models::{Chain, Offline, Price, Priced, Replay, Retries, Retrying, Routed, Scripted},
    ports::{Delta, Message, Model, ModelReply, ModelRequest, Purpose, Usage},
};

use crate::shop::{Bench, good_finding, modest_finding, proves, says, submits};

fn failed(kind: Kind) -> Result<ModelReply> {
    Err(kind.error("not now"))
}

fn busy(seconds: u64) -> Result<ModelReply> {
    Err(Kind::Unavailable.error("busy").with_retry_after(Some(Duration::from_secs(seconds))))
}

/// Asks once, and returns what was told on the way.
async fn ask(model: &dyn Model) -> (Result<ModelReply>, String) {
    let told = Mutex::new(String::new());
    let on_delta = |delta: Delta<'_>| {
        let Delta::Text(text) = delta;
        told.lock().unwrap().push_str(text);
    };
    let reply = model.complete(&ModelRequest::default(), &on_delta).await;
    (reply, told.into_inner().unwrap())
}

/// Tells a part of its text, then fails or not.
struct Stutters(Mutex<Vec<Result<()>>>);

#[async_trait]
impl Model for Stutters {
    fn name(&self) -> &'static str {
        "stutters"
    }

    async fn complete(
        &self,
        _: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        on_delta(Delta::Text("It is"));
        self.0.lock().unwrap().remove(0)?;
        on_delta(Delta::Text(" inventory."));
        says("It is inventory.")
    }
}

/// Replies, the retries allowed, what comes of it, and how often the model was asked.
async fn check_retries(
    replies: Vec<Result<ModelReply>>,
    retries: Retries,
    want: std::result::Result<&str, Kind>,
    n_asked: usize,
) {
    let shown = format!("{replies:?}");
    let model = Arc::new(Scripted::new(replies));
    let began = Instant::now();
    let retrying = Retrying::new(Shared(model.clone()), retries, 42);
    let reply = ask(&retrying).await.0.map(|reply| reply.text).map_err(|error: Error| error.kind());
    assert_eq!(reply, want.map(str::to_owned), "{shown}");
    assert_eq!(model.requests().len(), n_asked, "{shown}");
    assert!(began.elapsed() <= retries.total_wait, "{shown}: {:?}", began.elapsed());
}

/// A model that is looked at from outside.
struct Shared(Arc<Scripted>);

#[async_trait]
impl Model for Shared {
    fn name(&self) -> &'static str {
        "shared"
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        self.0.complete(request, on_delta).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_asked_again_within_bounds() {
    let three = Retries { attempts: 3, ..Retries::default() };
    let once = Retries { attempts: 1, ..Retries::default() };
    let (unavailable, timeout) = (Kind::Unavailable, Kind::Timeout);
    check_retries(vec![says("ok")], three, Ok("ok"), 1).await;
    check_retries(vec![failed(unavailable), failed(timeout), says("ok")], three, Ok("ok"), 3).await;
    check_retries(vec![failed(unavailable), failed(unavailable), failed(timeout)], three, Err(timeout), 3)
        .await;
    check_retries(vec![failed(unavailable)], once, Err(unavailable), 1).await;
    check_retries(vec![busy(5), says("ok")], three, Ok("ok"), 2).await;
    // Longer than all waits together may be, at once or in sum.
    check_retries(vec![busy(3_600), says("ok")], three, Err(unavailable), 1).await;
    check_retries(vec![busy(9), busy(9), says("ok")], three, Err(unavailable), 2).await;
    for kind in [Kind::Denied, Kind::Invalid, Kind::NotFound, Kind::Internal] {
        check_retries(vec![failed(kind), says("ok")], three, Err(kind), 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_left_alone_for_as_long_as_it_asks() {
    let began = Instant::now();
    let model = Retrying::new(Scripted::new([busy(7), says("ok")]), Retries::default(), 1);
    assert_eq!(ask(&model).await.0.unwrap().text, "ok");
    assert!(began.elapsed() >= Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn equal_seeds_wait_equally_and_others_do_not() {
    let mut waits = Vec::new();
    for seed in [1, 1, 2] {
        let began = Instant::now();
        let failures = (0..3).map(|_| failed(Kind::Unavailable));
        let model = Retrying::new(Scripted::new(failures.chain([says("ok")])), Retries::default(), seed);
        ask(&model).await.0.unwrap();
        waits.push(began.elapsed());
    }
    assert_eq!(waits[0], waits[1]);
    assert_ne!(waits[0], waits[2]);
}

#[tokio::test(start_paused = true)]
async fn text_is_told_once_however_often_it_is_written() {
    let outcomes = || vec![failed(Kind::Unavailable).map(|_| ()), Ok(())];
    let retrying = Retrying::new(Stutters(Mutex::new(outcomes())), Retries::default(), 1);
    let (reply, told) = ask(&retrying).await;
    assert_eq!((reply.unwrap().text.as_str(), told.as_str()), ("It is inventory.", "It is"));

    let first: Arc<dyn Model> = Arc::new(Stutters(Mutex::new(vec![failed(Kind::Denied).map(|_| ())])));
    let chain = Chain::new([first, Arc::new(Scripted::new([says("It is.")])) as Arc<dyn Model>]).unwrap();
    let (reply, told) = ask(&chain).await;
    assert_eq!((reply.unwrap().text.as_str(), told.as_str()), ("It is.", "It is"));
}

#[tokio::test]
async fn the_next_model_is_asked_when_one_fails() {
    let scripted = |reply| Arc::new(Scripted::new([reply])) as Arc<dyn Model>;
    let chain =
        Chain::new([scripted(failed(Kind::Denied)), scripted(failed(Kind::Invalid)), scripted(says("ok"))])
            .unwrap();
    assert_eq!(ask(&chain).await.0.unwrap().text, "ok");
    assert_eq!(
        ask(&chain).await.0.unwrap_err().to_string(),
        "the script has ended",
        "the last failure is told"
    );
    assert_eq!(chain.name(), "scripted, or scripted, or scripted");
    assert_eq!(Chain::new([]).err().unwrap().kind(), Kind::Invalid);
}

#[tokio::test]
async fn a_chain_that_ends_in_the_offline_model_always_has_a_finding() {
    let mut bench = Bench::new([]).await;
    let broken: Arc<dyn Model> = Arc::new(Scripted::new([failed(Kind::Denied)]));
    let chain = Chain::new([broken, Arc::new(Offline) as Arc<dyn Model>]).unwrap();
    bench.investigator.model = Arc::new(chain);
    let ran = bench.run().await;
    assert_eq!((ran.model.as_str(), ran.finding.verdict), ("scripted, or offline", Verdict::Confirmed));
}

#[tokio::test]
async fn each_purpose_has_its_model() {
    let small = Arc::new(Scripted::new((0..4).map(|_| says("small"))));
    let large = Arc::new(Scripted::new((0..4).map(|_| says("large"))));
    let routed = Routed::by_size(large, small);
    for (purpose, want) in [
        (Purpose::Investigate, "large"),
        (Purpose::Answer, "large"),
        (Purpose::Review, "small"),
        (Purpose::Summarize, "small"),
    ] {
        let request = ModelRequest { purpose, ..ModelRequest::default() };
        assert_eq!(routed.complete(&request, &|_| {}).await.unwrap().text, want, "{purpose:?}");
    }
}

#[tokio::test]
async fn a_reply_says_what_it_cost_unless_the_endpoint_did() {
    let reply = |cost_micro_usd| {
        let usage = Usage { input_tokens: 1_000, output_tokens: 100, cached_tokens: 500, cost_micro_usd };
        Ok(ModelReply { usage, ..ModelReply::default() })
    };
    let price: Price = "2/0.2/10".parse().unwrap();
    let model = Priced { model: Scripted::new([reply(0), reply(7)]), price };
    for want in [2_100, 7] {
        assert_eq!(ask(&model).await.0.unwrap().usage.cost_micro_usd, want);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_in_vain_is_told_with_what_comes_in_the_end() {
    let used = |n| Usage { input_tokens: n, output_tokens: 1, ..Usage::default() };
    let fails = |kind: Kind, n| Err(kind.error("cut").with_usage(used(n)));
    let replies = |n| Ok(ModelReply { usage: used(n), ..ModelReply::default() });
    let spent = |reply: Result<ModelReply>| reply.map_or_else(|error| error.usage(), |reply| reply.usage);
    let (unavailable, denied) = (Kind::Unavailable, Kind::Denied);
    for (said, want) in [
        (vec![fails(unavailable, 10), fails(unavailable, 20), replies(30)], (60, 3)),
        (vec![fails(unavailable, 10), fails(denied, 20)], (30, 2)),
        (
            vec![fails(unavailable, 1), fails(unavailable, 2), fails(unavailable, 4), fails(unavailable, 8)],
            (15, 4),
        ),
        (vec![replies(30)], (30, 1)),
    ] {
        let price: Price = "1/1000".parse().unwrap();
        let shown = format!("{said:?}");
        let model = Priced { model: Retrying::new(Scripted::new(said), Retries::default(), 7), price };
        let usage = spent(ask(&model).await.0);
        assert_eq!((usage.input_tokens, usage.output_tokens), want, "{shown}");
        assert_eq!(usage.cost_micro_usd, want.0 + 1_000 * want.1, "{shown}");
    }
    for (said, want) in [
        ([fails(denied, 10), fails(unavailable, 20), replies(30)], (60, 3)),
        ([fails(denied, 10), fails(unavailable, 20), fails(denied, 40)], (70, 3)),
    ] {
        let models = said.map(|said| Arc::new(Scripted::new([said])) as Arc<dyn Model>);
        let usage = spent(ask(&Chain::new(models).unwrap()).await.0);
        assert_eq!((usage.input_tokens, usage.output_tokens), want);
    }
}

/// A run that was recorded: what was said, and the bench that it ran on.
async fn recorded(replies: impl IntoIterator<Item = Result<ModelReply>>) -> Vec<Message> {
    Bench::new(replies).await.run().await.transcript
}

#[tokio::test]
async fn a_recorded_investigation_plays_to_the_same_end() {
    for replies in [
        vec![proves(), submits(&good_finding())],
        // It said nothing once, and was asked on.
        vec![says(""), submits(&modest_finding())],
    ] {
        let transcript = recorded(replies).await;
        let mut bench = Bench::new([]).await;
        bench.investigator.model = Arc::new(Replay::new(transcript.clone()));
        let ran = bench.run().await;
        assert_eq!(ran.model, "replay");
        assert_eq!(ran.transcript, transcript);
    }
}

#[tokio::test]
async fn a_recording_of_something_else_is_refused_where_it_parts() {
    let transcript = recorded([proves(), submits(&good_finding())]).await;
    let asked =
        |messages: &[Message]| ModelRequest { messages: messages.to_vec(), ..ModelRequest::default() };
    let replay = Replay::new(transcript.clone());

    let mut other = asked(&transcript[..6]);
    other.messages[1] = Message::User { text: "Why is checkout slow?".to_owned() };
    let error = replay.complete(&other, &|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains("at message 1: user `Why is checkout slow?`"), "{error}");

    let Message::Tool(reply) = &transcript[3] else { panic!("no result of the triage") };
    let mut other = asked(&transcript[..6]);
    let mut changed = reply.clone();
    changed.text = "nothing".to_owned();
    other.messages[3] = Message::Tool(changed);
    let error = replay.complete(&other, &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("at message 3: tool `service_map nothing`"), "{error}");

    let mut without_data = asked(&transcript[..6]);
    for message in &mut without_data.messages {
        if let Message::Tool(reply) = message {
            reply.data = None;
        }
    }
    assert_eq!(replay.complete(&without_data, &|_| {}).await.unwrap().calls, proves().unwrap().calls);

    let mut longer = asked(&transcript);
    longer.messages.push(Message::User { text: "And?".to_owned() });
    let error = replay.complete(&longer, &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("the recording ends after"), "{error}");
    let error = replay.complete(&asked(&transcript[..3]), &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("where the model was to speak"), "{error}");
    assert_eq!(json!(error.hint()), json!(null));
}
