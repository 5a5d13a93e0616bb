//! Requests of a window as trees: all of them when they are few enough to be read, else the newest.

use std::collections::{BTreeMap, BTreeSet};

use waggle_agent_core::{
    Result, Scene,
    ports::{Of, SpanQuery},
};
use waggle_analysis::{
    quantity,
    traces::{Trace, TraceSpan, assemble},
};
use waggle_signals::{ResourceId, Span, SpanKind, TimeRange, Timestamp, TraceId};

/// Traces of one window.
pub(crate) struct TraceRead {
    /// By their start.
    pub traces: Vec<Trace>,
    /// The time that was read: the window asked for, or its newest part.
    pub covers: TimeRange,
    /// Whether there may be older ones in the window that were not read.
    pub is_cut: bool,
}

/// Spans of one window that are read at most: a second of a busy shop, an hour of a quiet one.
const MAX_SPANS: usize = 10_000;

/// Reads the newest traces of `range`.
pub(crate) async fn read_traces(scene: &Scene, range: TimeRange) -> Result<TraceRead> {
    let query = SpanQuery::newest(range, MAX_SPANS);
    let found = scene.ports.telemetry.spans(&query).await?;
    let is_cut = found.len() >= MAX_SPANS;
    let oldest = found.last().filter(|_| is_cut).map(|span| span.row.start);
    let covers = oldest.and_then(|oldest| TimeRange::new(oldest, range.to()).ok()).unwrap_or(range);
    let traces = assembled(&whole(found));
    Ok(TraceRead { traces, covers, is_cut })
}

/// Puts spans together to traces, by their start.
pub(crate) fn assembled(found: &[Of<Span>]) -> Vec<Trace> {
    let services: BTreeMap<ResourceId, &str> =
        found.iter().map(|span| (span.row.resource, span.resource.service())).collect();
    let spans: Vec<Span> = found.iter().map(|span| span.row.clone()).collect();
    assemble(&spans, |resource| services.get(&resource).copied().unwrap_or_default().to_owned())
}

/// Leaves out the traces that began before what was read, where beginnings are seen at all.
fn whole(spans: Vec<Of<Span>>) -> Vec<Of<Span>> {
    let begun = |span: &&Of<Span>| span.row.parent_span_id.is_none();
    let rooted: BTreeSet<TraceId> = spans.iter().filter(begun).map(|span| span.row.trace_id).collect();
    if rooted.is_empty() {
        return spans;
    }
    spans.into_iter().filter(|span| rooted.contains(&span.row.trace_id)).collect()
}

impl TraceRead {
    /// Returns the requests that `service` answered, each with what lies below it, and without those that outlast the window: their end was not read.
    ///
    /// A service that only asks answers its own roots.
    pub fn requests_of(&self, service: &str) -> Vec<Trace> {
        let below = self.traces.iter().flat_map(|trace| requests_of(trace, service));
        below.filter(|trace| end(trace) <= self.covers.to()).collect()
    }
}

/// Says what was read of two windows when not all was; empty when all was.
pub(crate) fn note(reads: [&TraceRead; 2]) -> String {
    let cut = reads.iter().filter(|read| read.is_cut);
    let since: Vec<String> = cut.map(|read| quantity::clock(read.covers.from())).collect();
    match since.as_slice() {
        [] => String::new(),
        since => format!(", only the newest {MAX_SPANS} spans since {}", since.join(" and since ")),
    }
}

/// Returns the requests of one trace that `service` answered, each with what lies below it.
pub(crate) fn requests_of(trace: &Trace, service: &str) -> Vec<Trace> {
    let is_answer = |span: &TraceSpan| matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
    let is_own_root = |span: &TraceSpan| span.parent.is_none() && !is_answer(span);
    let entries = trace.spans.iter().enumerate().filter(|(_, span)| span.service == service);
    let entries = entries.filter(|(_, span)| is_answer(span) || is_own_root(span));
    entries.map(|(entry, _)| below(trace, entry)).collect()
}

