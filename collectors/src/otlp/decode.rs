//! From OTLP to a batch: spans and log records.

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, any_value::Value},
    logs::v1::LogRecord as OtlpLog,
    trace::v1::{Span as OtlpSpan, span},
};
use waggle_signals::{
    Attributes, Batch, Event, Flow, LogRecord, Peer, ProfileSample, ResourceId, Severity, Span, SpanId,
    SpanKind, SpanStatus, Timestamp, TraceId, semconv,
};

use super::{
    Decoded, EVENT_FLOW, EVENT_SAMPLE, PEER_ADDRESS, PEER_PORT, SCOPE, are_ours,
    value::{attributes, resource, text, time},
};

/// Reads spans, and their events as log records.
pub fn decode_traces(request: &ExportTraceServiceRequest) -> Decoded {
    let mut decoded = Decoded::default();
    for group in &request.resource_spans {
        let is_ours = are_ours(group.scope_spans.iter().map(|scope| scope.scope.as_ref()));
        let resource = resource(group.resource.as_ref());
        let caller = resource.service().to_owned();
        let id = decoded.resource(resource, is_ours);
        for scope in &group.scope_spans {
            let is_ours = scope.scope.as_ref().is_some_and(|scope| scope.name == SCOPE);
            for otlp in &scope.spans {
                match span_of(otlp, id, &caller, is_ours) {
                    Some(span) => {
                        decoded.batch.logs.extend(otlp.events.iter().map(|event| span_event(event, &span)));
                        decoded.batch.spans.push(span);
                    }
                    None => decoded.reject(1, || {
                        let name: String = otlp.name.chars().take(64).collect();
                        format!("span `{name}` has a trace id or span id that is not valid")
                    }),
                }
            }
        }
    }
    decoded
}

/// Reads log records, and what travels as such.
pub fn decode_logs(request: &ExportLogsServiceRequest) -> Decoded {
    let mut decoded = Decoded::default();
    for group in &request.resource_logs {
        let is_ours = are_ours(group.scope_logs.iter().map(|scope| scope.scope.as_ref()));
        let id = decoded.resource(resource(group.resource.as_ref()), is_ours);
        for otlp in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            let is_read = record(otlp, id, &mut decoded.batch);
            if !is_read {
                decoded.reject(1, || format!("record `{}` does not have what it needs", otlp.event_name));
            }
        }
    }
    decoded
}

fn span_of(otlp: &OtlpSpan, resource: ResourceId, caller: &str, is_ours: bool) -> Option<Span> {
    let kind = match otlp.kind() {
        span::SpanKind::Unspecified | span::SpanKind::Internal => SpanKind::Internal,
        span::SpanKind::Server => SpanKind::Server,
        span::SpanKind::Client => SpanKind::Client,
        span::SpanKind::Producer => SpanKind::Producer,
        span::SpanKind::Consumer => SpanKind::Consumer,
    };
    let status = otlp.status.as_ref();
    let code = match status.map_or(0, |status| status.code) {
        1 => SpanStatus::Ok,
        2 => SpanStatus::Error,
        _ => SpanStatus::Unset,
    };
    let mut attributes = attributes(&otlp.attributes);
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            attributes.entry(key.to_owned()).or_insert(value);
        }
    };
    // OpenTelemetry, "Mapping to non-OTLP formats": these keys stand for fields that the target does not have.
    put("otel.status_description", status.map(|status| status.message.clone()).unwrap_or_default());
    put("w3c.tracestate", otlp.trace_state.clone());
    let links = otlp.links.iter().filter_map(|link| {
        let (trace_id, span_id) = (TraceId::from_bytes(&link.trace_id)?, SpanId::from_bytes(&link.span_id)?);
        Some(format!("{trace_id}-{span_id}"))
    });
    put("otel.links", links.collect::<Vec<_>>().join(","));

    let peer = take_peer(&mut attributes)
        .or_else(|| (!is_ours).then(|| implied_peer(kind, &attributes, caller)).flatten());
    let start = time(otlp.start_time_unix_nano);
    Some(Span {
        trace_id: TraceId::from_bytes(&otlp.trace_id)?,
        span_id: SpanId::from_bytes(&otlp.span_id)?,
        parent_span_id: SpanId::from_bytes(&otlp.parent_span_id),
        resource,
        kind,
        name: otlp.name.clone(),
        start,
        duration: time(otlp.end_time_unix_nano).since(start),
        status: code,
        peer,
        attributes,
    })
}

fn take_peer(attributes: &mut Attributes) -> Option<Peer> {
    let service = attributes.remove(semconv::PEER_SERVICE);
    let address = attributes.remove(PEER_ADDRESS);
    let port = attributes.remove(PEER_PORT);
    let is_known = service.is_some() || address.is_some() || port.is_some();
    is_known.then(|| Peer {
        service: service.unwrap_or_default(),
        address: address.unwrap_or_default(),
        port: port.and_then(|port| port.parse().ok()).unwrap_or(0),
    })
}

/// Kinds of databases and what is the name of one of them, by OpenTelemetry's conventions of today and of before.
const DATABASES: [&str; 2] = ["db.system.name", "db.system"];
const DATABASE_NAMES: [&str; 2] = ["db.namespace", "db.name"];
/// Kinds of brokers: services share one of them.
const BROKERS: [&str; 1] = ["messaging.system"];

