//! A shop in which one copy of one service goes bad: it is slow, fails, is asked more often, and writes about it.

mod statements;

use std::{sync::Arc, time::Duration};

use waggle_agent_core::{
    Incident, IncidentId, Language, Ports, Scene, incident::Source, testing::fakes::fake_ports,
};
use waggle_signals::{
    Attributes, Batch, Flow, LogRecord, MetricKind, MetricPoint, Peer, ProfileSample, Resource, ResourceId,
    Severity, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, semconv,
};

const START: i64 = 1_772_373_600;
/// Seconds of healthy time, then of trouble.
const HEALTHY: i64 = 60;
const TROUBLE: i64 = 20;
/// Requests per second; one of three asks for a cart, which needs no stock.
const PER_SECOND: i64 = 6;

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

/// Two copies of `inventory` in two zones; the second runs a newer version.
fn resource(service: &str, copy: i64) -> Resource {
    Resource::new([
        (semconv::SERVICE_NAME, service.to_owned()),
        (semconv::K8S_POD, format!("{service}-{copy}")),
        (semconv::PROCESS_PID, (100 + copy).to_string()),
        (semconv::SERVICE_VERSION, if copy == 2 { "2.1".to_owned() } else { "2.0".to_owned() }),
        ("cloud.availability_zone", if copy == 2 { "zone-b".to_owned() } else { "zone-a".to_owned() }),
    ])
}

/// A span as a line.
struct Row<'a> {
    id: u64,
    parent: Option<u64>,
    service: &'a str,
    copy: i64,
    kind: SpanKind,
    name: &'a str,
    peer: &'a str,
    start: f64,
    ms: f64,
    failed: bool,
}

struct Shop {
    batch: Batch,
}

impl Shop {
    fn resource(&mut self, service: &str, copy: i64) -> ResourceId {
        self.batch.resource(&resource(service, copy))
    }

    fn span(&mut self, request: i64, start: Timestamp, row: Row<'_>) {
        let resource = self.resource(row.service, row.copy);
        let id = |part: u64| SpanId::new(u64::try_from(request).unwrap() * 100 + part).unwrap();
        let ms = |ms: f64| Duration::from_micros((ms * 1e3) as u64);
        let status = if row.failed { "500" } else { "200" };
        let route = row.name.split_once(' ').map_or(row.name, |(_, route)| route);
        let mut attributes = Attributes::from([
            (semconv::HTTP_ROUTE.to_owned(), route.to_owned()),
            (semconv::HTTP_STATUS.to_owned(), status.to_owned()),
        ]);
        if row.service == "gateway" && row.kind == SpanKind::Client {
            attributes.insert("waggle.link".to_owned(), "thread".to_owned());
        }
        if row.failed && row.service == "inventory" {
            attributes.insert("exception.message".to_owned(), "stock table is locked".to_owned());
        }
        self.batch.spans.push(Span {
            trace_id: TraceId::new(u128::try_from(request + 1).unwrap()).unwrap(),
            span_id: id(row.id),
            parent_span_id: row.parent.map(id),
            resource,
            kind: row.kind,
            name: row.name.to_owned(),
            start: start + ms(row.start),
            duration: ms(row.ms),
            status: if row.failed { SpanStatus::Error } else { SpanStatus::Ok },
            peer: (!row.peer.is_empty()).then(|| Peer { service: row.peer.to_owned(), ..Peer::default() }),
            attributes,
        });
    }

