//! What cannot be done, as OpenAI's API says it: a status and `{"error": {message, type, param, code}}`.

use async_openai::error::{ApiError, WrappedError};
use axum::{
    Json,
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use waggle_agent_core::{Error, Kind};

/// How long somebody is asked to wait for a place or for what is not there now. Most answers take a few seconds.
const RETRY_AFTER_S: u32 = 2;
/// OpenAI's SDKs ask again after every status from 500 up unless this says `false` (`_should_retry` in `openai-python`).
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A refusal. Boxed, because it is the rare half of every result here.
#[derive(Clone, Debug)]
pub(super) struct Fault(Box<Said>);

#[derive(Clone, Debug)]
struct Said {
    status: StatusCode,
    error: ApiError,
    retry: Retry,
}

/// Whether the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// The status says so.
    AsUsual,
    /// After so many seconds.
    AfterSeconds(u32),
    /// It would only cost the same again.
    Never,
}

/// Refuses whoever brings no token that is known: 401 in the form that OpenAI's SDKs read.
pub fn unauthorized() -> Response {
    let message = "who is calling? a token is needed; hint: give the access token as the API key of the client, \
                   which sends it as `Authorization: Bearer <token>`";
    let fault = Fault::new(StatusCode::UNAUTHORIZED, message).code("invalid_api_key");
    ([(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))], fault).into_response()
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Fault {
    let message = format!("`{}` does not know the method `{method}`", uri.path());
    Fault::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_allowed")
}

pub(super) async fn not_offered(uri: Uri) -> Fault {
    let message = format!("there is no `{}` here; hint: set the client to chat completions", uri.path());
    Fault::new(StatusCode::NOT_FOUND, message).code("unknown_url")
}

pub(super) async fn nothing_stored() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "completions are not stored, so none can be read again")
        .code("not_found")
}

impl Fault {
    /// Makes a refusal whose `type` follows from its status.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let kind = match status {
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let error =
            ApiError { message: message.into(), r#type: Some(kind.to_owned()), ..ApiError::default() };
        Self(Box::new(Said { status, error, retry: Retry::AsUsual }))
    }

    /// Refuses a parameter: 400.
    pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let mut fault = Self::new(StatusCode::BAD_REQUEST, message);
        fault.0.error.param = Some(param.into());
        fault
    }

    /// Refuses a parameter that is fine in itself, but would be answered wrongly: 400.
    pub(super) fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self::invalid(param, message).code("unsupported_value")
    }

    pub(super) fn too_many(message: String) -> Self {
        let mut fault =
            Self::new(StatusCode::TOO_MANY_REQUESTS, message + "; hint: ask again when one is done")
                .code("rate_limit_exceeded");
        fault.0.retry = Retry::AfterSeconds(RETRY_AFTER_S);
        fault
    }

    /// Says that the answer took too long.
    pub(super) fn too_late(seconds: u64) -> Self {
        let message = format!("no answer within {seconds} s; hint: ask for less at once");
        let mut fault = Self::new(StatusCode::GATEWAY_TIMEOUT, message).code("timeout");
        fault.0.retry = Retry::Never;
        fault
    }

    /// Says that this program failed; the log says how.
    pub(super) fn broken() -> Self {
        let mut fault = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "this program failed; its log says how");
        fault.0.retry = Retry::Never;
        fault
    }

    /// Refuses a model that is not offered: 404.
    pub(super) fn unknown_model(message: String) -> Self {
        let mut fault = Self::invalid("model", message).code("model_not_found");
        fault.0.status = StatusCode::NOT_FOUND;
        fault
    }

    pub(super) fn code(mut self, code: &str) -> Self {
        self.0.error.code = Some(code.to_owned());
        self
    }

    /// Returns the body, for a stream that can no longer say a status.
    pub(super) fn into_body(self) -> WrappedError {
        WrappedError { error: self.0.error }
    }
}

impl From<Error> for Fault {
    /// Says the message and the hint and keeps what is below in the log: that may name files or addresses.
    fn from(error: Error) -> Self {
        let (status, code, retry) = match error.kind() {
            Kind::NotFound => (StatusCode::NOT_FOUND, Some("not_found"), Retry::AsUsual),
            Kind::Invalid => (StatusCode::BAD_REQUEST, None, Retry::AsUsual),
            Kind::Denied => (StatusCode::FORBIDDEN, None, Retry::AsUsual),
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, None, Retry::AfterSeconds(RETRY_AFTER_S)),
            Kind::Timeout => (StatusCode::GATEWAY_TIMEOUT, Some("timeout"), Retry::Never),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, None, Retry::Never),
        };
        if status.is_server_error() {
            tracing::error!(error = error.chain(), "chat completion failed");
        }
        let hint = error.hint().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
        let mut fault = Self::new(status, format!("{error}{hint}"));
        fault.0.retry = retry;
        fault.0.error.code = code.map(str::to_owned);
        fault
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Said { status, error, retry } = *self.0;
        let mut response = (status, Json(WrappedError { error })).into_response();
        match retry {
            Retry::AsUsual => {}
            Retry::AfterSeconds(seconds) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Retry::Never => {
                response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
            }
        }
        response
    }
}
