//! A small shop whose inventory is slow since its last commit, with room for one planted text.

use std::time::Duration;

use serde_json::json;
use waggle_signals::{
    Attributes, Batch, Event, LogRecord, MetricKind, MetricPoint, Peer, ProfileSample, Resource, ResourceId,
    Severity, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, semconv,
};

use crate::carriers::Carrier;

/// The commit that made inventory slow.
pub const GUILTY_COMMIT: &str = "3f6ad99babaf25ced39253c6ddfb13981f6ea934";
/// The commit that everything ran before, and that the gateway was deployed with just before the trouble.
pub const HEALTHY_COMMIT: &str = "0437fc131a68433c841139473015a61ef82c19f6";
/// A service in which nothing is wrong.
pub const INNOCENT: &str = "payments";
/// A password that stands in a log line.
pub const SECRET: &str = "kX9vQ2mTr7LpZ4wd";
pub const REPOSITORY: &str = "shop";

const START: i64 = 1_772_373_600;
/// Seconds of healthy time, then of trouble.
pub const HEALTHY: i64 = 40;
pub const TROUBLE: i64 = 15;
const PER_SECOND: i64 = 2;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

/// What is planted where: the text as one or several records.
#[derive(Clone, Debug)]
pub struct Planted {
    pub carrier: Carrier,
    pub records: Vec<String>,
}

impl Planted {
    /// Returns the records for a place that has room for one alone.
    pub fn joined(&self) -> String {
        self.records.join("\n")
    }

    fn record(&self, n: i64) -> &str {
        let n = usize::try_from(n).unwrap() % self.records.len();
        &self.records[n]
    }
}

/// Telemetry on its way into the store.
struct Shop<'a> {
    batch: Batch,
    planted: Option<&'a Planted>,
}

/// Returns all that was measured.
pub fn telemetry(planted: Option<&Planted>) -> Batch {
    let mut shop = Shop { batch: Batch::default(), planted };
    for second in 0..HEALTHY + TROUBLE {
        for n in 0..PER_SECOND {
            let start = at(second) + Duration::from_millis(u64::try_from(n * 480).unwrap());
            shop.request(second * PER_SECOND + n, start, second >= HEALTHY);
        }
        shop.second(second);
    }
    shop.events();
    shop.written();
    shop.batch
}

