//! How rig's requests travel: through a client that follows no redirect, with answers of bounded size.

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use rig_core::http_client::{Error as HttpError, HttpClientExt, LazyBody, MultipartForm, StreamingResponse};

use crate::{
    Kind,
    models::wire::{self, MAX_ANSWER_BYTES, MAX_REFUSAL_BYTES},
};

/// A client with bounds.
#[derive(Clone, Debug)]
pub(super) struct Transport(reqwest::Client);

impl Transport {
    /// Wraps a client that has its time-outs set.
    pub(super) fn new(client: reqwest::Client) -> Self {
        Self(client)
    }

    /// Sends a request and refuses what is no success.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<reqwest::Response, HttpError>> + Send + use<> {
        let client = self.0.clone();
        async move {
            let request = reqwest::Request::try_from(request).map_err(broken)?;
            let mut response = client.execute(request).await.map_err(broken)?;
            if response.status().is_success() {
                return Ok(response);
            }
            // The status says enough when the body does not come.
            let body = wire::read_start(&mut response, MAX_REFUSAL_BYTES).await;
            let body = body.map(|(body, _)| body).unwrap_or_default();
            let body = String::from_utf8_lossy(&body).into_owned();
            Err(HttpError::non_success_with_details(response.status(), response.headers().clone(), body))
        }
    }
}

/// Why a connection gave no answer, the URL left out: it may have a key in it.
#[derive(Debug)]
pub(super) enum Broken {
    /// It broke, or never was.
    Connection(reqwest::Error),
    /// The answer is longer than any completion.
    TooLong,
}

impl Broken {
    /// Returns what a caller can do about it.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Connection(error) if error.is_timeout() => Kind::Timeout,
            Self::Connection(_) => Kind::Unavailable,
            Self::TooLong => Kind::Invalid,
        }
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connection(error) => {
                write!(f, "{error}")?;
                let mut below = std::error::Error::source(error);
                while let Some(error) = below {
                    write!(f, ": {error}")?;
                    below = error.source();
                }
                Ok(())
            }
            Self::TooLong => write!(f, "the answer is over {MAX_ANSWER_BYTES} bytes"),
        }
    }
}

impl std::error::Error for Broken {}

fn broken(error: reqwest::Error) -> HttpError {
    HttpError::instance(Broken::Connection(error.without_url()))
}

/// Keeps status and headers, and puts another body in.
fn with_body<B>(response: &reqwest::Response, body: B) -> Response<B> {
    let mut answer = Response::new(body);
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    answer
}

impl HttpClientExt for Transport {
    fn send<T, U>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>, HttpError>> + Send + 'static
    where
        T: Into<Bytes> + Send,
        U: From<Bytes> + Send + 'static,
    {
        let sent = Self::send(self, request.map(Into::into));
        async move {
            let mut response = sent.await?;
            let (body, is_all) = wire::read_start(&mut response, MAX_ANSWER_BYTES).await.map_err(broken)?;
            if !is_all {
                return Err(HttpError::instance(Broken::TooLong));
            }
            let body: LazyBody<U> = Box::pin(async move { Ok(U::from(Bytes::from(body))) });
            Ok(with_body(&response, body))
        }
    }

    #[expect(clippy::manual_async_fn, reason = "an `async fn` would borrow the client")]
    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>, HttpError>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        async { Err(HttpError::NoHeaders) }
    }

    #[expect(clippy::result_large_err, reason = "the error is the library's own")]
    fn send_streaming<T>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<StreamingResponse, HttpError>> + Send
    where
        T: Into<Bytes> + Send,
    {
        let sent = Self::send(self, request.map(Into::into));
        async move {
            let response = sent.await?;
            let head = with_body(&response, ());
            let mut room = MAX_ANSWER_BYTES;
            let body = stream::unfold(response, |mut response| async move {
                let chunk = response.chunk().await.map_err(broken).transpose()?;
                Some((chunk, response))
            });
            let body = body.map(move |chunk| match (chunk, &mut room) {
                (Ok(chunk), room) if chunk.len() > *room => {
                    *room = 0;
                    Err(HttpError::instance(Broken::TooLong))
                }
                (Ok(chunk), room) => {
                    *room -= chunk.len();
                    Ok(chunk)
                }
                (failed, _) => failed,
            });
            Ok(head.map(|()| Box::pin(body) as _))
        }
    }
}
