//! Models whose endpoints do not resemble OpenAI's: Anthropic, Gemini, Ollama's own, Mistral, Cohere and whatever else
//! `rig-core` knows, by one adapter.
//!
//! # Layout
//!
//! - [`provider`]: who is asked. [`conversation`]: a request as rig has it. [`transport`]: how it travels, with its bounds.

mod conversation;
mod provider;
mod transport;

use async_trait::async_trait;
use futures::StreamExt;
use rig_core::{
    DynModel,
    completion::{CompletionResponse, FinishReason},
    error::ProviderError,
    http_client::Error as HttpError,
    operation::Completion,
    streaming::{Item, StreamEvent},
};
use secrecy::ExposeSecret;

use super::wire::{self, Refusal};
use crate::{
    Error, Kind, Result,
    ports::{Delta, Finish, Model, ModelReply, ModelRequest, ToolCall, Usage},
};

pub use provider::{RigConfig, provider_names};

/// A model behind one of rig's providers.
pub struct Rig {
    model: DynModel<Completion>,
    /// The same for one request that is held to a JSON schema.
    config: RigConfig,
    /// Whom messages name: an address, or the provider.
    shown: String,
}

impl Rig {
    /// Prepares the client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is no such provider (the nearest is named), the URL is none, or the key cannot be sent;
    /// `Internal` when the TLS library does not start.
    pub fn new(config: &RigConfig) -> Result<Self> {
        let (model, shown) = provider::connect(config)?;
        Ok(Self { model, config: config.clone(), shown })
    }

    /// Returns the key, to hide it where a provider repeats it.
    fn key(&self) -> &str {
        self.config.key.expose_secret().trim()
    }

    fn error(&self, error: &ProviderError) -> Error {
        let key = self.key();
        if let Some(said) = error.provider_response() {
            let status = said.status.map_or(200, |status| status.as_u16());
            let retry_after = said.headers.as_ref().and_then(wire::retry_after);
            let body = said.body.clone().into_bytes();
            return Refusal { status, retry_after, body }.error(&self.shown, key);
        }
        let (kind, hint) = match error {
            ProviderError::Http(http) => (kind_of(http), "is the model server running?"),
            ProviderError::Truncated => {
                (Kind::Unavailable, "the answer was cut before its end; try again later")
            }
            ProviderError::Request(_) | ProviderError::Url(_) => {
                (Kind::Invalid, "the provider does not take such a request")
            }
            _ => (Kind::Invalid, "check the provider, its URL and the model's name"),
        };
        // What a provider or a library says may be as long as an answer, and may repeat the key.
        let said = Refusal { status: 200, retry_after: None, body: error.to_string().into_bytes() };
        kind.error(format!("ask the model at `{}`: {}", self.shown, said.message(key))).with_hint(hint)
    }
}

fn kind_of(error: &HttpError) -> Kind {
    match error {
        HttpError::Instance(source) => match source.downcast_ref::<transport::Broken>() {
            Some(broken) => broken.kind(),
            None => Kind::Unavailable,
        },
        HttpError::StreamEnded => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

#[async_trait]
impl Model for Rig {
    fn name(&self) -> &str {
        &self.config.model
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let asked = conversation::completion_request(request, &self.config)?;
        let mut stream = self.model.stream(asked).map_err(|error| self.error(&error))?;
        let mut written = String::new();
        while let Some(item) = stream.next().await {
            let item = item.map_err(|error| self.error(&error).with_usage(in_vain(request, &written)))?;
            let Item::Event(event) = item else { continue };
            if let StreamEvent::Text { text: piece, .. }
            | StreamEvent::Reasoning { text: piece, .. }
            | StreamEvent::Arguments { json: piece, .. } = &event
            {
                written.push_str(piece);
            }
            if let StreamEvent::Text { text, .. } = event {
                // Text that is brought to JSON is told when it is what the reply has.
                if request.output.is_none() {
                    on_delta(Delta::Text(&text));
                }
            }
        }
        let response = stream.finish().await;
        let response = response.map_err(|error| self.error(&error).with_usage(in_vain(request, &written)))?;
        let mut reply = reply(&response, request).ok_or_else(|| {
            let reason = format!("{:?}", response.finish_reason());
            let said = wire::quoted(reason.as_bytes(), self.key());
            Kind::Unavailable
                .error(format!("the model at `{}` broke off: {said}", self.shown))
                .with_hint("try again later")
                .with_usage(usage(&response, request, &response.text(), &calls(&response)))
        })?;
        if request.output.is_some() {
            let json = wire::json_of_reply(reply.text, reply.finish, &self.shown, self.key());
            reply.text = json.map_err(|error| error.with_usage(reply.usage))?;
            on_delta(Delta::Text(&reply.text));
        }
        Ok(reply)
    }
}

/// Reads a response; `None` when the provider says that it failed.
fn reply(response: &CompletionResponse, request: &ModelRequest) -> Option<ModelReply> {
    let finish = match response.finish_reason() {
        Some(FinishReason::Length) => Finish::Length,
        Some(FinishReason::ContentFilter) => Finish::Filtered,
        _ if response.error.is_some() => return None,
        _ => Finish::Done,
    };
    let (text, mut calls) = (response.text(), calls(response));
    let usage = usage(response, request, &text, &calls);
    if let Some(last) = calls.last_mut().filter(|_| finish != Finish::Done) {
        last.arguments = wire::cut_arguments(&last.arguments.to_string());
    }
    Some(ModelReply { text, calls, finish, usage })
}

fn calls(response: &CompletionResponse) -> Vec<ToolCall> {
    let calls = response.tool_calls().enumerate().map(|(place, call)| ToolCall {
        id: call.id.provider().map_or_else(|| format!("call_{place}"), |id| id.as_str().to_owned()),
        name: call.function.name.as_str().to_owned(),
        arguments: call.function.arguments_value(),
    });
    calls.collect()
}

/// Estimates what an answer cost that never became one; nothing when it had not begun.
fn in_vain(request: &ModelRequest, written: &str) -> Usage {
    if written.is_empty() {
        return Usage::default();
    }
    Usage {
        input_tokens: wire::tokens_of_request(request),
        output_tokens: wire::tokens_of_reply(written, &[]),
        ..Usage::default()
    }
}

/// Reads what the provider counted, by estimate where it did not.
fn usage(response: &CompletionResponse, request: &ModelRequest, text: &str, calls: &[ToolCall]) -> Usage {
    let counted = response.usage;
    // Dollars; a cast saturates, and no price is below nothing.
    let cost = counted.cost.map_or(0.0, |cost| cost.total * 1_000_000.0);
    Usage {
        input_tokens: counted.input_tokens.unwrap_or_else(|| wire::tokens_of_request(request)),
        output_tokens: counted.output_tokens.unwrap_or_else(|| wire::tokens_of_reply(text, calls)),
        cached_tokens: counted.cached_input_tokens.unwrap_or(0),
        cost_micro_usd: cost.ceil() as u64,
    }
}
