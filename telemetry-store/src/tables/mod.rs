//! The tables: their columns, rows into columns, and columns back into rows.

mod columns;
mod events;
mod flows;
mod logs;
mod metrics;
mod samples;
mod spans;

use std::sync::LazyLock;

use datafusion::arrow::{
    array::RecordBatch,
    datatypes::{Schema, SchemaRef},
    error::ArrowError,
};
use waggle_signals::{Batch, Event, Flow, LogRecord, MetricPoint, ProfileSample, ResourceId, Span};

pub use columns::{attributes_array, attributes_type};
pub use logs::severity_code;
pub use metrics::{KINDS as METRIC_KINDS, kind_code as metric_kind_code};
pub use spans::{
    KINDS as SPAN_KINDS, STATUSES as SPAN_STATUSES, kind_code as span_kind_code,
    status_code as span_status_code,
};

/// One table of signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Spans.
    Spans,
    /// Metric points.
    Metrics,
    /// Log records.
    Logs,
    /// Events.
    Events,
    /// Profile samples.
    Samples,
    /// Network flows.
    Flows,
}

/// A signal that has a table.
pub trait Row: Sized {
    /// Which one.
    const TABLE: Table;

    /// Returns whose it is.
    fn resource(&self) -> ResourceId;

    /// Makes the columns of rows. Ids of resources are the store's.
    fn to_columns(rows: &[Self]) -> Result<RecordBatch, ArrowError>;

    /// Makes rows of all columns.
    fn from_columns(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError>;
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 6] =
        [Self::Spans, Self::Metrics, Self::Logs, Self::Events, Self::Samples, Self::Flows];

    /// Returns the name in SQL and in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Events => "events",
            Self::Samples => "samples",
            Self::Flows => "flows",
        }
    }

    /// Finds a table by its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Returns the column that says when.
    pub const fn time_column(self) -> &'static str {
        match self {
            Self::Spans => "start_time",
            _ => "time",
        }
    }

    /// Returns the columns as they are stored.
    pub fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 6]> = LazyLock::new(|| {
            let fields = [
                spans::fields(),
                metrics::fields(),
                logs::fields(),
                events::fields(),
                samples::fields(),
                flows::fields(),
            ];
            fields.map(|fields| SchemaRef::new(Schema::new(fields)))
        });
        SchemaRef::clone(&SCHEMAS[self as usize])
    }
}

/// Makes the columns of every table that `batch` has rows for.
pub fn to_columns(batch: &Batch) -> Result<Vec<(Table, RecordBatch)>, ArrowError> {
    fn add<R: Row>(tables: &mut Vec<(Table, RecordBatch)>, rows: &[R]) -> Result<(), ArrowError> {
        if !rows.is_empty() {
            tables.push((R::TABLE, R::to_columns(rows)?));
        }
        Ok(())
    }
    let mut tables = vec![];
    add::<Span>(&mut tables, &batch.spans)?;
    add::<MetricPoint>(&mut tables, &batch.metrics)?;
    add::<LogRecord>(&mut tables, &batch.logs)?;
    add::<Event>(&mut tables, &batch.events)?;
    add::<ProfileSample>(&mut tables, &batch.samples)?;
    add::<Flow>(&mut tables, &batch.flows)?;
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::{columns::time_type, *};
    use crate::testing::one_of_each;

    fn check<R: Row + PartialEq + std::fmt::Debug>(rows: &[R]) {
        let columns = R::to_columns(rows).unwrap();
        assert_eq!(columns.schema(), R::TABLE.schema());
        assert_eq!(R::from_columns(&columns).unwrap(), rows);
    }

    #[test]
    fn rows_of_every_table_survive_as_columns() {
        let batch = one_of_each();
        check(&batch.spans);
        check(&batch.metrics);
        check(&batch.logs);
        check(&batch.events);
        check(&batch.samples);
        check(&batch.flows);
        assert_eq!(to_columns(&batch).unwrap().len(), Table::ALL.len());
    }

    #[test]
    fn every_table_is_found_by_its_name_and_has_its_time_column() {
        for table in Table::ALL {
            assert_eq!(Table::parse(table.name()), Some(table));
            assert_eq!(
                table.schema().field_with_name(table.time_column()).unwrap().data_type(),
                &time_type()
            );
        }
    }
}
