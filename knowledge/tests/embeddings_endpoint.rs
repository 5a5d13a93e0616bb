#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
//! Endpoints that resemble OpenAI's embeddings, well and badly, on a loopback address.

use std::{net::TcpListener, time::Duration};

use serde_json::{Value, json};
use waggle_agent_core::{Error, Kind, models::Retries};
use waggle_knowledge::{
    Embeddings,
    embeddings::{OpenAiEmbeddings, OpenAiEmbeddingsConfig},
};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

fn config(url: &str) -> OpenAiEmbeddingsConfig {
    OpenAiEmbeddingsConfig {
        url: url.to_owned(),
        key: "k-1234567".into(),
        model: "bee-embed".to_owned(),
        dimensions: 2,
        texts_at_once: 2,
        retries: Retries {
            attempts: 3,
            first_wait: Duration::from_millis(1),
            max_wait: Duration::from_millis(2),
            total_wait: Duration::from_secs(1),
        },
    }
}

fn embeddings(server: &MockServer) -> OpenAiEmbeddings {
    OpenAiEmbeddings::new(&config(&format!("{}/v1/", server.uri()))).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/v1/embeddings")).respond_with(answer).mount(&server).await;
    server
}

/// Answers each text with its number of letters and 1, the last text first.
fn letters(request: &Request) -> ResponseTemplate {
    let body: Value = request.body_json().unwrap();
    let inputs = body["input"].as_array().unwrap();
    let entry = |(index, text): (usize, &Value)| json!({ "object": "embedding", "index": index, "embedding": [text.as_str().unwrap().len(), 1] });
    let data: Vec<Value> = inputs.iter().enumerate().rev().map(entry).collect();
    ResponseTemplate::new(200).set_body_json(json!({ "object": "list", "data": data, "model": "bee-embed" }))
}

async fn honest() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/embeddings"))
        .and(header("authorization", "Bearer k-1234567"))
        .respond_with(letters)
        .mount(&server)
        .await;
    server
}

async fn failure(server: &MockServer) -> Error {
    embeddings(server).embed(&texts(&["bee", "hive"])).await.unwrap_err()
}

