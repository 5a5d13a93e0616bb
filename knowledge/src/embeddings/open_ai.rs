//! Any endpoint that speaks OpenAI's embeddings: `POST /v1/embeddings`
//! (<https://platform.openai.com/docs/api-reference/embeddings>).
//!
//! Text leaves this machine here, and passes the redactor before it does.
//!
//! # Layout
//!
//! - `endpoint`: one request and what comes back, without trusting its size. `answer`: vectors out of that.

mod answer;
mod endpoint;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::Semaphore;
use waggle_agent_core::{Kind, Result, models::Retries, redact::Redactor};

use super::Embeddings;
use endpoint::Endpoint;

/// Bytes of a text that are sent. Models of this kind read 512 to 8,192 tokens, and refuse more.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Bytes of all texts in a request. OpenAI refuses over 300,000 tokens.
const MAX_REQUEST_BYTES: usize = 256 * 1024;

/// Requests on their way at once, of all copies together.
const MAX_REQUESTS: usize = 4;

/// Where the model is, and what its vectors are.
#[derive(Clone)]
pub struct OpenAiEmbeddingsConfig {
    /// Base URL, up to and without `/embeddings`: `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// Sent as bearer token; may be empty for local servers.
    pub key: SecretString,
    /// Name of the model.
    pub model: String,
    /// How many numbers its vectors have; an answer with another number is refused.
    pub dimensions: usize,
    /// Texts of one request; OpenAI takes 2,048, some take no more than 10. Zero counts as one.
    pub texts_at_once: usize,
    /// How often and how long an endpoint is asked again that is busy or out of reach.
    pub retries: Retries,
}

/// Embeddings from an endpoint.
///
/// Of a text the first 16 KiB are sent, with marks in place of secrets. Equal texts get equal marks, whatever is asked with
/// them. A text of blanks is not sent and gives zeros.
#[derive(Clone)]
pub struct OpenAiEmbeddings {
    name: String,
    model: String,
    dimensions: usize,
    texts_at_once: usize,
    retries: Retries,
    endpoint: Endpoint,
    turns: Arc<Semaphore>,
}

impl OpenAiEmbeddings {
    /// Prepares the client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Invalid` when the URL is none, the key cannot be sent or the vectors have no numbers, `Internal` when the TLS
    /// library does not start.
    pub fn new(config: &OpenAiEmbeddingsConfig) -> Result<Self> {
        if config.dimensions == 0 {
            return Err(Kind::Invalid.error("embeddings with 0 dimensions say nothing"));
        }
        let endpoint = Endpoint::new(&config.url, &config.key)?;
        Ok(Self {
            name: format!("{}:{}", config.model, config.dimensions),
            model: config.model.clone(),
            dimensions: config.dimensions,
            texts_at_once: config.texts_at_once.max(1),
            retries: config.retries,
            endpoint,
            turns: Arc::new(Semaphore::new(MAX_REQUESTS)),
        })
    }

    /// Asks for some texts, again where it may help.
    async fn ask(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let closed = |error| Kind::Internal.because("wait for a turn to ask for embeddings", error);
        let _turn = self.turns.acquire().await.map_err(closed)?;
        let body = json!({ "model": self.model, "input": texts, "encoding_format": "float" });
        let mut left = self.retries.total_wait;
        for n in 1.. {
            let error = match self.endpoint.ask(&body).await {
                Ok(answer) => {
                    let vectors = answer::vectors(&answer, texts.len(), self.dimensions);
                    return vectors.map_err(|reason| self.endpoint.unreadable(&reason));
                }
                Err(error) => error,
            };
            let wait = error.retry_after().unwrap_or_else(|| self.wait(n));
            if !error.kind().is_retryable() || n >= self.retries.attempts || wait > left {
                return Err(error);
            }
            left = left.saturating_sub(wait);
            tokio::time::sleep(wait).await;
        }
        Err(Kind::Internal.error("the endpoint was never asked"))
    }

    /// Doubles with each failure. There is no chance in it: few requests are on their way, and they take turns.
    fn wait(&self, n_failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(n_failures.saturating_sub(1));
        self.retries.first_wait.saturating_mul(doubled).min(self.retries.max_wait)
    }
}

#[async_trait]
impl Embeddings for OpenAiEmbeddings {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let texts: Vec<String> = texts.iter().map(|text| sendable(text)).collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in batches(&texts, self.texts_at_once) {
            let asked: Vec<&str> = batch.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
            let answered = if asked.is_empty() { Vec::new() } else { self.ask(&asked).await? };
            let mut answered = answered.into_iter();
            vectors.extend(batch.iter().map(|text| {
                let answer = if text.is_empty() { None } else { answered.next() };
                answer.unwrap_or_else(|| vec![0.0; self.dimensions])
            }));
        }
        Ok(vectors)
    }
}

/// Cuts a list into requests: each has at least one text, no more than `max_texts`, and no more bytes than a request may.
fn batches(texts: &[String], max_texts: usize) -> Vec<&[String]> {
    let (mut batches, mut rest) = (Vec::new(), texts);
    while !rest.is_empty() {
        let mut n_bytes = 0;
        let fitting = rest.iter().take(max_texts).take_while(|text| {
            n_bytes += text.len();
            n_bytes <= MAX_REQUEST_BYTES
        });
        let (batch, others) = rest.split_at(fitting.count().clamp(1, rest.len()));
        batches.push(batch);
        rest = others;
    }
    batches
}

/// Redacts and cuts a text, in this order: half of a secret may look like none. Each has a redactor of its own, so that its
/// marks do not depend on its neighbours.
fn sendable(text: &str) -> String {
    let mut redacted = Redactor::default().redact(text.trim());
    redacted.truncate(redacted.floor_char_boundary(MAX_TEXT_BYTES));
    redacted
}

impl fmt::Debug for OpenAiEmbeddings {
    /// Hides the key, and a password in the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiEmbeddings")
            .field("name", &self.name)
            .field("url", &self.endpoint.shown())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenAiEmbeddingsConfig {
    /// Hides the key and the URL, which may have a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiEmbeddingsConfig")
            .field("model", &self.model)
            .field("dimensions", &self.dimensions)
            .field("texts_at_once", &self.texts_at_once)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_some_texts_and_not_too_many() {
        let check = |lengths: &[usize], max_texts, want: &[usize]| {
            let texts: Vec<String> = lengths.iter().map(|n| "x".repeat(*n)).collect();
            let n_texts: Vec<usize> = batches(&texts, max_texts).iter().map(|batch| batch.len()).collect();
            assert_eq!(n_texts, want, "{lengths:?} by {max_texts}");
        };
        check(&[], 2, &[]);
        check(&[1, 1, 1], 2, &[2, 1]);
        check(&[0, 0], 8, &[2]);
        check(&[MAX_REQUEST_BYTES, 1, 1], 8, &[1, 2]);
        check(&[1, MAX_REQUEST_BYTES + 1, 1], 8, &[1, 1, 1]);
    }

    #[test]
    fn a_secret_on_the_edge_is_redacted_before_the_cut() {
        for n_before in MAX_TEXT_BYTES - 40..=MAX_TEXT_BYTES {
            let sent = sendable(&format!("{} password=hunter2hunter2", "x".repeat(n_before)));
            assert!(!sent.contains("hunter") && sent.len() <= MAX_TEXT_BYTES, "{n_before}");
        }
        assert_eq!(sendable("  mail li.na@example.com "), "mail <email_1>");
        assert_eq!(sendable(" \n "), "");
    }
}
