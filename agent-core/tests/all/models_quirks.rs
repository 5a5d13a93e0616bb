//! Providers that resemble OpenAI: how each is asked, and what is made of its answers.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};
use waggle_agent_core::{
    models::{OpenAi, OpenAiConfig, Quirks, quirks::known_endpoints, quirks_named},
    ports::{Message, Model, ModelRequest, ToolSpec},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use crate::provider::protocol;

fn config(url: &str, quirks: Quirks) -> OpenAiConfig {
    OpenAiConfig { url: url.to_owned(), key: "k-123".into(), model: "bee-1".to_owned(), quirks: Some(quirks) }
}

fn request() -> ModelRequest {
    let messages = vec![
        Message::System { text: "Be careful.".to_owned() },
        Message::User { text: "Why is it slow?".to_owned() },
    ];
    let tool = ToolSpec {
        name: "compare".to_owned(),
        description: "Compares.".to_owned(),
        schema: json!({ "type": "object" }),
    };
    ModelRequest { messages, tools: vec![tool], max_tokens: 100, ..ModelRequest::default() }
}

/// What goes with the messages and tools of a request.
async fn asked(quirks: Quirks, request: &ModelRequest) -> Value {
    let server = MockServer::start().await;
    let answer = json!({ "choices": [{ "message": { "content": "{}" } }] });
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(&answer))
        .mount(&server)
        .await;
    OpenAi::new(&config(&server.uri(), quirks)).unwrap().complete(request, &|_| {}).await.unwrap();
    let mut body: Value = server.received_requests().await.unwrap().remove(0).body_json().unwrap();
    let fields = body.as_object_mut().unwrap();
    for field in ["messages", "tools", "model"] {
        fields.remove(field);
    }
    body
}

#[tokio::test]
async fn each_provider_is_asked_as_it_wants() {
    let mut shown = BTreeMap::new();
    let with_schema =
        ModelRequest { tools: Vec::new(), output: Some(json!({ "type": "string" })), ..request() };
    for (name, _) in known_endpoints() {
        let quirks = quirks_named(name).unwrap();
        let whole = Quirks { stream: false, ..quirks.clone() };
        let forms = [
            asked(quirks.clone(), &request()).await,
            asked(whole, &request()).await,
            asked(quirks, &with_schema).await,
        ];
        shown.insert(name, forms);
    }
    // Whether maps keep the order of their keys depends on what else is built.
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!(shown) });
}

/// Asks a server that answers with this file, and writes down what is made of it.
async fn read(name: &str, file: &PathBuf) -> String {
    let file_name = file.file_name().unwrap().to_str().unwrap();
    let body = fs::read(file).unwrap();
    let status = file_name.split('.').find_map(|part| part.parse().ok()).unwrap_or(200);
    let kind = if file_name.ends_with(".sse") { "text/event-stream" } else { "application/json" };
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_raw(body, kind);
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    // What a refusal teaches is seen in the count of requests.
    let model = OpenAi::new(&config(&server.uri(), quirks_named(name).unwrap())).unwrap();
    let outcome = match model.complete(&request(), &|_| {}).await {
        Ok(reply) => format!("{reply:?}"),
        Err(error) => {
            let said = error.chain().replace(&server.uri(), "http://model");
            format!("{:?}: {said}\n  hint: {}", error.kind(), error.hint().unwrap_or_default())
        }
    };
    let requests = server.received_requests().await.unwrap();
    for request in &requests {
        assert_eq!(protocol::check(&request.body_json().unwrap()), Ok(()), "{name}/{file_name}");
    }
    format!("{name}/{file_name}, asked {} times\n  {outcome}\n", requests.len())
}

#[tokio::test]
async fn answers_are_understood_as_each_provider_means_them() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/all/answers");
    let mut shown = String::new();
    for (name, _) in known_endpoints() {
        let mut files: Vec<_> =
            fs::read_dir(folder.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() > 1, "{name}");
        for file in files {
            shown.push_str(&read(name, &file).await);
        }
    }
    insta::assert_snapshot!(shown);
}
