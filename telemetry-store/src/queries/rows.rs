//! What all questions for rows share: the window, whose rows, and rows with their resource.

use std::sync::Arc;

use datafusion::{
    dataframe::DataFrame,
    logical_expr::SortExpr,
    prelude::{Expr, col, lit},
    scalar::ScalarValue,
};
use waggle_agent_core::ports::Of;
use waggle_signals::{Resource, TimeRange, Timestamp, semconv};

use crate::{
    engine::{Failure, View},
    tables::{Row, Table},
};

/// Makes the condition that a row lies in the window.
pub fn in_range(table: Table, range: TimeRange) -> Expr {
    let time = || col(table.time_column());
    time().gt_eq(time_literal(range.from())).and(time().lt(time_literal(range.to())))
}

fn time_literal(time: Timestamp) -> Expr {
    lit(ScalarValue::TimestampNanosecond(Some(time.nanos()), Some("UTC".into())))
}

/// Makes the condition that a row is of a resource for which `is_wanted`.
pub fn of_resources(view: &View, is_wanted: impl Fn(&Resource) -> bool) -> Expr {
    let all = view.resources.all();
    let wanted =
        |resource: &Option<Arc<Resource>>| resource.as_ref().is_some_and(|resource| is_wanted(resource));
    let ids = all.iter().enumerate().filter(|(_, resource)| wanted(resource)).map(|(id, _)| lit(id as u32));
    col("resource_id").in_list(ids.collect(), false)
}

/// Makes the conditions of a window and, if one is named, a service.
pub fn of_service(view: &View, table: Table, range: TimeRange, service: Option<&str>) -> Expr {
    let in_range = in_range(table, range);
    match service {
        Some(service) => in_range.and(of_resources(view, |r| r.tag(semconv::SERVICE_NAME) == Some(service))),
        None => in_range,
    }
}

/// Returns the first `limit` rows in an order; all when `limit` is more than memory could hold.
pub fn first(frame: DataFrame, order: Vec<SortExpr>, limit: usize) -> Result<DataFrame, Failure> {
    let frame = frame.sort(order)?;
    if limit > i32::MAX as usize { Ok(frame) } else { Ok(frame.limit(0, Some(limit))?) }
}

/// Returns the rows of a frame that has all stored columns.
pub async fn collect<R: Row>(view: &View, frame: DataFrame) -> Result<Vec<Of<R>>, Failure> {
    let mut found = vec![];
    for batch in frame.collect().await? {
        let rows = R::from_columns(&batch)?;
        found.extend(
            rows.into_iter().map(|row| Of { resource: view.resources.resource(row.resource()), row }),
        );
    }
    Ok(found)
}
