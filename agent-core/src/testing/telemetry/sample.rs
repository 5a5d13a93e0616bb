//! One minute of a small shop in numbers that can be checked by hand.
//!
//! `loader → gateway → checkout`, where checkout runs in two processes, one of each commit. The gateway also tries a
//! cache that answers nothing (known by its address alone) and a mail server that it never reaches.

use std::time::Duration;

use waggle_signals::{
    Attributes, Batch, Event, Flow, LogRecord, MetricKind, MetricPoint, Peer, ProfileSample, Resource,
    ResourceId, Severity, Span, SpanId, SpanKind, SpanStatus, TimeRange, Timestamp, TraceId, semconv,
};

/// The first instant of the minute: 2026-03-01T14:05:00Z.
pub(super) const START: Timestamp = Timestamp::from_secs(1_772_373_900);
/// The commit of the older checkout.
pub(super) const OLD_COMMIT: &str = "41ab07c0000000000000000000000000000000aa";
/// The commit of the newer checkout.
pub(super) const NEW_COMMIT: &str = "9f3c1e20000000000000000000000000000000bb";

/// Returns the minute.
pub(super) fn minute() -> TimeRange {
    TimeRange::ending_at(START + Duration::from_secs(60), Duration::from_secs(60))
}

/// Returns the time `millis` after the start.
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos(START.nanos() + millis * 1_000_000)
}

/// Returns the trace that request `n` belongs to.
pub(super) fn trace_id(n: u64) -> TraceId {
    TraceId::new(u128::from(n)).unwrap()
}

/// Returns the resource of one process of a service.
pub(super) fn process(service: &str, pid: u32) -> Resource {
    let mut resource =
        Resource::new([(semconv::SERVICE_NAME, service), (semconv::PROCESS_PID, &pid.to_string())]);
    let commit = match pid {
        2 => Some(OLD_COMMIT),
        3 => Some(NEW_COMMIT),
        _ => None,
    };
    let tag = commit.map(|commit| (semconv::COMMIT.to_owned(), commit.to_owned()));
    resource.attributes.extend(tag);
    resource
}

/// Returns a process of which nothing but its host is known.
pub(super) fn nameless() -> Resource {
    Resource::new([(semconv::HOST_NAME, "node-1")])
}

/// Returns everything that was seen, and a little of the time before and after.
pub(super) fn batch() -> Batch {
    let mut batch = Batch::default();
    let gateway = batch.resource(&process("gateway", 1));
    let (old, new) = (batch.resource(&process("checkout", 2)), batch.resource(&process("checkout", 3)));
    let (loader, nameless) = (batch.resource(&process("loader", 4)), batch.resource(&nameless()));
    let gone = batch.resource(&process("gone", 5));
    let checkout = |n: u64| if n % 2 == 1 { old } else { new };

    // 100 requests in the first 5 s; the first five are seen from their root.
    for n in 1..=100_u64 {
        let (start, ms) = ((i64::try_from(n).unwrap() - 1) * 50, Duration::from_millis(n));
        let status = if n % 25 == 0 { SpanStatus::Error } else { SpanStatus::Ok };
        let mut request = [
            span(n, 1, loader, SpanKind::Client, at(start), Duration::from_nanos(12_000_001) + ms),
            span(n, 2, gateway, SpanKind::Server, at(start + 1), Duration::from_millis(10) + ms),
            span(n, 3, gateway, SpanKind::Client, at(start + 2), Duration::from_millis(2) + ms),
            span(n, 4, checkout(n), SpanKind::Server, at(start + 3), ms),
        ];
        for (span, peer) in request.iter_mut().zip(["gateway", "loader", "checkout", "gateway"]) {
            span.peer = Some(Peer { service: peer.into(), address: "10.0.0.1".into(), port: 80 });
        }
        request[2].status = status;
        request[3].status = status;
        batch.spans.extend(request.into_iter().skip(if n <= 5 { 0 } else { 2 }));
    }
    // Ten more in the fourth step, from somebody unknown.
    for n in 101..=110 {
        let start = at(30_000 + i64::try_from(n).unwrap());
        batch.spans.push(span(n, 4, new, SpanKind::Server, start, Duration::from_millis(20)));
    }
    for n in 201..=202 {
        let mut ask = span(n, 3, gateway, SpanKind::Client, at(50_000), Duration::from_secs(1));
        ask.status = SpanStatus::Error;
        ask.peer = Some(cache());
        batch.spans.push(ask);
    }
    // Just outside of the minute, and long enough to be noticed.
    let before = Timestamp::from_nanos(START.nanos() - 1);
    batch.spans.push(span(301, 4, old, SpanKind::Server, before, Duration::from_secs(5)));
    batch.spans.push(span(302, 4, old, SpanKind::Server, at(60_000), Duration::from_secs(5)));
    let mut of_nobody = span(303, 3, nameless, SpanKind::Client, at(7_000), Duration::from_millis(1));
    of_nobody.peer = Some(Peer { service: "gateway".into(), ..Peer::default() });
    batch.spans.push(of_nobody);

    let to_checkout = Peer { service: "checkout".into(), address: "10.0.0.2".into(), port: 80 };
    let to_mail = Peer { service: "mail".into(), address: "10.0.0.5".into(), port: 25 };
    let from_gateway = Peer { service: "gateway".into(), address: "10.0.0.1".into(), port: 80 };
    batch.flows = vec![
        flow(gateway, 10_000, &to_checkout, true, [3, 0, 2]),
        flow(gateway, 20_000, &to_checkout, true, [1, 0, 1]),
        flow(old, 20_000, &from_gateway, false, [4, 0, 4]),
        flow(gateway, 50_000, &cache(), true, [0, 7, 0]),
        flow(gateway, 50_000, &to_mail, true, [0, 5, 0]),
        flow(gateway, 60_000, &to_checkout, true, [1_000, 1_000, 1_000]),
    ];
    batch.metrics = vec![
        gauge(old, 5_000, 100.0),
        gauge(old, 6_000, 300.0),
        gauge(new, 5_000, 500.0),
        gauge(old, 20_000, 50.0),
        delta(old, 1_000, 4.0),
        delta(old, 2_000, 6.0),
        delta(old, 59_999, 5.0),
    ];
    batch.logs = vec![
        log(old, 1_000, Severity::Info, "cart has 50 items"),
        log(old, 2_000, Severity::Error, "Stock 50% gone 🐝"),
        log(old, 3_000, Severity::Warn, "slow_query 12 ms"),
        log(new, 3_500, Severity::Info, "slow query"),
        log(gateway, 4_000, Severity::Error, "下游超时: checkout"),
        log(new, 15_000, Severity::Fatal, "out of memory"),
        log(gone, -3_600_000, Severity::Error, "good bye"),
    ];
    batch.events = vec![
        event(new, 28_000, semconv::EVENT_PROCESS_START),
        event(new, 29_000, semconv::EVENT_DEPLOYMENT),
        event(gateway, 50_000, semconv::EVENT_CONNECT_FAILED),
    ];
    batch.samples = vec![
        sample(old, 1_000, Some("reserve.rs:88")),
        sample(old, 1_000, Some("reserve.rs:88")),
        sample(new, 2_000, None),
        sample(new, 60_000, None),
    ];
    batch
}

