//! Spans of one trace as rows of a tree, and which of them are worth showing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use serde::Serialize;
use waggle_analysis::{quantity, traces::Trace};
use waggle_signals::{Span, SpanId, SpanKind};

use crate::{failures::said, quote::quote, red::round};

/// One span of a trace, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub depth: usize,
    pub service: String,
    pub name: String,
    pub kind: SpanKind,
    pub start_after_ms: f64,
    pub duration_ms: f64,
    /// Outside of its children.
    pub own_ms: f64,
    /// What the caller waited longer than this took: network and queues.
    pub gap_ms: Option<f64>,
    pub failed: bool,
    /// Why it failed, as it says itself; untrusted.
    pub reason: Option<String>,
    pub link: Link,
}

/// How a span is tied to its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Link {
    /// The program said so, or it is the first.
    Told,
    /// By what was seen from outside: a thread, a connection, a request's id.
    Inferred(String),
    /// Its parent was not seen.
    Broken,
}

/// Attribute that says how the collector inferred a span's parent; what a header names is told.
const LINK: &str = "waggle.link";
const TOLD_BY_HEADER: &str = "traceparent";
/// Spans that are shown.
const MAX_ROWS: usize = 16;

/// Returns all spans with their index, parents before their children.
pub(crate) fn rows_of(trace: &Trace, by_id: &BTreeMap<SpanId, &Span>) -> Vec<(usize, Row)> {
    let mut rows = Vec::new();
    let mut next: Vec<(usize, usize)> = trace.roots.iter().rev().map(|root| (*root, 0)).collect();
    while let Some((index, depth)) = next.pop() {
        let Some(span) = trace.spans.get(index) else { continue };
        next.extend(span.children.iter().rev().map(|child| (*child, depth + 1)));
        let parent = span.parent.and_then(|parent| trace.spans.get(parent));
        let told = by_id.get(&span.span_id);
        let inferred = told.and_then(|span| span.attributes.get(LINK)).filter(|link| *link != TOLD_BY_HEADER);
        let link = match (parent, inferred) {
            (Some(_), Some(how)) => Link::Inferred(quote(how)),
            (None, _) if told.is_some_and(|span| span.parent_span_id.is_some()) => Link::Broken,
            _ => Link::Told,
        };
        let asked = parent.filter(|parent| parent.kind == SpanKind::Client && parent.service != span.service);
        let row = Row {
            depth,
            service: span.service.clone(),
            name: quote(&span.name),
            kind: span.kind,
            start_after_ms: millis(span.start.since(trace.start())),
            duration_ms: millis(span.duration),
            own_ms: millis(own_time(trace, index)),
            gap_ms: asked.map(|parent| millis(parent.duration.saturating_sub(span.duration))),
            failed: span.failed,
            reason: told.and_then(|span| said(span)).filter(|_| span.failed).map(quote),
            link,
        };
        rows.push((index, row));
    }
    rows
}

/// Returns the time of a span in which none of its children was at work.
fn own_time(trace: &Trace, index: usize) -> Duration {
    let Some(span) = trace.spans.get(index) else { return Duration::ZERO };
    let end = span.start + span.duration;
    let mut covered_until = span.start;
    let mut own = Duration::ZERO;
    // Children are by start.
    for child in span.children.iter().filter_map(|child| trace.spans.get(*child)) {
        own += child.start.min(end).since(covered_until);
        covered_until = covered_until.max((child.start + child.duration).min(end));
    }
    own + end.since(covered_until)
}

/// Chooses the spans that failed, are loosely tied, or took most time of their own, with all above them.
pub(crate) fn worth_showing(trace: &Trace, all: &[(usize, Row)]) -> BTreeSet<usize> {
    let mut by_worth: Vec<&(usize, Row)> = all.iter().collect();
    let is_odd = |row: &Row| row.failed || row.link == Link::Broken;
    by_worth.sort_by(|(_, a), (_, b)| is_odd(b).cmp(&is_odd(a)).then_with(|| b.own_ms.total_cmp(&a.own_ms)));
    let mut shown: BTreeSet<usize> = trace.roots.iter().take(1).copied().collect();
    for (index, _) in by_worth {
        let room = MAX_ROWS.saturating_sub(shown.len());
        let above = std::iter::successors(Some(*index), |index| trace.spans.get(*index)?.parent);
        // Above a span that is shown, all are.
        let added: Vec<usize> = above.take_while(|index| !shown.contains(index)).take(room + 1).collect();
        match added.len() <= room {
            true => shown.extend(added),
            // Too deep for all above it to be shown.
            false if room > 0 => drop(shown.insert(*index)),
            false => break,
        }
    }
    shown
}

/// Returns milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1e3)
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            depth,
            service,
            name,
            kind,
            start_after_ms,
            duration_ms,
            own_ms,
            gap_ms,
            failed,
            reason,
            link,
        } = self;
        let indent = " ".repeat((*depth).min(MAX_ROWS));
        let (start, took, own) =
            (quantity::ms(*start_after_ms), quantity::ms(*duration_ms), quantity::ms(*own_ms));
        write!(f, "{indent}{service} {name} {} +{start} {took}, own {own}", kind.as_str())?;
        if let Some(gap) = gap_ms {
            write!(f, ", on the way {}", quantity::ms(*gap))?;
        }
        match (failed, reason) {
            (true, Some(reason)) => write!(f, ", FAILED ({reason})")?,
            (true, None) => write!(f, ", FAILED")?,
            (false, _) => {}
        }
        match link {
            Link::Told => Ok(()),
            Link::Inferred(how) => write!(f, " [inferred by {how}]"),
            Link::Broken => write!(f, " [parent not seen]"),
        }
    }
}
