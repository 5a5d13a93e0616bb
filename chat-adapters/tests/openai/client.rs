//! The face as `async-openai`'s own client sees it, over a real connection.

use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    types::chat::{
        ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, CreateChatCompletionRequest,
        FinishReason, Role,
    },
};
use futures::StreamExt;
use tokio::net::TcpListener;

use crate::Opened;

async fn client(opened: &Opened) -> Client<OpenAIConfig> {
    // A second test may have been first; one is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = opened.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let config = OpenAIConfig::new().with_api_base(format!("http://{address}/v1")).with_api_key("token");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Client::with_config(config).with_http_client(http)
}

fn request(question: &str) -> CreateChatCompletionRequest {
    let message = ChatCompletionRequestUserMessage::from(question);
    CreateChatCompletionRequest {
        model: "waggle".to_owned(),
        messages: vec![message.into()],
        ..CreateChatCompletionRequest::default()
    }
}

#[tokio::test]
async fn its_types_read_an_answer_and_the_models() {
    let client = client(&Opened::new()).await;
    let answer = client.chat().create(request("why is checkout slow?")).await.unwrap();
    let text = answer.choices[0].message.content.as_deref().unwrap();
    assert!(text.starts_with("`checkout` is slow"), "{text}");
    assert_eq!(answer.usage.unwrap().total_tokens, 1280);

    let models = client.models().list().await.unwrap();
    assert_eq!(models.data[0].id, "waggle");
    assert_eq!(client.models().retrieve("waggle").await.unwrap(), models.data[0]);
}

#[tokio::test]
async fn its_types_read_a_stream() {
    let client = client(&Opened::new()).await;
    let stream_options = ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
    let request = CreateChatCompletionRequest {
        stream: Some(true),
        stream_options: Some(stream_options),
        ..request("[steps] checkout 为什么慢？")
    };
    let chunks: Vec<_> =
        client.chat().create_stream(request).await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(chunks[0].choices[0].delta.role, Some(Role::Assistant));
    let said = chunks.iter().filter_map(|chunk| chunk.choices.first()?.delta.content.clone());
    assert!(said.collect::<String>().starts_with("`checkout` 变慢"));
    let [.., finish, usage] = &chunks[..] else { panic!("{chunks:?}") };
    assert_eq!(finish.choices[0].finish_reason, Some(FinishReason::Stop));
    assert_eq!((usage.choices.len(), usage.usage.as_ref().unwrap().completion_tokens), (0, 80));
    assert!(chunks.iter().all(|chunk| chunk.id == chunks[0].id));
}

#[tokio::test]
async fn its_types_read_a_refusal() {
    let client = client(&Opened::new()).await;
    let request = CreateChatCompletionRequest { n: Some(3), ..request("why?") };
    let OpenAIError::ApiError(refused) = client.chat().create(request).await.unwrap_err() else {
        panic!("another error");
    };
    assert_eq!(refused.status_code.as_u16(), 400);
    assert_eq!(refused.api_error.param.as_deref(), Some("n"));
}
