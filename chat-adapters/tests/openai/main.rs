//! The OpenAI-compatible face over a scripted desk, in process and by a real client.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod answers;
mod any_body;
mod client;
mod refusals;
mod scripted;
mod streams;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use tower::ServiceExt;
use waggle_chat_adapters::openai::{Face, Limits, router};
use waggle_signals::{ManualClock, Timestamp};

use scripted::Scripted;

const COMPLETIONS: &str = "/v1/chat/completions";

/// A router over a scripted desk.
struct Opened {
    desk: Arc<Scripted>,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Opened {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let desk = Arc::new(Scripted::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_772_373_900)));
        Self { router: router(Face::new(desk.clone(), clock, limits)), desk }
    }

    async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.open(request).await.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn ask(&self, body: &Value) -> Answer {
        self.send(post(body.to_string())).await
    }

    /// What the desk was asked last.
    fn asked(&self) -> waggle_chat_adapters::openai::Asked {
        self.desk.asked.lock().unwrap().last().unwrap().clone()
    }
}

fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post(COMPLETIONS).header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

/// A request with one question and these settings.
fn asking(question: &str, settings: &Value) -> Value {
    let mut body = json!({ "model": "waggle", "messages": [{ "role": "user", "content": question }] });
    for (name, value) in settings.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}
