//! Who sent anything.

use std::{collections::BTreeSet, sync::Arc};

use datafusion::{
    arrow::{array::AsArray, datatypes::UInt32Type},
    prelude::col,
};
use waggle_agent_core::ports::ResourceQuery;
use waggle_signals::{Resource, ResourceId};

use super::rows::of_service;
use crate::{
    engine::{Failure, View},
    tables::Table,
};

/// Returns the resources that sent a row of any kind, by attributes.
pub async fn resources(view: View, query: ResourceQuery) -> Result<Vec<Arc<Resource>>, Failure> {
    let mut found = BTreeSet::new();
    for table in Table::ALL {
        let wanted = of_service(&view, table, query.range, query.service.as_deref());
        let ids = view.rows(table)?.filter(wanted)?.select(vec![col("resource_id")])?.distinct()?;
        for batch in ids.collect().await? {
            let ids = batch.column(0).as_primitive::<UInt32Type>().values().iter();
            found.extend(ids.map(|id| view.resources.resource(ResourceId(*id))));
        }
    }
    Ok(found.into_iter().collect())
}
