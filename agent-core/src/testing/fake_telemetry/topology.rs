//! Who calls whom, by looking at every span and flow.

use std::collections::{BTreeMap, BTreeSet};

use waggle_signals::{Batch, Edge, Flow, Node, Peer, Red, Span, SpanKind, TimeRange, Topology};

use super::{percentile, resource};

/// Draws the map of what was seen in `range`.
///
/// A service is on it when it answered, called, or tried to connect. Rows that name no service are not drawn.
pub(super) fn topology(rows: &Batch, range: TimeRange) -> Topology {
    let is_named = |id| !resource(rows, id).service().is_empty();
    let spans = rows.spans.iter().filter(|span| range.contains(span.start) && is_named(span.resource));
    let spans: Vec<&Span> = spans.collect();
    let flows = rows.flows.iter().filter(|flow| range.contains(flow.time) && is_named(flow.resource));
    let flows: Vec<&Flow> = flows.collect();

    let service_of = |span: &Span| resource(rows, span.resource).service();
    let of_kind = |kind| spans.iter().copied().filter(move |span| span.kind == kind);
    let mut asked: BTreeMap<(&str, String), Vec<&Span>> = BTreeMap::new();
    for span in of_kind(SpanKind::Client) {
        if let Some(callee) = span.peer.as_ref().and_then(callee) {
            asked.entry((service_of(span), callee)).or_default().push(span);
        }
    }
    for flow in flows.iter().filter(|flow| flow.outgoing) {
        if let Some(callee) = callee(&flow.peer) {
            asked.entry((resource(rows, flow.resource).service(), callee)).or_default();
        }
    }

    let mut answered: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in of_kind(SpanKind::Server) {
        answered.entry(service_of(span)).or_default().push(span);
    }
    let answered_by = |service: &str| answered.get(service).into_iter().flatten().copied();
    let edge = |((from, to), calls): ((&str, String), Vec<&Span>)| {
        let is_from_caller = |span: &&Span| span.peer.as_ref().is_some_and(|peer| peer.service == from);
        let near = |flow: &&&Flow| {
            let service = resource(rows, flow.resource).service();
            flow.outgoing && service == from && callee(&flow.peer).as_ref() == Some(&to)
        };
        let far = |flow: &&&Flow| {
            let service = resource(rows, flow.resource).service();
            !flow.outgoing && service == to && flow.peer.service == from
        };
        Edge {
            from: from.to_owned(),
            asked: red(calls.into_iter()),
            answered: red(answered_by(&to).filter(is_from_caller)),
            retransmits: flows.iter().filter(|flow| near(flow) || far(flow)).map(|f| f.retransmits).sum(),
            connect_failures: flows.iter().filter(near).map(|flow| flow.connect_failures).sum(),
            connections: flows.iter().filter(near).map(|flow| flow.connections).sum(),
            to: to.clone(),
        }
    };

    let who_called = of_kind(SpanKind::Client).map(service_of).chain(asked.keys().map(|(from, _)| *from));
    let services: BTreeSet<&str> = answered.keys().copied().chain(who_called).collect();
    Topology {
        range,
        nodes: services
            .into_iter()
            .map(|service| Node { service: service.to_owned(), answered: red(answered_by(service)) })
            .collect(),
        edges: asked.into_iter().map(edge).collect(),
    }
}

/// Returns what the other end is called: its service, else `address:port`; `None` when neither is known.
fn callee(peer: &Peer) -> Option<String> {
    match (peer.service.as_str(), peer.address.as_str()) {
        ("", "") => None,
        ("", address) => Some(format!("{address}:{}", peer.port)),
        (service, _) => Some(service.to_owned()),
    }
}

fn red<'a>(requests: impl Iterator<Item = &'a Span>) -> Red {
    let requests: Vec<&Span> = requests.collect();
    if requests.is_empty() {
        return Red::default();
    }
    let mut durations_ms: Vec<_> = requests.iter().map(|span| span.duration.as_secs_f64() * 1e3).collect();
    durations_ms.sort_by(f64::total_cmp);
    Red {
        count: requests.len() as u64,
        errors: requests.iter().filter(|span| span.is_error()).count() as u64,
        total_ms: durations_ms.iter().sum(),
        p50_ms: percentile(&durations_ms, 50),
        p90_ms: percentile(&durations_ms, 90),
        p99_ms: percentile(&durations_ms, 99),
    }
}
