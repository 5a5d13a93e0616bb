//! One table for DataFusion: rows in memory and segments, as they were when the query began.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    common::{DFSchema, internal_datafusion_err, project_schema},
    datasource::{
        TableType,
        listing::PartitionedFile,
        memory::{DataSourceExec, MemorySourceConfig},
        physical_plan::{
            FileGroup, FileScanConfigBuilder, ParquetSource, parquet::CachedParquetFileReaderFactory,
        },
    },
    error::Result,
    execution::object_store::ObjectStoreUrl,
    logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, utils::conjunction},
    physical_plan::{ExecutionPlan, empty::EmptyExec, union::UnionExec},
    scalar::ScalarValue,
};
use waggle_signals::{TimeRange, Timestamp};

use crate::{segments::Segment, state::State, tables::Table};

/// Where segments are, in the words of object stores; the engine registers it.
pub const SEGMENTS_URL: &str = "waggle://segments";

/// Rows in memory that are worth a second thread.
const ROWS_PER_PARTITION: usize = 65_536;

/// A table as it is stored. The state that a query reads is an extension of its session.
#[derive(Debug)]
pub struct StoredTable {
    table: Table,
}

impl StoredTable {
    /// Makes the table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    fn hot(
        &self,
        state: &State,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        range: Option<TimeRange>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let batches = state.hot(self.table, range);
        if batches.is_empty() {
            return Ok(None);
        }
        let n_rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
        let n_partitions =
            (n_rows / ROWS_PER_PARTITION).clamp(1, session.config().target_partitions().max(1));
        let mut partitions = vec![vec![]; n_partitions];
        for (at, batch) in batches.into_iter().enumerate() {
            partitions[at % n_partitions].push(batch);
        }
        Ok(Some(MemorySourceConfig::try_new_exec(&partitions, self.table.schema(), projection.cloned())?))
    }

    fn cold(
        &self,
        segments: &[&Arc<Segment>],
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.table.schema();
        let url = ObjectStoreUrl::parse(SEGMENTS_URL)?;
        let runtime = session.runtime_env();
        let metadata = runtime.cache_manager.get_file_metadata_cache();
        let reader = CachedParquetFileReaderFactory::new(runtime.object_store(&url)?, metadata);
        let mut source = ParquetSource::new(Arc::clone(&schema))
            .with_parquet_file_reader_factory(Arc::new(reader))
            .with_pushdown_filters(true);
        if let Some(filter) = conjunction(filters.to_vec()) {
            let schema = DFSchema::try_from(schema)?;
            source = source.with_predicate(session.create_physical_expr(filter, &schema)?);
        }
        let n_groups = session.config().target_partitions().clamp(1, segments.len().max(1));
        let mut groups = vec![vec![]; n_groups];
        for (at, segment) in segments.iter().enumerate() {
            let name = segment.path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| internal_datafusion_err!("segment without a name"))?;
            groups[at % n_groups].push(PartitionedFile::new(name, segment.n_bytes));
        }
        let scan = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // They serve to skip chunks, files and row groups; what is left is filtered again.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let state = session.config().get_extension::<State>();
        let state = state.ok_or_else(|| internal_datafusion_err!("session without a state of the store"))?;
        let Some(range) = asked_range(filters, self.table.time_column()) else {
            let schema = project_schema(&self.table.schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        };
        let mut plans = vec![];
        plans.extend(self.hot(&state, session, projection, Some(range))?);
        let segments = state.segments.of(self.table).iter().filter(|segment| segment.overlaps(range));
        let segments: Vec<_> = segments.collect();
        if !segments.is_empty() {
            plans.push(self.cold(&segments, session, projection, filters)?);
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(project_schema(&self.table.schema(), projection)?))),
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

/// Returns the window that a row's time must lie in to pass all filters; `None` when no time does.
///
/// Comparisons with a point in time that are joined by `AND` are understood, others are taken to let everything through.
fn asked_range(filters: &[Expr], time_column: &str) -> Option<TimeRange> {
    // The last nanosecond of time cannot be inside a half-open range; nothing is stored there.
    let (mut from, mut to) = (i64::MIN, i64::MAX);
    filters.iter().for_each(|filter| narrow(filter, time_column, &mut from, &mut to));
    TimeRange::new(Timestamp::from_nanos(from), Timestamp::from_nanos(to)).ok()
}

fn narrow(filter: &Expr, column: &str, from: &mut i64, to: &mut i64) {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            narrow(left, column, from, to);
            narrow(right, column, from, to);
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (op, time) = match (is_column(left, column), is_column(right, column)) {
                (true, false) => (Some(*op), time_of(right)),
                (false, true) => (op.swap(), time_of(left)),
                _ => (None, None),
            };
            let (Some(op), Some(time)) = (op, time) else { return };
            let after = time.saturating_add(1);
            match op {
                Operator::Gt => *from = (*from).max(after),
                Operator::GtEq => *from = (*from).max(time),
                Operator::Lt => *to = (*to).min(time),
                Operator::LtEq => *to = (*to).min(after),
                Operator::Eq => {
                    *from = (*from).max(time);
                    *to = (*to).min(after);
                }
                _ => {}
            }
        }
        Expr::Between(between) if !between.negated && is_column(&between.expr, column) => {
            if let Some(low) = time_of(&between.low) {
                *from = (*from).max(low);
            }
            if let Some(high) = time_of(&between.high) {
                *to = (*to).min(high.saturating_add(1));
            }
        }
        _ => {}
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Column(column) if column.name == name)
}

fn time_of(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::TimestampNanosecond(time, _), _) => *time,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn at(nanos: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())))
    }

    fn range(from: i64, to: i64) -> Option<TimeRange> {
        TimeRange::new(Timestamp::from_nanos(from), Timestamp::from_nanos(to)).ok()
    }

    #[test]
    fn comparisons_with_the_time_narrow_the_range() {
        let time = || col("time");
        let cases = [
            (vec![], range(i64::MIN, i64::MAX)),
            (vec![time().gt_eq(at(5)), time().lt(at(9))], range(5, 9)),
            (vec![time().gt(at(5)).and(time().lt_eq(at(9)))], range(6, 10)),
            (vec![at(5).lt(time())], range(6, i64::MAX)),
            (vec![time().eq(at(5))], range(5, 6)),
            (vec![time().between(at(5), at(9))], range(5, 10)),
            (vec![time().lt(at(5)).or(time().gt(at(9)))], range(i64::MIN, i64::MAX)),
            (vec![col("seen").gt(at(5))], range(i64::MIN, i64::MAX)),
            (vec![time().gt(at(9)), time().lt(at(5))], None),
        ];
        for (filters, expected) in cases {
            assert_eq!(asked_range(&filters, "time"), expected, "{filters:?}");
        }
    }
}
