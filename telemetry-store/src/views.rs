//! The tables that SQL sees.
//!
//! Each is a view over a stored table: codes become words, nanoseconds become milliseconds, and the tags that people ask
//! for most are columns. A view is part of the query before it is optimised, so a column that is not asked for costs
//! nothing, and a filter on time or on a stored column reaches the files.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, UInt32Array},
        datatypes::{DataType, Field, Schema, SchemaRef},
    },
    catalog::{Session, TableProvider, view::ViewTable},
    datasource::{TableType, memory::MemorySourceConfig, provider_as_source},
    error::Result,
    logical_expr::{Expr, LogicalPlanBuilder, ScalarUDF},
    physical_plan::ExecutionPlan,
    prelude::{cast, col, lit, nullif},
};
use waggle_signals::{Severity, semconv};

use crate::{
    functions,
    resources::Resources,
    tables::{self, Table},
};

/// Makes the view of a table.
pub fn view(table: Table, stored: Arc<dyn TableProvider>, tag: &ScalarUDF) -> Result<ViewTable> {
    let scan = LogicalPlanBuilder::scan(table.name(), provider_as_source(stored), None)?;
    let plan = scan.project(columns(table, tag))?.build()?;
    Ok(ViewTable::new(plan, None))
}

/// Makes the table of resources.
pub fn resources(resources: Arc<Resources>) -> Arc<dyn TableProvider> {
    Arc::new(ResourceTable { resources })
}

fn columns(table: Table, tag: &ScalarUDF) -> Vec<Expr> {
    let tag = |key: &str, name: &str| tag.call(vec![col("resource_id"), lit(key)]).alias(name);
    let milliseconds =
        |stored: &str, name: &str| (cast(col(stored), DataType::Float64) / lit(1e6)).alias(name);
    let mut columns =
        vec![col("resource_id"), tag(semconv::SERVICE_NAME, "service"), col(table.time_column())];
    let peer =
        || [col("peer_service"), col("peer_address"), nullif(col("peer_port"), lit(0)).alias("peer_port")];
    match table {
        Table::Spans => {
            let kinds = functions::words("span_kind", tables::SPAN_KINDS.map(|kind| kind.as_str()));
            let statuses =
                functions::words("span_status", tables::SPAN_STATUSES.map(|status| status.as_str()));
            columns.extend(["trace_id", "span_id", "parent_span_id"].map(col));
            columns.push(kinds.call(vec![col("kind")]).alias("kind"));
            columns.push(col("name"));
            columns.push(milliseconds("duration_ns", "duration_ms"));
            columns.push(statuses.call(vec![col("status")]).alias("status"));
            columns.extend(["http_method", "http_route", "http_status"].map(col));
            columns.extend(peer());
            columns.push(col("attributes"));
        }
        Table::Metrics => {
            let kinds = functions::words("metric_kind", tables::METRIC_KINDS.map(|kind| kind.as_str()));
            columns.extend([col("name"), kinds.call(vec![col("kind")]).alias("kind")]);
            columns.extend(["unit", "value", "attributes"].map(col));
        }
        Table::Logs => {
            let words = functions::words("severity", Severity::ALL.map(|severity| severity.as_str()));
            // OpenTelemetry logs data model: a range of four numbers for each word.
            let number = cast(col("severity"), DataType::Int32) * lit(4) + lit(1);
            columns.push(words.call(vec![col("severity")]).alias("severity"));
            columns.push(number.alias("severity_number"));
            columns.extend(["body", "trace_id", "span_id", "attributes"].map(col));
        }
        Table::Events => columns.extend(["name", "body", "attributes"].map(col)),
        Table::Samples => {
            columns.push(tag(semconv::COMMIT, "commit"));
            columns.extend(["stack", "location", "count"].map(col));
            columns.push(milliseconds("cpu_ns", "cpu_ms"));
        }
        Table::Flows => {
            columns.extend(peer());
            columns.extend(
                ["outgoing", "connections", "connect_failures", "bytes_sent", "bytes_received"].map(col),
            );
            columns.extend(["retransmits", "resets"].map(col));
        }
    }
    columns
}

/// The table of resources, read from memory.
#[derive(Debug)]
struct ResourceTable {
    resources: Arc<Resources>,
}

impl ResourceTable {
    fn batch(&self) -> Result<RecordBatch> {
        let all = self.resources.all();
        let known =
            || all.iter().enumerate().filter_map(|(id, resource)| Some((id as u32, resource.as_deref()?)));
        let ids = UInt32Array::from_iter_values(known().map(|(id, _)| id));
        let attributes = tables::attributes_array(known().map(|(_, resource)| Some(&resource.attributes)))?;
        let tag = |key| -> ArrayRef {
            let values = known().map(|(_, resource)| resource.tag(key));
            Arc::new(values.collect::<datafusion::arrow::array::StringArray>())
        };
        let columns = vec![
            Arc::new(ids) as ArrayRef,
            tag(semconv::SERVICE_NAME),
            tag(semconv::COMMIT),
            tag(semconv::OWNER),
            attributes,
        ];
        Ok(RecordBatch::try_new(self.schema(), columns)?)
    }
}

#[async_trait]
impl TableProvider for ResourceTable {
    fn schema(&self) -> SchemaRef {
        SchemaRef::new(Schema::new(vec![
            Field::new("resource_id", DataType::UInt32, false),
            Field::new("service", DataType::Utf8, true),
            Field::new("commit", DataType::Utf8, true),
            Field::new("owner", DataType::Utf8, true),
            Field::new("attributes", tables::attributes_type(), false),
        ]))
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(MemorySourceConfig::try_new_exec(&[vec![self.batch()?]], self.schema(), projection.cloned())?)
    }
}