/// Cuts out one span with all that lies below it.
fn below(trace: &Trace, entry: usize) -> Trace {
    let (mut kept, mut next) = (vec![entry], 0);
    while let Some(span) = kept.get(next).and_then(|index| trace.spans.get(*index)) {
        kept.extend(&span.children);
        next += 1;
    }
    // Parents are before their children, as they were.
    kept.sort_unstable_by_key(|index| (*index != entry, *index));
    let place: BTreeMap<usize, usize> = kept.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let spans = kept.iter().filter_map(|old| {
        let span = trace.spans.get(*old)?;
        let children = span.children.iter().filter_map(|child| place.get(child).copied()).collect();
        let parent = span.parent.filter(|_| *old != entry).and_then(|parent| place.get(&parent).copied());
        Some(TraceSpan { parent, children, ..span.clone() })
    });
    Trace { trace_id: trace.trace_id, spans: spans.collect(), roots: vec![0] }
}

fn end(trace: &Trace) -> Timestamp {
    trace.start() + trace.duration()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use waggle_signals::{Attributes, Resource, SpanId, SpanStatus, semconv};

    use std::time::Duration;

    use super::*;

    /// Spans of one trace, as id, parent, service, side, start and length in milliseconds; the third is the number of the service.
    fn spans(rows: &[(u64, u64, u32, SpanKind, i64, u64)]) -> Vec<Of<Span>> {
        let row = |(id, parent, service, kind, start, ms): &(u64, u64, u32, SpanKind, i64, u64)| Span {
            trace_id: TraceId::new(1).unwrap(),
            span_id: SpanId::new(*id).unwrap(),
            parent_span_id: SpanId::new(*parent),
            resource: ResourceId(*service),
            kind: *kind,
            name: format!("span {id}"),
            start: Timestamp::from_millis(*start),
            duration: Duration::from_millis(*ms),
            status: SpanStatus::Ok,
            peer: None,
            attributes: Attributes::new(),
        };
        let of = |row: Span| Of {
            resource: Arc::new(Resource::new([(semconv::SERVICE_NAME, format!("s{}", row.resource.0))])),
            row,
        };
        rows.iter().map(row).map(of).collect()
    }

    fn requests(rows: &[(u64, u64, u32, SpanKind, i64, u64)], service: &str) -> Vec<Vec<String>> {
        let traces = assembled(&spans(rows));
        let below = traces.iter().flat_map(|trace| requests_of(trace, service));
        below.map(|trace| trace.spans.iter().map(|span| span.name.clone()).collect()).collect()
    }

    #[test]
    fn a_request_is_what_was_answered_with_all_below_it() {
        use SpanKind::{Client, Internal, Server};
        let rows = [
            (1, 0, 1, Internal, 0, 90),
            (2, 1, 1, Client, 5, 40),
            (3, 2, 2, Server, 6, 30),
            (4, 3, 2, Client, 8, 20),
            (5, 4, 3, Server, 9, 10),
            (6, 1, 1, Client, 50, 20),
            (7, 6, 2, Server, 51, 18),
        ];
        assert_eq!(requests(&rows, "s2"), [vec!["span 3", "span 4", "span 5"], vec!["span 7"]]);
        assert_eq!(requests(&rows, "s3"), [vec!["span 5"]]);
        // Who only asks answers its own root.
        assert_eq!(requests(&rows, "s1").iter().map(Vec::len).collect::<Vec<_>>(), [7]);
        assert_eq!(requests(&rows, "s9"), Vec::<Vec<String>>::new());
    }

    #[test]
    fn parents_that_start_later_than_their_children_are_kept_apart_from_others() {
        use SpanKind::{Client, Server};
        let rows = [(1, 0, 1, Client, 10, 5), (2, 1, 2, Server, 8, 5), (3, 2, 2, Client, 7, 1)];
        assert_eq!(requests(&rows, "s2"), [vec!["span 2", "span 3"]]);
    }

    #[test]
    fn traces_whose_beginning_was_not_read_are_left_out_where_others_have_one() {
        let begun = spans(&[(1, 0, 1, SpanKind::Server, 0, 9)]);
        let mut torn = spans(&[(2, 7, 1, SpanKind::Server, 0, 9)]);
        torn[0].row.trace_id = TraceId::new(2).unwrap();
        assert_eq!(whole([begun.clone(), torn.clone()].concat()), begun);
        assert_eq!(whole(torn.clone()), torn);
    }
}
