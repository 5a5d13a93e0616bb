//! Asks one model for one purpose and another for the rest: few words for many need no large model.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;

use crate::{
    Result,
    ports::{Delta, Model, ModelReply, ModelRequest, Purpose},
};

/// A model for each purpose.
pub struct Routed {
    rest: Arc<dyn Model>,
    by_purpose: HashMap<Purpose, Arc<dyn Model>>,
}

impl Routed {
    /// Asks `rest` for every purpose that has no model of its own.
    pub fn new(rest: Arc<dyn Model>) -> Self {
        Self { rest, by_purpose: HashMap::new() }
    }

    /// Asks `model` for one purpose.
    #[must_use]
    pub fn with(mut self, purpose: Purpose, model: Arc<dyn Model>) -> Self {
        self.by_purpose.insert(purpose, model);
        self
    }

    /// Asks `large` for findings and answers, and `small` for doubts and summaries.
    pub fn by_size(large: Arc<dyn Model>, small: Arc<dyn Model>) -> Self {
        Self::new(large).with(Purpose::Review, small.clone()).with(Purpose::Summarize, small)
    }
}

#[async_trait]
impl Model for Routed {
    /// Returns the name of the model for the rest, which gives the verdicts.
    fn name(&self) -> &str {
        self.rest.name()
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let model = self.by_purpose.get(&request.purpose).unwrap_or(&self.rest);
        model.complete(request, on_delta).await
    }
}
