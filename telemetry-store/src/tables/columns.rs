//! The kinds of columns that tables are made of.

use std::sync::Arc;

use datafusion::arrow::{
    array::{
        Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, MapArray, MapBuilder, PrimitiveArray,
        RecordBatch, StringArray, StringBuilder, TimestampNanosecondArray, UInt8Array, UInt32Array,
    },
    datatypes::{
        DataType, Field, Fields, Int32Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt8Type,
        UInt32Type,
    },
    error::ArrowError,
};
use waggle_signals::{Attributes, Peer, ResourceId, Timestamp};

/// Name of the column that holds everything without a column of its own.
pub const ATTRIBUTES: &str = "attributes";

/// Name of the column that says whose the row is.
const RESOURCE: &str = "resource_id";

// === fields ===

/// Returns the type of points in time: whole nanoseconds, UTC.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// Returns the type of attributes: text by text.
pub fn attributes_type() -> DataType {
    let entries = Fields::from([
        Arc::new(Field::new("keys", DataType::Utf8, false)),
        Arc::new(Field::new("values", DataType::Utf8, true)),
    ]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

/// Makes a field that is never null.
pub fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

/// Makes a field that may be null.
pub fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// Makes the first two fields of every table.
pub fn whose_and_when(time: &str) -> [Field; 2] {
    [required(RESOURCE, DataType::UInt32), required(time, time_type())]
}

/// Makes the fields of the other end. A null port means that nothing is known; zero, that only the port is not.
pub fn peer_fields() -> [Field; 3] {
    [
        optional("peer_service", DataType::Utf8),
        optional("peer_address", DataType::Utf8),
        optional("peer_port", DataType::Int32),
    ]
}

// === into columns ===

/// Makes a column of resource ids.
pub fn resource_array(ids: impl Iterator<Item = ResourceId>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(ids.map(|id| id.0)))
}

/// Makes a column of times.
pub fn time_array(times: impl Iterator<Item = Timestamp>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from_iter_values(times.map(Timestamp::nanos)).with_timezone("UTC"))
}

/// Makes a column of text.
pub fn text_array<'a>(texts: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

/// Makes a column of text or null.
pub fn optional_text_array<T: AsRef<str>>(texts: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(texts.collect::<StringArray>())
}

/// Makes a column of numbers that were checked to fit.
pub fn number_array(numbers: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(numbers.map(|n| i64::try_from(n).unwrap_or(i64::MAX))))
}

/// Makes a column of small codes.
pub fn code_array(codes: impl Iterator<Item = u8>) -> ArrayRef {
    Arc::new(UInt8Array::from_iter_values(codes))
}

/// Makes a column of attributes.
pub fn attributes_array<'a>(
    rows: impl Iterator<Item = Option<&'a Attributes>>,
) -> Result<ArrayRef, ArrowError> {
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for attributes in rows {
        for (key, value) in attributes.into_iter().flatten() {
            map.keys().append_value(key);
            map.values().append_value(value);
        }
        map.append(attributes.is_some())?;
    }
    Ok(Arc::new(map.finish()))
}

/// Makes the three columns of the other end.
pub fn peer_arrays<'a>(peers: impl Iterator<Item = Option<&'a Peer>> + Clone) -> [ArrayRef; 3] {
    let known = |text: &'a str| (!text.is_empty()).then_some(text);
    let services = peers.clone().map(|peer| peer.and_then(|peer| known(&peer.service)));
    let addresses = peers.clone().map(|peer| peer.and_then(|peer| known(&peer.address)));
    let ports = peers.map(|peer| peer.map(|peer| i32::from(peer.port)));
    [
        optional_text_array(services),
        optional_text_array(addresses),
        Arc::new(ports.collect::<PrimitiveArray<Int32Type>>()),
    ]
}

// === out of columns ===

/// Columns of a batch by name and type.
pub struct Columns<'a>(pub &'a RecordBatch);

impl<'a> Columns<'a> {
    /// Returns a column of primitive values.
    pub fn primitive<T: ArrowPrimitiveType>(&self, name: &str) -> Result<&'a PrimitiveArray<T>, ArrowError> {
        self.column(name)?.as_primitive_opt().ok_or_else(|| unexpected(name))
    }

    /// Returns resource ids.
    pub fn resources(&self) -> Result<impl Iterator<Item = ResourceId> + use<'a>, ArrowError> {
        Ok(self.primitive::<UInt32Type>(RESOURCE)?.values().iter().map(|id| ResourceId(*id)))
    }

    /// Returns times.
    pub fn times(&self, name: &str) -> Result<impl Iterator<Item = Timestamp> + use<'a>, ArrowError> {
        let times = self.primitive::<TimestampNanosecondType>(name)?;
        Ok(times.values().iter().map(|nanos| Timestamp::from_nanos(*nanos)))
    }

    /// Returns counts.
    pub fn numbers(&self, name: &str) -> Result<impl Iterator<Item = u64> + use<'a>, ArrowError> {
        Ok(self.primitive::<Int64Type>(name)?.values().iter().map(|n| n.unsigned_abs()))
    }

    /// Returns small codes.
    pub fn codes(&self, name: &str) -> Result<impl Iterator<Item = u8> + use<'a>, ArrowError> {
        Ok(self.primitive::<UInt8Type>(name)?.values().iter().copied())
    }

    /// Returns text.
    pub fn text(&self, name: &str) -> Result<&'a StringArray, ArrowError> {
        self.column(name)?.as_string_opt().ok_or_else(|| unexpected(name))
    }

    /// Returns any column.
    pub fn column(&self, name: &str) -> Result<&'a ArrayRef, ArrowError> {
        self.0.column_by_name(name).ok_or_else(|| unexpected(name))
    }

    /// Returns attributes, row by row.
    pub fn attributes(&self) -> Result<Vec<Attributes>, ArrowError> {
        let map = self.column(ATTRIBUTES)?.as_map_opt().ok_or_else(|| unexpected(ATTRIBUTES))?;
        (0..map.len()).map(|row| attributes_at(map, row)).collect()
    }

    /// Returns the other ends, row by row.
    pub fn peers(&self) -> Result<Vec<Option<Peer>>, ArrowError> {
        let (services, addresses) = (self.text("peer_service")?, self.text("peer_address")?);
        let ports = self.primitive::<Int32Type>("peer_port")?;
        let peer = |row: usize| {
            let text = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
            ports.is_valid(row).then(|| Peer {
                service: text(services).unwrap_or_default(),
                address: text(addresses).unwrap_or_default(),
                port: u16::try_from(ports.value(row)).unwrap_or_default(),
            })
        };
        Ok((0..self.0.num_rows()).map(peer).collect())
    }
}

fn attributes_at(map: &MapArray, row: usize) -> Result<Attributes, ArrowError> {
    let (keys, values) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>());
    let (Some(keys), Some(values)) = (keys, values) else { return Err(unexpected(ATTRIBUTES)) };
    let offsets = map.value_offsets();
    let entries = offsets[row] as usize..offsets[row + 1] as usize;
    Ok(entries.map(|at| (keys.value(at).to_owned(), values.value(at).to_owned())).collect())
}

/// Says that a column is not what the tables of this crate are made of.
pub fn unexpected(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("column `{name}` is not there or of another type"))
}
