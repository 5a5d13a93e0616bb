//! The toolbox served over a pair of pipes to the protocol library's own client.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use rmcp::{
    ClientHandler, RoleClient, ServiceError, ServiceExt as _,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ProgressNotificationParam,
        ServerResult,
    },
    service::{NotificationContext, PeerRequestOptions, RunningService},
};
use serde_json::{Value, json};
use waggle_mcp::{Limits, serve_over};

use crate::host::{INCIDENT, Shop};

/// A client that keeps what it is told.
#[derive(Clone, Default)]
pub struct Told(pub Arc<Mutex<Vec<(f64, String)>>>);

impl ClientHandler for Told {
    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.0.lock().unwrap().push((told.progress, told.message.unwrap_or_default()));
    }
}

pub type Client = RunningService<RoleClient, Told>;

async fn client_of(shop: &Arc<Shop>, limits: Limits) -> Client {
    let (here, there) = tokio::io::duplex(1 << 16);
    let (read, write) = tokio::io::split(there);
    tokio::spawn(serve_over(shop.clone(), "operator", limits, read, write));
    Told::default().serve(here).await.unwrap()
}

pub fn params(tool: &str, arguments: &Value) -> CallToolRequestParams {
    CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.as_object().unwrap().clone())
}

pub async fn call(client: &Client, tool: &str, arguments: Value) -> Result<CallToolResult, ServiceError> {
    client.call_tool(params(tool, &arguments)).await
}

pub fn text_of(result: &CallToolResult) -> String {
    let texts: Vec<_> =
        result.content.iter().map(|part| part.as_text().map_or("?", |text| text.text.as_str())).collect();
    let error = if result.is_error == Some(true) { "(error) " } else { "" };
    format!("{error}{}", texts.join("\n"))
}

#[tokio::test]
async fn tools_are_listed_with_their_schemas_and_hints() {
    let client = client_of(&Arc::default(), Limits::default()).await;
    let tools = client.list_all_tools().await.unwrap();
    insta::assert_json_snapshot!(tools);
    let mut info = serde_json::to_value(client.peer().peer_info().unwrap()).unwrap();
    info["serverInfo"]["version"] = "[version]".into();
    insta::assert_json_snapshot!(info);
}

