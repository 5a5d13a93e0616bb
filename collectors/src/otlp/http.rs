//! The OTLP/HTTP receiver: `POST /v1/traces`, `/v1/metrics`, `/v1/logs`.
//!
//! Takes protobuf and JSON, plain or gzipped, and answers in the encoding it was asked in.
//! It answers only after the sink has the rows safe. What is malformed is `400` and not worth sending again; a sink without room is `503` with `Retry-After`.
//! Who may send is for the caller to decide: wrap the router.
// Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp

use std::{io::Read as _, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use flate2::read::MultiGzDecoder;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::json;
use waggle_signals::{Rejected, Sink};

use super::{Decoded, decode_logs, decode_metrics, decode_traces};

/// How long the sink may take.
const SINK_TIMEOUT: Duration = Duration::from_secs(10);

/// What a client that was put off is told to wait, in seconds.
const RETRY_AFTER_S: u16 = 1;

/// What the receiver accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest body, as it is sent and as it is after decompression. The OpenTelemetry Collector has 20 MiB.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 20 * 1024 * 1024 }
    }
}

/// Makes the three routes; rows go to `sink`.
pub fn router(sink: Arc<dyn Sink>, limits: Limits) -> Router {
    Router::new()
        .route("/v1/traces", post(receive::<Traces>))
        .route("/v1/metrics", post(receive::<Metrics>))
        .route("/v1/logs", post(receive::<Logs>))
        .with_state(Receiver { sink, limits })
}

#[derive(Clone)]
struct Receiver {
    sink: Arc<dyn Sink>,
    limits: Limits,
}

/// One of the three kinds of request.
trait Kind {
    type Request: Message + Default + DeserializeOwned + Send + 'static;

    fn decode(request: &Self::Request) -> Decoded;

    /// The answer as protobuf, with what was rejected if anything was.
    fn answer(rejected: u64, reason: String) -> Vec<u8>;

    /// The name of the rejected count in JSON.
    const REJECTED: &'static str;
}

struct Traces;
struct Metrics;
struct Logs;

macro_rules! kind {
    ($kind:ident, $request:ident, $response:ident, $partial:ident, $field:ident, $json:literal, $decode:ident) => {
        impl Kind for $kind {
            type Request = $request;
            const REJECTED: &'static str = $json;

            fn decode(request: &Self::Request) -> Decoded {
                $decode(request)
            }

            fn answer(rejected: u64, reason: String) -> Vec<u8> {
                let $field = i64::try_from(rejected).unwrap_or(i64::MAX);
                let partial_success = (rejected > 0).then_some($partial { $field, error_message: reason });
                $response { partial_success }.encode_to_vec()
            }
        }
    };
}

kind!(
    Traces,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    ExportTracePartialSuccess,
    rejected_spans,
    "rejectedSpans",
    decode_traces
);
kind!(
    Metrics,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    ExportMetricsPartialSuccess,
    rejected_data_points,
    "rejectedDataPoints",
    decode_metrics
);
kind!(
    Logs,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    ExportLogsPartialSuccess,
    rejected_log_records,
    "rejectedLogRecords",
    decode_logs
);

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("content type `{0}` is not understood; send `application/json` or `application/x-protobuf`")]
    ContentType(String),
    #[error("content encoding `{0}` is not understood; send `gzip` or none")]
    ContentEncoding(String),
    #[error("body exceeds {0} bytes")]
    TooLarge(usize),
    #[error("body was not read: {0}")]
    Body(String),
    #[error("body is no OTLP: {0}")]
    Malformed(String),
    #[error(transparent)]
    Sink(#[from] Rejected),
}

/// `google.rpc.Status`, which OTLP/HTTP answers errors with.
// Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

async fn receive<K: Kind>(State(receiver): State<Receiver>, headers: HeaderMap, body: Body) -> Response {
    let encoding = match encoding(&headers) {
        Ok(encoding) => encoding,
        Err(refusal) => return refused(&refusal, Encoding::Json),
    };
    match take::<K>(&receiver, &headers, body, encoding).await {
        Ok((rejected, reason)) => answered::<K>(encoding, rejected, reason),
        Err(refusal) => refused(&refusal, encoding),
    }
}

