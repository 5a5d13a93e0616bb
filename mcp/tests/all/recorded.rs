//! A recording served to the agent, directly and through the protocol.

use axum::http::Extensions;
use serde_json::{Value, json};
use waggle_agent_core::{Scene, ToolError, Toolbox, toolbox::AnyTool};
use waggle_mcp::{Host as _, Limits, LookAt, McpServerConfig, Recorded, connect, recorded};

use crate::{host::Shop, served_http::serve};

const RECORDING: &str = r#"{"tools": [{"name": "logs", "description": "Logs of a service.",
        "schema": {"type": "object", "properties": {"service": {"type": "string"}}, "required": ["service"]}}],
    "calls": [{"tool": "logs", "arguments": {"service": "cart"}, "text": "timeout", "data": {"lines": 1}},
              {"tool": "logs", "arguments": {"service": "redis"}, "text": "quiet"}]}"#;

async fn scene() -> Scene {
    Shop::default().scene("operator", &LookAt::Now).await.unwrap()
}

async fn told(toolbox: &Toolbox, tool: &str, arguments: Value) -> String {
    match toolbox.call(tool, arguments, &scene().await).await {
        Ok(called) => format!("{} {}", called.text, called.data),
        Err(ToolError::Respond(text)) => format!("refused: {text}"),
        Err(ToolError::Fatal(error)) => panic!("{error}"),
    }
}

fn toolbox(tools: Vec<std::sync::Arc<dyn AnyTool>>) -> Toolbox {
    tools.into_iter().fold(Toolbox::default(), Toolbox::with_any)
}

#[tokio::test]
async fn a_recording_answers_the_same_directly_and_through_a_server() {
    let recorded = Recorded::parse(RECORDING).unwrap();
    let direct = toolbox(recorded.tools());
    let anyone = |_: &Extensions| Some("anyone".to_owned());
    let url = serve(recorded::router(recorded, anyone, &Limits::default())).await;
    let config: McpServerConfig =
        serde_json::from_value(json!({"name": "past", "url": url, "allow": ["*"]})).unwrap();
    let server = connect(&config).await.unwrap();
    assert_eq!(server.warnings(), [""; 0]);
    let through = toolbox(server.tools());

    let mut lines = Vec::new();
    for arguments in [
        json!({"service": "cart"}),
        json!({"service": "redis"}),
        json!({"service": "gateway"}),
        json!({"service": 5}),
    ] {
        lines.push(format!("direct  {arguments}: {}", told(&direct, "logs", arguments.clone()).await));
        lines.push(format!("through {arguments}: {}", told(&through, "past__logs", arguments.clone()).await));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
