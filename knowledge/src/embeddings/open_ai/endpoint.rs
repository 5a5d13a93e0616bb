//! One request and what comes back: never redirected, never silent for long, of no more bytes than make sense, and told of
//! without the key.

use std::time::Duration;

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use waggle_agent_core::{Error, Kind, Result};

use crate::this_machine::is_this_machine;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one request may take, its answer included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer: 256 vectors of 4,096 numbers with 20 digits each.
const MAX_ANSWER_BYTES: usize = 24 * 1024 * 1024;
/// Bytes of a refusal that are read; more says no more.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;
/// Characters of a refusal that are quoted.
const MAX_QUOTED_CHARS: usize = 200;
/// Where endpoints put what they have to say: OpenAI and most others; DashScope and Cohere; FastAPI; Ollama.
const MESSAGES: [&str; 4] = ["/error/message", "/message", "/detail", "/error"];

/// Where embeddings are asked for.
#[derive(Clone)]
pub(super) struct Endpoint {
    client: Client,
    url: Url,
    /// The base URL without a user and a password.
    shown: String,
    key: SecretString,
}

impl Endpoint {
    /// Reads a base URL and makes a client.
    ///
    /// # Errors
    ///
    /// `Invalid` when the URL is none, or the key would be sent unencrypted to another machine or has characters that cannot be sent.
    pub(super) fn new(url: &str, key: &SecretString) -> Result<Self> {
        let base = url.trim().trim_end_matches('/');
        // What does not parse may have a password in it all the same.
        let told = base.rsplit_once('@').map_or(base, |(_, rest)| rest);
        let invalid = || {
            Kind::Invalid
                .error(format!("embeddings URL `{told}` is not a web address"))
                .with_hint("give the base URL, such as `http://127.0.0.1:8000/v1`")
        };
        let mut shown = Url::parse(base).map_err(|_| invalid())?;
        let url = Url::parse(&format!("{base}/embeddings")).map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid());
        }
        // Both fail only where there can be neither.
        let _ = (shown.set_username(""), shown.set_password(None));
        shown.set_query(None);
        let key: SecretString = key.expose_secret().trim().to_owned().into();
        if !key.expose_secret().is_empty() && url.scheme() == "http" && !is_this_machine(&url) {
            return Err(Kind::Invalid
                .error(format!("the key for embeddings would be sent unencrypted to `{told}`"))
                .with_hint("use an `https` address, or no key"));
        }
        let shown = shown.as_str().trim_end_matches('/').to_owned();
        Ok(Self { client: client(&key)?, url, shown, key })
    }

    /// Returns the base URL as messages may show it.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Sends one request and returns the body of its answer.
    ///
    /// # Errors
    ///
    /// `Denied`, `NotFound`, `Invalid`, `Unavailable` and `Timeout` by what the status says; what the endpoint wrote is
    /// quoted without the key.
    pub(super) async fn ask(&self, body: &Value) -> Result<Vec<u8>> {
        let sent = self.client.post(self.url.clone()).json(body).send().await;
        let mut response = sent.map_err(|error| self.cut(error))?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let (answer, is_whole) =
            start_of(&mut response, MAX_ANSWER_BYTES).await.map_err(|error| self.cut(error))?;
        if !is_whole {
            return Err(self.unreadable(&format!("over {MAX_ANSWER_BYTES} bytes")));
        }
        Ok(answer)
    }

    /// Says that an answer is not what was asked for.
    pub(super) fn unreadable(&self, reason: &str) -> Error {
        let reason = self.quoted(reason.as_bytes());
        Kind::Invalid
            .error(format!("the endpoint at `{}` answered {reason}", self.shown))
            .with_hint("check the URL, the model and the dimensions of the embeddings")
    }

    async fn refused(&self, mut response: Response) -> Error {
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        // The status says enough when the body does not come.
        let (body, _) = start_of(&mut response, MAX_REFUSAL_BYTES).await.unwrap_or_default();
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        let message = json.as_ref().and_then(|json| {
            let mut messages = MESSAGES.iter().filter_map(|at| json.pointer(at)?.as_str());
            messages.find(|message| !message.is_empty())
        });
        let said = self.quoted(message.map_or(body.as_slice(), str::as_bytes));
        let (kind, hint) = meaning(status);
        let text = format!("the endpoint at `{}` answered {status}: {said}", self.shown);
        kind.error(text).with_hint(hint).with_retry_after(retry_after)
    }

    fn cut(&self, error: reqwest::Error) -> Error {
        let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Unavailable };
        // The URL may have a password in it.
        kind.because(format!("ask for embeddings at `{}`", self.shown), error.without_url())
            .with_hint("is the server running? check the URL of the embeddings")
    }

    /// Quotes the start of what was written, on one line. An endpoint may repeat the key that it does not like.
    fn quoted(&self, written: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(written).into_owned();
        let key = self.key.expose_secret();
        // One of three letters or less would hide words.
        if key.len() > 3 {
            let escaped = Value::from(key).to_string();
            text = text.replace(escaped.trim_matches('"'), "<key>").replace(key, "<key>");
        }
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().take(MAX_QUOTED_CHARS).collect()
    }
}

fn client(key: &SecretString) -> Result<Client> {
    let mut headers = HeaderMap::new();
    if !key.expose_secret().is_empty() {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
        // The source is left out: it may quote the key.
        let mut bearer = bearer.map_err(|_| {
            Kind::Invalid
                .error("the key of the embeddings has characters that cannot be sent")
                .with_hint("check it for line breaks")
        })?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .default_headers(headers)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        // A key and texts must not follow to another place.
        .redirect(Policy::none())
        .build();
    client.map_err(|error| Kind::Internal.because("start the HTTP client", error))
}

fn meaning(status: StatusCode) -> (Kind, &'static str) {
    match status.as_u16() {
        401..=403 => (Kind::Denied, "check the key of the embeddings"),
        404 => (Kind::NotFound, "check the model of the embeddings, and that their URL ends in `/v1`"),
        408 => (Kind::Timeout, "is the server overloaded?"),
        413 => (Kind::Invalid, "the request was too long: send fewer texts at once"),
        429 => (Kind::Unavailable, "try again later; is there credit left on the account?"),
        425 | 500..=599 => (Kind::Unavailable, "try again later"),
        300..=399 => (Kind::Invalid, "the address moved: check the URL of the embeddings"),
        _ => (Kind::Invalid, "the endpoint refused the request: does it take as many texts at once?"),
    }
}

/// Reads how long the endpoint wants to be left alone, in seconds: RFC 9110 §10.2.3. A date is not read: it would need the
/// clock of the other side.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Reads the start of a body; `false` when there was more.
async fn start_of(response: &mut Response, max_bytes: usize) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = max_bytes.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Ok((body, false));
        }
    }
    Ok((body, true))
}
