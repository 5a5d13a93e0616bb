//! One tool of another server as a tool of the agent.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use waggle_agent_core::{
    Kind, Scene, ToolError,
    ports::ToolSpec,
    toolbox::{AnyTool, Called},
};

use super::{adopt::Adopted, link::Link, output::called_of};
use crate::{arguments, clean::one_line};

/// Characters of the arguments in a summary.
const MAX_SUMMARY_CHARS: usize = 120;

/// A tool that another server runs.
pub(crate) struct Foreign {
    link: Arc<Link>,
    adopted: Adopted,
}

impl Foreign {
    pub(crate) fn new(link: Arc<Link>, adopted: Adopted) -> Self {
        Self { link, adopted }
    }
}

#[async_trait]
impl AnyTool for Foreign {
    fn spec(&self) -> ToolSpec {
        self.adopted.spec.clone()
    }

    fn summary(&self, arguments: &Value) -> String {
        summary_of(&self.adopted.spec.name, arguments)
    }

    async fn call(&self, arguments: Value, _: &Scene) -> Result<Called, ToolError> {
        let name = &self.adopted.spec.name;
        let arguments = arguments::object_of(arguments);
        arguments::check(name, &self.adopted.validator, &arguments)?;
        let Value::Object(arguments) = arguments else {
            return Err(ToolError::Respond(format!("the arguments of `{name}` are no object")));
        };
        let Adopted { listed, is_read_only, .. } = &self.adopted;
        let answered = self.link.call(&listed.name, arguments, *is_read_only).await;
        match answered {
            Ok(result) => called_of(name, result, self.link.max_bytes()),
            Err(error) if error.kind() == Kind::Internal => Err(ToolError::Fatal(error)),
            Err(error) => Err(ToolError::Respond(format!("`{name}` failed: {}", error.chain()))),
        }
    }
}

/// Says in one line what a call asks.
pub(crate) fn summary_of(tool: &str, arguments: &Value) -> String {
    let is_empty = arguments.is_null() || arguments.as_object().is_some_and(serde_json::Map::is_empty);
    if is_empty {
        tool.to_owned()
    } else {
        format!("{tool} {}", one_line(&arguments.to_string(), MAX_SUMMARY_CHARS))
    }
}
