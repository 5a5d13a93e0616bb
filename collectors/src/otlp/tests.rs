use std::{env, fs, path::PathBuf};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value},
    metrics::v1::{
        ExponentialHistogram, ExponentialHistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics,
        exponential_histogram_data_point::Buckets, metric,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span as OtlpSpan, span},
};
use proptest::prelude::*;
use prost::Message;
use serde::de::DeserializeOwned;
use waggle_signals::{MetricKind, Severity, SpanKind, semconv};

use super::{
    arbitrary::{any_batch, rows},
    *,
};

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

fn decoded(export: &Export) -> Vec<Decoded> {
    let mut all = Vec::new();
    all.extend(export.traces.as_ref().map(decode_traces));
    all.extend(export.metrics.as_ref().map(decode_metrics));
    all.extend(export.logs.as_ref().map(decode_logs));
    all
}

fn through_protobuf<M: Message + Default>(request: M) -> M {
    M::decode(request.encode_to_vec().as_slice()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_batch_comes_back_as_it_went(batch in any_batch()) {
        let export = encode(&batch);
        let export = Export {
            traces: export.traces.map(through_protobuf),
            metrics: export.metrics.map(through_protobuf),
            logs: export.logs.map(through_protobuf),
        };
        let decoded = decoded(&export);
        prop_assert!(decoded.iter().all(|decoded| decoded.rejected == 0));
        let back = decoded.iter().flat_map(|decoded| rows(&decoded.batch)).collect();
        prop_assert_eq!(sorted(back), sorted(rows(&batch)));
    }

    #[test]
    fn any_bytes_are_a_request_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(request) = ExportTraceServiceRequest::decode(bytes.as_slice()) {
            decode_traces(&request);
        }
        if let Ok(request) = ExportMetricsServiceRequest::decode(bytes.as_slice()) {
            decode_metrics(&request);
        }
        if let Ok(request) = ExportLogsServiceRequest::decode(bytes.as_slice()) {
            decode_logs(&request);
        }
    }
}

#[test]
fn a_span_without_valid_ids_is_rejected_and_the_others_are_kept() {
    let good = OtlpSpan { trace_id: vec![1; 16], span_id: vec![2; 8], ..OtlpSpan::default() };
    let bad = OtlpSpan { trace_id: vec![0; 16], name: "bad".into(), ..good.clone() };
    let scope_spans = vec![ScopeSpans { spans: vec![bad, good], ..ScopeSpans::default() }];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    };
    let decoded = decode_traces(&request);
    assert_eq!((decoded.batch.spans.len(), decoded.rejected), (1, 1));
    assert_eq!(decoded.reason.unwrap(), "span `bad` has a trace id or span id that is not valid");
}

#[test]
fn the_other_end_of_a_call_is_its_address_or_what_database_it_is() {
    let pair = |(key, value): &(&str, &str)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue((*value).to_owned())) }),
        ..KeyValue::default()
    };
    let peer_of = |caller: &[(&str, &str)], kind: span::SpanKind, tags: &[(&str, &str)]| {
        let attributes = tags.iter().map(pair);
        let span = OtlpSpan {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            kind: kind.into(),
            attributes: attributes.collect(),
            ..OtlpSpan::default()
        };
        let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
        let resource =
            Some(Resource { attributes: caller.iter().map(pair).collect(), ..Resource::default() });
        let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
        let decoded = decode_traces(&ExportTraceServiceRequest { resource_spans });
        let peer = decoded.batch.spans[0].peer.clone();
        peer.map(|peer| format!("{}|{}|{}", peer.service, peer.address, peer.port))
    };
    let peer = |kind, tags: &[(&str, &str)]| peer_of(&[("service.name", "cart")], kind, tags);
    let (client, server) = (span::SpanKind::Client, span::SpanKind::Server);
    let database = [("db.system.name", "postgresql"), ("server.address", "db"), ("server.port", "5432")];
    assert_eq!(peer(client, &database).as_deref(), Some("|db|5432"));
    // Two databases of one kind are two: by their own names, else by who asks them.
    for (tags, wanted) in [
        (&[("db.system.name", "postgresql"), ("db.namespace", "orders")][..], "postgresql/orders||0"),
        (&[("db.system", "mysql"), ("db.name", "stock")], "mysql/stock||0"),
        (&[("db.system", "redis"), ("db.namespace", "0")], "redis of cart||0"),
        (&[("db.system.name", "postgresql"), ("db.namespace", "")], "postgresql of cart||0"),
        (&[("db.system.name", "postgresql")], "postgresql of cart||0"),
        (&[("messaging.system", "kafka")], "kafka||0"),
    ] {
        assert_eq!(peer(client, tags).as_deref(), Some(wanted));
    }
    assert_eq!(peer_of(&[], client, &database[..1]).as_deref(), Some("postgresql||0"));
    let before = [("net.peer.name", "stock"), ("net.peer.port", "80")];
    assert_eq!(peer(client, &before).as_deref(), Some("|stock|80"));
    assert_eq!(peer(server, &database), None);
    assert_eq!(peer(client, &[("rpc.system", "grpc")]), None);
}

