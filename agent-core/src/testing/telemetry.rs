//! What every [`Telemetry`] answers, whatever it is kept in.

mod sample;

use std::time::Duration;

use waggle_signals::{
    Batch, Measure, Red, Rejected, ResourceId, Series, Severity, Sink, SpanKind, SpanStatus, TimeRange,
    Timestamp, semconv,
};

use self::sample::{NEW_COMMIT, OLD_COMMIT, START, at, batch, log, minute, nameless, process, trace_id};
use crate::{
    Kind,
    ports::{
        EventQuery, LogQuery, ProfileQuery, ResourceQuery, SeriesQuery, SpanOrder, SpanQuery, SqlQuery,
        Telemetry,
    },
};

const STEP: Duration = Duration::from_secs(10);

/// Checks that an empty store takes a batch and answers by the rules of the port.
///
/// Percentiles may be approximate: they may miss the nearest rank by one of 100 equally spaced values (1 ms here).
/// Everything else is exact. The batch is of 2026-03-01, so a store that forgets must be told that it is that day.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn conformance<T: Telemetry + Sink>(store: &T) {
    an_empty_store_answers_nothing(store).await;
    store.append(batch()).await.unwrap();
    series_of_requests(store).await;
    series_of_metrics_and_logs(store).await;
    steps_start_with_the_range(store).await;
    series_that_cannot_be_drawn_are_invalid(store).await;
    the_map(store).await;
    spans(store).await;
    traces(store).await;
    logs(store).await;
    events(store).await;
    profiles(store).await;
    resources(store).await;
    from_when_to_when(store).await;
    questions_about_what_is_not_there(store).await;
    sql_that_is_none_is_invalid(store).await;
    a_contradictory_batch_is_not_kept(store).await;
    what_was_acknowledged_is_seen(store).await;
}

