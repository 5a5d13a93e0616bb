//! Spans as columns.
//!
//! What queries ask for most has a column of its own beside its entry in `attributes`: Parquet keeps the repetition in
//! a dictionary, and a row reads back exactly.

use std::{sync::Arc, time::Duration};

use datafusion::arrow::{
    array::{Array, Int32Array, RecordBatch},
    datatypes::{DataType, Field},
    error::ArrowError,
};
use waggle_signals::{ResourceId, Span, SpanKind, SpanStatus, semconv};

use super::{
    Row, Table,
    columns::{
        ATTRIBUTES, Columns, attributes_array, attributes_type, code_array, number_array, optional,
        optional_text_array, peer_arrays, peer_fields, required, resource_array, text_array, time_array,
        unexpected, whose_and_when,
    },
};

const TIME: &str = Table::Spans.time_column();

/// Kinds by code; a new one goes to the end.
pub const KINDS: [SpanKind; 5] =
    [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];

/// Statuses by code; a new one goes to the end.
pub const STATUSES: [SpanStatus; 3] = [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error];

pub fn fields() -> Vec<Field> {
    let mut fields = whose_and_when(TIME).to_vec();
    fields.extend([
        required("trace_id", DataType::Utf8),
        required("span_id", DataType::Utf8),
        optional("parent_span_id", DataType::Utf8),
        required("kind", DataType::UInt8),
        required("name", DataType::Utf8),
        required("duration_ns", DataType::Int64),
        required("status", DataType::UInt8),
        optional("http_method", DataType::Utf8),
        optional("http_route", DataType::Utf8),
        optional("http_status", DataType::Int32),
    ]);
    fields.extend(peer_fields());
    fields.push(required(ATTRIBUTES, attributes_type()));
    fields
}

/// Returns the code of a kind.
pub fn kind_code(kind: SpanKind) -> u8 {
    KINDS.iter().position(|known| *known == kind).unwrap_or_default() as u8
}

/// Returns the code of a status.
pub fn status_code(status: SpanStatus) -> u8 {
    STATUSES.iter().position(|known| *known == status).unwrap_or_default() as u8
}

impl Row for Span {
    const TABLE: Table = Table::Spans;

    fn resource(&self) -> ResourceId {
        self.resource
    }

    fn to_columns(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let attribute =
            |key: &'static str| optional_text_array(rows.iter().map(move |row| row.attributes.get(key)));
        let http_status = rows.iter().map(|row| row.attributes.get(semconv::HTTP_STATUS)?.parse().ok());
        let mut columns = vec![
            resource_array(rows.iter().map(|row| row.resource)),
            time_array(rows.iter().map(|row| row.start)),
            optional_text_array(rows.iter().map(|row| Some(row.trace_id.to_string()))),
            optional_text_array(rows.iter().map(|row| Some(row.span_id.to_string()))),
            optional_text_array(rows.iter().map(|row| row.parent_span_id.map(|id| id.to_string()))),
            code_array(rows.iter().map(|row| kind_code(row.kind))),
            text_array(rows.iter().map(|row| row.name.as_str())),
            number_array(rows.iter().map(|row| u64::try_from(row.duration.as_nanos()).unwrap_or(u64::MAX))),
            code_array(rows.iter().map(|row| status_code(row.status))),
            attribute(semconv::HTTP_METHOD),
            attribute(semconv::HTTP_ROUTE),
            Arc::new(http_status.collect::<Int32Array>()),
        ];
        columns.extend(peer_arrays(rows.iter().map(|row| row.peer.as_ref())));
        columns.push(attributes_array(rows.iter().map(|row| Some(&row.attributes)))?);
        RecordBatch::try_new(Table::Spans.schema(), columns)
    }

    fn from_columns(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let columns = Columns(batch);
        let (trace_ids, span_ids) = (columns.text("trace_id")?, columns.text("span_id")?);
        let (parents, names) = (columns.text("parent_span_id")?, columns.text("name")?);
        let rows = columns.resources()?.zip(columns.times(TIME)?).zip(columns.numbers("duration_ns")?);
        let codes = columns.codes("kind")?.zip(columns.codes("status")?);
        let others = columns.peers()?.into_iter().zip(columns.attributes()?);
        let rows = rows.zip(codes).zip(others).enumerate();
        rows.map(|(at, ((((resource, start), duration), (kind, status)), (peer, attributes)))| {
            let parent = parents.is_valid(at).then(|| parents.value(at).parse());
            Ok(Self {
                trace_id: trace_ids.value(at).parse().map_err(|_| unexpected("trace_id"))?,
                span_id: span_ids.value(at).parse().map_err(|_| unexpected("span_id"))?,
                parent_span_id: parent.transpose().map_err(|_| unexpected("parent_span_id"))?,
                resource,
                kind: *KINDS.get(usize::from(kind)).ok_or_else(|| unexpected("kind"))?,
                name: names.value(at).to_owned(),
                start,
                duration: Duration::from_nanos(duration),
                status: *STATUSES.get(usize::from(status)).ok_or_else(|| unexpected("status"))?,
                peer,
                attributes,
            })
        })
        .collect()
    }
}