/// What a person reads: the kind, the message with all below it, the hint.
fn told(error: &Error, server: &MockServer) -> String {
    let text = format!("{:?}: {}\nhint: {}", error.kind(), error.chain(), error.hint().unwrap_or_default());
    text.replace(&server.uri(), "http://embed")
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts() {
    let server = honest().await;
    let vectors = embeddings(&server).embed(&texts(&["bee", "", "hives", "a", "  ", "xx"])).await.unwrap();
    let unit = |n: f32| vec![n / n.hypot(1.0), 1.0 / n.hypot(1.0)];
    let want = [unit(3.0), vec![0.0; 2], unit(5.0), unit(1.0), vec![0.0; 2], unit(2.0)];
    for (found, want) in vectors.iter().zip(&want) {
        assert!(found.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{vectors:?}");
    }
    assert_eq!(vectors.len(), want.len());
    let sent: Vec<Value> =
        server.received_requests().await.unwrap().iter().map(|it| it.body_json().unwrap()).collect();
    let inputs: Vec<&Value> = sent.iter().map(|body| &body["input"]).collect();
    assert_eq!(inputs, [&json!(["bee"]), &json!(["hives", "a"]), &json!(["xx"])]);
    assert_eq!(sent[0]["model"], "bee-embed");
    assert_eq!(sent[0]["encoding_format"], "float");
}

#[tokio::test]
async fn nothing_is_sent_for_texts_without_words() {
    let server = MockServer::start().await;
    let vectors = embeddings(&server).embed(&texts(&["", "\n"])).await.unwrap();
    assert_eq!(vectors, [[0.0, 0.0], [0.0, 0.0]]);
    assert!(embeddings(&server).embed(&[]).await.unwrap().is_empty());
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn secrets_stay_here_and_equal_texts_stay_equal() {
    let server = honest().await;
    let mail = "mail li.na@example.com";
    embeddings(&server).embed(&texts(&["cc a@b.io", mail, mail, "password=hunter2x"])).await.unwrap();
    let sent = server.received_requests().await.unwrap();
    let inputs: Vec<Value> =
        sent.iter().map(|it| it.body_json::<Value>().unwrap()["input"].clone()).collect();
    assert_eq!(
        inputs,
        [json!(["cc <email_1>", "mail <email_1>"]), json!(["mail <email_1>", "password=<secret_1>"])]
    );
}

#[tokio::test]
async fn an_endpoint_that_is_busy_is_asked_again() {
    for (status, wait) in [(429, "0.01"), (503, "0"), (500, "")] {
        let server = MockServer::start().await;
        let busy =
            ResponseTemplate::new(status).set_body_json(json!({ "error": { "message": "slow down" } }));
        let busy = if wait.is_empty() { busy } else { busy.insert_header("retry-after", wait) };
        Mock::given(method("POST")).respond_with(busy).up_to_n_times(2).with_priority(1).mount(&server).await;
        Mock::given(method("POST")).respond_with(letters).mount(&server).await;
        assert_eq!(embeddings(&server).embed(&texts(&["bee"])).await.unwrap().len(), 1, "{status}");
        assert_eq!(server.received_requests().await.unwrap().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn an_endpoint_that_wants_to_be_left_alone_for_long_is_left_alone() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "3600").set_body_string("busy");
    let server = answering(busy).await;
    let error = failure(&server).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    assert_eq!(
        told(&error, &server),
        "Unavailable: the endpoint at `http://embed/v1` answered 429 Too Many Requests: busy\n\
         hint: try again later; is there credit left on the account?"
    );
}

#[tokio::test]
async fn an_endpoint_that_stays_broken_is_given_up() {
    let server = answering(ResponseTemplate::new(502).set_body_string("<html>bad gateway</html>")).await;
    let error = failure(&server).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
    assert_eq!(
        told(&error, &server),
        "Unavailable: the endpoint at `http://embed/v1` answered 502 Bad Gateway: <html>bad gateway</html>\n\
         hint: try again later"
    );
}

#[tokio::test]
async fn a_refusal_is_quoted_without_the_key_and_not_repeated() {
    let body = json!({ "error": { "message": "Incorrect API key provided: k-1234567." } });
    let server = answering(ResponseTemplate::new(401).set_body_json(body)).await;
    let error = failure(&server).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    assert_eq!(
        told(&error, &server),
        "Denied: the endpoint at `http://embed/v1` answered 401 Unauthorized: Incorrect API key provided: <key>.\n\
         hint: check the key of the embeddings"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_asked_for_is_refused() {
    let one = r#"{"data": [{"index": 0, "embedding": [1, 0]}]}"#;
    let long = r#"{"data": [{"index": 0, "embedding": [1, 0, 0]}, {"index": 1, "embedding": [1, 0, 0]}]}"#;
    let nan = r#"{"data": [{"index": 0, "embedding": [NaN, 0]}, {"index": 1, "embedding": [1, 0]}]}"#;
    let null = r#"{"data": [{"index": 0, "embedding": [null, 0]}, {"index": 1, "embedding": [1, 0]}]}"#;
    for (body, want) in [
        (one, "1 embeddings for 2 texts"),
        (long, "an embedding with 3 dimensions in place of 2"),
        (nan, "no list of embeddings: expected value at line 1 column 38"),
        (null, "no list of embeddings: invalid type: null, expected f32 at line 1 column 41"),
        ("<html>welcome</html>", "no list of embeddings: expected value at line 1 column 1"),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_string(body)).await;
        assert_eq!(
            told(&failure(&server).await, &server),
            format!(
                "Invalid: the endpoint at `http://embed/v1` answered {want}\n\
                 hint: check the URL, the model and the dimensions of the embeddings"
            ),
            "{body}"
        );
    }
}

#[tokio::test]
async fn neither_key_nor_texts_follow_to_another_address() {
    let other = MockServer::start().await;
    let away = ResponseTemplate::new(307).insert_header("location", format!("{}/v1/embeddings", other.uri()));
    let server = answering(away).await;
    assert_eq!(failure(&server).await.kind(), Kind::Invalid);
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_named_without_its_password() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = config(&format!("http://bee:honey@127.0.0.1:{port}/v1"));
    let embeddings = OpenAiEmbeddings::new(&config).unwrap();
    let error = embeddings.embed(&texts(&["bee"])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(error.to_string(), format!("ask for embeddings at `http://127.0.0.1:{port}/v1`"));
    for told in [error.chain(), format!("{error:?}"), format!("{embeddings:?}"), format!("{config:?}")] {
        assert!(!told.contains("honey") && !told.contains("k-1234567"), "{told}");
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let check = |change: fn(&mut OpenAiEmbeddingsConfig), want: &str| {
        let mut config = config("http://127.0.0.1:1/v1");
        change(&mut config);
        let error = OpenAiEmbeddings::new(&config).unwrap_err();
        assert_eq!((error.kind(), error.chain().as_str()), (Kind::Invalid, want));
    };
    check(|it| it.url = "ftp://bee:honey@x/v1".to_owned(), "embeddings URL `x/v1` is not a web address");
    check(|it| it.url = String::new(), "embeddings URL `` is not a web address");
    check(|it| it.key = "k-1\nk-2".into(), "the key of the embeddings has characters that cannot be sent");
    check(|it| it.dimensions = 0, "embeddings with 0 dimensions say nothing");
}
