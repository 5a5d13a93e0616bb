//! What services send: spans, lines, stacks and numbers, one at a time.

use std::time::Duration;

use waggle_signals::{
    Attributes, Batch, Event, LogRecord, MetricKind, MetricPoint, Peer, ProfileSample, Resource, ResourceId,
    Severity, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, semconv,
};

use crate::random::Random;

/// What services send, while it is drawn.
pub struct World<'a> {
    /// All so far.
    pub batch: Batch,
    /// Where all choices come from.
    pub random: Random,
    /// What services say they were built from.
    pub repository: &'a str,
    /// The next id of a span.
    pub next: u64,
}

/// Returns a time by its second and milliseconds after it.
pub fn at_ms(second: i64, ms: f64) -> Timestamp {
    Timestamp::from_secs(second) + Duration::from_micros((ms.max(0.0) * 1e3) as u64)
}

impl World<'_> {
    /// Returns the id of a service's resource.
    pub fn resource(&mut self, service: &str) -> ResourceId {
        let tags = [(semconv::SERVICE_NAME, service), (semconv::REPOSITORY, self.repository)];
        self.batch.resource(&Resource::new(tags))
    }

    /// A version of a service goes live.
    pub fn deployed(&mut self, service: &str, at: i64, commit: &str, before: &str) {
        let resource = self.resource(service);
        let tags = [
            (semconv::COMMIT, commit),
            (semconv::COMMIT_BEFORE, before),
            (semconv::REPOSITORY, self.repository),
        ];
        let attributes = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (time, name) = (Timestamp::from_secs(at), semconv::EVENT_DEPLOYMENT.to_owned());
        self.batch.events.push(Event { resource, time, name, body: "deployed".to_owned(), attributes });
    }

    /// One span; `None` when ids ran out.
    pub fn span(
        &mut self,
        service: &str,
        trace: u64,
        parent: Option<SpanId>,
        kind: SpanKind,
        name: &str,
        start: Timestamp,
        ms: f64,
        failed: bool,
    ) -> Option<SpanId> {
        let resource = self.resource(service);
        let id = SpanId::new(self.next)?;
        self.next += 1;
        self.batch.spans.push(Span {
            trace_id: TraceId::new(u128::from(trace))?,
            span_id: id,
            parent_span_id: parent,
            resource,
            kind,
            name: name.to_owned(),
            start,
            duration: Duration::from_micros((ms.max(0.01) * 1e3) as u64),
            status: if failed { SpanStatus::Error } else { SpanStatus::Ok },
            peer: None,
            attributes: Attributes::new(),
        });
        Some(id)
    }

    /// A call or statement below a span.
    pub fn child(
        &mut self,
        service: &str,
        trace: u64,
        parent: Option<SpanId>,
        name: &str,
        start: Timestamp,
        ms: f64,
        failed: bool,
        statement: Option<&str>,
        peer: &str,
    ) {
        self.span(service, trace, parent, SpanKind::Client, name, start, ms, failed);
        if let Some(span) = self.batch.spans.last_mut() {
            if let Some(statement) = statement {
                span.attributes.insert("db.query.text".to_owned(), statement.to_owned());
            }
            span.peer = Some(Peer { service: peer.to_owned(), ..Peer::default() });
        }
    }

    /// One line of a log.
    pub fn says(&mut self, service: &str, at: i64, severity: Severity, body: String) {
        let resource = self.resource(service);
        self.batch.logs.push(LogRecord {
            resource,
            time: Timestamp::from_secs(at),
            severity,
            body,
            trace_id: None,
            span_id: None,
            attributes: Attributes::new(),
        });
    }

    /// One stack of a profile.
    pub fn sample(&mut self, service: &str, at: i64, frames: Vec<String>, count: u32) {
        let resource = self.resource(service);
        let cpu_nanos = u64::from(count) * 10_000_000;
        self.batch.samples.push(ProfileSample {
            resource,
            time: Timestamp::from_secs(at),
            frames,
            location: None,
            count,
            cpu_nanos,
        });
    }

    /// One measured number.
    pub fn metric(&mut self, service: &str, at: i64, name: &str, value: f64) {
        let resource = self.resource(service);
        self.batch.metrics.push(MetricPoint {
            resource,
            time: Timestamp::from_secs(at),
            name: name.to_owned(),
            unit: String::new(),
            kind: MetricKind::Gauge,
            value,
            attributes: Attributes::new(),
        });
    }
}
