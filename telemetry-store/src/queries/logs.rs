//! Log records by search.

use datafusion::{
    functions::expr_fn::{contains, lower},
    prelude::{col, lit},
};
use waggle_agent_core::ports::{LogQuery, Of};
use waggle_signals::{LogRecord, Severity};

use super::rows::{collect, first, of_service};
use crate::{
    engine::{Failure, View},
    tables::{Table, severity_code},
};

/// Answers a search.
pub async fn logs(view: View, query: LogQuery) -> Result<Vec<Of<LogRecord>>, Failure> {
    let mut wanted = of_service(&view, Table::Logs, query.range, query.service.as_deref());
    if query.min_severity > Severity::Trace {
        wanted = wanted.and(col("severity").gt_eq(lit(severity_code(query.min_severity))));
    }
    if !query.contains.is_empty() {
        wanted = wanted.and(contains(lower(col("body")), lit(query.contains.to_lowercase())));
    }
    let newest = vec![col("time").sort(false, false)];
    let frame = first(view.rows(Table::Logs)?.filter(wanted)?, newest, query.limit)?;
    collect(&view, frame).await
}
