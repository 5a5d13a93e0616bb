//! Spans by search, and all spans of one trace.

use datafusion::prelude::{col, lit};
use waggle_agent_core::ports::{Of, SpanOrder, SpanQuery};
use waggle_signals::{Span, SpanStatus, TraceId};

use super::rows::{collect, first, of_service};
use crate::{
    engine::{Failure, View},
    tables::{Table, span_kind_code, span_status_code},
};

/// Answers a search.
pub async fn spans(view: View, query: SpanQuery) -> Result<Vec<Of<Span>>, Failure> {
    let mut wanted = of_service(&view, Table::Spans, query.range, query.service.as_deref());
    if let Some(kind) = query.kind {
        wanted = wanted.and(col("kind").eq(lit(span_kind_code(kind))));
    }
    if query.failed_only {
        wanted = wanted.and(col("status").eq(lit(span_status_code(SpanStatus::Error))));
    }
    if !query.min_duration.is_zero() {
        let min_ns = i64::try_from(query.min_duration.as_nanos()).unwrap_or(i64::MAX);
        wanted = wanted.and(col("duration_ns").gt_eq(lit(min_ns)));
    }
    let newest = col("start_time").sort(false, false);
    let order = match query.order {
        SpanOrder::Newest => vec![newest],
        SpanOrder::Slowest => vec![col("duration_ns").sort(false, false), newest],
    };
    let frame = first(view.rows(Table::Spans)?.filter(wanted)?, order, query.limit)?;
    collect(&view, frame).await
}

/// Returns the spans of a trace, by start; none when it is not known.
pub async fn trace(view: View, id: TraceId) -> Result<Vec<Of<Span>>, Failure> {
    let frame = view.rows(Table::Spans)?.filter(col("trace_id").eq(lit(id.to_string())))?;
    let frame = frame.sort(vec![col("start_time").sort(true, false)])?;
    collect(&view, frame).await
}