async fn take<K: Kind>(
    receiver: &Receiver,
    headers: &HeaderMap,
    body: Body,
    encoding: Encoding,
) -> Result<(u64, String), Refusal> {
    let is_gzip = is_gzip(headers)?;
    let limit = receiver.limits.body_bytes;
    let bytes = to_bytes(body, limit).await.map_err(|error| {
        let is_too_large =
            std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("limit"));
        if is_too_large { Refusal::TooLarge(limit) } else { Refusal::Body(error.to_string()) }
    })?;
    // Megabytes of JSON take longer than a request may hold up the others on this thread.
    let decoded = tokio::task::spawn_blocking(move || {
        let bytes = if is_gzip { unzipped(&bytes, limit)? } else { bytes.to_vec() };
        let request = read::<K::Request>(&bytes, encoding)?;
        Ok::<_, Refusal>(K::decode(&request))
    });
    let decoded = decoded.await.map_err(|error| Refusal::Body(error.to_string()))??;
    if !decoded.batch.is_empty() {
        let appended = tokio::time::timeout(SINK_TIMEOUT, receiver.sink.append(decoded.batch)).await;
        appended.unwrap_or_else(|_| Err(Rejected::Unavailable("the store does not answer".to_owned())))?;
    }
    Ok((decoded.rejected, decoded.reason.unwrap_or_default()))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let value = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let value = value.unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/x-protobuf") {
        return Ok(Encoding::Protobuf);
    }
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(Encoding::Json);
    }
    Err(Refusal::ContentType(value.chars().take(100).collect()))
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(false) };
    match value.to_str().map(str::trim) {
        Ok(value) if value.eq_ignore_ascii_case("gzip") => Ok(true),
        Ok("" | "identity") => Ok(false),
        _ => Err(Refusal::ContentEncoding(
            String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect(),
        )),
    }
}

/// Unpacks at most `limit` bytes: a few kilobytes may unpack to gigabytes.
fn unzipped(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut unpacked = Vec::new();
    let mut reader = MultiGzDecoder::new(bytes).take(limit as u64 + 1);
    reader.read_to_end(&mut unpacked).map_err(|error| Refusal::Malformed(format!("gzip: {error}")))?;
    if unpacked.len() > limit {
        return Err(Refusal::TooLarge(limit));
    }
    Ok(unpacked)
}

fn read<R: Message + Default + DeserializeOwned>(bytes: &[u8], encoding: Encoding) -> Result<R, Refusal> {
    match encoding {
        Encoding::Protobuf => R::decode(bytes).map_err(|error| Refusal::Malformed(error.to_string())),
        Encoding::Json => {
            serde_json::from_slice(bytes).map_err(|error| Refusal::Malformed(error.to_string()))
        }
    }
}

fn answered<K: Kind>(encoding: Encoding, rejected: u64, reason: String) -> Response {
    let body = match encoding {
        Encoding::Protobuf => K::answer(rejected, reason),
        Encoding::Json if rejected == 0 => b"{}".to_vec(),
        Encoding::Json => {
            // OTLP/JSON writes 64-bit numbers as text.
            let partial = json!({ K::REJECTED: rejected.to_string(), "errorMessage": reason });
            json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
    };
    (StatusCode::OK, [(header::CONTENT_TYPE, content_type(encoding))], body).into_response()
}

fn refused(refusal: &Refusal, encoding: Encoding) -> Response {
    // Codes of google.rpc.Code: 3 is `INVALID_ARGUMENT`, 14 is `UNAVAILABLE`.
    let (status, code) = match refusal {
        Refusal::ContentType(_) | Refusal::ContentEncoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 3),
        Refusal::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, 3),
        Refusal::Body(_) | Refusal::Malformed(_) | Refusal::Sink(Rejected::Invalid(_)) => {
            (StatusCode::BAD_REQUEST, 3)
        }
        Refusal::Sink(Rejected::Unavailable(_)) => (StatusCode::SERVICE_UNAVAILABLE, 14),
    };
    let message = refusal.to_string();
    let body = match encoding {
        Encoding::Protobuf => RpcStatus { code, message }.encode_to_vec(),
        Encoding::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
    };
    let mut response = (status, [(header::CONTENT_TYPE, content_type(encoding))], body).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    response
}

fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    }
}

#[cfg(test)]
mod tests;
