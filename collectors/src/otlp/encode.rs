//! From a batch to OTLP.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value},
    logs::v1::{LogRecord as OtlpLog, ResourceLogs, ScopeLogs},
    metrics::v1::{
        AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
        metric::Data, number_data_point,
    },
    resource::v1::Resource as OtlpResource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span as OtlpSpan, Status, span::SpanKind as OtlpKind, status::StatusCode,
    },
};
use waggle_signals::{
    Batch, Event, Flow, LogRecord, MetricKind, MetricPoint, Peer, ProfileSample, ResourceId, Severity, Span,
    SpanKind, SpanStatus, semconv,
};

use super::{
    EVENT_FLOW, EVENT_SAMPLE, Export, PEER_ADDRESS, PEER_PORT, SCOPE,
    value::{nanos, number, pair, pairs, string},
};

/// Writes a batch as OTLP. Rows of a resource that the batch does not have get an empty one.
pub fn encode(batch: &Batch) -> Export {
    Export { traces: traces(batch), metrics: metrics(batch), logs: logs(batch) }
}

fn traces(batch: &Batch) -> Option<ExportTraceServiceRequest> {
    let by_resource = grouped(batch.spans.iter().map(|span| (span.resource, span_of(span))));
    let resource_spans: Vec<_> = by_resource
        .into_iter()
        .map(|(id, spans)| ResourceSpans {
            resource: resource(batch, id),
            scope_spans: vec![ScopeSpans { scope: scope(), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        })
        .collect();
    (!resource_spans.is_empty()).then_some(ExportTraceServiceRequest { resource_spans })
}

fn metrics(batch: &Batch) -> Option<ExportMetricsServiceRequest> {
    let by_resource = grouped(batch.metrics.iter().map(|point| (point.resource, point)));
    let resource_metrics: Vec<_> = by_resource
        .into_iter()
        .map(|(id, points)| ResourceMetrics {
            resource: resource(batch, id),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(),
                metrics: metrics_of(&points),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        })
        .collect();
    (!resource_metrics.is_empty()).then_some(ExportMetricsServiceRequest { resource_metrics })
}

fn logs(batch: &Batch) -> Option<ExportLogsServiceRequest> {
    let logs = batch.logs.iter().map(|row| (row.resource, log(row)));
    let events = batch.events.iter().map(|row| (row.resource, event(row)));
    let samples = batch.samples.iter().map(|row| (row.resource, sample(row)));
    let flows = batch.flows.iter().map(|row| (row.resource, flow(row)));
    let resource_logs: Vec<_> = grouped(logs.chain(events).chain(samples).chain(flows))
        .into_iter()
        .map(|(id, log_records)| ResourceLogs {
            resource: resource(batch, id),
            scope_logs: vec![ScopeLogs { scope: scope(), log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        })
        .collect();
    (!resource_logs.is_empty()).then_some(ExportLogsServiceRequest { resource_logs })
}

fn grouped<T>(rows: impl Iterator<Item = (ResourceId, T)>) -> BTreeMap<ResourceId, Vec<T>> {
    let mut groups: BTreeMap<ResourceId, Vec<T>> = BTreeMap::new();
    for (id, row) in rows {
        groups.entry(id).or_default().push(row);
    }
    groups
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: SCOPE.to_owned(), ..InstrumentationScope::default() })
}

fn resource(batch: &Batch, id: ResourceId) -> Option<OtlpResource> {
    let resource = batch.resources.get(id.0 as usize)?;
    Some(OtlpResource { attributes: pairs(&resource.attributes), ..OtlpResource::default() })
}

fn span_of(span: &Span) -> OtlpSpan {
    let kind = match span.kind {
        SpanKind::Internal => OtlpKind::Internal,
        SpanKind::Server => OtlpKind::Server,
        SpanKind::Client => OtlpKind::Client,
        SpanKind::Producer => OtlpKind::Producer,
        SpanKind::Consumer => OtlpKind::Consumer,
    };
    let code = match span.status {
        SpanStatus::Unset => StatusCode::Unset,
        SpanStatus::Ok => StatusCode::Ok,
        SpanStatus::Error => StatusCode::Error,
    };
    let mut attributes = pairs(&span.attributes);
    if let Some(peer) = &span.peer {
        attributes
            .retain(|pair| ![semconv::PEER_SERVICE, PEER_ADDRESS, PEER_PORT].contains(&pair.key.as_str()));
        attributes.extend(peer_pairs(peer));
    }
    OtlpSpan {
        trace_id: span.trace_id.to_bytes().to_vec(),
        span_id: span.span_id.to_bytes().to_vec(),
        parent_span_id: span.parent_span_id.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        kind: kind.into(),
        start_time_unix_nano: nanos(span.start),
        end_time_unix_nano: nanos(span.end()),
        attributes,
        status: Some(Status { code: code.into(), ..Status::default() }),
        ..OtlpSpan::default()
    }
}

fn peer_pairs(peer: &Peer) -> Vec<KeyValue> {
    let mut pairs = vec![pair(PEER_PORT, number(peer.port.into()))];
    if !peer.service.is_empty() {
        pairs.push(pair(semconv::PEER_SERVICE, string(&peer.service)));
    }
    if !peer.address.is_empty() {
        pairs.push(pair(PEER_ADDRESS, string(&peer.address)));
    }
    pairs
}

fn metrics_of(points: &[&MetricPoint]) -> Vec<Metric> {
    let mut by_metric: BTreeMap<(&str, &str, MetricKind), Vec<NumberDataPoint>> = BTreeMap::new();
    for point in points {
        by_metric.entry((&point.name, &point.unit, point.kind)).or_default().push(NumberDataPoint {
            attributes: pairs(&point.attributes),
            time_unix_nano: nanos(point.time),
            value: Some(number_data_point::Value::AsDouble(point.value)),
            ..NumberDataPoint::default()
        });
    }
    let metrics = by_metric.into_iter().map(|((name, unit, kind), data_points)| {
        let sum = |data_points, temporality: AggregationTemporality| {
            Data::Sum(Sum { data_points, aggregation_temporality: temporality.into(), is_monotonic: true })
        };
        let data = match kind {
            MetricKind::Gauge => Data::Gauge(Gauge { data_points }),
            MetricKind::Delta => sum(data_points, AggregationTemporality::Delta),
            MetricKind::Cumulative => sum(data_points, AggregationTemporality::Cumulative),
        };
        Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
    });
    metrics.collect()
}

fn log(record: &LogRecord) -> OtlpLog {
    OtlpLog {
        time_unix_nano: nanos(record.time),
        observed_time_unix_nano: nanos(record.time),
        severity_number: record.severity.number(),
        severity_text: record.severity.as_str().to_owned(),
        body: Some(string(&record.body)),
        attributes: pairs(&record.attributes),
        trace_id: record.trace_id.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        span_id: record.span_id.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        ..OtlpLog::default()
    }
}

fn event(event: &Event) -> OtlpLog {
    OtlpLog {
        body: Some(string(&event.body)),
        attributes: pairs(&event.attributes),
        ..named(&event.name, nanos(event.time))
    }
}

fn sample(sample: &ProfileSample) -> OtlpLog {
    let frames = sample.frames.iter().map(string).collect();
    let mut attributes = vec![
        pair("waggle.profile.count", number(sample.count.into())),
        pair("waggle.profile.cpu_nanos", number(sample.cpu_nanos)),
    ];
    attributes
        .extend(sample.location.iter().map(|location| pair("waggle.profile.location", string(location))));
    OtlpLog {
        body: Some(AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: frames })) }),
        attributes,
        ..named(EVENT_SAMPLE, nanos(sample.time))
    }
}

fn flow(flow: &Flow) -> OtlpLog {
    let counts = [
        ("waggle.flow.connections", flow.connections),
        ("waggle.flow.connect_failures", flow.connect_failures),
        ("waggle.flow.bytes_sent", flow.bytes_sent),
        ("waggle.flow.bytes_received", flow.bytes_received),
        ("waggle.flow.retransmits", flow.retransmits),
        ("waggle.flow.resets", flow.resets),
    ];
    let mut attributes = peer_pairs(&flow.peer);
    let outgoing = AnyValue { value: Some(Value::BoolValue(flow.outgoing)) };
    attributes.push(pair("waggle.flow.outgoing", outgoing));
    attributes.extend(counts.iter().filter(|(_, n)| *n > 0).map(|(key, n)| pair(key, number(*n))));
    OtlpLog { attributes, ..named(EVENT_FLOW, nanos(flow.time)) }
}

fn named(name: &str, time_unix_nano: u64) -> OtlpLog {
    OtlpLog {
        time_unix_nano,
        observed_time_unix_nano: time_unix_nano,
        severity_number: Severity::Info.number(),
        severity_text: Severity::Info.as_str().to_owned(),
        event_name: name.to_owned(),
        ..OtlpLog::default()
    }
}
