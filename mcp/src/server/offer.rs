//! What a client may call: every tool of its toolbox, `investigate` and `ask`.

use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value};
use waggle_agent_core::ports::ToolSpec;

use super::look_at;
use crate::{
    arguments::schema_of,
    host::{Ask, Investigate},
};

/// The tool that investigates.
pub(crate) const INVESTIGATE: &str = "investigate";
/// The tool that answers a question.
pub(crate) const ASK: &str = "ask";

/// Returns everything as the protocol lists it. A tool of the toolbox with the name of one of the two is hidden by it.
pub(crate) fn offered(specs: Vec<ToolSpec>) -> Vec<Tool> {
    let own = specs.into_iter().filter(|spec| ![INVESTIGATE, ASK].contains(&spec.name.as_str()));
    let mut tools: Vec<Tool> = own.map(listed).collect();
    tools.push(work(investigate_spec()));
    tools.push(work(ask_spec()));
    tools
}

/// Returns the tool that investigates. It looks at its own windows.
pub(crate) fn investigate_spec() -> ToolSpec {
    let (description, schema) = schema_of::<Investigate>();
    ToolSpec { name: INVESTIGATE.to_owned(), description, schema }
}

/// Returns the tool that answers a question.
pub(crate) fn ask_spec() -> ToolSpec {
    let (description, schema) = schema_of::<Ask>();
    looking_at(ToolSpec { name: ASK.to_owned(), description, schema })
}

/// Returns the tool with the argument that says what to look at.
pub(crate) fn looking_at(mut spec: ToolSpec) -> ToolSpec {
    if let Some(schema) = spec.schema.as_object_mut() {
        look_at::add_to(schema);
    }
    spec
}

/// Returns a tool that reads and changes nothing.
fn listed(spec: ToolSpec) -> Tool {
    let annotations = ToolAnnotations::new().read_only(true).open_world(false);
    as_listed(looking_at(spec)).with_annotations(annotations)
}

/// Returns a tool that writes into Waggle's own memory, and changes nothing else.
fn work(spec: ToolSpec) -> Tool {
    let annotations = ToolAnnotations::new().read_only(false).destructive(false).open_world(false);
    as_listed(spec).with_annotations(annotations)
}

/// Writes a tool as the protocol wants it: its schema is always that of an object.
pub(crate) fn as_listed(spec: ToolSpec) -> Tool {
    let mut schema = match spec.schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    schema.insert("type".to_owned(), Value::String("object".to_owned()));
    Tool::new(spec.name, spec.description, Arc::new(schema))
}
