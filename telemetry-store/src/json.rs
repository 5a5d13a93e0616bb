//! Values of query answers as JSON.

use datafusion::{
    arrow::compute::cast,
    arrow::{
        array::{Array, ArrayRef, AsArray, RecordBatch},
        datatypes::{DataType, Float16Type, Float32Type, Float64Type, TimeUnit},
        error::ArrowError,
        util::display::{ArrayFormatter, FormatOptions},
    },
};
use serde_json::{Map, Number, Value};
use waggle_signals::Timestamp;

/// Adds the rows of `batch`, one value per column, and returns about how many bytes they take.
pub fn add_rows(rows: &mut Vec<Vec<Value>>, batch: &RecordBatch) -> Result<usize, ArrowError> {
    let start = rows.len();
    rows.extend((0..batch.num_rows()).map(|_| Vec::with_capacity(batch.num_columns())));
    let mut n_bytes = 0;
    for column in batch.columns() {
        for (row, value) in rows[start..].iter_mut().zip(values(column)?) {
            n_bytes += size_of::<Value>() + n_text_bytes(&value);
            row.push(value);
        }
    }
    Ok(n_bytes)
}

fn n_text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(|value| size_of::<Value>() + n_text_bytes(value)).sum(),
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + n_text_bytes(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Returns one value per row: times as RFC 3339, numbers that JSON does not have as null.
fn values(column: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    use DataType as T;
    Ok(match column.data_type() {
        T::Null => vec![Value::Null; column.len()],
        T::Boolean => column.as_boolean().iter().map(Value::from).collect(),
        T::Int8 | T::Int16 | T::Int32 | T::Int64 => {
            let wide = cast(column, &T::Int64)?;
            wide.as_primitive::<datafusion::arrow::datatypes::Int64Type>().iter().map(Value::from).collect()
        }
        T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => {
            let wide = cast(column, &T::UInt64)?;
            wide.as_primitive::<datafusion::arrow::datatypes::UInt64Type>().iter().map(Value::from).collect()
        }
        T::Float16 => column.as_primitive::<Float16Type>().iter().map(|v| float(v.map(f64::from))).collect(),
        T::Float32 => column.as_primitive::<Float32Type>().iter().map(|v| float(v.map(f64::from))).collect(),
        T::Float64 => column.as_primitive::<Float64Type>().iter().map(float).collect(),
        T::Utf8 | T::LargeUtf8 | T::Utf8View => {
            let text = cast(column, &T::Utf8)?;
            text.as_string::<i32>().iter().map(Value::from).collect()
        }
        T::Dictionary(_, of) => values(&cast(column, of)?)?,
        T::Timestamp(_, zone) => {
            // Times before 1677 and after 2262 do not fit in nanoseconds and become null.
            let nanos = cast(column, &T::Timestamp(TimeUnit::Nanosecond, zone.clone()))?;
            let nanos = nanos.as_primitive::<datafusion::arrow::datatypes::TimestampNanosecondType>();
            let text = |nanos: i64| Timestamp::from_nanos(nanos).to_string();
            nanos.iter().map(|nanos| nanos.map(text).into()).collect()
        }
        T::List(_) => lists(column.len(), |row| {
            let list = column.as_list::<i32>();
            list.is_valid(row).then(|| list.value(row))
        })?,
        T::LargeList(_) => lists(column.len(), |row| {
            let list = column.as_list::<i64>();
            list.is_valid(row).then(|| list.value(row))
        })?,
        T::Map(..) => maps(column)?,
        T::Struct(fields) => {
            let parts = column.as_struct();
            let names: Vec<&String> = fields.iter().map(|field| field.name()).collect();
            let columns: Vec<Vec<Value>> = parts.columns().iter().map(values).collect::<Result<_, _>>()?;
            let row = |row: usize| -> Value {
                let fields =
                    names.iter().zip(&columns).map(|(name, column)| ((*name).clone(), column[row].clone()));
                if parts.is_valid(row) { Value::Object(fields.collect()) } else { Value::Null }
            };
            (0..column.len()).map(row).collect()
        }
        _ => as_text(column)?,
    })
}

fn float(value: Option<f64>) -> Value {
    value.and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

fn lists(n_rows: usize, list: impl Fn(usize) -> Option<ArrayRef>) -> Result<Vec<Value>, ArrowError> {
    (0..n_rows).map(|row| list(row).map_or(Ok(Value::Null), |list| values(&list).map(Value::Array))).collect()
}

fn maps(column: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let map = column.as_map();
    let (keys, entries) = (as_text(map.keys())?, values(map.values())?);
    let offsets = map.value_offsets();
    let row = |row: usize| {
        let entries = (offsets[row] as usize..offsets[row + 1] as usize).map(|at| {
            let key = keys[at].as_str().unwrap_or_default().to_owned();
            (key, entries[at].clone())
        });
        if map.is_valid(row) { Value::Object(entries.collect::<Map<_, _>>()) } else { Value::Null }
    };
    Ok((0..column.len()).map(row).collect())
}

/// Everything else as Arrow writes it: dates, durations, intervals, decimals, bytes.
fn as_text(column: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(column.as_ref(), &options)?;
    let value = |row: usize| -> Result<Value, ArrowError> {
        if column.is_null(row) { Ok(Value::Null) } else { Ok(text.value(row).try_to_string()?.into()) }
    };
    (0..column.len()).map(value).collect()
}
