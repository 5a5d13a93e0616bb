//! From when to when each resource was measured.

use std::{collections::BTreeMap, sync::Arc};

use datafusion::{
    arrow::{
        array::AsArray,
        datatypes::{TimestampNanosecondType, UInt32Type},
    },
    functions_aggregate::expr_fn::{max, min},
    prelude::col,
};
use waggle_agent_core::ports::{Heard, ResourceQuery};
use waggle_signals::{ResourceId, Timestamp};

use super::rows::of_service;
use crate::{
    engine::{Failure, View},
    tables::Table,
};

/// What is measured. A deployment may be told of as an event long before anything is.
const MEASURED: [Table; 4] = [Table::Spans, Table::Metrics, Table::Logs, Table::Samples];

/// Returns the first and the last row of each resource in these tables, by attributes.
pub async fn heard(view: View, query: ResourceQuery) -> Result<Vec<Heard>, Failure> {
    let mut heard = BTreeMap::<_, (i64, i64)>::new();
    for table in MEASURED {
        let wanted = of_service(&view, table, query.range, query.service.as_deref());
        let time = || col(table.time_column());
        let each = view.rows(table)?.filter(wanted)?.aggregate(
            vec![col("resource_id")],
            vec![min(time()).alias("first"), max(time()).alias("last")],
        )?;
        for batch in each.collect().await? {
            let ids = batch.column(0).as_primitive::<UInt32Type>().values();
            let times = |n: usize| batch.column(n).as_primitive::<TimestampNanosecondType>().values();
            for ((id, first), last) in ids.iter().zip(times(1)).zip(times(2)) {
                let of = heard.entry(view.resources.resource(ResourceId(*id))).or_insert((*first, *last));
                *of = (of.0.min(*first), of.1.max(*last));
            }
        }
    }
    let heard = heard.into_iter().map(|(resource, (first, last))| Heard {
        resource: Arc::clone(&resource),
        first: Timestamp::from_nanos(first),
        last: Timestamp::from_nanos(last),
    });
    Ok(heard.collect())
}
