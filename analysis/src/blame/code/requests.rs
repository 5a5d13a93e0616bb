//! From spans to requests: what a service answered, and what it called meanwhile.

use std::collections::BTreeMap;

use waggle_signals::{Span, SpanKind, Timestamp, semconv};

/// One request that a service answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Who answered.
    pub service: String,
    /// Its route, else the name of its span.
    pub route: String,
    /// When it began.
    pub start: Timestamp,
    /// How long it took, milliseconds.
    pub ms: f64,
    /// The part of it outside of its calls, milliseconds; never negative.
    pub own_ms: f64,
    /// Did it fail?
    pub failed: bool,
    /// What it called.
    pub calls: Vec<Call>,
}

/// One call or statement in a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The statement without its values, else the name of the span.
    pub what: String,
    /// Who is called; empty when unknown.
    pub peer: String,
    /// How long it took, milliseconds.
    pub ms: f64,
    /// Did it fail?
    pub failed: bool,
}

/// Text of a statement, by the names of OpenTelemetry now and before 1.24.
const STATEMENTS: [&str; 2] = ["db.query.text", "db.statement"];
/// Longer statements are cut.
const MAX_STATEMENT: usize = 500;

/// Puts spans together to the requests that services answered. `spans` come with their service, in any order.
pub fn requests(spans: &[(String, Span)]) -> Vec<Request> {
    let mut below: BTreeMap<_, Vec<&Span>> = BTreeMap::new();
    for (_, span) in spans {
        if let Some(parent) = span.parent_span_id {
            below.entry((span.trace_id, parent)).or_default().push(span);
        }
    }
    let answered =
        spans.iter().filter(|(_, span)| matches!(span.kind, SpanKind::Server | SpanKind::Consumer));
    let request = |(service, span): &(String, Span)| {
        let mut calls = Vec::new();
        let mut times = Vec::new();
        let mut open = vec![(span.trace_id, span.span_id)];
        let mut left = 10_000_usize;
        while let Some(key) = open.pop() {
            for child in below.get(&key).into_iter().flatten() {
                left = left.saturating_sub(1);
                match child.kind {
                    SpanKind::Client | SpanKind::Producer => {
                        calls.push(call(child));
                        times.push((child.start.nanos(), child.end().nanos()));
                    }
                    SpanKind::Internal if left > 0 => open.push((child.trace_id, child.span_id)),
                    _ => {}
                }
            }
        }
        let ms = span.duration.as_secs_f64() * 1e3;
        Request {
            service: service.clone(),
            route: span.attributes.get(semconv::HTTP_ROUTE).map_or_else(
                || span.name.clone(),
                |route| {
                    let method = span.attributes.get(semconv::HTTP_METHOD);
                    method.map_or_else(|| span.name.clone(), |method| format!("{method} {route}"))
                },
            ),
            start: span.start,
            own_ms: (ms - covered_ms(times)).max(0.0),
            ms,
            failed: span.is_error(),
            calls,
        }
    };
    answered.map(request).collect()
}

/// Adds up the time that any of the spans covers.
fn covered_ms(mut times: Vec<(i64, i64)>) -> f64 {
    times.sort_unstable();
    let (mut sum, mut until) = (0.0, i64::MIN);
    for (from, to) in times {
        let from = from.max(until);
        if to > from {
            sum += to.saturating_sub(from) as f64 / 1e6;
            until = to;
        }
    }
    sum
}

fn call(span: &Span) -> Call {
    let statement = STATEMENTS.iter().find_map(|key| span.attributes.get(*key));
    let peer =
        span.peer.as_ref().map(|peer| if peer.service.is_empty() { &peer.address } else { &peer.service });
    Call {
        what: statement.map_or_else(|| span.name.clone(), |text| without_values(text)),
        peer: peer.cloned().unwrap_or_default(),
        ms: span.duration.as_secs_f64() * 1e3,
        failed: span.is_error(),
    }
}

/// Replaces numbers and quoted texts of a statement by `?`.
fn without_values(statement: &str) -> String {
    let mut out = String::new();
    let mut chars = statement.chars().take(MAX_STATEMENT).peekable();
    let mut before = ' ';
    while let Some(char) = chars.next() {
        if char == '\'' {
            chars.by_ref().find(|c| *c == '\'');
            out.push('?');
        } else if char.is_ascii_digit() && !before.is_alphanumeric() && before != '_' && before != '$' {
            while chars.peek().is_some_and(|c| c.is_ascii_digit() || *c == '.') {
                chars.next();
            }
            out.push('?');
        } else {
            out.push(char);
        }
        before = char;
    }
    out
}
