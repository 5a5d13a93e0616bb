//! The bytes of HTTP: one request a connection, and answers that need not be well formed.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Answer, Closing};

/// A request that arrived.
pub struct Request {
    /// Whether it has the key.
    pub authorized: bool,
    /// Its body; `null` when it is no JSON.
    pub body: Value,
}

/// Reads a request; `None` when the caller went away.
pub async fn read_request(connection: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        read_more(connection, &mut bytes).await?;
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap().to_lowercase();
    assert!(head.starts_with("post /v1/chat/completions "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let length: usize = length.unwrap();
    while bytes.len() < head_end + length {
        read_more(connection, &mut bytes).await?;
    }
    let body = serde_json::from_slice(&bytes[head_end..]).unwrap_or_default();
    Some(Request { authorized: head.contains("\r\nauthorization: bearer k-123\r\n"), body })
}

async fn read_more(connection: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let n_read = connection.read_buf(bytes).await.ok()?;
    (n_read > 0).then_some(())
}

/// Answers by script. A caller that went away is no failure.
pub async fn write_answer(connection: &mut TcpStream, answer: Answer) {
    match answer {
        Answer::Whole(message) => {
            let body = completion(&message).to_string();
            write_body(connection, 200, "application/json", body.as_bytes()).await;
        }
        Answer::Streamed(message, seed) => {
            let body = events(&message);
            write_chunks(connection, body.as_bytes(), seed, Closing::Orderly).await;
        }
        Answer::Cut(message, closing) => {
            let body = events(&message);
            write_chunks(connection, &body.as_bytes()[..body.len() / 2], 1, closing).await;
        }
        Answer::Status(status, kind, body) => write_body(connection, status, kind, body.as_bytes()).await,
        Answer::Silence => tokio::time::sleep(Duration::from_secs(3_600)).await,
        Answer::Late(wait, answer) => {
            tokio::time::sleep(wait).await;
            Box::pin(write_answer(connection, *answer)).await;
        }
        Answer::Endless(start, rest) => {
            let _ = connection.write_all(head(200, "application/json", "connection: close").as_bytes()).await;
            let _ = connection.write_all(start.as_bytes()).await;
            let rest = rest.repeat(64 * 1024 / rest.len());
            while connection.write_all(rest.as_bytes()).await.is_ok() {}
        }
    }
}

/// Writes a body with its length.
pub async fn write_body(connection: &mut TcpStream, status: u16, kind: &str, body: &[u8]) {
    let length = format!("content-length: {}\r\nretry-after: 0\r\nconnection: close", body.len());
    let _ = connection.write_all(head(status, kind, &length).as_bytes()).await;
    let _ = connection.write_all(body).await;
}

/// Writes a body in chunks that end anywhere: inside of a letter, of JSON, of a line end.
async fn write_chunks(connection: &mut TcpStream, mut body: &[u8], seed: u64, closing: Closing) {
    let head = head(200, "text/event-stream", "transfer-encoding: chunked\r\nconnection: close");
    let _ = connection.set_nodelay(true);
    let _ = connection.write_all(head.as_bytes()).await;
    let mut random = seed;
    while !body.is_empty() {
        // Knuth's generator (MMIX) is random enough for cuts.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let length = (usize::try_from(random >> 59).unwrap() + 1).min(body.len());
        let (chunk, rest) = body.split_at(length);
        let chunk = [format!("{length:x}\r\n").as_bytes(), chunk, b"\r\n"].concat();
        let _ = connection.write_all(&chunk).await;
        tokio::task::yield_now().await;
        body = rest;
    }
    if closing == Closing::Orderly {
        let _ = connection.write_all(b"0\r\n\r\n").await;
    }
}

fn head(status: u16, kind: &str, more: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\n{more}\r\n\r\n")
}

fn completion(message: &Value) -> Value {
    let reason = if message.get("tool_calls").is_some() { "tool_calls" } else { "stop" };
    json!({
        "id": "x", "object": "chat.completion", "model": "bee-1",
        "choices": [{ "index": 0, "finish_reason": reason, "message": message }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15 },
    })
}

/// Writes a message as events: a few letters of its text, or of the arguments of a call, in each.
fn events(message: &Value) -> String {
    let piece = |delta: Value, reason: Option<&str>| json!({ "id": "x", "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
    let mut events = vec![piece(json!({ "role": "assistant", "content": "" }), None)];
    for letters in pieces(message["content"].as_str().unwrap_or_default()) {
        events.push(piece(json!({ "content": letters }), None));
    }
    let calls = message.get("tool_calls").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, call) in calls.iter().enumerate() {
        let function = json!({ "name": call["function"]["name"], "arguments": "" });
        let opened = json!({ "index": index, "id": call["id"], "type": "function", "function": function });
        events.push(piece(json!({ "tool_calls": [opened] }), None));
        for letters in pieces(call["function"]["arguments"].as_str().unwrap()) {
            let more = json!({ "index": index, "function": { "arguments": letters } });
            events.push(piece(json!({ "tool_calls": [more] }), None));
        }
    }
    events.push(piece(json!({}), Some(if calls.is_empty() { "stop" } else { "tool_calls" })));
    events
        .push(json!({ "id": "x", "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": 3 } }));
    let lines = events.iter().map(|event| format!("data: {event}\n\n"));
    lines.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn pieces(text: &str) -> Vec<String> {
    text.chars().collect::<Vec<_>>().chunks(7).map(|letters| letters.iter().collect()).collect()
}
