//! octocrab with the wire below it: one place for tokens, times, sizes and limits, and none of them octocrab's.
//!
//! octocrab's own client panics on a token with a line break, has no bound on an answer, and waits for rate limits for as long as
//! GitHub says, which may be an hour.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use tower::Service;
use waggle_agent_core::{Error, Kind, Result};

use super::{Door, GitHub, Wire};
use crate::hosts::wire::Question;

/// A wire that several clients share.
#[derive(Clone)]
pub(super) struct Shared(Arc<Wire>);

impl Shared {
    /// Shares a wire.
    pub fn new(wire: Wire) -> Self {
        Self(Arc::new(wire))
    }

    /// Returns where the host is.
    pub fn door(&self) -> &Door {
        self.0.door()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes a client. Must be called inside a Tokio runtime: octocrab starts a worker there, which ends with the client.
pub(super) fn octocrab(wire: Shared) -> Result<Octocrab> {
    let built: std::result::Result<_, Infallible> =
        OctocrabBuilder::new_empty().with_service(wire).with_auth(AuthState::None).build();
    built.map_err(|error| Kind::Internal.because("make a client for GitHub", error))
}

impl Service<Request<OctoBody>> for Shared {
    type Response = Response<Full<Bytes>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        let Self(wire) = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let unread = |error| Kind::Internal.because("read a question to GitHub", error);
            let body = body.collect().await.map_err(unread)?.to_bytes();
            let route = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            let headers = with_form(parts.headers);
            let answer = wire.ask(&Question { method: parts.method, route, headers, body }).await?;
            let mut response = Response::new(Full::new(answer.body));
            (*response.status_mut(), *response.headers_mut()) = (answer.status, answer.headers);
            Ok(response)
        })
    }
}

/// Asks for the usual form unless another is asked for:
/// <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#accept>. The version of the API comes from octocrab.
fn with_form(mut headers: HeaderMap) -> HeaderMap {
    let usual = HeaderValue::from_static("application/vnd.github+json");
    headers.entry(header::ACCEPT).or_insert(usual);
    headers
}

impl GitHub {
    /// Returns the text at a route in a form that is not JSON, or the status of a refusal.
    pub(super) async fn text(
        &self,
        route: String,
        form: &'static str,
    ) -> Result<std::result::Result<String, u16>> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(form))]);
        let no_meaning = |status| Kind::Internal.error(format!("GitHub answered {status}"));
        let octocrab = self.octocrab()?;
        let answer = octocrab._get_with_headers(route, Some(headers)).await;
        let answer = answer.map_err(|error| self.failed(error, no_meaning))?;
        let status = answer.status();
        if !status.is_success() {
            return Ok(Err(status.as_u16()));
        }
        let body = answer.into_body().collect().await.map_err(|error| self.failed(error, no_meaning))?;
        Ok(Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    }
}
