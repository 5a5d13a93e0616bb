//! What cannot be done, as HTTP says it: a status and `{error, hint}`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use waggle_agent_core::{Error, Kind};

/// A refusal that a program and a person can both act on.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    said: Said,
    retry_after_s: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Said {
    /// Lowercase, literals in backticks.
    error: String,
    /// What to do about it; `null` when nothing can be said.
    hint: Option<String>,
}

/// Answers a method that a path does not know.
pub(super) async fn method_not_allowed() -> Fault {
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not know that method")
}

impl Fault {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, said: Said { error: error.into(), hint: None }, retry_after_s: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.said.hint = Some(hint.into());
        self
    }

    pub(super) fn retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl From<Error> for Fault {
    /// Says the message and keeps what is below it in the log: that may name files or addresses.
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::Denied => StatusCode::FORBIDDEN,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(error = error.chain(), "web request failed");
        }
        Self {
            status,
            said: Said { error: error.to_string(), hint: error.hint().map(str::to_owned) },
            retry_after_s: error.kind().is_retryable().then_some(2),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.said)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
