//! Rows for tests.

use std::time::Duration;

use waggle_signals::{
    Attributes, Batch, Event, Flow, LogRecord, MetricKind, MetricPoint, Peer, ProfileSample, Resource,
    ResourceId, Severity, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId,
};

/// A batch with one row of every kind, every field set.
pub fn one_of_each() -> Batch {
    let resource = ResourceId(0);
    let time = Timestamp::from_millis(1_772_373_900_250);
    let attributes = Attributes::from([
        ("http.request.method".to_owned(), "GET".to_owned()),
        ("http.route".to_owned(), "/cart/{id}".to_owned()),
        ("http.response.status_code".to_owned(), "503".to_owned()),
    ]);
    let (trace_id, span_id) = (TraceId::new(0xabc).unwrap(), SpanId::new(0x12).unwrap());
    let peer = Peer { service: "redis".to_owned(), address: "10.0.0.7".to_owned(), port: 6379 };
    let span = Span {
        trace_id,
        span_id,
        parent_span_id: SpanId::new(0x11),
        resource,
        kind: SpanKind::Server,
        name: "GET /cart/{id}".to_owned(),
        start: time,
        duration: Duration::from_nanos(1_234_567),
        status: SpanStatus::Error,
        peer: Some(peer.clone()),
        attributes: attributes.clone(),
    };
    let metric = MetricPoint {
        resource,
        time,
        name: "process.cpu.utilization".to_owned(),
        unit: "1".to_owned(),
        kind: MetricKind::Gauge,
        value: 0.25,
        attributes: Attributes::new(),
    };
    let log = LogRecord {
        resource,
        time,
        severity: Severity::Warn,
        body: "retrying 数据库".to_owned(),
        trace_id: Some(trace_id),
        span_id: None,
        attributes: attributes.clone(),
    };
    let event = Event {
        resource,
        time,
        name: "deployment".to_owned(),
        body: "9f3c1e2 is live".to_owned(),
        attributes,
    };
    let sample = ProfileSample {
        resource,
        time,
        frames: vec!["main".to_owned(), "<[u8; 4] as Hash>::hash".to_owned()],
        location: Some("reserve.rs:88".to_owned()),
        count: 3,
        cpu_nanos: 61_224_489,
    };
    let flow = Flow {
        resource,
        time,
        peer,
        outgoing: true,
        connections: 1,
        connect_failures: 2,
        bytes_sent: 3,
        bytes_received: 4,
        retransmits: 5,
        resets: 6,
    };
    Batch {
        resources: vec![Resource::new([("service.name", "cart"), ("owner", "@li.na")])],
        spans: vec![span],
        metrics: vec![metric],
        logs: vec![log],
        events: vec![event],
        samples: vec![sample],
        flows: vec![flow],
    }
}
