//! Batches for property tests: any rows that a collector could make.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};
use waggle_signals::{
    Attributes, Batch, Event, Flow, LogRecord, MetricKind, MetricPoint, Peer, ProfileSample, Resource,
    ResourceId, Severity, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, semconv,
};

fn attributes() -> impl Strategy<Value = Attributes> {
    let key = prop_oneof![
        "[a-z.]{1,8}",
        Just(semconv::HTTP_STATUS.to_owned()),
        Just(semconv::SERVER_ADDRESS.to_owned()),
    ];
    let value = prop_oneof![".{0,12}", "-?[0-9]{1,20}"];
    proptest::collection::btree_map(key, value, 0..4)
}

fn resource() -> impl Strategy<Value = ResourceId> {
    (0..3_u32).prop_map(ResourceId)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (1..4_000_000_000_000_000_000_i64).prop_map(Timestamp::from_nanos)
}

fn peer() -> impl Strategy<Value = Peer> {
    (".{0,6}", "[0-9.]{0,8}", any::<u16>()).prop_map(|(service, address, port)| Peer {
        service,
        address,
        port,
    })
}

fn trace_id() -> impl Strategy<Value = TraceId> {
    (1..u128::MAX).prop_map(|n| TraceId::new(n).unwrap())
}

fn span_id() -> impl Strategy<Value = SpanId> {
    (1..u64::MAX).prop_map(|n| SpanId::new(n).unwrap())
}

fn span() -> impl Strategy<Value = Span> {
    let kinds =
        [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    let statuses = [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error];
    let ids = (trace_id(), span_id(), option::of(span_id()), resource());
    let what = (prop::sample::select(kinds.to_vec()), ".{0,8}", prop::sample::select(statuses.to_vec()));
    (ids, what, time(), 0..u64::MAX / 8, option::of(peer()), attributes()).prop_map(
        |(
            (trace_id, span_id, parent_span_id, resource),
            (kind, name, status),
            start,
            nanos,
            peer,
            attributes,
        )| Span {
            trace_id,
            span_id,
            parent_span_id,
            resource,
            kind,
            name,
            start,
            duration: Duration::from_nanos(nanos),
            status,
            peer,
            attributes,
        },
    )
}

fn point() -> impl Strategy<Value = MetricPoint> {
    let kinds = vec![MetricKind::Gauge, MetricKind::Delta, MetricKind::Cumulative];
    (
        resource(),
        time(),
        "[a-z.]{1,8}",
        ".{0,3}",
        prop::sample::select(kinds),
        any::<i32>().prop_map(|n| f64::from(n) / 8.0),
        attributes(),
    )
        .prop_map(|(resource, time, name, unit, kind, value, attributes)| MetricPoint {
            resource,
            time,
            name,
            unit,
            kind,
            value,
            attributes,
        })
}

fn log() -> impl Strategy<Value = LogRecord> {
    let severity = prop::sample::select(Severity::ALL.to_vec());
    (resource(), time(), severity, ".{0,20}", option::of(trace_id()), option::of(span_id()), attributes())
        .prop_map(|(resource, time, severity, body, trace_id, span_id, attributes)| LogRecord {
            resource,
            time,
            severity,
            body,
            trace_id,
            span_id,
            attributes,
        })
}

fn event() -> impl Strategy<Value = Event> {
    (resource(), time(), "[a-z.]{1,10}", ".{0,20}", attributes())
        .prop_map(|(resource, time, name, body, attributes)| Event { resource, time, name, body, attributes })
}

fn sample() -> impl Strategy<Value = ProfileSample> {
    (resource(), time(), vec(".{0,12}", 1..5), option::of(".{1,8}"), any::<u32>(), any::<u64>()).prop_map(
        |(resource, time, frames, location, count, cpu_nanos)| ProfileSample {
            resource,
            time,
            frames,
            location,
            count,
            cpu_nanos,
        },
    )
}

fn flow() -> impl Strategy<Value = Flow> {
    (resource(), time(), peer(), any::<bool>(), any::<[u64; 6]>()).prop_map(
        |(resource, time, peer, outgoing, n)| Flow {
            resource,
            time,
            peer,
            outgoing,
            connections: n[0],
            connect_failures: n[1],
            bytes_sent: n[2],
            bytes_received: n[3],
            retransmits: n[4] % 2,
            resets: n[5],
        },
    )
}

/// Any batch whose rows all have a resource.
pub(crate) fn any_batch() -> impl Strategy<Value = Batch> {
    let rows = (
        vec(span(), 0..4),
        vec(point(), 0..4),
        vec(log(), 0..4),
        vec(event(), 0..4),
        vec(sample(), 0..4),
        vec(flow(), 0..4),
    );
    (proptest::collection::btree_set(attributes(), 3), rows).prop_map(
        |(tags, (spans, metrics, logs, events, samples, flows))| Batch {
            resources: tags.into_iter().map(|attributes| Resource { attributes }).collect(),
            spans,
            metrics,
            logs,
            events,
            samples,
            flows,
        },
    )
}

/// Shows each row with its resource in place of the id, so that batches with other ids and another order compare.
pub(crate) fn rows(batch: &Batch) -> Vec<String> {
    let mut batch = batch.clone();
    let resources = std::mem::take(&mut batch.resources);
    let mut whose = Vec::new();
    batch.map_resources(|id| {
        whose.push(resources[id.0 as usize].clone());
        ResourceId(0)
    });
    let spans = batch.spans.iter().map(|row| format!("{row:?}"));
    let metrics = batch.metrics.iter().map(|row| format!("{row:?}"));
    let logs = batch.logs.iter().map(|row| format!("{row:?}"));
    let events = batch.events.iter().map(|row| format!("{row:?}"));
    let samples = batch.samples.iter().map(|row| format!("{row:?}"));
    let flows = batch.flows.iter().map(|row| format!("{row:?}"));
    let rows = spans.chain(metrics).chain(logs).chain(events).chain(samples).chain(flows);
    rows.zip(whose).map(|(row, resource)| format!("{resource:?} {row}")).collect()
}
