//! Any endpoint that speaks OpenAI's chat completions, through `async-openai` with bodies of our own.
//!
//! # Layout
//!
//! - [`config`]: where the model is. [`body`]: a request as the wire has it.
//! - [`exchange`]: one request and its answer below the client: status, size, the end of a stream.
//! - [`assembly`]: a reply out of the pieces of a stream; [`calls`]: its calls. [`pieces`]: what a piece says, in all the shapes there are.
//! - [`aloud`]: what of a text is told while it grows.

mod aloud;
mod assembly;
mod body;
mod calls;
mod config;
mod exchange;
mod pieces;

use std::sync::{Mutex, PoisonError};

use async_openai::Client;
use async_trait::async_trait;
use futures::StreamExt;
use serde_json::Value;

use super::{
    quirks::{self, Quirks},
    wire,
};
use crate::{
    Error, Result,
    ports::{Delta, Model, ModelReply, ModelRequest, Usage},
};
use assembly::Assembly;
use config::Endpoint;
use exchange::{Exchange, Fault};

pub use config::OpenAiConfig;

/// How often one question is put otherwise because the endpoint did not take it as it was.
const MAX_LESSONS: usize = 6;

/// A model behind an OpenAI-compatible endpoint.
pub struct OpenAi {
    client: reqwest::Client,
    endpoint: Endpoint,
    model: String,
    /// What is known of the endpoint so far. Held for a few lines at a time, never across an await.
    quirks: Mutex<Quirks>,
}

impl OpenAi {
    /// Prepares the client; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Invalid` when the URL is none or the key cannot be sent, `Internal` when the TLS library does not start.
    pub fn new(config: &OpenAiConfig) -> Result<Self> {
        let endpoint = Endpoint::new(config)?;
        let quirks = config.quirks.clone();
        let quirks = quirks.unwrap_or_else(|| quirks::quirks_of(&endpoint.host(), &config.model));
        Ok(Self {
            client: wire::http_client()?,
            endpoint,
            model: config.model.clone(),
            quirks: Mutex::new(quirks),
        })
    }

    /// Returns how the endpoint is asked, with what its refusals taught so far.
    pub fn quirks(&self) -> Quirks {
        self.quirks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks once. A fault comes with what was spent before it.
    async fn ask(
        &self,
        request: &ModelRequest,
        quirks: &Quirks,
        on_text: &(dyn Fn(&str) + Sync),
    ) -> Result<ModelReply, (Fault, Usage)> {
        let exchange = Exchange::new(self.client.clone(), &self.endpoint);
        let mut assembly = Assembly::new(self.endpoint.key());
        let body = body::body(&self.model, request, quirks);
        let read = self.read(&exchange, body, &mut assembly, on_text).await;
        let usage = assembly.usage(request);
        let whole = |()| assembly.into_reply(exchange.is_whole(), on_text).map_err(Fault::Failed);
        let reply = read.and_then(whole).map_err(|fault| (fault, usage))?;
        Ok(ModelReply { usage, ..reply })
    }

    /// Sends a request and puts together what comes, up to its end.
    async fn read(
        &self,
        exchange: &Exchange,
        body: Value,
        assembly: &mut Assembly,
        on_text: &(dyn Fn(&str) + Sync),
    ) -> Result<(), Fault> {
        let client = Client::build(self.client.clone(), self.endpoint.clone())
            // The client's own retries would be out of sight of the budget.
            .with_http_service(exchange.service());
        let chat = client.chat();
        let asked = chat.create_stream_byot::<Value, Value>(body);
        let mut events = asked.await.map_err(|error| exchange.fault(error))?;
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| exchange.fault(error))?;
            if let Some(refusal) = pieces::refusal(&event) {
                return Err(Fault::Refused(refusal));
            }
            assembly.take(&event, on_text).map_err(Fault::Failed)?;
        }
        exchange.failure().map_or(Ok(()), Err)
    }

    /// Returns how to ask instead, when a refusal blames the form of the question.
    fn lesson(&self, used: &Quirks, refusal: &wire::Refusal) -> Option<Quirks> {
        let is_about_form = matches!(refusal.status, 200 | 400 | 404 | 422 | 500 | 501);
        let mut better = used.clone();
        let learned = is_about_form
            && quirks::learn(&mut better, refusal.status, &refusal.message(self.endpoint.key()));
        learned.then_some(better)
    }

    /// Keeps what worked.
    fn remember(&self, quirks: Quirks) {
        tracing::info!(model = self.model, ?quirks, "the endpoint is asked otherwise from now on");
        *self.quirks.lock().unwrap_or_else(PoisonError::into_inner) = quirks;
    }

    fn error(&self, fault: Fault) -> Error {
        match fault {
            Fault::Refused(refusal) => refusal.error(&self.endpoint.address.shown, self.endpoint.key()),
            Fault::Failed(error) => error,
        }
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
        let speak = |text: &str| on_delta(Delta::Text(text));
        // Text that is brought to JSON is told when it is what the reply has.
        let silent = |_: &str| {};
        let on_text: &(dyn Fn(&str) + Sync) = if request.output.is_some() { &silent } else { &speak };
        let mut quirks = self.quirks();
        let mut tried: Vec<Quirks> = Vec::new();
        let mut spent = Usage::default();
        let mut reply = loop {
            let fault = match self.ask(request, &quirks, on_text).await {
                Ok(reply) if tried.is_empty() => break reply,
                Ok(reply) => {
                    self.remember(quirks);
                    break reply;
                }
                Err((fault, usage)) => {
                    spent += usage;
                    fault
                }
            };
            let better = match &fault {
                Fault::Refused(refusal) => self.lesson(&quirks, refusal),
                Fault::Failed(_) => None,
            };
            tried.push(quirks);
            // What was refused before is not asked again.
            match better.filter(|better| tried.len() <= MAX_LESSONS && !tried.contains(better)) {
                Some(better) => quirks = better,
                None => return Err(self.error(fault).with_usage(spent)),
            }
        };
        reply.usage += spent;
        if request.output.is_some() {
            let (shown, key) = (&self.endpoint.address.shown, self.endpoint.key());
            let json = wire::json_of_reply(reply.text, reply.finish, shown, key);
            reply.text = json.map_err(|error| error.with_usage(reply.usage))?;
            if !reply.text.is_empty() {
                on_delta(Delta::Text(&reply.text));
            }
        }
        Ok(reply)
    }
}
