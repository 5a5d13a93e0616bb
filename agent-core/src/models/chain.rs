//! Asks the next model when one fails, up to the last.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

use crate::{
    Kind, Result,
    ports::{Delta, Model, ModelReply, ModelRequest},
};

/// Models in the order in which they are asked.
pub struct Chain {
    models: Vec<Arc<dyn Model>>,
    name: String,
}

impl Chain {
    /// Puts models in order. Their names together are its own, since any of them may answer: `large, or small`.
    ///
    /// # Errors
    ///
    /// `Invalid` when there is none.
    pub fn new(models: impl IntoIterator<Item = Arc<dyn Model>>) -> Result<Self> {
        let models: Vec<_> = models.into_iter().collect();
        if models.is_empty() {
            return Err(Kind::Invalid.error("a chain of models has no model in it"));
        }
        let names: Vec<_> = models.iter().map(|model| model.name()).collect();
        let name = names.join(", or ");
        Ok(Self { models, name })
    }
}

#[async_trait]
impl Model for Chain {
    fn name(&self) -> &str {
        &self.name
    }

    /// Text is passed on from the first model that writes any; what a later one writes comes with the reply alone. The
    /// failure of the last model is the chain's own. What all models spent is told together.
    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let spoke = AtomicBool::new(false);
        let mut failure = Kind::Internal.error("no model was asked");
        for model in &self.models {
            let is_silent = spoke.load(Ordering::Relaxed);
            let pass_on = |delta: Delta<'_>| {
                if !is_silent {
                    spoke.store(true, Ordering::Relaxed);
                    on_delta(delta);
                }
            };
            match model.complete(request, &pass_on).await {
                Ok(mut reply) => {
                    reply.usage += failure.usage();
                    return Ok(reply);
                }
                Err(error) => {
                    tracing::warn!(model = model.name(), error = error.chain(), "model failed");
                    failure = error.with_usage(failure.usage());
                }
            }
        }
        Err(failure)
    }
}
