//! The toolbox served over streamable HTTP behind a token.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::{Extensions, HeaderMap, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
};
use rmcp::{
    ServiceError, ServiceExt as _,
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::json;
use waggle_mcp::{Limits, router};

use crate::{
    host::Shop,
    served::{Client, Told, call, text_of},
};

#[derive(Clone)]
struct Caller(String);

fn caller_of(extensions: &Extensions) -> Option<String> {
    extensions.get::<Caller>().map(|caller| caller.0.clone())
}

/// Whose token is `token-of-NAME` is NAME.
async fn let_in(mut request: Request, next: Next) -> Response {
    let brought = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(name) = brought.and_then(|brought| brought.strip_prefix("Bearer token-of-")) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let caller = Caller(name.to_owned());
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Serves routes on a free port and returns the URL.
pub async fn serve(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}/mcp")
}

pub async fn shop(limits: Limits) -> (Arc<Shop>, String) {
    let shop = Arc::<Shop>::default();
    let url = serve(router(shop.clone(), caller_of, limits).layer(from_fn(let_in))).await;
    (shop, url)
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn client_of(url: &str, name: &str) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(format!("token-of-{name}"));
    Told::default().serve(StreamableHttpClientTransport::with_client(http(), config)).await.unwrap()
}

#[tokio::test]
async fn a_caller_sees_and_calls_what_its_rights_allow() {
    let (shop, url) = shop(Limits::default()).await;
    let names = async |name: &str| {
        let client = client_of(&url, name).await;
        let tools = client.list_all_tools().await.unwrap();
        (client, tools.into_iter().map(|tool| tool.name.into_owned()).collect::<Vec<_>>())
    };
    let (operator, tools) = names("operator").await;
    assert_eq!(tools, ["echo", "fails", "wait", "window", "investigate", "ask"]);
    let (guest, tools) = names("guest").await;
    assert_eq!(tools, ["echo", "window", "investigate", "ask"]);
    let window = text_of(&call(&operator, "window", json!({})).await.unwrap());
    assert!(window.contains("for operator"), "{window}");
    let refused = call(&guest, "fails", json!({"fatal": false})).await.unwrap_err();
    assert!(matches!(&refused, ServiceError::McpError(error) if error.code.0 == -32602), "{refused}");
    let callers: Vec<_> = shop.audited.lock().unwrap().iter().map(|(caller, ..)| caller.clone()).collect();
    assert_eq!(callers, ["operator"], "what is refused is not done");
}

#[tokio::test]
async fn steps_are_told_over_http_too() {
    let (_, url) = shop(Limits::default()).await;
    let client = client_of(&url, "operator").await;
    call(&client, "investigate", json!({})).await.unwrap();
    let told = client.service().0.lock().unwrap().clone();
    assert_eq!(told.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [1.0, 2.0]);
}

async fn post(url: &str, token: &str, more: HeaderMap) -> (StatusCode, String) {
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
    let asked = http()
        .post(url)
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .headers(more)
        .json(&initialize);
    let response = asked.send().await.unwrap();
    let status = response.status();
    // An accepted request is answered by a stream.
    let text = if status.is_success() { String::new() } else { response.text().await.unwrap() };
    (status, text)
}

#[tokio::test]
async fn nobody_comes_in_without_a_name_or_from_a_web_page() {
    let (_, url) = shop(Limits::default()).await;
    let page = HeaderMap::from_iter([(header::ORIGIN, "https://evil.example".parse().unwrap())]);
    assert_eq!(post(&url, "token-of-guest", HeaderMap::new()).await.0, StatusCode::OK);
    assert_eq!(post(&url, "wrong", HeaderMap::new()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&url, "token-of-guest", page).await.0, StatusCode::FORBIDDEN);
    // Mounted without a middleware that says who is calling, it lets nobody in.
    let open = serve(router(Arc::<Shop>::default(), caller_of, Limits::default())).await;
    let (status, text) = post(&open, "token-of-guest", HeaderMap::new()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        text,
        r#"{"error":"who is calling? a token is needed","hint":"send `Authorization: Bearer <token>`"}"#
    );
}

#[tokio::test]
async fn there_are_so_many_sessions_and_one_that_is_closed_makes_room() {
    let (_, url) = shop(Limits { sessions: 1, ..Limits::default() }).await;
    let first = client_of(&url, "operator").await;
    let (status, text) = post(&url, "token-of-operator", HeaderMap::new()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("as many MCP sessions as there may be are open (1)"), "{text}");
    first.cancel().await.unwrap();
    while post(&url, "token-of-operator", HeaderMap::new()).await.0 != StatusCode::OK {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_session_belongs_to_who_opened_it() {
    let (_, url) = shop(Limits::default()).await;
    let asked = |token: &str, session: Option<&str>, message: serde_json::Value| {
        let mut asked = http()
            .post(&url)
            .header(header::ACCEPT, "application/json, text/event-stream")
            .bearer_auth(format!("token-of-{token}"))
            .json(&message);
        if let Some(session) = session {
            asked = asked.header("mcp-session-id", session);
        }
        asked.send()
    };
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
    let opened = asked("operator", None, initialize).await.unwrap();
    let session = opened.headers().get("mcp-session-id").unwrap().to_str().unwrap().to_owned();
    let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    asked("operator", Some(&session), done).await.unwrap();
    let list = |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"});
    let own = asked("operator", Some(&session), list(2)).await.unwrap().text().await.unwrap();
    assert!(own.contains(r#""name":"echo""#), "{own}");
    let others = asked("guest", Some(&session), list(3)).await.unwrap().text().await.unwrap();
    assert!(others.contains("this session belongs to another caller"), "{others}");
}