#[test]
fn an_exception_of_a_span_becomes_a_log_record() {
    let string = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.into())) });
    let message =
        KeyValue { key: "exception.message".into(), value: string("no stock"), ..KeyValue::default() };
    let event = span::Event { name: "exception".into(), attributes: vec![message], ..span::Event::default() };
    let span =
        OtlpSpan { trace_id: vec![1; 16], span_id: vec![2; 8], events: vec![event], ..OtlpSpan::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    };
    let batch = decode_traces(&request).batch;
    let log = &batch.logs[0];
    assert_eq!(
        (log.severity, log.body.as_str(), log.trace_id),
        (Severity::Error, "no stock", Some(batch.spans[0].trace_id))
    );
}

#[test]
fn lists_and_maps_are_shown_as_json() {
    let int = |n| AnyValue { value: Some(Value::IntValue(n)) };
    let list = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![int(1), int(2)] })) };
    let pair = KeyValue { key: "a".into(), value: Some(list), ..KeyValue::default() };
    let map = AnyValue { value: Some(Value::KvlistValue(KeyValueList { values: vec![pair] })) };
    assert_eq!(value::text(&map), r#"{"a":[1,2]}"#);
}

#[test]
fn a_request_of_very_many_resources_is_read_in_time() {
    let group = |n: i64| {
        let pair = KeyValue { key: "n".into(), value: Some(value::number(n as u64)), ..KeyValue::default() };
        let resource = Some(Resource { attributes: vec![pair], ..Resource::default() });
        ResourceMetrics { resource, ..ResourceMetrics::default() }
    };
    let resource_metrics = (0..200_000).map(|n| group(n / 2)).collect();
    let begun = std::time::Instant::now();
    let decoded = decode_metrics(&ExportMetricsServiceRequest { resource_metrics });
    assert_eq!(decoded.batch.resources.len(), 100_000);
    // Looking through all resources for each takes minutes.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn an_exponential_histogram_of_any_scale_is_read() {
    for scale in [i32::MIN, -1_000_000, 0, 1_000_000, i32::MAX] {
        let positive = Some(Buckets { offset: 0, bucket_counts: vec![3] });
        let point = ExponentialHistogramDataPoint { scale, count: 3, positive, ..Default::default() };
        let histogram = ExponentialHistogram { data_points: vec![point], aggregation_temporality: 1 };
        let metric = Metric {
            name: "h".into(),
            data: Some(metric::Data::ExponentialHistogram(histogram)),
            ..Metric::default()
        };
        let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
        let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
        let decoded = decode_metrics(&ExportMetricsServiceRequest { resource_metrics });
        assert_eq!(decoded.batch.metrics[0].value, 3.0, "scale {scale}");
    }
}

/// Reads one of OpenTelemetry's own examples, when they are there.
fn example<R: DeserializeOwned>(name: &str) -> Option<R> {
    let data = env::var_os("WAGGLE_DATA").map_or_else(|| PathBuf::from("data"), PathBuf::from);
    let path = data.join("specs").join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: no data at {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn the_trace_example_of_the_specification_is_read() {
    let Some(request) = example("otlp-trace.json") else { return };
    let Decoded { batch, rejected, .. } = decode_traces(&request);
    let span = &batch.spans[0];
    assert_eq!(
        (batch.spans.len(), rejected, span.kind, span.name.as_str()),
        (1, 0, SpanKind::Server, "I'm a server span")
    );
    assert_eq!(span.trace_id.to_string(), "5b8efff798038103d269b633813fc60c");
    assert_eq!(span.parent_span_id.unwrap().to_string(), "eee19b7ec3c1b173");
    assert_eq!(span.duration.as_secs(), 1);
    assert_eq!(batch.resources[0].service(), "my.service");
    assert_eq!(batch.resources[0].tag(semconv::SOURCE), Some(semconv::SOURCE_OTLP));
}

#[test]
fn the_metrics_example_of_the_specification_is_read() {
    let Some(request) = example("otlp-metrics.json") else { return };
    let Decoded { batch, rejected, .. } = decode_metrics(&request);
    let of = |name: &str| {
        let points = batch.metrics.iter().filter(|point| point.name == name);
        points.map(|point| (point.kind, point.value, point.attributes.get("le").cloned())).collect::<Vec<_>>()
    };
    assert_eq!(rejected, 0);
    assert_eq!(of("my.counter"), [(MetricKind::Delta, 5.0, None)]);
    assert_eq!(of("my.gauge"), [(MetricKind::Gauge, 10.0, None)]);
    let buckets =
        [(MetricKind::Delta, 1.0, Some("1".to_owned())), (MetricKind::Delta, 2.0, Some("+Inf".to_owned()))];
    assert_eq!(of("my.histogram.bucket"), buckets);
    assert_eq!(of("my.histogram.sum"), [(MetricKind::Delta, 2.0, None)]);
    // Scale 0 doubles: the two values of the second bucket are above 4 and at most 8.
    let last = of("my.exponential.histogram.bucket").pop();
    assert_eq!(last, Some((MetricKind::Delta, 3.0, Some("8".to_owned()))));
}

#[test]
fn the_logs_example_of_the_specification_is_read() {
    let Some(request) = example("otlp-logs.json") else { return };
    let Decoded { batch, rejected, .. } = decode_logs(&request);
    let log = &batch.logs[0];
    assert_eq!((rejected, log.body.as_str(), log.severity), (0, "Example log record", Severity::Info));
    assert_eq!(log.attributes["boolean.attribute"], "true");
    assert!(log.trace_id.is_some() && log.span_id.is_some());
}
