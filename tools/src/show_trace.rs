//! One request as a tree: where its time went, what failed, and how sure its links are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::Of,
    tool::Output,
};
use waggle_analysis::{
    quantity,
    traces::{Trace, assemble},
};
use waggle_signals::{Span, SpanId, SpanKind, Timestamp, TraceId};

use crate::{failures::said, quote::quote, red::round};

/// Shows one trace as a tree: each span with its start, duration and own time, the time lost between caller and callee, what failed, and which links are inferred or broken.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct ShowTrace {
    /// Id of the trace, 32 hex digits.
    pub trace: String,
}

/// One request.
#[derive(Debug, Serialize)]
pub struct Tree {
    trace_id: TraceId,
    start: Timestamp,
    duration_ms: f64,
    /// Spans that were seen.
    n_spans: usize,
    /// Spans whose parent was not seen.
    n_broken: usize,
    /// Spans whose parent was inferred from outside.
    n_inferred: usize,
    /// Parents before their children; the ones that matter least are left out of a large trace.
    spans: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    depth: usize,
    service: String,
    name: String,
    kind: SpanKind,
    start_after_ms: f64,
    duration_ms: f64,
    /// Outside of its children.
    own_ms: f64,
    /// What the caller waited longer than this took: network and queues.
    gap_ms: Option<f64>,
    failed: bool,
    /// Why it failed, as it says itself; untrusted.
    reason: Option<String>,
    link: Link,
}

/// How a span is tied to its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Link {
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

#[async_trait]
impl Tool for ShowTrace {
    const NAME: &'static str = "show_trace";
    type Output = Tree;

    fn summary(&self) -> String {
        format!("trace `{}`", quote(&self.trace))
    }

    async fn run(self, scene: &Scene) -> Result<Tree, ToolError> {
        let id = trace_id(&self.trace)?;
        Ok(tree(&scene.ports.telemetry.trace(id).await?, id))
    }
}

/// Reads a trace's id as a model writes it.
pub(crate) fn trace_id(text: &str) -> Result<TraceId, ToolError> {
    let id = text.trim().trim_matches('`').to_lowercase().parse();
    id.map_err(|error| ToolError::Respond(format!("{error}; `find_traces` and `slow_traces` give ids")))
}

fn tree(found: &[Of<Span>], trace_id: TraceId) -> Tree {
    let services: BTreeMap<_, _> =
        found.iter().map(|span| (span.row.resource, span.resource.service().to_owned())).collect();
    let by_id: BTreeMap<SpanId, &Span> = found.iter().map(|span| (span.row.span_id, &span.row)).collect();
    let rows: Vec<Span> = found.iter().map(|span| span.row.clone()).collect();
    let traces = assemble(&rows, |resource| services.get(&resource).cloned().unwrap_or_default());
    let Some(trace) = traces.first() else {
        let start = Timestamp::default();
        return Tree {
            trace_id,
            start,
            duration_ms: 0.0,
            n_spans: 0,
            n_broken: 0,
            n_inferred: 0,
            spans: Vec::new(),
        };
    };
    let all = rows_of(trace, &by_id);
    let count = |is: fn(&Link) -> bool| all.iter().filter(|(_, row)| is(&row.link)).count();
    let (n_broken, n_inferred) =
        (count(|link| *link == Link::Broken), count(|link| matches!(link, Link::Inferred(_))));
    let shown = worth_showing(trace, &all);
    Tree {
        trace_id,
        start: trace.start(),
        duration_ms: millis(trace.duration()),
        n_spans: trace.spans.len(),
        n_broken,
        n_inferred,
        spans: all.into_iter().filter(|(index, _)| shown.contains(index)).map(|(_, row)| row).collect(),
    }
}

/// Returns all spans with their index, parents before their children.
fn rows_of(trace: &Trace, by_id: &BTreeMap<SpanId, &Span>) -> Vec<(usize, Row)> {
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
fn worth_showing(trace: &Trace, all: &[(usize, Row)]) -> BTreeSet<usize> {
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

fn millis(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1e3)
}

impl Output for Tree {
    fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let Some(root) = self.spans.first() else { return Vec::new() };
        let id = self.trace_id;
        let mut facts = Vec::new();
        let mut say = |service: &str, en: String, zh: String| {
            facts.push(Fact {
                service: service.to_owned(),
                topic: Topic::Trace,
                text: language.pick(en, zh),
            });
        };
        let longest = self.spans.iter().max_by(|a, b| a.own_ms.total_cmp(&b.own_ms)).unwrap_or(root);
        let (took, own) = (quantity::ms(self.duration_ms), quantity::ms(longest.own_ms));
        let (whose, name) = (&longest.service, &longest.name);
        say(
            whose,
            format!(
                "trace `{id}`: {} `{}` took {took}; most of its own time has {whose} `{name}`, {own}",
                root.service, root.name
            ),
            format!(
                "trace `{id}`：{} `{}` 用了 {took}；自身耗时最多的是 {whose} `{name}`，{own}",
                root.service, root.name
            ),
        );
        let deepest = self.spans.iter().filter(|row| row.failed).max_by_key(|row| row.depth);
        if let Some(Row { service, name, reason, .. }) = deepest {
            let why = reason.as_ref().map(|reason| format!(": `{reason}`")).unwrap_or_default();
            let why_zh = reason.as_ref().map(|reason| format!("：`{reason}`")).unwrap_or_default();
            say(
                service,
                format!("trace `{id}`: the deepest failure is of {service} `{name}`{why}"),
                format!("trace `{id}`：最深处的失败在 {service} `{name}`{why_zh}"),
            );
        }
        facts
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.spans.is_empty() {
            return write!(f, "no spans; searched: trace {}", self.trace_id);
        }
        let took = quantity::ms(self.duration_ms);
        writeln!(f, "trace {} from {}, {took}, {} spans", self.trace_id, self.start, self.n_spans)?;
        for row in &self.spans {
            writeln!(f, "{row}")?;
        }
        let n_more = self.n_spans.saturating_sub(self.spans.len());
        if n_more > 0 {
            writeln!(f, "… {n_more} more spans with less time of their own")?;
        }
        if self.n_broken > 0 {
            writeln!(f, "broken: the parents of {} spans were not seen", self.n_broken)?;
        }
        if self.n_inferred > 0 {
            writeln!(f, "inferred: the parents of {} spans, from outside of the programs", self.n_inferred)?;
        }
        Ok(())
    }
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
