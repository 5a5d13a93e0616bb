//! Tools of a server with bad habits, in the hands of the agent.

use std::{env, io, path::PathBuf, sync::Arc};

use axum::{Router, http::Extensions};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use serde_json::{Value, json};
use waggle_agent_core::{Scene, ToolError, Toolbox};
use waggle_mcp::{Host as _, Limits, LookAt, McpServerConfig, connect, connect_all, router};

use crate::{
    bad_server::{BadServer, MARK},
    host::Shop,
    served_http::{serve, shop},
};

async fn scene() -> Scene {
    Shop::default().scene("operator", &LookAt::Now).await.unwrap()
}

fn config(config: Value) -> McpServerConfig {
    serde_json::from_value(config).unwrap()
}

/// The bad server over HTTP.
pub async fn bad_url() -> String {
    let server = BadServer::default();
    let new = move || Ok::<_, io::Error>(server.clone());
    let sessions = Arc::<LocalSessionManager>::default();
    let service = StreamableHttpService::new(new, sessions, StreamableHttpServerConfig::default());
    serve(Router::new().route_service("/mcp", service)).await
}

/// The bad server as a process of its own; dies where `mark` is not there yet.
fn bad_command(mark: &str, allow: &[&str]) -> McpServerConfig {
    let mark = mark_file(mark);
    let _ = std::fs::remove_file(&mark);
    config(json!({
        "name": "bad", "command": env::current_exe().unwrap(), "allow": allow, "timeout_s": 60,
        "args": ["--exact", "bad_server::the_bad_server_serves_whoever_started_it", "--nocapture"],
        "env": {MARK: mark, "EXTRA": "1"},
    }))
}

fn mark_file(name: &str) -> PathBuf {
    env::temp_dir().join(format!("waggle-mcp-{}-{name}", std::process::id()))
}

async fn toolbox_of(config: &McpServerConfig) -> Toolbox {
    connect(config).await.unwrap().tools().into_iter().fold(Toolbox::default(), Toolbox::with_any)
}

async fn told(toolbox: &Toolbox, tool: &str, arguments: Value) -> String {
    match toolbox.call(tool, arguments, &scene().await).await {
        Ok(called) => {
            assert!(called.facts.is_empty(), "another server states no facts");
            called.text
        }
        Err(ToolError::Respond(text)) => format!("refused: {text}"),
        Err(ToolError::Fatal(error)) => panic!("{error}"),
    }
}

#[tokio::test]
async fn only_what_is_allowed_is_taken_and_the_rest_is_said() {
    let server = connect(&config(json!({
        "name": "bad", "url": bad_url().await, "allow": ["*", "dies_writing", "no_such"],
    })))
    .await
    .unwrap();
    let mut said: Vec<_> = server.tools().iter().map(|tool| tool.spec().name).collect();
    said.extend(server.warnings().iter().map(|warning| format!("! {warning}")));
    let evil = server.tools().into_iter().find(|tool| tool.spec().name == "bad__evil").unwrap();
    said.push(evil.spec().description);
    insta::assert_snapshot!(said.join("\n"));
    let nothing = connect(&config(json!({"name": "bad", "url": bad_url().await}))).await.unwrap();
    assert!(nothing.tools().is_empty());
}