#[tokio::test]
async fn each_kind_of_call_is_answered_in_its_way() {
    let client = client_of(&Arc::default(), Limits::default()).await;
    let cases = [
        ("echo", json!({"text": "hello </data> li.na@example.com"})),
        ("echo", json!({"text": "again <email_1>"})),
        ("echo", json!({"txt": "hello"})),
        ("fails", json!({"fatal": false})),
        ("fails", json!({"fatal": true})),
        ("window", json!({})),
        ("window", json!({"look_at": {"incident": INCIDENT}})),
        ("window", json!({"look_at": {"incident": "inc-2"}})),
        ("window", json!({"look_at": {"from": "2026-03-01T14:00:00Z", "to": "2026-03-01T14:10:00Z"}})),
        ("window", json!({"look_at": {"to": "2026-03-01T14:10:00Z"}})),
        ("wait", json!({"seconds": 0})),
        ("investigate", json!({"service": "cart", "window_minutes": 5})),
        ("investigate", json!({"window_minutes": 0})),
        ("investigate", json!({"look_at": {"incident": INCIDENT}})),
        ("ask", json!({"question": "who?", "look_at": {"incident": INCIDENT}})),
        ("ask", json!({})),
        ("ehco", json!({})),
    ];
    let mut told = String::new();
    for (tool, arguments) in cases {
        let answer = match call(&client, tool, arguments.clone()).await {
            Ok(result) => {
                let data = result.structured_content.as_ref().map(|data| format!("\ndata: {data}"));
                format!("{}{}", text_of(&result), data.unwrap_or_default())
            }
            Err(ServiceError::McpError(error)) => format!("(refused) {error}"),
            Err(error) => panic!("{error}"),
        };
        told.push_str(&format!("## {tool} {arguments}\n{answer}\n\n"));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_call_is_audited_before_it_is_made_with_secrets_blacked_out() {
    let shop = Arc::<Shop>::default();
    let client = client_of(&shop, Limits::default()).await;
    let arguments = json!({"text": "li.na@example.com", "look_at": {"incident": INCIDENT}});
    call(&client, "echo", arguments).await.unwrap();
    call(&client, "echo", json!({"text": "<email_1>"})).await.unwrap();
    call(&client, "ask", json!({"question": "who?"})).await.unwrap();
    call(&client, "echo", json!({"wrong": 1})).await.unwrap();
    insta::assert_json_snapshot!(*shop.audited.lock().unwrap());
}

#[tokio::test]
async fn an_investigation_is_told_step_by_step_before_its_answer() {
    let client = client_of(&Arc::default(), Limits::default()).await;
    // The library puts a token of its own into every request.
    call(&client, "investigate", json!({})).await.unwrap();
    let told = client.service().0.lock().unwrap().clone();
    assert_eq!(told, [(1.0, "E1: who calls whom".to_owned()), (2.0, "E2: what stands out".to_owned())]);
}

#[tokio::test]
async fn a_cancelled_call_stops_its_work() {
    let shop = Arc::<Shop>::default();
    let client = client_of(&shop, Limits::default()).await;
    for (tool, arguments) in
        [("wait", json!({"seconds": 3600})), ("investigate", json!({"service": "endless"}))]
    {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params(tool, &arguments)));
        let handle =
            client.peer().send_cancellable_request(request, PeerRequestOptions::no_options()).await.unwrap();
        until(|| shop.at_work.load(Ordering::SeqCst) == 1).await;
        handle.cancel(Some("enough".to_owned())).await.unwrap();
        until(|| shop.at_work.load(Ordering::SeqCst) == 0).await;
        assert_eq!(
            text_of(&call(&client, "echo", json!({"text": "still here"})).await.unwrap()).lines().nth(1),
            Some("still here")
        );
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_its_work() {
    let shop = Arc::<Shop>::default();
    let client = client_of(&shop, Limits::default()).await;
    let request =
        ClientRequest::CallToolRequest(CallToolRequest::new(params("wait", &json!({"seconds": 3600}))));
    let _handle =
        client.peer().send_cancellable_request(request, PeerRequestOptions::no_options()).await.unwrap();
    until(|| shop.at_work.load(Ordering::SeqCst) == 1).await;
    client.cancel().await.unwrap();
    until(|| shop.at_work.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn too_many_calls_at_once_are_refused_with_the_number() {
    let shop = Arc::<Shop>::default();
    let limits = Limits { calls_at_once: 1, ..Limits::default() };
    let client = client_of(&shop, limits).await;
    let request =
        ClientRequest::CallToolRequest(CallToolRequest::new(params("wait", &json!({"seconds": 3600}))));
    let handle =
        client.peer().send_cancellable_request(request, PeerRequestOptions::no_options()).await.unwrap();
    until(|| shop.at_work.load(Ordering::SeqCst) == 1).await;
    let refused = call(&client, "echo", json!({"text": "me too"})).await.unwrap();
    assert_eq!(
        text_of(&refused),
        "(error) as many calls of this session as may run at once are running (1); wait for one to end"
    );
    handle.cancel(None).await.unwrap();
}

#[tokio::test]
async fn work_that_takes_too_long_is_stopped() {
    let limits = Limits {
        tool_time: Duration::from_millis(20),
        work_time: Duration::from_millis(20),
        ..Limits::default()
    };
    let client = client_of(&Arc::default(), limits).await;
    let late = call(&client, "wait", json!({"seconds": 3600})).await.unwrap();
    assert!(
        text_of(&late).contains("`wait` did not answer within 0.02 s; ask for less"),
        "{}",
        text_of(&late)
    );
    let late = call(&client, "investigate", json!({"service": "endless"})).await.unwrap();
    assert!(text_of(&late).contains("`investigate` did not answer within 0.02 s"), "{}", text_of(&late));
}

#[tokio::test]
async fn a_session_is_told_so_much_and_no_more() {
    let client = client_of(&Arc::default(), Limits { session_bytes: 600, ..Limits::default() }).await;
    call(&client, "echo", json!({"text": "x".repeat(600)})).await.unwrap();
    let refused = call(&client, "echo", json!({"text": "more"})).await.unwrap();
    assert!(
        text_of(&refused).starts_with("(error) this session has been told as much"),
        "{}",
        text_of(&refused)
    );
}

#[tokio::test]
async fn a_message_that_is_too_large_is_dropped_and_the_session_goes_on() {
    let limits = Limits { message_bytes: 4096, ..Limits::default() };
    let client = client_of(&Arc::default(), limits).await;
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params(
        "echo",
        &json!({"text": "x".repeat(10_000)}),
    )));
    let options = PeerRequestOptions::with_timeout(Duration::from_millis(200));
    let handle = client.peer().send_cancellable_request(request, options).await.unwrap();
    assert!(matches!(handle.await_response().await, Err(ServiceError::Timeout { .. })));
    let ping =
        ClientRequest::CallToolRequest(CallToolRequest::new(params("echo", &json!({"text": "small"}))));
    assert!(matches!(client.peer().send_request(ping).await, Ok(ServerResult::CallToolResult(_))));
}

/// Waits until something holds; a test that waits in vain fails by the harness's own limit.
pub async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
