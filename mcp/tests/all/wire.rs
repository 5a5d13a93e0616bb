//! Every message that the server sends, held against the schema of the protocol.

use std::{collections::BTreeMap, env, fs, path::PathBuf, sync::Arc};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use waggle_mcp::{Limits, Recorded, recorded, serve_over};

use crate::host::{INCIDENT, Shop};

/// Returns the schema, or says that it is not there.
fn specs() -> Option<Value> {
    let file =
        env::var_os("WAGGLE_DATA").map(PathBuf::from).unwrap_or_default().join("specs/mcp-2025-11-25.json");
    match fs::read_to_string(&file) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            println!("skipped: no data at `{}`; set WAGGLE_DATA", file.display());
            None
        }
    }
}

/// Returns a validator for one of the schema's definitions.
fn validator(specs: &Value, name: &str) -> jsonschema::Validator {
    let schema =
        json!({"$ref": format!("#/$defs/{name}"), "$defs": specs["$defs"], "$schema": specs["$schema"]});
    jsonschema::validator_for(&schema).unwrap()
}

/// Says each message, and returns what is answered until every request has its answer.
async fn spoken(messages: &[Value], limits: Limits, is_recorded: bool) -> Vec<Value> {
    let (here, there) = tokio::io::duplex(1 << 20);
    let (read, write) = tokio::io::split(there);
    if is_recorded {
        let recorded = Recorded::parse(r#"{"logs {\"a\": 1}": "quiet"}"#).unwrap();
        tokio::spawn(async move { recorded::serve_over(recorded, &limits, read, write).await });
    } else {
        tokio::spawn(serve_over(Arc::<Shop>::default(), "operator", limits, read, write));
    }
    let (read, mut write) = tokio::io::split(here);
    let mut lines = BufReader::new(read).lines();
    let mut answers = Vec::new();
    for message in messages {
        write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        while let Some(id) = message.get("id") {
            let answer: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
            let is_answer = answer.get("id") == Some(id);
            answers.push(answer);
            if is_answer {
                break;
            }
        }
    }
    answers
}

fn conversation(calls: &[(&str, Value)]) -> (Vec<Value>, BTreeMap<i64, &'static str>) {
    let mut messages = vec![
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25",
            "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "ping"}),
        json!({"jsonrpc": "2.0", "id": 4, "method": "resources/list"}),
        json!({"jsonrpc": "2.0", "id": 5, "method": "no/such/method"}),
    ];
    let mut kinds = BTreeMap::from([(1, "InitializeResult"), (2, "ListToolsResult"), (3, "EmptyResult")]);
    for ((tool, arguments), id) in calls.iter().zip(10..) {
        messages.push(json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments, "_meta": {"progressToken": format!("p{id}")}}}));
        kinds.insert(id, "CallToolResult");
    }
    (messages, kinds)
}

/// Holds every answer against the schema and returns how many results, errors and notifications there were.
async fn check(calls: &[(&str, Value)], limits: Limits, is_recorded: bool) -> Option<(usize, usize, usize)> {
    let specs = specs()?;
    let (messages, kinds) = conversation(calls);
    let mut counts = (0, 0, 0);
    for answer in spoken(&messages, limits, is_recorded).await {
        let hold = |name: &str, value: &Value| {
            let faults: Vec<_> =
                validator(&specs, name).iter_errors(value).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{name}: {faults:?}\n{value:#}");
        };
        hold("JSONRPCMessage", &answer);
        if answer.get("method").is_some() {
            hold("ServerNotification", &answer);
            counts.2 += 1;
        } else if answer.get("error").is_some() {
            hold("JSONRPCErrorResponse", &answer);
            counts.1 += 1;
        } else {
            hold("JSONRPCResultResponse", &answer);
            if let Some(kind) = answer["id"].as_i64().and_then(|id| kinds.get(&id)) {
                hold(kind, &answer["result"]);
            }
            counts.0 += 1;
        }
    }
    Some(counts)
}

#[tokio::test]
async fn every_message_of_the_toolbox_keeps_the_schema() {
    let calls = [
        ("echo", json!({"text": "hello"})),
        ("echo", json!({"text": "x".repeat(100_000)})),
        ("echo", json!({})),
        ("wait", json!({"seconds": 0})),
        ("fails", json!({"fatal": false})),
        ("fails", json!({"fatal": true})),
        ("window", json!({"look_at": {"incident": INCIDENT}})),
        ("window", json!({"look_at": 5})),
        ("investigate", json!({"service": "cart"})),
        ("ask", json!({"question": "who?"})),
        ("unknown", json!({})),
    ];
    let limits = Limits { text_bytes: 1000, data_bytes: 1000, ..Limits::default() };
    // Errors: the unknown method, the fatal fault, the unknown tool. `resources/list` is empty by the library's default.
    if let Some(counts) = check(&calls, limits, false).await {
        assert_eq!(counts, (13, 3, 2));
    }
}

#[tokio::test]
async fn every_message_of_a_recording_keeps_the_schema() {
    let calls = [("logs", json!({"a": 1})), ("logs", json!({"a": 2})), ("unknown", json!({}))];
    if let Some(counts) = check(&calls, Limits::default(), true).await {
        assert_eq!(counts, (6, 2, 0));
    }
}
