//! Since when anything was measured.

use datafusion::{
    arrow::{array::AsArray, datatypes::TimestampNanosecondType},
    functions_aggregate::expr_fn::min,
    prelude::col,
};
use waggle_signals::{TimeRange, Timestamp};

use super::rows::in_range;
use crate::{
    engine::{Failure, View},
    tables::Table,
};

/// What is measured. A deployment may be told of as an event long before anything is.
const MEASURED: [Table; 4] = [Table::Spans, Table::Metrics, Table::Logs, Table::Samples];

/// Returns the time of the first row of the range in these tables; `None` when there is none.
pub async fn first_measured(view: View, range: TimeRange) -> Result<Option<Timestamp>, Failure> {
    let mut first: Option<Timestamp> = None;
    for table in MEASURED {
        let rows = view.rows(table)?.filter(in_range(table, range))?;
        let earliest = rows.aggregate(vec![], vec![min(col(table.time_column())).alias("first")])?;
        for batch in earliest.collect().await? {
            let times = batch.column(0).as_primitive::<TimestampNanosecondType>();
            let known = first.into_iter();
            first = known.chain(times.iter().flatten().map(Timestamp::from_nanos)).min();
        }
    }
    Ok(first)
}
