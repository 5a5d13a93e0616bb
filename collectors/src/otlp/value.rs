//! Attribute values, times and resources.
//!
//! Our values are all text. Those that OpenTelemetry defines as numbers are written as numbers, and any value is read as text: lists and maps as JSON.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource as OtlpResource,
};
use waggle_signals::{Attributes, Resource, Timestamp, semconv};

use super::PEER_PORT;

/// Deepest nesting of a list or map that is shown.
const MAX_DEPTH: usize = 16;

/// Keys whose values OpenTelemetry defines as whole numbers.
const NUMBERS: [&str; 9] = [
    semconv::HTTP_STATUS,
    semconv::HTTP_REQUEST_SIZE,
    semconv::HTTP_RESPONSE_SIZE,
    semconv::SERVER_PORT,
    semconv::CLIENT_PORT,
    semconv::THREAD_ID,
    semconv::PROCESS_PID,
    PEER_PORT,
    "count",
];

pub(super) fn string(text: impl Into<String>) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.into())) }
}

/// A number as OTLP's signed one; as text when it does not fit.
pub(super) fn number(number: u64) -> AnyValue {
    match i64::try_from(number) {
        Ok(number) => AnyValue { value: Some(Value::IntValue(number)) },
        Err(_) => string(number.to_string()),
    }
}

pub(super) fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

pub(super) fn pairs(attributes: &Attributes) -> Vec<KeyValue> {
    attributes
        .iter()
        .map(|(key, text)| {
            // Only a number that reads back as the same text.
            let whole = text.parse::<i64>().ok().filter(|whole| whole.to_string() == *text);
            match whole.filter(|_| NUMBERS.contains(&key.as_str())) {
                Some(whole) => pair(key, AnyValue { value: Some(Value::IntValue(whole)) }),
                None => pair(key, string(text)),
            }
        })
        .collect()
}

/// Reads attributes; a key without a value has the empty text.
pub(super) fn attributes(pairs: &[KeyValue]) -> Attributes {
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.as_ref().map(text).unwrap_or_default())).collect()
}

pub(super) fn resource(resource: Option<&OtlpResource>) -> Resource {
    Resource { attributes: resource.map(|resource| attributes(&resource.attributes)).unwrap_or_default() }
}

/// Shows a value as text.
pub(super) fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        None => String::new(),
        Some(_) => json(value, 0).to_string(),
    }
}

fn json(value: &AnyValue, depth: usize) -> serde_json::Value {
    let Some(value) = &value.value else { return serde_json::Value::Null };
    match value {
        Value::StringValue(text) => text.clone().into(),
        Value::BoolValue(truth) => (*truth).into(),
        Value::IntValue(number) => (*number).into(),
        // Neither `NaN` nor the infinities are JSON.
        Value::DoubleValue(number) if number.is_finite() => (*number).into(),
        Value::DoubleValue(number) => number.to_string().into(),
        Value::ArrayValue(_) | Value::KvlistValue(_) if depth >= MAX_DEPTH => "…".into(),
        Value::ArrayValue(list) => list.values.iter().map(|value| json(value, depth + 1)).collect(),
        Value::KvlistValue(map) => serde_json::Value::Object(
            map.values
                .iter()
                .map(|pair| {
                    let value =
                        pair.value.as_ref().map_or(serde_json::Value::Null, |value| json(value, depth + 1));
                    (pair.key.clone(), value)
                })
                .collect(),
        ),
        Value::BytesValue(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        // A reference into a table that only profiles carry.
        Value::StringValueStrindex(_) => serde_json::Value::Null,
    }
}

pub(super) fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.nanos()).unwrap_or(0)
}

pub(super) fn time(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
