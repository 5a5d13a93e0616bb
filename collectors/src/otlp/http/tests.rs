use std::{io::Write as _, sync::Mutex};

use async_trait::async_trait;
use axum::http::Request;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use waggle_signals::Batch;

use super::*;

/// Keeps what it takes, or refuses everything.
#[derive(Default)]
struct Store {
    kept: Mutex<Vec<Batch>>,
    refusal: Option<fn() -> Rejected>,
}

#[async_trait]
impl Sink for Store {
    async fn append(&self, batch: Batch) -> Result<(), Rejected> {
        if let Some(refusal) = self.refusal {
            return Err(refusal());
        }
        self.kept.lock().unwrap().push(batch);
        Ok(())
    }
}

const SPANS: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
    {"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"a"},
    {"traceId":"","spanId":"EEE19B7EC3C1B174","name":"b"}]}]}]}"#;

async fn send(
    store: &Arc<Store>,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sink = Arc::clone(store) as Arc<dyn Sink>;
    let router = router(sink, Limits { body_bytes: 10_000 });
    let response = router.oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn spans_in_json_are_kept_and_the_one_that_is_not_valid_is_told() {
    let store = Arc::new(Store::default());
    let (status, headers, body) = send(&store, "/v1/traces", &[JSON], SPANS).await;
    assert_eq!(
        (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, "application/json")
    );
    let message = "span `b` has a trace id or span id that is not valid";
    let expected = json!({ "partialSuccess": { "errorMessage": message, "rejectedSpans": "1" } });
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    assert_eq!(store.kept.lock().unwrap()[0].spans[0].name, "a");
}

#[tokio::test]
async fn gzipped_protobuf_is_kept_and_answered_in_protobuf() {
    let store = Arc::new(Store::default());
    let request: ExportTraceServiceRequest = serde_json::from_str(SPANS).unwrap();
    let body = gzipped(&request.encode_to_vec());
    let (status, headers, body) =
        send(&store, "/v1/traces", &[PROTOBUF, ("content-encoding", "gzip")], body).await;
    assert_eq!(
        (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, "application/x-protobuf")
    );
    let answer = ExportTraceServiceResponse::decode(body.as_slice()).unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
    assert_eq!(store.kept.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_empty_request_is_a_success() {
    let store = Arc::new(Store::default());
    for (path, key) in
        [("/v1/traces", "resourceSpans"), ("/v1/metrics", "resourceMetrics"), ("/v1/logs", "resourceLogs")]
    {
        let (status, _, body) = send(&store, path, &[JSON], format!(r#"{{"{key}":[]}}"#)).await;
        assert_eq!((status, body.as_slice()), (StatusCode::OK, b"{}".as_slice()), "{path}");
    }
    assert!(store.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_reason() {
    let store = Arc::new(Store::default());
    let bomb = gzipped(&vec![b' '; 1_000_000]);
    let gzip = ("content-encoding", "gzip");
    let too_long = vec![b' '; 10_001];
    for (headers, body, expected) in [
        (vec![JSON], b"{".to_vec(), (400, "body is no OTLP: EOF while parsing an object at line 1 column 1")),
        (vec![JSON, gzip], b"{}".to_vec(), (400, "body is no OTLP: gzip: unexpected end of file")),
        (vec![JSON, gzip], bomb, (413, "body exceeds 10000 bytes")),
        (vec![JSON], too_long, (413, "body exceeds 10000 bytes")),
        (
            vec![JSON, ("content-encoding", "br")],
            b"{}".to_vec(),
            (415, "content encoding `br` is not understood; send `gzip` or none"),
        ),
        (
            vec![("content-type", "text/plain")],
            b"{}".to_vec(),
            (
                415,
                "content type `text/plain` is not understood; send `application/json` or `application/x-protobuf`",
            ),
        ),
    ] {
        let (status, _, body) = send(&store, "/v1/traces", &headers, body).await;
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status.as_u16(), answer["message"].as_str().unwrap()), expected);
        assert_eq!(answer["code"], 3);
    }
    let (status, _, body) = send(&store, "/v1/logs", &[PROTOBUF], vec![0xff; 4]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(RpcStatus::decode(body.as_slice()).unwrap().code, 3);
}

#[tokio::test]
async fn a_store_without_room_asks_to_try_again_and_one_that_refuses_does_not() {
    for (refusal, expected) in [
        ((|| Rejected::Unavailable("disk full".into())) as fn() -> Rejected, (503, Some("1"), 14)),
        (|| Rejected::Invalid("no".into()), (400, None, 3)),
    ] {
        let store = Arc::new(Store { refusal: Some(refusal), ..Store::default() });
        let (status, headers, body) = send(&store, "/v1/traces", &[JSON], SPANS).await;
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let retry_after = headers.get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
        assert_eq!((status.as_u16(), retry_after, answer["code"].as_i64().unwrap()), expected);
    }
}
