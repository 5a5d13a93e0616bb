//! Small service maps and traces for tests.

use std::time::Duration;

use waggle_signals::{
    Attributes, Edge, Node, Red, ResourceId, Span, SpanId, SpanKind, SpanStatus, TimeRange, Timestamp,
    Topology, TraceId,
};

use crate::traces::{Trace, assemble};

/// A service map in the making.
pub(crate) struct Shop(Topology);

/// `count` requests of which `errors` failed, all taking `mean_ms`.
pub(crate) fn red(count: u64, errors: u64, mean_ms: f64) -> Red {
    let total_ms = mean_ms * count as f64;
    Red { count, errors, total_ms, p50_ms: mean_ms, p90_ms: mean_ms, p99_ms: mean_ms }
}

impl Shop {
    pub fn new(seconds: i64) -> Self {
        let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(seconds)).unwrap();
        Self(Topology { range, nodes: vec![], edges: vec![] })
    }

    pub fn node(mut self, service: &str, answered: Red) -> Self {
        self.0.nodes.push(Node { service: service.to_owned(), answered });
        self
    }

    pub fn edge(mut self, from: &str, to: &str, asked: Red, answered: Red) -> Self {
        let (from, to) = (from.to_owned(), to.to_owned());
        let edge = Edge { from, to, asked, answered, retransmits: 0, connect_failures: 0, connections: 0 };
        self.0.edges.push(edge);
        self
    }

    /// Adds network trouble to the last edge.
    pub fn trouble(mut self, retransmits: u64, connect_failures: u64) -> Self {
        let edge = self.0.edges.last_mut().unwrap();
        (edge.retransmits, edge.connect_failures) = (retransmits, connect_failures);
        self
    }

    pub fn build(self) -> Topology {
        self.0
    }
}

const SERVICES: [&str; 4] = ["gateway", "checkout", "cart", "inventory"];

/// Id, parent (0 is none), service, start and end in milliseconds.
pub(crate) type Row = (u64, u64, u32, i64, i64);

fn spans(trace: u128, rows: &[Row]) -> Vec<Span> {
    let span = |(id, parent, service, start, end): &Row| Span {
        trace_id: TraceId::new(trace).unwrap(),
        span_id: SpanId::new(*id).unwrap(),
        parent_span_id: SpanId::new(*parent),
        resource: ResourceId(*service),
        kind: SpanKind::Server,
        name: "GET /".to_owned(),
        start: Timestamp::from_millis(*start),
        duration: Duration::from_millis(u64::try_from(end - start).unwrap_or(0)),
        status: SpanStatus::Ok,
        peer: None,
        attributes: Attributes::new(),
    };
    rows.iter().map(span).collect()
}

pub(crate) fn traces(all: &[&[Row]]) -> Vec<Trace> {
    let spans: Vec<Span> = all.iter().zip(1..).flat_map(|(rows, trace)| spans(trace, rows)).collect();
    assemble(&spans, |resource| SERVICES[resource.0 as usize % 4].to_owned())
}

/// gateway 0..100 → checkout 10..90 → { cart 20..40 beside inventory 20..70 }
pub(crate) const ORDER: [Row; 4] =
    [(1, 0, 0, 0, 100), (2, 1, 1, 10, 90), (3, 2, 2, 20, 40), (4, 2, 3, 20, 70)];