/// A client of somebody else's making tells the other end by the server's address, a server by the client's. Where a client of a
/// database gives none, the kind of database and whose it is stand for it, so that time spent there is not taken for the client's own.
fn implied_peer(kind: SpanKind, attributes: &Attributes, caller: &str) -> Option<Peer> {
    let any = |keys: &[&str]| keys.iter().find_map(|key| attributes.get(*key)).cloned();
    let (address, port) = match kind {
        SpanKind::Client | SpanKind::Producer => {
            (any(&[semconv::SERVER_ADDRESS, "net.peer.name"]), any(&[semconv::SERVER_PORT, "net.peer.port"]))
        }
        SpanKind::Server | SpanKind::Consumer => {
            (any(&[semconv::CLIENT_ADDRESS]), any(&[semconv::CLIENT_PORT]))
        }
        SpanKind::Internal => return None,
    };
    let port = port.and_then(|port| port.parse().ok()).unwrap_or(0);
    match address {
        Some(address) => Some(Peer { service: String::new(), address, port }),
        None if kind == SpanKind::Client => {
            let database = any(&DATABASES).map(|system| database(&system, any(&DATABASE_NAMES), caller));
            let service = database.or_else(|| any(&BROKERS))?;
            Some(Peer { service, address: String::new(), port: 0 })
        }
        None => None,
    }
}

/// Names a database that has no address: `postgresql/orders` by its own name, else `redis of cart` by who asks it.
fn database(system: &str, name: Option<String>, caller: &str) -> String {
    // Redis counts its databases, and every server has a `0`.
    let name = name.filter(|name| name.chars().any(|c| !c.is_ascii_digit()));
    match name {
        Some(name) => format!("{system}/{name}"),
        None if caller.is_empty() => system.to_owned(),
        None => format!("{system} of {caller}"),
    }
}

fn span_event(event: &span::Event, span: &Span) -> LogRecord {
    let mut attributes = attributes(&event.attributes);
    let message = attributes.get("exception.message").filter(|_| event.name == "exception").cloned();
    attributes.insert("event.name".to_owned(), event.name.clone());
    LogRecord {
        resource: span.resource,
        time: time(event.time_unix_nano),
        severity: if event.name == "exception" { Severity::Error } else { Severity::Info },
        body: message.unwrap_or_else(|| event.name.clone()),
        trace_id: Some(span.trace_id),
        span_id: Some(span.span_id),
        attributes,
    }
}

/// Adds what a record stands for to the batch; returns whether it could be read.
fn record(otlp: &OtlpLog, resource: ResourceId, batch: &mut Batch) -> bool {
    match otlp.event_name.as_str() {
        "" => batch.logs.push(log(otlp, resource)),
        EVENT_SAMPLE => match sample(otlp, resource) {
            Some(sample) => batch.samples.push(sample),
            None => return false,
        },
        EVENT_FLOW => match flow(otlp, resource) {
            Some(flow) => batch.flows.push(flow),
            None => return false,
        },
        _ => batch.events.push(event(otlp, resource)),
    }
    true
}

fn log(otlp: &OtlpLog, resource: ResourceId) -> LogRecord {
    let severity = match otlp.severity_number {
        0 => Severity::parse(&otlp.severity_text).unwrap_or(Severity::Info),
        number => Severity::from_number(number),
    };
    LogRecord {
        resource,
        time: time_of(otlp),
        severity,
        body: otlp.body.as_ref().map(text).unwrap_or_default(),
        trace_id: TraceId::from_bytes(&otlp.trace_id),
        span_id: SpanId::from_bytes(&otlp.span_id),
        attributes: attributes(&otlp.attributes),
    }
}

fn event(otlp: &OtlpLog, resource: ResourceId) -> Event {
    let mut attributes = attributes(&otlp.attributes);
    // An event of ours belongs to no trace; one of somebody else's may.
    if let Some(trace_id) = TraceId::from_bytes(&otlp.trace_id) {
        attributes.insert("trace_id".to_owned(), trace_id.to_string());
    }
    if let Some(span_id) = SpanId::from_bytes(&otlp.span_id) {
        attributes.insert("span_id".to_owned(), span_id.to_string());
    }
    Event {
        resource,
        time: time_of(otlp),
        name: otlp.event_name.clone(),
        body: otlp.body.as_ref().map(text).unwrap_or_default(),
        attributes,
    }
}

fn sample(otlp: &OtlpLog, resource: ResourceId) -> Option<ProfileSample> {
    let Some(AnyValue { value: Some(Value::ArrayValue(frames)) }) = &otlp.body else { return None };
    let mut attributes = attributes(&otlp.attributes);
    let sample = ProfileSample {
        resource,
        time: time_of(otlp),
        frames: frames.values.iter().map(text).collect(),
        location: attributes.remove("waggle.profile.location"),
        count: attributes.get("waggle.profile.count")?.parse().ok()?,
        cpu_nanos: attributes.get("waggle.profile.cpu_nanos")?.parse().ok()?,
    };
    (!sample.frames.is_empty()).then_some(sample)
}

fn flow(otlp: &OtlpLog, resource: ResourceId) -> Option<Flow> {
    let mut attributes = attributes(&otlp.attributes);
    let peer = take_peer(&mut attributes)?;
    let outgoing = attributes.get("waggle.flow.outgoing")?.parse().ok()?;
    let count = |key: &str| attributes.get(key).map_or(Some(0), |n| n.parse().ok());
    Some(Flow {
        resource,
        time: time_of(otlp),
        peer,
        outgoing,
        connections: count("waggle.flow.connections")?,
        connect_failures: count("waggle.flow.connect_failures")?,
        bytes_sent: count("waggle.flow.bytes_sent")?,
        bytes_received: count("waggle.flow.bytes_received")?,
        retransmits: count("waggle.flow.retransmits")?,
        resets: count("waggle.flow.resets")?,
    })
}

/// The time of the record, or of its observation when it has none (logs data model, "Timestamp").
fn time_of(otlp: &OtlpLog) -> Timestamp {
    time(if otlp.time_unix_nano == 0 { otlp.observed_time_unix_nano } else { otlp.time_unix_nano })
}
