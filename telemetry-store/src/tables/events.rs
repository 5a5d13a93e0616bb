//! Events as columns.

use datafusion::arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field},
    error::ArrowError,
};
use waggle_signals::{Event, ResourceId};

use super::{
    Row, Table,
    columns::{
        ATTRIBUTES, Columns, attributes_array, attributes_type, required, resource_array, text_array,
        time_array, whose_and_when,
    },
};

const TIME: &str = Table::Events.time_column();

pub fn fields() -> Vec<Field> {
    let mut fields = whose_and_when(TIME).to_vec();
    fields.extend([
        required("name", DataType::Utf8),
        required("body", DataType::Utf8),
        required(ATTRIBUTES, attributes_type()),
    ]);
    fields
}

impl Row for Event {
    const TABLE: Table = Table::Events;

    fn resource(&self) -> ResourceId {
        self.resource
    }

    fn to_columns(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let columns = vec![
            resource_array(rows.iter().map(|row| row.resource)),
            time_array(rows.iter().map(|row| row.time)),
            text_array(rows.iter().map(|row| row.name.as_str())),
            text_array(rows.iter().map(|row| row.body.as_str())),
            attributes_array(rows.iter().map(|row| Some(&row.attributes)))?,
        ];
        RecordBatch::try_new(Table::Events.schema(), columns)
    }

    fn from_columns(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let columns = Columns(batch);
        let (names, bodies) = (columns.text("name")?, columns.text("body")?);
        let rows = columns.resources()?.zip(columns.times(TIME)?).zip(columns.attributes()?).enumerate();
        let row = |(at, ((resource, time), attributes))| Self {
            resource,
            time,
            name: names.value(at).to_owned(),
            body: bodies.value(at).to_owned(),
            attributes,
        };
        Ok(rows.map(row).collect())
    }
}
