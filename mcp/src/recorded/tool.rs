//! One recorded tool as a tool of the agent.

use std::sync::Arc;

use async_trait::async_trait;
use jsonschema::Validator;
use serde_json::Value;
use waggle_agent_core::{
    Scene, ToolError,
    ports::ToolSpec,
    toolbox::{AnyTool, Called},
};

use super::Recorded;
use crate::{
    arguments::{check, compiled, object_of},
    clean::one_line,
};

/// Answers as it was answered then.
pub(crate) struct RecordedTool {
    recorded: Arc<Recorded>,
    spec: ToolSpec,
    /// `None` for a schema that does not compile: then nothing is held to it.
    validator: Option<Validator>,
}

impl RecordedTool {
    pub(crate) fn new(recorded: Arc<Recorded>, spec: ToolSpec) -> Self {
        let validator = compiled(&spec.schema).ok();
        Self { recorded, spec, validator }
    }
}

#[async_trait]
impl AnyTool for RecordedTool {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    fn summary(&self, arguments: &Value) -> String {
        format!("{} {}", self.spec.name, one_line(&object_of(arguments.clone()).to_string(), 120))
    }

    async fn call(&self, arguments: Value, _: &Scene) -> Result<Called, ToolError> {
        let name = &self.spec.name;
        let arguments = object_of(arguments);
        let answer = self.recorded.answer(name, &arguments);
        // What was recorded is answered even where it broke the schema; what was not is told of the schema first.
        if let (Err(_), Some(validator)) = (&answer, &self.validator) {
            check(name, validator, &arguments)?;
        }
        answer
    }
}
