//! The floor: reads the same messages, calls the same tools, submits the same finding, with no language model behind it.
//!
//! It takes the first suspect of the triage, calls the tools that the fault tree wants for it, and quotes their facts as
//! claims. Questions are understood by a grammar.

mod answer;
mod investigate;
mod nothing;
mod question;
mod quote;
mod reading;
mod suggest;
mod usage;

use async_trait::async_trait;

use crate::{
    Result,
    investigation::SUBMIT_ANSWER,
    ports::{Delta, Model, ModelReply, ModelRequest},
};

use reading::Reading;

/// A model that needs no key, no network and no luck.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offline;

#[async_trait]
impl Model for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        _: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let reading = Reading::of(request);
        let is_question = request.tools.iter().any(|tool| tool.name == SUBMIT_ANSWER);
        let calls =
            if is_question { answer::next_calls(&reading) } else { investigate::next_calls(&reading) };
        Ok(ModelReply { calls, ..ModelReply::default() })
    }
}
