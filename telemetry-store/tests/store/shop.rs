//! Generated telemetry of a small shop.

use std::time::Duration;

use waggle_signals::{
    Attributes, Batch, Event, Flow, LogRecord, MetricKind, MetricPoint, Peer, ProfileSample, Resource,
    ResourceId, Severity, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId,
};

/// Names of the services, in the order of their calls.
const SERVICES: [&str; 5] = ["gateway", "checkout", "cart", "inventory", "payment"];

/// A small reproducible source of numbers (Knuth, MMIX; TAOCP 2, §3.3.4).
struct Numbers(u64);

impl Numbers {
    /// Returns a number below `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// `n` requests within a minute through a shop of five services, both sides of each call, with all other signals around.
///
/// Some rows lack what they may lack: a service, a peer, a commit.
pub fn shop(from: Timestamp, n: u64, seed: u64) -> Batch {
    let mut numbers = Numbers(seed);
    let mut batch = Batch::default();
    let mut processes = vec![];
    for (at, service) in SERVICES.into_iter().enumerate() {
        for pid in 0..2 {
            let pid = (at * 10 + pid).to_string();
            let tags =
                [("service.name", service), ("process.pid", &pid), ("vcs.ref.head.revision", "9f3c1e2")];
            processes.push(batch.resource(&Resource::new(tags)));
        }
    }
    let nameless = batch.resource(&Resource::new([("process.pid", "1")]));
    for request in 0..n {
        let trace_id = TraceId::new(u128::from(request) + 1 + (u128::from(seed) << 64)).unwrap();
        let start = from + Duration::from_nanos(request * 60_000_000_000 / n);
        let depth = 1 + numbers.below(4) as usize;
        let mut parent = None;
        for hop in 0..depth {
            let resource = processes[hop * 2 + numbers.below(2) as usize];
            let status = match numbers.below(20) {
                0 => SpanStatus::Error,
                1 => SpanStatus::Ok,
                _ => SpanStatus::Unset,
            };
            let duration = Duration::from_nanos(1_000_000 + numbers.below(80_000_000));
            let id = |side: u64| SpanId::new(request * 100 + hop as u64 * 2 + side + 1);
            let peer = |service: &str, port| match numbers_peer(request, hop) {
                0 => Some(Peer { address: "10.0.0.9".to_owned(), port, ..Peer::default() }),
                1 if hop > 2 => None,
                _ => Some(Peer { service: service.to_owned(), address: "10.0.0.1".to_owned(), port }),
            };
            let span = |kind, side, parent_span_id, peer| Span {
                trace_id,
                span_id: id(side).unwrap(),
                parent_span_id,
                resource,
                kind,
                name: "GET /cart/{id}".to_owned(),
                start: start + Duration::from_nanos(hop as u64 * 1000 + side),
                duration,
                status,
                peer,
                attributes: Attributes::from([
                    ("http.request.method".to_owned(), "GET".to_owned()),
                    (
                        "http.response.status_code".to_owned(),
                        if status == SpanStatus::Error { "500" } else { "200" }.to_owned(),
                    ),
                    ("http.route".to_owned(), "/cart/{id}".to_owned()),
                    ("url.path".to_owned(), format!("/cart/{request}")),
                ]),
            };
            let caller = if hop == 0 { "loader" } else { SERVICES[hop - 1] };
            batch.spans.push(span(SpanKind::Server, 0, parent, peer(caller, 8080)));
            batch.spans.push(span(SpanKind::Client, 1, id(0), peer(SERVICES[hop + 1], 8081)));
            parent = id(1);
        }
    }
    around(&mut batch, from, n, &processes, nameless, &mut numbers);
    batch
}

fn numbers_peer(request: u64, hop: usize) -> u64 {
    (request + hop as u64) % 11
}

fn around(
    batch: &mut Batch,
    from: Timestamp,
    n: u64,
    processes: &[ResourceId],
    nameless: ResourceId,
    numbers: &mut Numbers,
) {
    for at in 0..n {
        let resource = match numbers.below(30) {
            0 => nameless,
            _ => processes[numbers.below(processes.len() as u64) as usize],
        };
        let time = from + Duration::from_nanos(at * 60_000_000_000 / n);
        let severity = Severity::ALL[numbers.below(6) as usize];
        batch.logs.push(LogRecord {
            resource,
            time,
            severity,
            body: format!("Order {at} failed: 超时 after {} ms", numbers.below(100)),
            trace_id: None,
            span_id: None,
            attributes: Attributes::new(),
        });
        let (name, kind) = [
            ("process.cpu.utilization", MetricKind::Gauge),
            ("network.tcp.retransmits", MetricKind::Delta),
            ("requests", MetricKind::Cumulative),
        ][numbers.below(3) as usize];
        batch.metrics.push(MetricPoint {
            resource,
            time,
            name: name.to_owned(),
            unit: "1".to_owned(),
            kind,
            value: numbers.below(100) as f64 / 4.0,
            attributes: Attributes::new(),
        });
        batch.samples.push(ProfileSample {
            resource,
            time,
            frames: vec!["main".to_owned(), format!("f{}", numbers.below(20)), "<[u8; 4]>::fmt".to_owned()],
            location: (at % 2 == 0).then(|| "reserve.rs:88".to_owned()),
            count: 1 + numbers.below(3) as u32,
            cpu_nanos: numbers.below(1_000_000),
        });
        if at % 10 == 0 {
            let outgoing = numbers.below(2) == 0;
            let peer = match numbers.below(4) {
                0 => Peer { address: "10.0.0.9".to_owned(), port: 6379, ..Peer::default() },
                1 => Peer::default(),
                of => Peer { service: SERVICES[of as usize].to_owned(), ..Peer::default() },
            };
            batch.flows.push(Flow {
                resource,
                time,
                peer,
                outgoing,
                connections: numbers.below(5),
                connect_failures: numbers.below(2),
                bytes_sent: numbers.below(1000),
                bytes_received: numbers.below(1000),
                retransmits: numbers.below(3),
                resets: 0,
            });
            batch.events.push(Event {
                resource,
                time,
                name: ["deployment", "process.start"][numbers.below(2) as usize].to_owned(),
                body: format!("event {at}"),
                attributes: Attributes::from([("at".to_owned(), at.to_string())]),
            });
        }
    }
}