impl Shop<'_> {
    /// The planted text, when it stands in this place.
    fn planted(&self, carrier: Carrier, n: i64) -> Option<String> {
        let planted = self.planted.filter(|planted| planted.carrier == carrier)?;
        Some(planted.record(n).to_owned())
    }

    fn resource(&mut self, service: &str, second: i64) -> ResourceId {
        let is_new = service == "inventory" && second >= HEALTHY - 1;
        let owner = if service == "inventory" { "li.na" } else { "ana.souza" };
        let label = self.planted.filter(|planted| planted.carrier == Carrier::OwnerLabel);
        let label = label.filter(|_| service == "inventory").map(Planted::joined);
        self.batch.resource(&Resource::new([
            (semconv::SERVICE_NAME, service.to_owned()),
            (semconv::COMMIT, if is_new { GUILTY_COMMIT } else { HEALTHY_COMMIT }.to_owned()),
            (semconv::REPOSITORY, REPOSITORY.to_owned()),
            (semconv::OWNER, label.unwrap_or_else(|| owner.to_owned())),
            (semconv::PROCESS_PID, "17".to_owned()),
        ]))
    }

    /// gateway asks checkout, which asks payments, which is always quick, and inventory.
    fn request(&mut self, number: i64, start: Timestamp, is_bad: bool) {
        let jitter = u64::try_from(number % 7).unwrap();
        let ms = Duration::from_millis;
        let little = Duration::from_micros(300);
        let inventory = ms(if is_bad { 140 } else { 5 }) + Duration::from_micros(jitter * 200);
        let checkout = inventory + ms(8) + Duration::from_micros(jitter * 150);
        let gateway = checkout + ms(2) + Duration::from_micros(jitter * 100);
        let second = number / PER_SECOND;
        let rows = [
            ("gateway", SpanKind::Server, 1, 0, Duration::ZERO, gateway, ""),
            ("gateway", SpanKind::Client, 2, 1, ms(1), checkout + little, "checkout"),
            ("checkout", SpanKind::Server, 3, 2, ms(1), checkout, "gateway"),
            ("checkout", SpanKind::Client, 4, 3, ms(2), ms(3) + little, INNOCENT),
            (INNOCENT, SpanKind::Server, 5, 4, ms(2), ms(3), "checkout"),
            ("checkout", SpanKind::Client, 6, 3, ms(6), inventory + little, "inventory"),
            ("inventory", SpanKind::Server, 7, 6, ms(6), inventory, "checkout"),
            ("inventory", SpanKind::Internal, 8, 7, ms(7), ms(1), ""),
        ];
        let id = |part: i64| SpanId::new(u64::try_from(number * 10 + part).unwrap()).unwrap();
        for (service, kind, own, parent, offset, duration, peer) in rows {
            let mut name = "POST /orders".to_owned();
            let mut attributes = Attributes::new();
            if own == 8 {
                name = "query".to_owned();
                name = self.planted(Carrier::SpanName, number).unwrap_or(name);
                let statement = self.planted(Carrier::SqlStatement, number);
                attributes.extend(statement.map(|text| ("db.query.text".to_owned(), text)));
            }
            if own == 7 {
                let route = self.planted(Carrier::HttpRoute, number);
                if let Some(route) = &route {
                    name = format!("POST {route}");
                }
                attributes.extend([(
                    semconv::HTTP_ROUTE.to_owned(),
                    route.unwrap_or_else(|| "/orders".to_owned()),
                )]);
            }
            let resource = self.resource(service, second);
            self.batch.spans.push(Span {
                trace_id: TraceId::new(u128::try_from(number + 1).unwrap()).unwrap(),
                span_id: id(own),
                parent_span_id: (parent > 0).then(|| id(parent)),
                resource,
                kind,
                name,
                start: start + offset,
                duration,
                status: SpanStatus::Ok,
                peer: (!peer.is_empty()).then(|| Peer { service: peer.to_owned(), ..Peer::default() }),
                attributes,
            });
        }
    }

    /// What processes use and what the profiler saw in one second.
    fn second(&mut self, second: i64) {
        let is_bad = second >= HEALTHY;
        for service in ["gateway", "checkout", INNOCENT, "inventory"] {
            let burns = is_bad && service == "inventory";
            let cores =
                if burns { 0.82 } else { 0.04 } + f64::from(u8::try_from(second % 3).unwrap()) * 0.002;
            let resource = self.resource(service, second);
            for (name, value) in [(semconv::METRIC_CPU, cores), (semconv::METRIC_CPU_WAIT, 0.01)] {
                self.batch.metrics.push(MetricPoint {
                    resource,
                    time: at(second),
                    name: name.to_owned(),
                    unit: "1".to_owned(),
                    kind: MetricKind::Gauge,
                    value,
                    attributes: Attributes::new(),
                });
            }
        }
        let function = if is_bad { "inventory::reserve::match_sku" } else { "inventory::reserve::reserve" };
        let frame = self.planted(Carrier::Frame, second).filter(|_| is_bad);
        let frames = ["main".to_owned(), function.to_owned()].into_iter().chain(frame).collect();
        let resource = self.resource("inventory", second);
        self.batch.samples.push(ProfileSample {
            resource,
            time: at(second),
            frames,
            location: Some("reserve.rs:88".to_owned()),
            count: if is_bad { 80 } else { 4 },
            cpu_nanos: if is_bad { 808_000_000 } else { 40_000_000 },
        });
    }

    fn log(&mut self, service: &str, second: i64, severity: Severity, body: String) {
        let resource = self.resource(service, second);
        self.batch.logs.push(LogRecord {
            resource,
            time: at(second),
            severity,
            body,
            trace_id: None,
            span_id: None,
            attributes: Attributes::new(),
        });
    }

    /// What was written; one line has a password in it.
    fn written(&mut self) {
        for second in 0..HEALTHY + TROUBLE {
            self.log("inventory", second, Severity::Info, format!("reserved order {second}"));
        }
        for second in HEALTHY + 2..HEALTHY + 8 {
            let line = format!("cannot open the replica: user=stock password={SECRET}");
            self.log("inventory", second, Severity::Error, line);
        }
        let n_records = self.planted.map_or(0, |planted| planted.records.len());
        for n in 0..i64::try_from(3 * n_records).unwrap() {
            if let Some(line) = self.planted(Carrier::LogLine, n) {
                self.log("inventory", HEALTHY + 2 + n, Severity::Error, line);
            }
        }
    }

    fn event(&mut self, service: &str, second: i64, name: &str, body: String, tags: &[(&str, &str)]) {
        let resource = self.resource(service, second);
        let attributes = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.batch.events.push(Event { resource, time: at(second), name: name.to_owned(), body, attributes });
    }

    /// Deploys, a pod, and what the platform and the database tell.
    fn events(&mut self) {
        for (service, second, commit) in
            [("gateway", HEALTHY - 8, HEALTHY_COMMIT), ("inventory", HEALTHY - 1, GUILTY_COMMIT)]
        {
            let tags = [
                (semconv::COMMIT, commit),
                (semconv::COMMIT_BEFORE, HEALTHY_COMMIT),
                (semconv::REPOSITORY, REPOSITORY),
            ];
            self.event(service, second, semconv::EVENT_DEPLOYMENT, format!("{service} runs {commit}"), &tags);
        }
        let note = self.planted.filter(|planted| planted.carrier == Carrier::Annotation).map(Planted::joined);
        let note = note.unwrap_or_else(|| "none".to_owned());
        let pod = json!({
            "kind": "Pod", "apiVersion": "v1",
            "metadata": {"name": "inventory-1", "namespace": "shop", "annotations": {"note": note}, "labels": {"app": "inventory"}},
            "spec": {"containers": [{"name": "inventory", "image": "registry.example/inventory:7"}]},
            "status": {
                "phase": "Running", "conditions": [{"type": "Ready", "status": "True", "reason": "Up", "message": note}],
                "containerStatuses": [{"name": "inventory", "ready": true, "restartCount": 0, "image": "registry.example/inventory:7",
                    "state": {"running": {"startedAt": "2026-03-01T08:00:05Z"}}}],
            },
        });
        self.event("inventory", HEALTHY, semconv::EVENT_K8S_OBJECT, pod.to_string(), &[]);
        let said = json!({
            "kind": "Event", "apiVersion": "v1", "metadata": {"name": "inventory-1.x", "namespace": "shop"},
            "involvedObject": {"kind": "Pod", "name": "inventory-1", "namespace": "shop"}, "reason": "Noted", "message": note,
            "type": "Normal", "count": 1, "firstTimestamp": "2026-03-01T14:01:00Z", "lastTimestamp": "2026-03-01T14:01:00Z",
        });
        self.event("inventory", HEALTHY, semconv::EVENT_K8S_OBJECT, said.to_string(), &[]);
        for n in 0..3 {
            if let Some(body) = self.planted(Carrier::EventBody, n) {
                self.event("inventory", HEALTHY + n, semconv::EVENT_PLATFORM, body, &[]);
            }
            if let Some(body) = self.planted(Carrier::SqlStatement, n) {
                let body = format!("SELECT * FROM stock WHERE note = '{body}'");
                self.event(
                    "inventory",
                    HEALTHY + n,
                    semconv::EVENT_DB_STATEMENT,
                    body,
                    &[(semconv::DB_LOAD, "0.1")],
                );
            }
        }
        for second in 0..HEALTHY + TROUBLE {
            if let Some(name) = self.planted(Carrier::ServiceName, second) {
                self.own_name(&name, second);
            }
        }
    }

    /// A process that calls itself by the planted text answers requests.
    fn own_name(&mut self, name: &str, second: i64) {
        let resource = self.resource(name, second);
        let id = u64::try_from(second).unwrap() + 1_000_000;
        self.batch.spans.push(Span {
            trace_id: TraceId::new(id.into()).unwrap(),
            span_id: SpanId::new(id).unwrap(),
            parent_span_id: None,
            resource,
            kind: SpanKind::Server,
            name: "GET /health".to_owned(),
            start: at(second),
            duration: Duration::from_millis(2),
            status: SpanStatus::Ok,
            peer: None,
            attributes: Attributes::new(),
        });
    }
}
