//! Network flows as columns.

use std::sync::Arc;

use datafusion::arrow::{
    array::{AsArray, BooleanArray, RecordBatch},
    datatypes::{DataType, Field},
    error::ArrowError,
};
use waggle_signals::{Flow, ResourceId};

use super::{
    Row, Table,
    columns::{
        Columns, number_array, peer_arrays, peer_fields, required, resource_array, time_array, unexpected,
        whose_and_when,
    },
};

const TIME: &str = Table::Flows.time_column();

pub fn fields() -> Vec<Field> {
    let mut fields = whose_and_when(TIME).to_vec();
    fields.extend(peer_fields());
    fields.push(required("outgoing", DataType::Boolean));
    fields.extend(
        ["connections", "connect_failures", "bytes_sent", "bytes_received", "retransmits", "resets"]
            .map(|name| required(name, DataType::Int64)),
    );
    fields
}

impl Row for Flow {
    const TABLE: Table = Table::Flows;

    fn resource(&self) -> ResourceId {
        self.resource
    }

    fn to_columns(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let mut columns = vec![
            resource_array(rows.iter().map(|row| row.resource)),
            time_array(rows.iter().map(|row| row.time)),
        ];
        columns.extend(peer_arrays(rows.iter().map(|row| Some(&row.peer))));
        columns.extend([
            Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.outgoing)))),
            number_array(rows.iter().map(|row| row.connections)),
            number_array(rows.iter().map(|row| row.connect_failures)),
            number_array(rows.iter().map(|row| row.bytes_sent)),
            number_array(rows.iter().map(|row| row.bytes_received)),
            number_array(rows.iter().map(|row| row.retransmits)),
            number_array(rows.iter().map(|row| row.resets)),
        ]);
        RecordBatch::try_new(Table::Flows.schema(), columns)
    }

    fn from_columns(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let columns = Columns(batch);
        let outgoing = columns.column("outgoing")?.as_boolean_opt().ok_or_else(|| unexpected("outgoing"))?;
        let mut connections = columns.numbers("connections")?;
        let mut connect_failures = columns.numbers("connect_failures")?;
        let mut bytes_sent = columns.numbers("bytes_sent")?;
        let mut bytes_received = columns.numbers("bytes_received")?;
        let mut retransmits = columns.numbers("retransmits")?;
        let mut resets = columns.numbers("resets")?;
        let rows = columns.resources()?.zip(columns.times(TIME)?).zip(columns.peers()?).enumerate();
        let row = |(at, ((resource, time), peer)): (usize, ((_, _), Option<_>))| Self {
            resource,
            time,
            peer: peer.unwrap_or_default(),
            outgoing: outgoing.value(at),
            connections: connections.next().unwrap_or_default(),
            connect_failures: connect_failures.next().unwrap_or_default(),
            bytes_sent: bytes_sent.next().unwrap_or_default(),
            bytes_received: bytes_received.next().unwrap_or_default(),
            retransmits: retransmits.next().unwrap_or_default(),
            resets: resets.next().unwrap_or_default(),
        };
        Ok(rows.map(row).collect())
    }
}
