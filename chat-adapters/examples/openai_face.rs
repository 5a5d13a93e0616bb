//! Serves the OpenAI-compatible face with a scripted desk, for real clients: `cargo run --example openai_face -- [port]`.
//!
//! It asks for the token `test-token`, lets one caller ask 24 questions at once, and answers within 5 seconds. How many
//! answers were begun, are under way and were given up stands at `/counts`.

#[path = "../tests/openai/scripted.rs"]
mod scripted;

use std::{
    error::Error,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Json,
    extract::Request,
    http::header,
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use serde_json::json;
use tokio::net::TcpListener;
use waggle_chat_adapters::{
    openai::{Face, Limits, router, unauthorized},
    web::Caller,
};
use waggle_signals::SystemClock;

use scripted::Scripted;

const AUTHORIZATION: &str = "Bearer test-token";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map(|port| port.parse::<u16>()).transpose()?.unwrap_or(0);
    let limits = Limits {
        at_once_per_caller: 24,
        answer_within: Duration::from_secs(5),
        heartbeat: Duration::from_millis(200),
        ..Limits::default()
    };
    let desk = Arc::new(Scripted::default());
    let counting = desk.clone();
    let counts = move || async move {
        let begun = counting.asked.lock().map(|asked| asked.len()).unwrap_or(0);
        let at_work = counting.at_work.load(Ordering::SeqCst);
        Json(
            json!({ "begun": begun, "at_work": at_work, "given_up": counting.given_up.load(Ordering::SeqCst) }),
        )
    };
    let routes = router(Face::new(desk, Arc::new(SystemClock), limits))
        .layer(from_fn(ask_for_token))
        .route("/counts", get(counts));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn ask_for_token(mut request: Request, next: Next) -> Response {
    if request.headers().get(header::AUTHORIZATION).is_none_or(|value| value != AUTHORIZATION) {
        return unauthorized();
    }
    request.extensions_mut().insert(Caller { name: "tester".to_owned() });
    next.run(request).await
}
