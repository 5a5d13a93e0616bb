//! Any endpoint that speaks OpenAI's chat completions.
//!
//! The requests are made here rather than by a client library: servers that only resemble OpenAI's answer errors in shapes
//! of their own, and the status must be told all the same.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    Error, Kind, Result,
    ports::{Delta, Message, Model, ModelReply, ModelRequest, ToolCall, Usage},
};

/// How long to wait for a connection. The whole reply is bounded by the caller.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer; a longer one is no chat completion.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Characters of an answer that an error quotes.
const MAX_QUOTED_CHARS: usize = 200;
/// Asked again once when the endpoint is busy, after this long unless it says how long.
const BUSY_WAIT: Duration = Duration::from_millis(500);
/// The longest wait that is worth it: then the fallback is quicker.
const MAX_BUSY_WAIT: Duration = Duration::from_secs(5);

/// The field that bounds a reply, as every server knows it.
const MAX_TOKENS: &str = "max_tokens";
/// Its name at OpenAI since the reasoning models, which refuse the old one.
const NEW_MAX_TOKENS: &str = "max_completion_tokens";

/// Where the model is.
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// Base URL, up to and without `/chat/completions`: `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// Sent as bearer token; may be empty for local servers.
    pub key: SecretString,
    /// Name of the model.
    pub model: String,
}

/// A model behind an OpenAI-compatible endpoint.
pub struct OpenAi {
    client: reqwest::Client,
    url: String,
    /// The address without a user and password in it, for messages.
    shown: String,
    model: String,
}

/// What an endpoint said: its status, how long it wants to be left alone, and its body.
struct Said {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl OpenAi {
    /// Prepares the client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Invalid` when the URL is none or the key cannot be sent, `Internal` when the TLS library does not start.
    pub fn new(config: &OpenAiConfig) -> Result<Self> {
        let url = config.url.trim().trim_end_matches('/').to_owned();
        let parsed = reqwest::Url::parse(&url).ok();
        let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(mut shown) = parsed else {
            return Err(Kind::Invalid
                .error(format!("model URL `{url}` is not a web address"))
                .with_hint("give the base URL, such as `http://127.0.0.1:8000/v1`"));
        };
        // Both fail only where there can be neither.
        let _ = (shown.set_username(""), shown.set_password(None));
        let shown = shown.as_str().trim_end_matches('/').to_owned();
        let mut headers = header::HeaderMap::new();
        let key = config.key.expose_secret().trim();
        if !key.is_empty() {
            let mut bearer = header::HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
                Kind::Invalid
                    .error("the model key has characters that cannot be sent")
                    .with_hint("check `WAGGLE_MODEL_KEY` for line breaks")
            })?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        // An error means that a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .default_headers(headers)
            // A key must not follow to another place.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Kind::Internal.because("start the HTTP client", error))?;
        Ok(Self { client, url, shown, model: config.model.clone() })
    }

    async fn ask(&self, body: &Value) -> Result<Value> {
        let mut said = self.post(body).await?;
        let is_busy = said.status == StatusCode::TOO_MANY_REQUESTS || said.status.is_server_error();
        let wait = said.retry_after.unwrap_or(BUSY_WAIT);
        if is_busy && wait <= MAX_BUSY_WAIT {
            tokio::time::sleep(wait).await;
            said = self.post(body).await?;
        }
        let wants_new_name = said.status == StatusCode::BAD_REQUEST
            && String::from_utf8_lossy(&said.body).contains(NEW_MAX_TOKENS);
        if wants_new_name {
            let mut body = body.clone();
            if let Some(fields) = body.as_object_mut()
                && let Some(max_tokens) = fields.remove(MAX_TOKENS)
            {
                fields.insert(NEW_MAX_TOKENS.to_owned(), max_tokens);
            }
            said = self.post(&body).await?;
        }
        if !said.status.is_success() {
            return Err(refusal(&self.shown, &said));
        }
        serde_json::from_slice(&said.body).map_err(|error| {
            Kind::Invalid
                .because(
                    format!("the model at `{}` answered no JSON: {}", self.shown, quoted(&said.body)),
                    error,
                )
                .with_hint("check that `WAGGLE_MODEL_URL` is that of an OpenAI-compatible endpoint")
        })
    }

    async fn post(&self, body: &Value) -> Result<Said> {
        let unreachable = |error: reqwest::Error| {
            let (kind, hint) = if error.is_timeout() {
                (Kind::Timeout, "is the model server overloaded?")
            } else {
                (Kind::Unavailable, "is the model server running? check `WAGGLE_MODEL_URL`")
            };
            kind.because(format!("ask the model at `{}`", self.shown), error.without_url()).with_hint(hint)
        };
        let url = format!("{}/chat/completions", self.url);
        let mut response = self.client.post(url).json(body).send().await.map_err(unreachable)?;
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
        let mut said = Said {
            status: response.status(),
            retry_after: retry_after.map(Duration::from_secs),
            body: Vec::new(),
        };
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            said.body.extend_from_slice(&chunk);
            if said.body.len() > MAX_ANSWER_BYTES {
                return Err(Kind::Invalid
                    .error(format!("the model at `{}` answered over {MAX_ANSWER_BYTES} bytes", self.shown)));
            }
        }
        Ok(said)
    }
}