fn cache() -> Peer {
    Peer { service: String::new(), address: "10.0.0.9".into(), port: 6379 }
}

/// Makes the `place`-th span of request `n`, whose parent is the one before.
fn span(
    n: u64,
    place: u64,
    resource: ResourceId,
    kind: SpanKind,
    start: Timestamp,
    duration: Duration,
) -> Span {
    Span {
        trace_id: trace_id(n),
        span_id: SpanId::new(n * 10 + place).unwrap(),
        parent_span_id: (place > 1).then(|| SpanId::new(n * 10 + place - 1).unwrap()),
        resource,
        kind,
        name: "POST /orders/{id}".into(),
        start,
        duration,
        status: SpanStatus::Unset,
        peer: None,
        attributes: Attributes::from([(semconv::URL_PATH.into(), format!("/orders/{n}"))]),
    }
}

/// Makes a flow; `counts` are connections, failures to connect, and retransmits.
fn flow(resource: ResourceId, millis: i64, peer: &Peer, outgoing: bool, counts: [u64; 3]) -> Flow {
    let [connections, connect_failures, retransmits] = counts;
    Flow {
        resource,
        time: at(millis),
        peer: peer.clone(),
        outgoing,
        connections,
        connect_failures,
        bytes_sent: 1,
        bytes_received: 2,
        retransmits,
        resets: 3,
    }
}

fn gauge(resource: ResourceId, millis: i64, value: f64) -> MetricPoint {
    MetricPoint {
        resource,
        time: at(millis),
        name: semconv::METRIC_MEMORY.into(),
        unit: "By".into(),
        kind: MetricKind::Gauge,
        value,
        attributes: Attributes::new(),
    }
}

fn delta(resource: ResourceId, millis: i64, value: f64) -> MetricPoint {
    MetricPoint {
        name: semconv::METRIC_RETRANSMITS.into(),
        unit: "1".into(),
        kind: MetricKind::Delta,
        ..gauge(resource, millis, value)
    }
}

/// Makes a log record.
pub(super) fn log(resource: ResourceId, millis: i64, severity: Severity, body: &str) -> LogRecord {
    LogRecord {
        resource,
        time: at(millis),
        severity,
        body: body.into(),
        trace_id: None,
        span_id: None,
        attributes: Attributes::from([("logger".into(), "大堂".into()), ("empty".into(), String::new())]),
    }
}

fn event(resource: ResourceId, millis: i64, name: &str) -> Event {
    Event {
        resource,
        time: at(millis),
        name: name.into(),
        body: format!("{name} happened"),
        attributes: Attributes::from([(semconv::COMMIT_BEFORE.into(), OLD_COMMIT.into())]),
    }
}

fn sample(resource: ResourceId, millis: i64, location: Option<&str>) -> ProfileSample {
    ProfileSample {
        resource,
        time: at(millis),
        frames: vec!["main".into(), "reserve::match_sku".into(), "[unknown]".into()],
        location: location.map(str::to_owned),
        count: 3,
        cpu_nanos: 30_000_000,
    }
}
