//! One request as a tree: where its time went, what failed, and how sure its links are.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::Of,
    tool::Output,
};
use waggle_analysis::quantity;
use waggle_signals::{Span, SpanId, Timestamp, TraceId};

use crate::{
    quote::quote,
    span_tree::{Link, Row, millis, rows_of, worth_showing},
    trace_reads::assembled,
};

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
    let by_id: BTreeMap<SpanId, &Span> = found.iter().map(|span| (span.row.span_id, &span.row)).collect();
    let traces = assembled(found);
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