async fn an_empty_store_answers_nothing<T: Telemetry + Sink>(store: &T) {
    nothing_is_found(store, minute(), None).await;
    let error = store.trace(trace_id(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    store.append(Batch::default()).await.expect("a batch without rows is no fault");
}

async fn nothing_is_found(store: &impl Telemetry, range: TimeRange, service: Option<&str>) {
    let service = service.map(str::to_owned);
    for measure in [
        Measure::RequestRate,
        Measure::ErrorRatio,
        Measure::LatencyP99,
        Measure::ErrorLogRate,
        Measure::Metric(semconv::METRIC_MEMORY.into()),
    ] {
        let query = SeriesQuery { range, service: service.clone(), ..ask(measure) };
        assert_eq!(store.series(&query).await.unwrap(), [], "{:?} of {service:?} in {range}", query.measure);
    }
    let query = SpanQuery { range, service: service.clone(), ..any_span() };
    assert_eq!(store.spans(&query).await.unwrap(), [], "spans of {service:?} in {range}");
    let query = LogQuery { range, service: service.clone(), ..any_log() };
    assert_eq!(store.logs(&query).await.unwrap(), [], "logs of {service:?} in {range}");
    let query = EventQuery { range, service: service.clone(), ..any_event() };
    assert_eq!(store.events(&query).await.unwrap(), [], "events of {service:?} in {range}");
    let query = ProfileQuery { range, service: service.clone(), commit: None };
    assert_eq!(store.profile(&query).await.unwrap(), [], "samples of {service:?} in {range}");
    let query = ResourceQuery { range, service: service.clone() };
    assert_eq!(store.resources(&query).await.unwrap(), [], "resources of {service:?} in {range}");
    if service.is_none() {
        let map = store.topology(range).await.unwrap();
        assert_eq!((map.range, map.nodes, map.edges), (range, vec![], vec![]));
    }
}

async fn series_of_requests(store: &impl Telemetry) {
    let all = store.series(&ask(Measure::RequestRate)).await.unwrap();
    let services: Vec<_> = all.iter().map(|series| series.label(semconv::SERVICE_NAME)).collect();
    assert_eq!(services, ["checkout", "gateway"], "by labels, and only who answered");
    for series in &all {
        assert_eq!((series.start, series.step, &series.measure), (START, STEP, &Measure::RequestRate));
    }
    values(&all[0], [Some(10.0), Some(0.0), Some(0.0), Some(1.0), Some(0.0), Some(0.0)], 0.0);
    values(&all[1], [Some(0.5), Some(0.0), Some(0.0), Some(0.0), Some(0.0), Some(0.0)], 0.0);

    // Without requests there is no ratio and no latency.
    let cases = [
        (Measure::ErrorRatio, 0.04, 0.0, 0.0),
        (Measure::LatencyMean, 50.5, 20.0, 0.0),
        (Measure::LatencyP50, 50.0, 20.0, 1.0),
        (Measure::LatencyP99, 99.0, 20.0, 1.0),
    ];
    for (measure, first, fourth, tolerance) in cases {
        let of_checkout = SeriesQuery { service: Some("checkout".into()), ..ask(measure) };
        let all = store.series(&of_checkout).await.unwrap();
        assert_eq!(all.len(), 1, "{:?}: only the service asked for", of_checkout.measure);
        values(&all[0], [Some(first), None, None, Some(fourth), None, None], tolerance);
    }

    let by_process = SeriesQuery {
        service: Some("checkout".into()),
        group_by: vec![semconv::SERVICE_NAME.into(), semconv::PROCESS_PID.into()],
        ..ask(Measure::LatencyMean)
    };
    let all = store.series(&by_process).await.unwrap();
    let labels: Vec<_> = all
        .iter()
        .map(|series| (series.label(semconv::SERVICE_NAME), series.label(semconv::PROCESS_PID)))
        .collect();
    assert_eq!(labels, [("checkout", "2"), ("checkout", "3")]);
    values(&all[0], [Some(50.0), None, None, None, None, None], 0.0);
    values(&all[1], [Some(51.0), None, None, Some(20.0), None, None], 0.0);
}

async fn series_of_metrics_and_logs(store: &impl Telemetry) {
    let memory = Measure::Metric(semconv::METRIC_MEMORY.into());
    let all = store.series(&ask(memory.clone())).await.unwrap();
    assert_eq!(all.len(), 1);
    values(&all[0], [Some(300.0), None, Some(50.0), None, None, None], 0.0);

    let by_commit = SeriesQuery { group_by: vec![semconv::COMMIT.into()], ..ask(memory) };
    let all = store.series(&by_commit).await.unwrap();
    let commits: Vec<_> = all.iter().map(|series| series.label(semconv::COMMIT)).collect();
    assert_eq!(commits, [OLD_COMMIT, NEW_COMMIT]);
    values(&all[0], [Some(200.0), None, Some(50.0), None, None, None], 0.0);
    values(&all[1], [Some(500.0), None, None, None, None, None], 0.0);

    let retransmits = Measure::Metric(semconv::METRIC_RETRANSMITS.into());
    let all = store.series(&ask(retransmits)).await.unwrap();
    assert_eq!(all.len(), 1);
    values(&all[0], [Some(1.0), None, None, None, None, Some(0.5)], 0.0);

    let all = store.series(&ask(Measure::ErrorLogRate)).await.unwrap();
    let services: Vec<_> = all.iter().map(|series| series.label(semconv::SERVICE_NAME)).collect();
    assert_eq!(services, ["checkout", "gateway"]);
    values(&all[0], [Some(0.1), Some(0.1), Some(0.0), Some(0.0), Some(0.0), Some(0.0)], 0.0);
    values(&all[1], [Some(0.1), Some(0.0), Some(0.0), Some(0.0), Some(0.0), Some(0.0)], 0.0);
}

/// The first step starts with the range, wherever that is; the last ends with it and may be shorter.
async fn steps_start_with_the_range(store: &impl Telemetry) {
    let range = TimeRange::new(at(1_001), at(5_501)).unwrap();
    let query = SeriesQuery {
        range,
        step: Duration::from_secs(2),
        service: Some("checkout".into()),
        ..ask(Measure::RequestRate)
    };
    let all = store.series(&query).await.unwrap();
    assert_eq!((all.len(), all[0].start), (1, at(1_001)));
    // Requests came every 50 ms until 4.953 s: 40 in each step of 2 s, none in the last half second.
    values(&all[0], [Some(20.0), Some(20.0), Some(0.0)], 0.0);

    let last_is_short = SeriesQuery { range: TimeRange::new(at(1), at(2_501)).unwrap(), ..query };
    let all = store.series(&last_is_short).await.unwrap();
    values(&all[0], [Some(20.0), Some(20.0)], 0.0);
}

async fn series_that_cannot_be_drawn_are_invalid(store: &impl Telemetry) {
    let most = minute().length() / 100_000;
    for (step, drawn) in [
        (Duration::ZERO, false),
        (Duration::from_nanos(1), false),
        (most - Duration::from_nanos(1), false),
        (most, true),
        (Duration::MAX, true),
    ] {
        let query = SeriesQuery { step, ..ask(Measure::RequestRate) };
        let refusal = store.series(&query).await.err().map(|error| error.kind());
        assert_eq!(refusal, (!drawn).then_some(Kind::Invalid), "step {step:?}");
    }
}

async fn the_map(store: &impl Telemetry) {
    let map = store.topology(minute()).await.unwrap();
    assert_eq!(map.range, minute());
    let nodes: Vec<_> = map.nodes.iter().map(|node| node.service.as_str()).collect();
    assert_eq!(nodes, ["checkout", "gateway", "loader"], "who answered or called, by name");
    red(&map.nodes[0].answered, 110, 4, 5_250.0, [45.0, 89.0, 99.0], 1.0);
    red(&map.nodes[1].answered, 5, 0, 65.0, [13.0, 15.0, 15.0], 1.0);
    assert_eq!(map.nodes[2].answered, Red::default(), "a service that only calls");

    let edges: Vec<_> = map.edges.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
    let want =
        [("gateway", "10.0.0.9:6379"), ("gateway", "checkout"), ("gateway", "mail"), ("loader", "gateway")];
    assert_eq!(edges, want, "by caller and then callee");
    let [cache, checkout, mail, gateway] = map.edges.as_slice() else { unreachable!() };

    red(&cache.asked, 2, 2, 2_000.0, [1_000.0; 3], 1.0);
    assert_eq!(cache.answered, Red::default(), "the callee was not seen");
    assert_eq!((cache.connections, cache.connect_failures, cache.retransmits), (0, 7, 0));

    red(&checkout.asked, 100, 4, 5_250.0, [52.0, 92.0, 101.0], 1.0);
    red(&checkout.answered, 100, 4, 5_050.0, [50.0, 90.0, 99.0], 1.0);
    assert_eq!((checkout.connections, checkout.connect_failures), (4, 0), "as the caller counts");
    assert_eq!(checkout.retransmits, 7, "of both ends");

    assert_eq!((mail.asked, mail.answered), (Red::default(), Red::default()), "nothing could be asked");
    assert_eq!((mail.connections, mail.connect_failures, mail.retransmits), (0, 5, 0));

    red(&gateway.answered, 5, 0, 65.0, [13.0, 15.0, 15.0], 1.0);
    assert_eq!(gateway.asked.count, 5);
    assert_eq!((gateway.connections, gateway.retransmits), (0, 0));
}

async fn spans(store: &impl Telemetry) {
    let asked_for = async |query: SpanQuery| {
        let found = store.spans(&query).await.unwrap();
        found.iter().map(|of| of.row.trace_id).collect::<Vec<_>>()
    };
    let of_checkout = SpanQuery { service: Some("checkout".into()), ..any_span() };
    assert_eq!(asked_for(of_checkout.clone()).await.len(), 110, "starts inside, never at the end");
    assert_eq!(asked_for(any_span()).await.len(), 5 + 5 + 100 + 110 + 2 + 1);

    let slowest = SpanQuery { order: SpanOrder::Slowest, limit: 3, ..of_checkout.clone() };
    assert_eq!(asked_for(slowest).await, [trace_id(100), trace_id(99), trace_id(98)]);
    let newest = SpanQuery { limit: 2, ..of_checkout.clone() };
    assert_eq!(asked_for(newest).await, [trace_id(110), trace_id(109)]);
    let failed = SpanQuery { failed_only: true, ..of_checkout.clone() };
    assert_eq!(asked_for(failed).await, [trace_id(100), trace_id(75), trace_id(50), trace_id(25)]);
    let long = SpanQuery { min_duration: Duration::from_millis(99), ..of_checkout.clone() };
    assert_eq!(asked_for(long).await, [trace_id(100), trace_id(99)], "as long as that counts");
    assert_eq!(asked_for(SpanQuery { limit: 0, ..of_checkout.clone() }).await, []);
    assert_eq!(asked_for(SpanQuery { limit: usize::MAX, ..of_checkout }).await.len(), 110);
    let of_gateway = SpanQuery { service: Some("gateway".into()), ..any_span() };
    for (kind, n) in [(SpanKind::Client, 102), (SpanKind::Server, 5), (SpanKind::Internal, 0)] {
        let query = SpanQuery { kind: Some(kind), ..of_gateway.clone() };
        assert_eq!(asked_for(query).await.len(), n, "{kind:?}");
    }
}

async fn traces(store: &impl Telemetry) {
    let spans = store.trace(trace_id(2)).await.unwrap();
    let senders: Vec<_> = spans.iter().map(|of| (*of.resource).clone()).collect();
    let want = [process("loader", 4), process("gateway", 1), process("gateway", 1), process("checkout", 3)];
    assert_eq!(senders, want, "by start, each with its resource");
    assert_eq!(spans[1].row.resource, spans[2].row.resource, "one resource has one id");
    assert_ne!(spans[0].row.resource, spans[1].row.resource);

    let mut sent = batch().spans;
    sent.retain(|span| span.trace_id == trace_id(2));
    let kept: Vec<_> = spans.into_iter().map(|of| of.row).collect();
    for (sent, kept) in sent.iter_mut().zip(&kept) {
        sent.resource = kept.resource;
    }
    assert_eq!(kept, sent, "to the nanosecond and the last attribute");

    let outside_of_the_minute = store.trace(trace_id(301)).await.unwrap();
    assert_eq!(outside_of_the_minute.len(), 1);
    assert_eq!(outside_of_the_minute[0].row.status, SpanStatus::Unset);
    assert_eq!(store.trace(trace_id(404)).await.unwrap_err().kind(), Kind::NotFound);
}

async fn logs(store: &impl Telemetry) {
    let bodies = async |query: LogQuery| {
        let found = store.logs(&query).await.unwrap();
        found.into_iter().map(|of| of.row.body).collect::<Vec<_>>()
    };
    let bad = LogQuery { min_severity: Severity::Warn, ..any_log() };
    let want = ["out of memory", "下游超时: checkout", "slow_query 12 ms", "Stock 50% gone 🐝"];
    assert_eq!(bodies(bad.clone()).await, want, "newest first");
    assert_eq!(bodies(LogQuery { limit: 1, ..bad.clone() }).await, ["out of memory"]);
    let of_gateway = LogQuery { service: Some("gateway".into()), ..any_log() };
    assert_eq!(bodies(of_gateway).await, ["下游超时: checkout"]);
    for (contains, want) in [
        ("STOCK", &["Stock 50% gone 🐝"][..]),
        ("50%", &["Stock 50% gone 🐝"]),
        ("50", &["Stock 50% gone 🐝", "cart has 50 items"]),
        ("w_q", &["slow_query 12 ms"]),
        ("超时", &["下游超时: checkout"]),
        ("' OR 1=1 --", &[]),
        ("\\", &[]),
    ] {
        assert_eq!(bodies(LogQuery { contains: contains.into(), ..any_log() }).await, want, "{contains}");
    }
    let kept = &store.logs(&LogQuery { contains: "stock".into(), ..any_log() }).await.unwrap()[0];
    assert_eq!(kept.row, log(kept.row.resource, 2_000, Severity::Error, "Stock 50% gone 🐝"));
    assert_eq!(*kept.resource, process("checkout", 2));
}

async fn events(store: &impl Telemetry) {
    let found = store.events(&any_event()).await.unwrap();
    let names: Vec<_> = found.iter().map(|of| of.row.name.as_str()).collect();
    let want = [semconv::EVENT_CONNECT_FAILED, semconv::EVENT_DEPLOYMENT, semconv::EVENT_PROCESS_START];
    assert_eq!(names, want, "newest first");

    let deployments = EventQuery { name: Some(semconv::EVENT_DEPLOYMENT.into()), ..any_event() };
    let found = store.events(&deployments).await.unwrap();
    assert_eq!(found.len(), 1);
    let sent = batch().events.into_iter().find(|event| event.name == semconv::EVENT_DEPLOYMENT).unwrap();
    assert_eq!(found[0].row, waggle_signals::Event { resource: found[0].row.resource, ..sent });
    assert_eq!(found[0].resource.commit(), Some(NEW_COMMIT));

    let of_checkout = EventQuery { service: Some("checkout".into()), limit: 1, ..any_event() };
    let found = store.events(&of_checkout).await.unwrap();
    assert_eq!((found.len(), found[0].row.time), (1, at(29_000)));
}

async fn profiles(store: &impl Telemetry) {
    let counted = async |service: Option<&str>, commit: Option<&str>| {
        let query = ProfileQuery {
            range: minute(),
            service: service.map(str::to_owned),
            commit: commit.map(str::to_owned),
        };
        let found = store.profile(&query).await.unwrap();
        found.iter().map(|of| of.row.count).sum::<u32>()
    };
    assert_eq!(counted(None, None).await, 9);
    assert_eq!(counted(Some("checkout"), Some(OLD_COMMIT)).await, 6);
    assert_eq!(counted(None, Some(NEW_COMMIT)).await, 3);
    assert_eq!(counted(Some("gateway"), None).await, 0);
    assert_eq!(counted(None, Some("41ab07c")).await, 0, "a commit is named in full");

    let query = ProfileQuery { range: minute(), service: None, commit: Some(NEW_COMMIT.into()) };
    let kept = &store.profile(&query).await.unwrap()[0];
    assert_eq!(
        kept.row,
        waggle_signals::ProfileSample { resource: kept.row.resource, ..batch().samples[2].clone() }
    );
}

async fn resources(store: &impl Telemetry) {
    let found = async |service: Option<&str>| {
        let query = ResourceQuery { range: minute(), service: service.map(str::to_owned) };
        let found = store.resources(&query).await.unwrap();
        found.into_iter().map(|resource| (*resource).clone()).collect::<Vec<_>>()
    };
    let mut want = vec![
        nameless(),
        process("gateway", 1),
        process("checkout", 2),
        process("checkout", 3),
        process("loader", 4),
    ];
    want.sort();
    assert_eq!(found(None).await, want, "each once, by attributes, and none that was silent");
    assert_eq!(found(Some("checkout")).await, [process("checkout", 2), process("checkout", 3)]);
}

async fn from_when_to_when(store: &impl Telemetry) {
    let heard = async |from: i64, to: i64, service: Option<&str>| {
        let range = TimeRange::new(at(from), at(to)).unwrap();
        store.heard(&ResourceQuery { range, service: service.map(str::to_owned) }).await.unwrap()
    };
    let first = async |from: i64, to: i64| heard(from, to, None).await.iter().map(|it| it.first).min();
    let spans = store.spans(&SpanQuery { range: minute(), ..any_span() }).await.unwrap();
    let logs = store.logs(&LogQuery { range: minute(), ..any_log() }).await.unwrap();
    let known = spans.iter().map(|span| span.row.start).chain(logs.iter().map(|log| log.row.time)).min();
    assert!(first(0, 60_000).await <= known, "no later than a span or a log record");
    assert_eq!(first(-1_000, 60_000).await, Some(Timestamp::from_nanos(START.nanos() - 1)));
    assert_eq!(first(-1_800_000, -1_000).await, None, "nothing was measured before");

    let checkout = heard(0, 60_000, Some("checkout")).await;
    let told: Vec<_> = checkout.iter().map(|it| (*it.resource).clone()).collect();
    assert_eq!(told, [process("checkout", 2), process("checkout", 3)]);
    assert!(checkout.iter().all(|it| it.first >= at(0) && it.first <= it.last && it.last < at(60_000)));
    assert_eq!(checkout[0].last, at(59_999), "a metric is a measurement");
}

async fn questions_about_what_is_not_there(store: &impl Telemetry) {
    for service in ["chekout", "", "check%", "o'brien\"; DROP TABLE spans; --"] {
        nothing_is_found(store, minute(), Some(service)).await;
    }
    let day = Duration::from_secs(86_400);
    nothing_is_found(store, minute().before(day).before(day), None).await;
    let unknown = Measure::Metric("no.such.metric".into());
    assert_eq!(store.series(&ask(unknown)).await.unwrap(), []);
}

async fn sql_that_is_none_is_invalid(store: &impl Telemetry) {
    for text in ["", "tell me a joke", "DROP TABLE spans", "SELECT * FROM no_such_table"] {
        let query = SqlQuery { text: text.into(), limit: 10, timeout: Duration::from_secs(10) };
        assert_eq!(store.sql(&query).await.unwrap_err().kind(), Kind::Invalid, "{text}");
    }
}

async fn a_contradictory_batch_is_not_kept<T: Telemetry + Sink>(store: &T) {
    let mut contradictory = Batch::default();
    let known = contradictory.resource(&process("checkout", 2));
    contradictory.logs = vec![
        log(known, 40_000, Severity::Fatal, "never kept"),
        log(ResourceId(7), 40_000, Severity::Fatal, "never kept"),
    ];
    let refusal = store.append(contradictory).await.unwrap_err();
    assert!(matches!(refusal, Rejected::Invalid(_)), "{refusal}");
    let kept = LogQuery { contains: "never kept".into(), ..any_log() };
    assert_eq!(store.logs(&kept).await.unwrap(), [], "all or nothing");
}

/// A second batch numbers its resources anew; the store knows them again.
async fn what_was_acknowledged_is_seen<T: Telemetry + Sink>(store: &T) {
    let mut more = Batch::default();
    let (gateway, new) = (more.resource(&process("gateway", 1)), more.resource(&process("checkout", 3)));
    more.logs = vec![
        log(gateway, 41_000, Severity::Info, "second batch"),
        log(new, 42_000, Severity::Info, "second batch"),
    ];
    store.append(more).await.unwrap();
    let query = LogQuery { contains: "second batch".into(), ..any_log() };
    let found = store.logs(&query).await.unwrap();
    let senders: Vec<_> = found.iter().map(|of| (*of.resource).clone()).collect();
    assert_eq!(senders, [process("checkout", 3), process("gateway", 1)]);
    let spans = store.trace(trace_id(2)).await.unwrap();
    assert_eq!(found[0].row.resource, spans[3].row.resource, "equal resources have one id");
    resources(store).await;
}

fn ask(measure: Measure) -> SeriesQuery {
    SeriesQuery { measure, range: minute(), step: STEP, service: None, group_by: Vec::new() }
}

fn any_span() -> SpanQuery {
    SpanQuery {
        range: minute(),
        service: None,
        kind: None,
        failed_only: false,
        min_duration: Duration::ZERO,
        order: SpanOrder::Newest,
        limit: 1_000,
    }
}

fn any_log() -> LogQuery {
    LogQuery {
        range: minute(),
        service: None,
        min_severity: Severity::Trace,
        contains: String::new(),
        limit: 100,
    }
}

fn any_event() -> EventQuery {
    EventQuery { range: minute(), service: None, name: None, limit: 100 }
}

/// Compares the values of a series, each to within `tolerance` and what adding floats costs.
fn values<const N: usize>(series: &Series, want: [Option<f64>; N], tolerance: f64) {
    let is_near = |(have, want): (&Option<f64>, &Option<f64>)| match (have, want) {
        (Some(have), Some(want)) => (have - want).abs() <= tolerance + 1e-9,
        (have, want) => have == want,
    };
    let all_near = series.values.len() == N && series.values.iter().zip(&want).all(is_near);
    assert!(all_near, "{:?} of {:?}: have {:?}, want {want:?}", series.measure, series.labels, series.values);
}

/// Compares counts exactly, sums to what adding floats costs, and percentiles (50, 90, 99) to within `tolerance_ms`.
fn red(have: &Red, count: u64, errors: u64, total_ms: f64, percentiles_ms: [f64; 3], tolerance_ms: f64) {
    assert_eq!((have.count, have.errors), (count, errors), "{have:?}");
    assert!((have.total_ms - total_ms).abs() < 1e-6, "{have:?}: want total {total_ms} ms");
    for (have, want) in [have.p50_ms, have.p90_ms, have.p99_ms].into_iter().zip(percentiles_ms) {
        assert!((have - want).abs() <= tolerance_ms, "have {have} ms, want {want} ms");
    }
}
