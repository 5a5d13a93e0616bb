//! Reads over HTTP: bounded in time and size, asked again where that may help, and silent about keys.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use waggle_agent_core::{Error, Kind, Result};

/// How long all attempts may take together.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often it is asked.
const ATTEMPTS: u32 = 3;
/// How long to wait before asking again when the other side does not say; twice as long each time.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks over HTTP. Never follows elsewhere: a key must not go to another place.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

/// One question.
pub struct Request<'a> {
    /// Where. May be secret: it is in no error.
    pub url: &'a str,
    /// Headers; those that are secret are marked so.
    pub headers: Vec<(&'static str, HeaderValue)>,
    /// Behind the `?`.
    pub query: Vec<(&'static str, String)>,
    /// Bytes of the longest answer.
    pub max_bytes: usize,
}

impl Client {
    /// Starts a client.
    ///
    /// # Errors
    ///
    /// `Internal` when this machine has no means to encrypt.
    pub fn new() -> Result<Self> {
        // An error means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Ok(Self(client.map_err(|error| Kind::Internal.because("start the HTTP client", error))?))
    }

    /// Returns the body of a good answer. `of` names the other side in errors.
    ///
    /// # Errors
    ///
    /// `Denied` when it refuses the key, `NotFound` when there is nothing, `Unavailable` when it has no room or fails, `Timeout`,
    /// and `Invalid` for any other answer, one that is too long among them.
    pub async fn read(&self, request: &Request<'_>, of: &str) -> Result<Vec<u8>> {
        let asking = async {
            let mut attempt = 1;
            loop {
                let error = match self.once(request, of).await {
                    Ok(body) => return Ok(body),
                    Err(error) => error,
                };
                let pause = error.retry_after().unwrap_or(PAUSE * 2u32.pow(attempt - 1));
                if !error.kind().is_retryable() || attempt >= ATTEMPTS || pause >= PATIENCE {
                    return Err(error);
                }
                attempt += 1;
                tokio::time::sleep(pause).await;
            }
        };
        let late = |_| Kind::Timeout.error(format!("{of} did not answer within {} s", PATIENCE.as_secs()));
        tokio::time::timeout(PATIENCE, asking).await.map_err(late)?
    }

    async fn once(&self, request: &Request<'_>, of: &str) -> Result<Vec<u8>> {
        let url = reqwest::Url::parse(request.url);
        let mut url = url.map_err(|_| Kind::Invalid.error(format!("{of} has no valid address")))?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut asking = self.0.get(url);
        for (name, value) in &request.headers {
            asking = asking.header(*name, value.clone());
        }
        let mut response = asking.send().await.map_err(|error| unreached(error, of))?;
        if let Some(error) = refusal(response.status(), response.headers(), of) {
            return Err(error);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreached(error, of))? {
            if body.len() + chunk.len() > request.max_bytes {
                return Err(
                    Kind::Invalid.error(format!("{of} answers with over {} bytes", request.max_bytes))
                );
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Makes an error of what went wrong below, without the address.
fn unreached(error: reqwest::Error, of: &str) -> Error {
    let kind = match error.is_timeout() {
        true => Kind::Timeout,
        false if error.is_builder() => Kind::Invalid,
        false => Kind::Unavailable,
    };
    kind.because(format!("{of} cannot be reached"), error.without_url())
}

/// Makes an error of a status that is not good. What the other side wrote is not repeated: it may repeat the key.
fn refusal(status: StatusCode, headers: &HeaderMap, of: &str) -> Option<Error> {
    let code = status.as_u16();
    let (kind, said) = match code {
        200..=299 => return None,
        401 | 403 => (Kind::Denied, "refuses the key"),
        404 | 410 => (Kind::NotFound, "has nothing there"),
        408 => (Kind::Timeout, "gave up"),
        429 => (Kind::Unavailable, "was asked too often"),
        500..=599 => (Kind::Unavailable, "fails"),
        300..=399 => (Kind::Invalid, "wants to be asked elsewhere"),
        _ => (Kind::Invalid, "does not take the question"),
    };
    // Seconds: RFC 9110 §10.2.3, and PagerDuty's `ratelimit-reset`, https://developer.pagerduty.com/docs/rest-api-rate-limits.
    let wait = ["retry-after", "ratelimit-reset"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok()?.trim().parse().ok());
    Some(kind.error(format!("{of} {said} (HTTP {code})")).with_retry_after(wait.map(Duration::from_secs)))
}
