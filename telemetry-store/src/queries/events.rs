//! Events by search.

use datafusion::prelude::{col, lit};
use waggle_agent_core::ports::{EventQuery, Of};
use waggle_signals::Event;

use super::rows::{collect, first, of_service};
use crate::{
    engine::{Failure, View},
    tables::Table,
};

/// Answers a search.
pub async fn events(view: View, query: EventQuery) -> Result<Vec<Of<Event>>, Failure> {
    let mut wanted = of_service(&view, Table::Events, query.range, query.service.as_deref());
    if let Some(name) = query.name {
        wanted = wanted.and(col("name").eq(lit(name)));
    }
    let newest = vec![col("time").sort(false, false)];
    let frame = first(view.rows(Table::Events)?.filter(wanted)?, newest, query.limit)?;
    collect(&view, frame).await
}
