//! One request and its answer, below the client library: what the library would lose is seen here. The status and body of
//! a refusal, `Retry-After`, the size of an answer, whether a stream had an end, and answers that are no stream at all.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use futures::{Stream, stream};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::config::Endpoint;
use crate::{
    Error, Kind,
    models::wire::{self, MAX_ANSWER_BYTES, MAX_REFUSAL_BYTES, Refusal},
};

/// Bytes of blanks before an answer begins. DeepSeek sends some while it is busy:
/// <https://api-docs.deepseek.com/quick_start/rate_limit>.
const MAX_BLANK_BYTES: usize = 64 * 1024;
/// Bytes that tell a stream of events from anything else.
const TELLING_BYTES: usize = 8;

/// One request and what was seen of its answer.
#[derive(Clone)]
pub(super) struct Exchange {
    client: reqwest::Client,
    /// The address as messages may show it.
    shown: String,
    /// Hidden where the endpoint repeats it.
    key: SecretString,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The endpoint said that nothing follows.
    is_whole: AtomicBool,
    /// Why the body ended early. Held for a line at a time, never across an await.
    failure: Mutex<Option<Fault>>,
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Fault {
    /// The endpoint said no.
    Refused(Refusal),
    /// Anything else.
    Failed(Error),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused with status {}", refusal.status),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Fault {}

impl Exchange {
    /// Prepares one exchange.
    pub(super) fn new(client: reqwest::Client, endpoint: &Endpoint) -> Self {
        let (shown, key) = (endpoint.address.shown.clone(), endpoint.key().to_owned().into());
        Self { client, shown, key, seen: Arc::default() }
    }

    /// Returns what the client library sends through.
    pub(super) fn service(
        &self,
    ) -> impl tower::Service<
        HttpRequestFactory,
        Response = reqwest::Response,
        Error = OpenAIError,
        Future = impl Future<Output = Result<reqwest::Response, OpenAIError>> + Send + 'static,
    > + Clone
    + Send
    + Sync
    + 'static {
        let exchange = self.clone();
        tower::service_fn(move |request| {
            let exchange = exchange.clone();
            async move { exchange.send(request).await.map_err(|fault| OpenAIError::Boxed(Box::new(fault))) }
        })
    }

    /// Tells whether the endpoint said that nothing follows.
    pub(super) fn is_whole(&self) -> bool {
        self.seen.is_whole.load(Ordering::Acquire)
    }

    /// Takes out why the body ended early, if it did.
    pub(super) fn failure(&self) -> Option<Fault> {
        self.seen.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes a fault of what the library reports. It knows less than was seen here.
    pub(super) fn fault(&self, error: OpenAIError) -> Fault {
        if let Some(seen) = self.failure() {
            return seen;
        }
        match error {
            OpenAIError::Boxed(fault) => match fault.downcast::<Fault>() {
                Ok(fault) => *fault,
                Err(other) => Fault::Failed(Kind::Internal.because(self.asking(), other)),
            },
            OpenAIError::JSONDeserialize(error, text) => Fault::Failed(self.no_json(text.as_bytes(), error)),
            // What the library says may quote the answer.
            other => {
                let said = self.quoted(other.to_string().as_bytes());
                Fault::Failed(Kind::Invalid.error(format!("{}: {said}", self.asking())))
            }
        }
    }

    fn quoted(&self, written: &[u8]) -> String {
        wire::quoted(written, self.key.expose_secret())
    }

    fn asking(&self) -> String {
        format!("ask the model at `{}`", self.shown)
    }

    fn no_json(&self, written: &[u8], error: serde_json::Error) -> Error {
        Kind::Invalid
            .because(
                format!("the model at `{}` answered no JSON: {}", self.shown, self.quoted(written)),
                error,
            )
            .with_hint("check that `WAGGLE_MODEL_URL` is that of an OpenAI-compatible endpoint")
    }

    async fn send(&self, request: HttpRequestFactory) -> Result<reqwest::Response, Fault> {
        let internal = |error| Fault::Failed(Kind::Internal.because(self.asking(), error));
        let request = request.build().await.map_err(internal)?;
        let mut response = self.client.execute(request).await.map_err(|error| self.cut(error))?;
        if !response.status().is_success() {
            let retry_after = wire::retry_after(response.headers());
            let body = wire::read_start(&mut response, MAX_REFUSAL_BYTES).await;
            let status = response.status().as_u16();
            // The status says enough when the body does not come.
            let body = body.map(|(body, _)| body).unwrap_or_default();
            return Err(Fault::Refused(Refusal { status, retry_after, body }));
        }
        let start = self.read_telling_start(&mut response).await?;
        if is_stream(&start) {
            return Ok(answer(self.watched(response, start)));
        }
        let whole = self.read_rest(response, start).await?;
        let value: Value =
            serde_json::from_slice(&whole).map_err(|error| Fault::Failed(self.no_json(&whole, error)))?;
        self.seen.is_whole.store(true, Ordering::Release);
        // An answer that is no stream is read like a stream of one event.
        let event = format!("data: {value}\n\n").into_bytes();
        Ok(answer(stream::iter([Ok::<_, std::io::Error>(event)])))
    }

    /// Reads until it can be told what follows, blanks left out.
    async fn read_telling_start(&self, response: &mut reqwest::Response) -> Result<Vec<u8>, Fault> {
        let (mut start, mut n_blank) = (Vec::new(), 0);
        while start.len() < TELLING_BYTES {
            let Some(chunk) = response.chunk().await.map_err(|error| self.cut(error))? else { break };
            let blank = if start.is_empty() {
                chunk.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
            } else {
                0
            };
            n_blank += blank;
            if n_blank > MAX_BLANK_BYTES {
                let text = format!("the model at `{}` answered blanks only", self.shown);
                return Err(Fault::Failed(Kind::Unavailable.error(text).with_hint("try again later")));
            }
            start.extend(chunk.iter().skip(blank));
        }
        Ok(start)
    }

    async fn read_rest(&self, mut response: reqwest::Response, start: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let room = MAX_ANSWER_BYTES.saturating_sub(start.len());
        let (rest, is_all) = wire::read_start(&mut response, room).await.map_err(|error| self.cut(error))?;
        if !is_all {
            return Err(Fault::Failed(self.too_long()));
        }
        Ok([start, rest].concat())
    }

    /// Passes a stream on and writes down how it ends.
    fn watched(
        &self,
        response: reqwest::Response,
        start: Vec<u8>,
    ) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send + use<> {
        let watch = Watch { exchange: self.clone(), response, line: Vec::new(), n_bytes: 0, ended: false };
        stream::unfold((watch, Some(start)), |(mut watch, start)| async move {
            if watch.ended {
                return None;
            }
            let next = match start {
                Some(start) => Ok(Some(start)),
                None => watch.response.chunk().await.map(|chunk| chunk.map(|chunk| chunk.to_vec())),
            };
            let item = watch.see(next);
            item.map(|item| (item, (watch, None)))
        })
    }

    /// Says that the endpoint cannot be reached, or broke off before it said anything.
    fn cut(&self, error: reqwest::Error) -> Fault {
        let (kind, hint) = if error.is_timeout() {
            (Kind::Timeout, "is the model server overloaded?")
        } else {
            (Kind::Unavailable, "is the model server running? check `WAGGLE_MODEL_URL`")
        };
        // The URL may have a password in it.
        Fault::Failed(kind.because(self.asking(), error.without_url()).with_hint(hint))
    }

    fn too_long(&self) -> Error {
        Kind::Invalid.error(format!("the model at `{}` answered over {MAX_ANSWER_BYTES} bytes", self.shown))
    }
}

/// A stream on its way.
struct Watch {
    exchange: Exchange,
    response: reqwest::Response,
    /// The start of the line that is arriving.
    line: Vec<u8>,
    n_bytes: usize,
    ended: bool,
}

impl Watch {
    /// Looks at what arrived and returns what is passed on.
    fn see(&mut self, next: Result<Option<Vec<u8>>, reqwest::Error>) -> Option<std::io::Result<Vec<u8>>> {
        match next {
            Ok(Some(chunk)) => {
                self.n_bytes = self.n_bytes.saturating_add(chunk.len());
                if self.n_bytes > MAX_ANSWER_BYTES {
                    return self.fail(self.exchange.too_long());
                }
                chunk.iter().for_each(|byte| self.see_byte(*byte));
                Some(Ok(chunk))
            }
            Ok(None) => {
                self.ended = true;
                // Some leave out the empty line that ends the last event. A line that was cut stays cut.
                self.line.is_empty().then(|| Ok(b"\n\n".to_vec()))
            }
            Err(error) => {
                let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Unavailable };
                let doing =
                    format!("the answer of the model at `{}` was cut before its end", self.exchange.shown);
                self.fail(kind.because(doing, error.without_url()).with_hint("try again later"))
            }
        }
    }

    /// Lines are told apart as the client does it; an event cannot have a line end in it, since JSON escapes them.
    fn see_byte(&mut self, byte: u8) {
        const DONE: [&[u8]; 2] = [b"data: [DONE]", b"data:[DONE]"];
        if matches!(byte, b'\n' | b'\r') {
            if DONE.contains(&self.line.trim_ascii_end()) {
                self.exchange.seen.is_whole.store(true, Ordering::Release);
            }
            self.line.clear();
        } else if self.line.len() < 32 {
            self.line.push(byte);
        }
        // A mark without a line end behind it is the last there is.
        if DONE.contains(&self.line.as_slice()) {
            self.exchange.seen.is_whole.store(true, Ordering::Release);
        }
    }

    fn fail(&mut self, error: Error) -> Option<std::io::Result<Vec<u8>>> {
        self.ended = true;
        let text = error.to_string();
        *self.exchange.seen.failure.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Fault::Failed(error));
        Some(Err(std::io::Error::other(text)))
    }
}

/// Tells the start of a stream of events: a field of one, or a comment.
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>
fn is_stream(start: &[u8]) -> bool {
    let fields: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
    fields.iter().any(|field| start.starts_with(field))
}

fn answer(body: impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static) -> reqwest::Response {
    http::Response::new(reqwest::Body::wrap_stream(body)).into()
}