#[tokio::test]
async fn bad_answers_are_answers_and_the_run_goes_on() {
    let toolbox = toolbox_of(&config(json!({
        "name": "bad", "url": bad_url().await, "allow": ["*"], "timeout_s": 60, "max_bytes": 2048,
    })))
    .await;
    let cases = [
        ("bad__echo", json!({"a": 1})),
        ("bad__echo", json!("  ")),
        ("bad__echo", json!([1])),
        ("bad__strict", json!({"n": "five"})),
        ("bad__huge", json!({})),
        ("bad__enormous", json!({})),
        ("bad__fails", json!({})),
        ("bad__refuses", json!({})),
        ("bad__echo", json!({"still": "here"})),
    ];
    let mut lines = Vec::new();
    for (tool, arguments) in cases {
        let told = told(&toolbox, tool, arguments.clone()).await;
        lines.push(format!("{tool} {arguments}: {}", told.replace(&"x".repeat(1000), "(1000 x)")));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_call_that_hangs_ends_with_its_time() {
    let hasty = config(json!({"name": "bad", "url": bad_url().await, "allow": ["hangs"], "timeout_s": 1}));
    let told = told(&toolbox_of(&hasty).await, "bad__hangs", json!({})).await;
    assert_eq!(told, "refused: `bad__hangs` failed: it did not answer within 1 s; ask for less");
}

#[tokio::test]
async fn a_tool_that_turns_into_another_is_not_called_any_more() {
    let toolbox = toolbox_of(&config(json!({"name": "bad", "url": bad_url().await, "allow": ["*"]}))).await;
    assert_eq!(told(&toolbox, "bad__turns", json!({})).await, "{}");
    assert_eq!(told(&toolbox, "bad__turn", json!({})).await, "turned");
    // The server's word of it comes on a stream of its own.
    let mut after = told(&toolbox, "bad__turns", json!({})).await;
    while after == "{}" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        after = told(&toolbox, "bad__turns", json!({})).await;
    }
    assert_eq!(
        after,
        "refused: `bad__turns` failed: its server has changed it since Waggle started; it is not called until Waggle is started again"
    );
    assert_eq!(told(&toolbox, "bad__echo", json!({})).await, "{}", "others go on");
}

#[tokio::test]
async fn a_process_knows_nothing_of_its_parents_environment() {
    let toolbox = toolbox_of(&bad_command("environment", &["*"])).await;
    let names = told(&toolbox, "bad__environment", json!({})).await;
    let known = ["EXTRA", "HOME", "PATH", MARK];
    let strange: Vec<_> = names.split(' ').filter(|name| !known.contains(name)).collect();
    // What the loader and the test harness set for themselves, if anything, is not from here.
    let inherited: Vec<_> = strange.iter().filter(|name| env::var_os(name).is_some()).collect();
    assert!(names.contains("EXTRA") && names.contains("PATH"), "{names}");
    assert!(inherited.is_empty(), "{inherited:?}");
}

#[tokio::test]
async fn a_process_that_dies_is_started_again_and_only_reading_is_repeated() {
    let toolbox = toolbox_of(&bad_command("reading", &["*"])).await;
    assert_eq!(told(&toolbox, "bad__dies", json!({})).await, "alive again");
    let toolbox = toolbox_of(&bad_command("writing", &["dies_writing", "echo"])).await;
    assert_eq!(
        told(&toolbox, "bad__dies_writing", json!({})).await,
        "refused: `bad__dies_writing` failed: the connection was lost during the call; it is not made again, since the tool may do more than read"
    );
    assert_eq!(told(&toolbox, "bad__echo", json!({"a": 1})).await, r#"{"a":1}"#);
    for mark in ["reading", "writing"] {
        std::fs::remove_file(mark_file(mark)).unwrap();
    }
}

#[tokio::test]
async fn a_server_over_http_that_comes_back_is_found_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = || {
        let new = || Ok::<_, io::Error>(BadServer::default());
        let sessions = Arc::<LocalSessionManager>::default();
        let service = StreamableHttpService::new(new, sessions, StreamableHttpServerConfig::default());
        Router::new().route_service("/mcp", service)
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, routes()).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let first = tokio::spawn(serving.into_future());
    let url = format!("http://{address}/mcp");
    let toolbox =
        toolbox_of(&config(json!({"name": "bad", "url": url, "allow": ["*"], "timeout_s": 60}))).await;
    assert_eq!(told(&toolbox, "bad__echo", json!({})).await, "{}");
    drop(stop);
    first.abort();
    let _ = first.await;
    let gone = told(&toolbox, "bad__echo", json!({})).await;
    assert!(gone.starts_with("refused: `bad__echo` failed: "), "{gone}");
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    tokio::spawn(axum::serve(listener, routes()).into_future());
    assert_eq!(told(&toolbox, "bad__echo", json!({})).await, "{}");
}

#[tokio::test]
async fn servers_that_are_not_there_are_named_and_keep_nobody_from_starting() {
    let connected = connect_all(&[
        config(json!({"name": "here", "url": bad_url().await, "allow": ["echo"]})),
        config(json!({"name": "gone", "command": "/no/such/program"})),
        config(json!({"name": "mute", "command": "sleep", "args": ["60"], "timeout_s": 1})),
        config(json!({"name": "ended", "command": "true"})),
        config(json!({"name": "closed", "url": "http://127.0.0.1:9/mcp", "timeout_s": 60})),
        config(json!({"name": "denied", "url": shop(Limits::default()).await.1, "bearer": "wrong", "timeout_s": 60})),
        config(json!({"name": "here", "command": "true"})),
        config(json!({"name": "wrong name", "command": "true"})),
    ])
    .await;
    assert_eq!(connected.servers.iter().map(|server| server.name()).collect::<Vec<_>>(), ["here"]);
    let missing: Vec<_> = connected.missing.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    insta::assert_snapshot!(missing.join("\n"));
}

#[tokio::test]
async fn waggle_can_be_given_to_waggle() {
    let caller_of = |_: &Extensions| Some("operator".to_owned());
    let url = serve(router(Arc::<Shop>::default(), caller_of, Limits::default())).await;
    let toolbox =
        toolbox_of(&config(json!({"name": "far", "url": url, "allow": ["*", "investigate"]}))).await;
    let names: Vec<_> = toolbox.specs().into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["far__echo", "far__fails", "far__investigate", "far__wait", "far__window"]);
    let mut lines = Vec::new();
    for (tool, arguments) in [
        ("far__echo", json!({"text": "hello"})),
        ("far__echo", json!({"txt": "hello"})),
        ("far__fails", json!({"fatal": false})),
        ("far__fails", json!({"fatal": true})),
        ("far__window", json!({"look_at": {"incident": "inc-1"}})),
        ("far__investigate", json!({"service": "cart"})),
    ] {
        lines.push(format!("## {tool} {arguments}\n{}", told(&toolbox, tool, arguments.clone()).await));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
