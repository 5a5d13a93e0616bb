//! Log records as columns.

use datafusion::arrow::{
    array::{Array, RecordBatch},
    datatypes::{DataType, Field},
    error::ArrowError,
};
use waggle_signals::{LogRecord, ResourceId, Severity};

use super::{
    Row, Table,
    columns::{
        ATTRIBUTES, Columns, attributes_array, attributes_type, code_array, optional, optional_text_array,
        required, resource_array, text_array, time_array, unexpected, whose_and_when,
    },
};

const TIME: &str = Table::Logs.time_column();

pub fn fields() -> Vec<Field> {
    let mut fields = whose_and_when(TIME).to_vec();
    fields.extend([
        required("severity", DataType::UInt8),
        required("body", DataType::Utf8),
        optional("trace_id", DataType::Utf8),
        optional("span_id", DataType::Utf8),
        required(ATTRIBUTES, attributes_type()),
    ]);
    fields
}

/// Returns the code of a severity: its place in [`Severity::ALL`], so that worse is greater.
pub fn severity_code(severity: Severity) -> u8 {
    severity as u8
}

impl Row for LogRecord {
    const TABLE: Table = Table::Logs;

    fn resource(&self) -> ResourceId {
        self.resource
    }

    fn to_columns(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let columns = vec![
            resource_array(rows.iter().map(|row| row.resource)),
            time_array(rows.iter().map(|row| row.time)),
            code_array(rows.iter().map(|row| severity_code(row.severity))),
            text_array(rows.iter().map(|row| row.body.as_str())),
            optional_text_array(rows.iter().map(|row| row.trace_id.map(|id| id.to_string()))),
            optional_text_array(rows.iter().map(|row| row.span_id.map(|id| id.to_string()))),
            attributes_array(rows.iter().map(|row| Some(&row.attributes)))?,
        ];
        RecordBatch::try_new(Table::Logs.schema(), columns)
    }

    fn from_columns(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let columns = Columns(batch);
        let (bodies, trace_ids) = (columns.text("body")?, columns.text("trace_id")?);
        let span_ids = columns.text("span_id")?;
        let rows = columns.resources()?.zip(columns.times(TIME)?);
        let rows = rows.zip(columns.codes("severity")?).zip(columns.attributes()?).enumerate();
        rows.map(|(at, (((resource, time), severity), attributes))| {
            let trace_id = trace_ids.is_valid(at).then(|| trace_ids.value(at).parse());
            let span_id = span_ids.is_valid(at).then(|| span_ids.value(at).parse());
            Ok(Self {
                resource,
                time,
                severity: *Severity::ALL.get(usize::from(severity)).ok_or_else(|| unexpected("severity"))?,
                body: bodies.value(at).to_owned(),
                trace_id: trace_id.transpose().map_err(|_| unexpected("trace_id"))?,
                span_id: span_id.transpose().map_err(|_| unexpected("span_id"))?,
                attributes,
            })
        })
        .collect()
    }
}