    /// gateway asks checkout, which asks cache and inventory; in trouble it asks inventory three times, and audit in place of cache.
    fn request(&mut self, request: i64, start: Timestamp, is_bad: bool) {
        let jitter = (request % 7) as f64 * 0.1;
        let is_cart = request % 3 == 0;
        let name = if is_cart { "POST /carts" } else { "POST /orders" };
        let (mut rows, mut now, mut any_failed) = (Vec::new(), 3.0, false);
        let aside = if is_bad { "audit" } else { "cache" };
        let call = |rows: &mut Vec<Row<'_>>,
                    id: u64,
                    to: &'static str,
                    copy,
                    name,
                    now: &mut f64,
                    ms: f64,
                    failed| {
            let (service, parent) = ("checkout", Some(3));
            let base = Row {
                id,
                parent,
                service,
                copy: 1,
                kind: SpanKind::Client,
                name,
                peer: to,
                start: *now,
                ms: ms + 0.4,
                failed,
            };
            rows.push(base);
            let (service, parent, peer) = (to, Some(id), "checkout");
            rows.push(Row {
                id: id + 1,
                parent,
                service,
                copy,
                kind: SpanKind::Server,
                name,
                peer,
                start: *now + 0.2,
                ms,
                failed,
            });
            *now += ms + 1.0;
        };
        call(&mut rows, 4, aside, 1, "GET /note", &mut now, 1.0, false);
        if !is_cart {
            for n in 0..if is_bad { 3 } else { 1 } {
                let copy = 1 + (request + n) % 2;
                let is_slow = is_bad && copy == 2;
                let failed = is_slow && request % 4 == 3;
                any_failed |= failed;
                let ms = if is_slow { 60.0 } else { 5.0 } + jitter;
                call(
                    &mut rows,
                    6 + 2 * u64::try_from(n).unwrap(),
                    "inventory",
                    copy,
                    "GET /stock",
                    &mut now,
                    ms,
                    failed,
                );
            }
        }
        let (own, failed) = (now + 2.0 + jitter, any_failed);
        let (checkout, gateway) = ("checkout", "gateway");
        rows.push(Row {
            id: 1,
            parent: None,
            service: gateway,
            copy: 1,
            kind: SpanKind::Server,
            name,
            peer: "",
            start: 0.0,
            ms: own + 2.0,
            failed,
        });
        rows.push(Row {
            id: 2,
            parent: Some(1),
            service: gateway,
            copy: 1,
            kind: SpanKind::Client,
            name,
            peer: checkout,
            start: 0.5,
            ms: own + 1.0,
            failed,
        });
        rows.push(Row {
            id: 3,
            parent: Some(2),
            service: checkout,
            copy: 1,
            kind: SpanKind::Server,
            name,
            peer: gateway,
            start: 1.0,
            ms: own,
            failed,
        });
        rows.into_iter().for_each(|row| self.span(request, start, row));
    }

    fn log(&mut self, service: &str, copy: i64, time: Timestamp, severity: Severity, body: String) {
        let resource = self.resource(service, copy);
        let attributes = Attributes::new();
        self.batch.logs.push(LogRecord {
            resource,
            time,
            severity,
            body,
            trace_id: None,
            span_id: None,
            attributes,
        });
    }

    fn metric(&mut self, service: &str, copy: i64, second: i64, (name, unit): (&str, &str), value: f64) {
        let resource = self.resource(service, copy);
        self.batch.metrics.push(MetricPoint {
            resource,
            time: at(second),
            name: name.to_owned(),
            unit: unit.to_owned(),
            kind: MetricKind::Gauge,
            value,
            attributes: Attributes::new(),
        });
    }

