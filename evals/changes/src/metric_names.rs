//! Which metrics there are, for a fake store that is asked in SQL.

use std::collections::BTreeSet;

use serde_json::json;
use waggle_agent_core::{Result, ports::Table};
use waggle_signals::Batch;

/// Returns the names of all metrics. Every statement is taken for the question for these.
pub fn metric_names(batch: &Batch) -> Result<Table> {
    let names: BTreeSet<&str> = batch.metrics.iter().map(|point| point.name.as_str()).collect();
    let rows = names.into_iter().map(|name| vec![json!(name), json!("")]).collect();
    Ok(Table { columns: vec!["name".to_owned(), "unit".to_owned()], rows, truncated: false })
}
