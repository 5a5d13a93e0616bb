//! A shop's deploys, from stored telemetry to the answer.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use waggle_agent_core::{Kind, testing::fake_telemetry::FakeTelemetry};
use waggle_analysis::deploy::{Aspect, Outcome, Verdict};
use waggle_deploy_check::{Comparison, Question, Report, Tag, check, report::Note};
use waggle_signals::{
    Attributes, Batch, LogRecord, MetricKind, MetricPoint, Peer, Resource, ResourceId, Severity, Span,
    SpanId, SpanKind, SpanStatus, Timestamp, TraceId, semconv,
};

const DEPLOYED: i64 = 1_772_373_600;
/// The baseline of these tests, seconds: a fake store reads all rows for every question.
const BASELINE: i64 = 1_200;
const AFTER: i64 = 900;

/// What a version does to each request.
#[derive(Clone, Copy)]
struct Version {
    name: &'static str,
    ms: u64,
    calls: u64,
    fails_every: u64,
}

const OLD: Version = Version { name: "1.0", ms: 40, calls: 1, fails_every: 0 };

/// One request a half second from `from` to `to`, by a version.
fn requests(batch: &mut Batch, version: Version, from: i64, to: i64) {
    let tags = [(semconv::SERVICE_NAME, "cart"), (semconv::SERVICE_VERSION, version.name)];
    let resource = batch.resource(&Resource::new(tags));
    for i in 0..u64::try_from((to - from) * 2).unwrap() {
        let start = Timestamp::from_secs(from) + Duration::from_millis(i * 500);
        let trace = u128::from(batch.spans.len() as u64) + 1;
        // Latencies spread evenly over a factor of two.
        let ms = version.ms * (64 + i * 37 % 64) / 64;
        let failed = version.fails_every > 0 && i % version.fails_every == 0;
        let status = if failed { SpanStatus::Error } else { SpanStatus::Ok };
        push(batch, resource, trace, SpanKind::Server, "GET /cart", start, ms, status);
        for _ in 0..version.calls {
            push(batch, resource, trace, SpanKind::Client, "SELECT item", start, 1, SpanStatus::Ok);
        }
        if failed && i % 10 == 0 {
            batch.logs.push(LogRecord {
                resource,
                time: start,
                severity: Severity::Error,
                body: format!("stock of item {i} is negative"),
                trace_id: None,
                span_id: None,
                attributes: Attributes::new(),
            });
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the columns of a span")]
fn push(
    batch: &mut Batch,
    resource: ResourceId,
    trace: u128,
    kind: SpanKind,
    name: &str,
    start: Timestamp,
    ms: u64,
    status: SpanStatus,
) {
    let id = batch.spans.len() as u64 + 1;
    batch.spans.push(Span {
        trace_id: TraceId::new(trace).unwrap(),
        span_id: SpanId::new(id).unwrap(),
        parent_span_id: None,
        resource,
        kind,
        name: name.to_owned(),
        start,
        duration: Duration::from_millis(ms),
        status,
        peer: (kind == SpanKind::Client).then(|| Peer { service: "stock".to_owned(), ..Peer::default() }),
        attributes: Attributes::new(),
    });
}

fn deployed(new: Version) -> FakeTelemetry {
    let mut batch = Batch::default();
    requests(&mut batch, OLD, DEPLOYED - BASELINE, DEPLOYED);
    requests(&mut batch, new, DEPLOYED, DEPLOYED + AFTER);
    FakeTelemetry::of(batch).unwrap()
}

fn question() -> Question {
    let mut question = Question::before_after("cart", Timestamp::from_secs(DEPLOYED));
    if let Comparison::BeforeAfter { baseline, .. } = &mut question.comparison {
        *baseline = Duration::from_secs(BASELINE as u64);
    }
    question.rules.horizon = Duration::from_secs(600);
    question.rules.required = vec![Aspect::P90];
    question
}

async fn answer(new: Version) -> Report {
    let now = Timestamp::from_secs(DEPLOYED + AFTER);
    check(&deployed(new), &question(), now).await.unwrap()
}

fn worse(report: &Report) -> Vec<Aspect> {
    report.with_verdict(Verdict::Worse).map(|row| row.measure).collect()
}

#[tokio::test]
async fn each_sort_of_regression_is_told_by_its_measure() {
    use Aspect::{Calls, ErrorRate, P50, P90, P99};
    let cases: [(Version, &[Aspect]); 4] = [
        (OLD, &[]),
        (Version { ms: 80, ..OLD }, &[P50, P90, P99]),
        (Version { calls: 4, ..OLD }, &[Calls]),
        (Version { fails_every: 5, ..OLD }, &[ErrorRate]),
    ];
    for (version, wanted) in cases {
        let report = answer(Version { name: "1.1", ..version }).await;
        assert_eq!(worse(&report), wanted);
        let outcome = if wanted.is_empty() { Outcome::Pass } else { Outcome::Fail };
        assert_eq!((report.outcome, report.exit_code), (outcome, outcome.exit_code()));
    }
}

#[tokio::test]
async fn what_is_new_is_told_beside() {
    let report = answer(Version { name: "1.1", calls: 4, fails_every: 5, ..OLD }).await;
    let call = &report.clues.calls[0];
    assert_eq!((call.call.as_str(), call.before, call.after), ("stock SELECT item", 1.0, 4.0));
    assert_eq!(report.clues.log_lines.len(), 1);
    assert!(report.clues.log_lines[0].template.starts_with("stock of item"), "{:?}", report.clues.log_lines);
}

#[tokio::test]
async fn a_canary_is_told_from_the_stable_version_by_its_tag() {
    let mut batch = Batch::default();
    requests(&mut batch, OLD, DEPLOYED - BASELINE, DEPLOYED + AFTER);
    requests(&mut batch, Version { name: "1.1", ms: 80, ..OLD }, DEPLOYED, DEPLOYED + AFTER);
    let store = FakeTelemetry::of(batch).unwrap();
    let mut question = question();
    question.comparison = Comparison::Canary {
        started: Timestamp::from_secs(DEPLOYED),
        canary: Tag::parse("service.version=1.1").unwrap(),
        stable: None,
        history: Duration::from_secs(BASELINE as u64),
    };
    let report = check(&store, &question, Timestamp::from_secs(DEPLOYED + AFTER)).await.unwrap();
    assert!(report.is_canary);
    assert_eq!(worse(&report), [Aspect::P50, Aspect::P90, Aspect::P99]);
    assert_eq!((report.requests_before, report.requests_after), (1200, 1200));
}

#[tokio::test]
async fn a_service_nobody_knows_is_not_enough_data() {
    let mut question = question();
    question.service = "nobody".to_owned();
    let now = Timestamp::from_secs(DEPLOYED + AFTER);
    let report = check(&deployed(OLD), &question, now).await.unwrap();
    assert_eq!((report.outcome, report.exit_code), (Outcome::NotEnoughData, 2));
    assert_eq!(report.notes, [Note::NothingBefore, Note::NothingAfter]);
    question.service.clear();
    let refused = check(&deployed(OLD), &question, now).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid);
}

#[tokio::test]
async fn looks_on_the_way_are_settled_when_enough_was_seen_and_not_before() {
    for (ms, wanted, sooner_than_s) in [(80, Outcome::Fail, 400), (40, Outcome::Pass, 760)] {
        let store = deployed(Version { name: "1.1", ms, ..OLD });
        let (mut looks, mut now) = (0, Timestamp::from_secs(DEPLOYED));
        let report = loop {
            let report = check(&store, &question(), now).await.unwrap();
            if report.is_final {
                break report;
            }
            looks += 1;
            now = now + Duration::from_secs(30);
        };
        let took = now.since(Timestamp::from_secs(DEPLOYED)).as_secs();
        assert_eq!(report.outcome, wanted);
        assert!(looks > 4 && took < sooner_than_s, "{ms} ms took {took} s");
    }
}

#[tokio::test]
async fn what_is_spread_over_requests_is_not_judged_where_they_were_not_all_read() {
    let mut batch = Batch::default();
    requests(&mut batch, OLD, DEPLOYED - BASELINE, DEPLOYED + AFTER);
    let cpu = |batch: &mut Batch, from: i64, to: i64, value: f64| {
        let resource = batch.resource(&Resource::new([(semconv::SERVICE_NAME, "cart")]));
        batch.metrics.extend((from..to).step_by(10).map(|at| MetricPoint {
            resource,
            time: Timestamp::from_secs(at),
            name: semconv::METRIC_CPU.to_owned(),
            unit: "1".to_owned(),
            kind: MetricKind::Gauge,
            value,
            attributes: Attributes::new(),
        }));
    };
    cpu(&mut batch, DEPLOYED - BASELINE, DEPLOYED, 0.2);
    cpu(&mut batch, DEPLOYED, DEPLOYED + AFTER, 0.6);
    let now = Timestamp::from_secs(DEPLOYED + AFTER);
    let told = check(&FakeTelemetry::of(batch.clone()).unwrap(), &question(), now).await.unwrap();
    assert_eq!(worse(&told), [Aspect::Cpu]);
    // One block with more requests than are read.
    let busy = DEPLOYED + 300;
    for _ in 0..700 {
        requests(&mut batch, OLD, busy, busy + 30);
    }
    let told = check(&FakeTelemetry::of(batch).unwrap(), &question(), now).await.unwrap();
    assert!(told.notes.contains(&Note::Thinned), "{:?}", told.notes);
    assert!(!worse(&told).contains(&Aspect::Cpu), "{:?}", worse(&told));
}