    /// What processes use, what the profiler saw, and what passed over the wire, in one second.
    fn second(&mut self, second: i64, is_bad: bool) {
        let jitter = (second % 3) as f64;
        for (service, copy) in [("gateway", 1), ("checkout", 1), ("inventory", 1), ("inventory", 2)] {
            let burns = is_bad && (service, copy) == ("inventory", 2);
            let cores = if burns { 0.8 } else { 0.05 } + jitter * 0.002;
            self.metric(service, copy, second, (semconv::METRIC_CPU, "1"), cores);
            self.metric(service, copy, second, (semconv::METRIC_CPU_WAIT, "1"), 0.01);
            self.metric(service, copy, second, (semconv::METRIC_MEMORY, "By"), 64.0 * 1_048_576.0);
        }
        self.metric(
            "checkout",
            1,
            second,
            ("pool.waiting.time", "ms"),
            if is_bad { 30.0 } else { 2.0 } + jitter,
        );
        let resource = self.resource("inventory", 2);
        let stacks = [
            ("stock::match_sku", "stock.rs:88", if is_bad { 78 } else { 2 }),
            ("stock::reserve", "stock.rs:41", 2),
        ];
        for (function, location, count) in stacks {
            let frames = ["main", "stock::reserve", function].map(str::to_owned).to_vec();
            self.batch.samples.push(ProfileSample {
                resource,
                time: at(second),
                frames,
                location: Some(location.to_owned()),
                count,
                cpu_nanos: u64::from(count) * 10_000_000,
            });
        }
        let resource = self.resource("checkout", 1);
        let peer = Peer { service: "inventory".to_owned(), address: "10.0.0.7".to_owned(), port: 8080 };
        let n = u64::from(is_bad);
        self.batch.flows.push(Flow {
            resource,
            time: at(second),
            peer,
            outgoing: true,
            connections: 2 + n,
            connect_failures: n,
            bytes_sent: 4_000,
            bytes_received: 9_000,
            retransmits: 3 * n,
            resets: 2 * n,
        });
    }

    /// What is written in one second: one kind of line goes on, one rises, one falls, one goes, some are new.
    fn lines(&mut self, second: i64, is_bad: bool) {
        let ms = |ms: u64| at(second) + Duration::from_millis(ms);
        for n in 0..4 {
            self.log(
                "inventory",
                1,
                ms(n * 100),
                Severity::Info,
                format!("answered stock of order {}", second * 4 + n as i64),
            );
        }
        for n in 0..if is_bad { 10 } else { 1 } {
            self.log(
                "inventory",
                2,
                ms(n * 90 + 5),
                Severity::Warn,
                format!("query of shelf {} took long", 100 + n),
            );
        }
        for n in 0..if is_bad { u64::from(second % 5 == 0) } else { 5 } {
            self.log(
                "checkout",
                1,
                ms(n * 80 + 9),
                Severity::Info,
                format!("reserved order {} at once", second * 5),
            );
        }
        if !is_bad {
            self.log("checkout", 1, ms(700), Severity::Debug, format!("note {second} kept in cache"));
        } else {
            self.log(
                "inventory",
                2,
                ms(200),
                Severity::Error,
                format!("stock table is locked by job {second}"),
            );
            self.log(
                "checkout",
                1,
                ms(1_900),
                Severity::Error,
                format!("cannot reserve order {second}: inventory answered 500"),
            );
        }
    }
}

/// Returns all that was sent.
pub fn trouble() -> Batch {
    let mut shop = Shop { batch: Batch::default() };
    for second in 0..HEALTHY + TROUBLE {
        let is_bad = second >= HEALTHY;
        for n in 0..PER_SECOND {
            let start = at(second) + Duration::from_millis(u64::try_from(n * 130).unwrap());
            shop.request(second * PER_SECOND + n, start, is_bad);
        }
        shop.second(second, is_bad);
        shop.lines(second, is_bad);
    }
    shop.batch
}

/// The shop in trouble.
pub fn scene() -> Scene {
    scene_of(trouble())
}

/// A world in which nothing was ever sent.
pub fn nothing() -> Scene {
    scene_of(Batch::default())
}

/// The same incident over other telemetry.
pub fn scene_of(batch: Batch) -> Scene {
    scene_over(batch, None)
}

/// The same incident over a store that cannot answer statements about a time before `sql_since`.
pub fn scene_over(batch: Batch, sql_since: Option<Timestamp>) -> Scene {
    let now = at(HEALTHY + TROUBLE);
    let incident = Incident::open(
        IncidentId("inc-1".to_owned()),
        "gateway: p99 latency above 120 ms",
        None,
        Source::Alert,
        now,
        Duration::from_secs(25),
        Duration::from_secs(50),
    );
    let ports = fake_ports(Batch::default(), now);
    let ports = Ports { telemetry: Arc::new(statements::telemetry(batch, sql_since)), ..ports };
    Scene::new(ports, incident, Language::En)
}
