//! Metric points as columns.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Float64Array, RecordBatch},
    datatypes::{DataType, Field, Float64Type},
    error::ArrowError,
};
use waggle_signals::{MetricKind, MetricPoint, ResourceId};

use super::{
    Row, Table,
    columns::{
        ATTRIBUTES, Columns, attributes_array, attributes_type, code_array, required, resource_array,
        text_array, time_array, unexpected, whose_and_when,
    },
};

const TIME: &str = Table::Metrics.time_column();

/// Kinds by code; a new one goes to the end.
pub const KINDS: [MetricKind; 3] = [MetricKind::Gauge, MetricKind::Delta, MetricKind::Cumulative];

pub fn fields() -> Vec<Field> {
    let mut fields = whose_and_when(TIME).to_vec();
    fields.extend([
        required("name", DataType::Utf8),
        required("unit", DataType::Utf8),
        required("kind", DataType::UInt8),
        required("value", DataType::Float64),
        required(ATTRIBUTES, attributes_type()),
    ]);
    fields
}

/// Returns the code of a kind.
pub fn kind_code(kind: MetricKind) -> u8 {
    KINDS.iter().position(|known| *known == kind).unwrap_or_default() as u8
}

impl Row for MetricPoint {
    const TABLE: Table = Table::Metrics;

    fn resource(&self) -> ResourceId {
        self.resource
    }

    fn to_columns(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let columns = vec![
            resource_array(rows.iter().map(|row| row.resource)),
            time_array(rows.iter().map(|row| row.time)),
            text_array(rows.iter().map(|row| row.name.as_str())),
            text_array(rows.iter().map(|row| row.unit.as_str())),
            code_array(rows.iter().map(|row| kind_code(row.kind))),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.value))),
            attributes_array(rows.iter().map(|row| Some(&row.attributes)))?,
        ];
        RecordBatch::try_new(Table::Metrics.schema(), columns)
    }

    fn from_columns(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let columns = Columns(batch);
        let (names, units) = (columns.text("name")?, columns.text("unit")?);
        let values = columns.primitive::<Float64Type>("value")?;
        let rows = columns.resources()?.zip(columns.times(TIME)?);
        let rows = rows.zip(columns.codes("kind")?).zip(columns.attributes()?).enumerate();
        rows.map(|(at, (((resource, time), kind), attributes))| {
            Ok(Self {
                resource,
                time,
                name: names.value(at).to_owned(),
                unit: units.value(at).to_owned(),
                kind: *KINDS.get(usize::from(kind)).ok_or_else(|| unexpected("kind"))?,
                value: values.value(at),
                attributes,
            })
        })
        .collect()
    }
}