#[async_trait]
impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.model
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let answer = self.ask(&body(&self.model, request)).await?;
        let reply = reply(&answer)?;
        if !reply.text.is_empty() {
            on_delta(Delta::Text(&reply.text));
        }
        Ok(reply)
    }
}

/// Writes a request as the wire has it.
fn body(model: &str, request: &ModelRequest) -> Value {
    let tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| {
            json!({
                "type": "function",
                "function": { "name": tool.name, "description": tool.description, "parameters": tool.schema },
            })
        })
        .collect();
    let mut body = json!({
        "model": model,
        "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
        MAX_TOKENS: request.max_tokens,
        "stream": false,
    });
    if !tools.is_empty() {
        body["tools"] = Value::Array(tools);
        body["tool_choice"] = json!("auto");
    }
    body
}

fn message(message: &Message) -> Value {
    match message {
        Message::System { text } => json!({ "role": "system", "content": text }),
        Message::User { text } => json!({ "role": "user", "content": text }),
        Message::Assistant { text, calls } if calls.is_empty() => {
            json!({ "role": "assistant", "content": text })
        }
        Message::Assistant { text, calls } => {
            let calls: Vec<Value> = calls
                .iter()
                .map(|call| {
                    let arguments = match &call.arguments {
                        Value::String(text) => text.clone(),
                        arguments => arguments.to_string(),
                    };
                    let function = json!({ "name": name_on_wire(&call.name), "arguments": arguments });
                    json!({ "id": call.id, "type": "function", "function": function })
                })
                .collect();
            json!({ "role": "assistant", "content": text, "tool_calls": calls })
        }
        Message::Tool(reply) => {
            json!({ "role": "tool", "tool_call_id": reply.call_id, "content": reply.text })
        }
    }
}

/// Endpoints refuse a whole conversation for one name that a model made up: letters, digits, `_` and `-` up to 64.
fn name_on_wire(name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    let name: String = name.chars().take(64).map(allowed).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

/// Reads an answer. A reply without text and without calls is valid: the loop asks again.
fn reply(answer: &Value) -> Result<ModelReply> {
    let Some(message) = answer.pointer("/choices/0/message").filter(|message| message.is_object()) else {
        return Err(Kind::Invalid
            .error(format!("the model's answer has no message: {}", quoted(answer.to_string().as_bytes())))
            .with_hint("check that `WAGGLE_MODEL_URL` is that of an OpenAI-compatible endpoint"));
    };
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let calls = calls.enumerate().map(|(index, call)| {
        let written = |at: &str| call.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty());
        ToolCall {
            id: written("/id").map_or_else(|| format!("call_{index}"), str::to_owned),
            // A call without a name is answered like one of an unknown tool.
            name: written("/function/name").unwrap_or_default().to_owned(),
            arguments: arguments(call.pointer("/function/arguments")),
        }
    });
    let tokens =
        |field: &str| answer.pointer(&format!("/usage/{field}")).and_then(Value::as_u64).unwrap_or(0);
    let usage = Usage {
        input_tokens: tokens("prompt_tokens"),
        output_tokens: tokens("completion_tokens"),
        ..Usage::default()
    };
    Ok(ModelReply {
        calls: calls.collect(),
        text: text(message.get("content")),
        usage,
        ..ModelReply::default()
    })
}

/// Text comes as a string, from some servers in parts.
fn text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

/// Arguments come as JSON in a string, from some servers as an object.
fn arguments(written: Option<&Value>) -> Value {
    match written {
        Some(Value::String(text)) if text.trim().is_empty() => json!({}),
        Some(Value::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        Some(other) => other.clone(),
        None => json!({}),
    }
}

/// Says why an endpoint refused, in its own words where it has some.
fn refusal(url: &str, said: &Said) -> Error {
    let (kind, hint) = match said.status.as_u16() {
        401 | 403 => (Kind::Denied, "check `WAGGLE_MODEL_KEY`"),
        404 => (Kind::NotFound, "check `WAGGLE_MODEL_NAME`, and that `WAGGLE_MODEL_URL` ends in `/v1`"),
        408 => (Kind::Timeout, "is the model server overloaded?"),
        429 | 500..=599 => (Kind::Unavailable, "try again later"),
        300..=399 => (Kind::Invalid, "the address moved: check `WAGGLE_MODEL_URL`"),
        _ => (Kind::Invalid, "the endpoint refused the request"),
    };
    let body: Option<Value> = serde_json::from_slice(&said.body).ok();
    let message = body.as_ref().and_then(|body| {
        let messages = ["/error/message", "/message", "/detail", "/error"].iter();
        messages.filter_map(|at| body.pointer(at)?.as_str()).next()
    });
    let why = quoted(message.map_or(said.body.as_slice(), str::as_bytes));
    kind.error(format!("the model at `{url}` answered {}: {why}", said.status)).with_hint(hint)
}

/// Quotes the start of what an endpoint wrote, on one line.
fn quoted(written: &[u8]) -> String {
    let text = String::from_utf8_lossy(written);
    let line: Vec<_> = text.split_whitespace().collect();
    line.join(" ").chars().take(MAX_QUOTED_CHARS).collect()
}
