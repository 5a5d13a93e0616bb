//! Many clients over streamable HTTP, each request with the rights of its own caller.

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{Extensions, Method, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::session::{Session, Who};
use crate::{host::Host, limits::Limits};

/// Reads from a request who sent it, as the middleware that let it in has noted; `None` when nobody did.
pub type CallerOf = fn(&Extensions) -> Option<String>;

/// Returns the route `/mcp`. It lets in nobody of whom `caller_of` does not know who they are, so it must stand behind the
/// middleware that asks.
pub fn router(host: Arc<dyn Host>, caller_of: CallerOf, limits: Limits) -> Router {
    let in_all = Arc::new(Semaphore::new(limits.calls_in_all));
    let of_session = limits.clone();
    let new = move || Session::new(host.clone(), Who::Of(caller_of), of_session.clone(), in_all.clone());
    routes(new, caller_of, &limits)
}

/// Who is let in, and how many sessions there are.
#[derive(Clone)]
struct Door {
    caller_of: CallerOf,
    sessions: Arc<LocalSessionManager>,
    max_sessions: usize,
}

/// Returns the route `/mcp` to handlers that are made one for each session.
pub(crate) fn routes<H: ServerHandler>(
    new: impl Fn() -> H + Send + Sync + 'static,
    caller_of: CallerOf,
    limits: &Limits,
) -> Router {
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(limits.silence);
    let sessions = Arc::new(sessions);
    let config = StreamableHttpServerConfig::default()
        // A page on another name that was made to mean this address has no token of ours.
        .disable_allowed_hosts()
        .with_allowed_origins(limits.allowed_origins.clone())
        .enforce_origin_validation()
        .with_max_request_body_bytes(limits.message_bytes);
    let service = StreamableHttpService::new(move || Ok::<_, io::Error>(new()), sessions.clone(), config);
    let door = Door { caller_of, sessions, max_sessions: limits.sessions };
    Router::new().route_service("/mcp", service).layer(from_fn_with_state(door, pass))
}

async fn pass(State(door): State<Door>, request: Request, next: Next) -> Response {
    if (door.caller_of)(request.extensions()).is_none() {
        let hint = "send `Authorization: Bearer <token>`";
        return refused(StatusCode::UNAUTHORIZED, "who is calling? a token is needed", hint);
    }
    let opens = request.method() == Method::POST && !request.headers().contains_key("mcp-session-id");
    if opens && door.sessions.sessions.read().await.len() >= door.max_sessions {
        let error = format!("as many MCP sessions as there may be are open ({})", door.max_sessions);
        return refused(StatusCode::SERVICE_UNAVAILABLE, &error, "close one, or try again later");
    }
    next.run(request).await
}

fn refused(status: StatusCode, error: &str, hint: &str) -> Response {
    (status, Json(json!({ "error": error, "hint": hint }))).into_response()
}
