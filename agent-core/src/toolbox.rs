//! The calls that a model may make, each checked against its schema before it runs.

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    Scene, Tool, ToolError, evidence::Fact, nearest::nearest, ports::ToolSpec, slim::slim, tool::Output,
};

/// The field of a result that says that there was nothing to find: what was searched and held nothing reads otherwise like
/// what held nothing of note.
pub(crate) const EMPTY: &str = "empty";
/// The most characters of one result that a model is shown; the rest is read by evidence id.
const MAX_TEXT_CHARS: usize = 6_000;
/// More faults than this in one call are not mended one by one.
pub(crate) const MAX_FAULTS: usize = 10;
/// Characters of one fault.
pub(crate) const MAX_FAULT_CHARS: usize = 300;

/// A set of tools by name.
#[derive(Clone, Default)]
pub struct Toolbox {
    tools: BTreeMap<String, Arc<dyn AnyTool>>,
}

/// What a call returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// For the model.
    pub text: String,
    /// Everything; with `empty: true` in it when there was nothing to find.
    pub data: Value,
    /// Sentences that hold by it.
    pub facts: Vec<Fact>,
    /// True when there was nothing to find.
    pub empty: bool,
}

/// A tool whose types are not known here: one of another server, one that was recorded. A [`Tool`] becomes one by
/// [`Toolbox::with`].
#[async_trait]
pub trait AnyTool: Send + Sync {
    /// Returns what a model needs to know of it. Its name is its key in a toolbox.
    fn spec(&self) -> ToolSpec;

    /// Says in one line, for people, what a call asks.
    fn summary(&self, arguments: &Value) -> String;

    /// Makes one call.
    ///
    /// # Errors
    ///
    /// As [`Tool::run`]; arguments that break the schema are [`ToolError::Respond`].
    async fn call(&self, arguments: Value, scene: &Scene) -> Result<Called, ToolError>;
}

/// A tool's type with what its schema was compiled to.
struct Typed<T> {
    spec: ToolSpec,
    validator: Option<jsonschema::Validator>,
    tool: PhantomData<fn() -> T>,
}

// === impl Toolbox ===

impl Toolbox {
    /// Adds a tool, replacing one of the same name.
    #[must_use]
    pub fn with<T: Tool>(self) -> Self {
        self.with_any(Arc::new(Typed::<T>::new()))
    }

    /// Adds a tool whose types are not known here, replacing one of the same name.
    #[must_use]
    pub fn with_any(mut self, tool: Arc<dyn AnyTool>) -> Self {
        self.tools.insert(tool.spec().name, tool);
        self
    }

    /// Returns what a model needs to know of each tool, by name.
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.values().map(|tool| tool.spec()).collect()
    }

    /// Tells whether there is a tool of that name.
    pub fn has(&self, name: &str) -> bool {
        self.tools.contains_key(name)
    }

    /// Says in one line, for people, what a call asks.
    pub fn summary(&self, name: &str, arguments: &Value) -> String {
        self.tools.get(name).map_or_else(|| name.to_owned(), |tool| tool.summary(arguments))
    }

    /// Makes one call.
    ///
    /// # Errors
    ///
    /// [`ToolError::Respond`] for an unknown tool (with the nearest name) and for arguments that break the schema (with each
    /// fault and its path).
    pub async fn call(&self, name: &str, arguments: Value, scene: &Scene) -> Result<Called, ToolError> {
        let Some(tool) = self.tools.get(name) else {
            let names: Vec<_> = self.tools.keys().map(String::as_str).collect();
            let nearest =
                nearest(name, &names).map(|near| format!("; nearest is `{near}`")).unwrap_or_default();
            let text = format!("unknown tool `{name}`{nearest}; the tools are: {}", names.join(", "));
            return Err(ToolError::Respond(cut(text)));
        };
        match tool.call(arguments, scene).await {
            Ok(called) => Ok(Called { text: cut(called.text), ..called }),
            Err(ToolError::Respond(text)) => Err(ToolError::Respond(cut(text))),
            Err(fatal) => Err(fatal),
        }
    }
}

fn cut(text: String) -> String {
    let n_chars = text.chars().count();
    if n_chars <= MAX_TEXT_CHARS {
        return text;
    }
    let kept: String = text.chars().take(MAX_TEXT_CHARS).collect();
    format!("{kept}\n… {} more characters; ask for less", n_chars - MAX_TEXT_CHARS)
}

// === impl Typed ===

impl<T: Tool> Typed<T> {
    fn new() -> Self {
        let mut schema = schemars::schema_for!(T).to_value();
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(object) = schema.as_object_mut() {
            object.remove("$schema");
            object.remove("title");
            object.remove("description");
            object.entry("properties").or_insert_with(|| Value::Object(serde_json::Map::new()));
            object.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        let validator = jsonschema::validator_for(&schema).ok();
        let spec = ToolSpec { name: T::NAME.to_owned(), description, schema: slim(schema) };
        Self { spec, validator, tool: PhantomData }
    }

    /// Returns every way in which the arguments break the schema, with its path.
    fn faults(&self, arguments: &Value) -> Vec<String> {
        let Some(validator) = &self.validator else { return Vec::new() };
        validator
            .iter_errors(arguments)
            .take(MAX_FAULTS)
            .map(|error| {
                // The message quotes the value, which may be as long as a model likes.
                let message: String = error.to_string().chars().take(MAX_FAULT_CHARS).collect();
                match error.instance_path().as_str() {
                    "" => message,
                    path => format!("at `{path}`: {message}"),
                }
            })
            .collect()
    }
}

#[async_trait]
impl<T: Tool> AnyTool for Typed<T> {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    fn summary(&self, arguments: &Value) -> String {
        serde_json::from_value::<T>(arguments.clone())
            .map_or_else(|_| T::NAME.to_owned(), |tool| tool.summary())
    }

    async fn call(&self, arguments: Value, scene: &Scene) -> Result<Called, ToolError> {
        // Models write nothing, `null` or `""` when a tool needs no arguments.
        let arguments = match arguments {
            Value::Null => Value::Object(serde_json::Map::new()),
            Value::String(text) if text.trim().is_empty() => Value::Object(serde_json::Map::new()),
            arguments => arguments,
        };
        let faults = self.faults(&arguments);
        if !faults.is_empty() {
            return Err(ToolError::Respond(format!(
                "the arguments of `{}` break its schema: {}",
                T::NAME,
                faults.join("; ")
            )));
        }
        let tool: T = serde_json::from_value(arguments).map_err(|error| {
            ToolError::Respond(format!("the arguments of `{}` cannot be read: {error}", T::NAME))
        })?;
        let output = tool.run(scene).await?;
        let mut data = serde_json::to_value(&output).map_err(|error| {
            ToolError::Fatal(
                crate::Kind::Internal.because(format!("write the result of `{}`", T::NAME), error),
            )
        })?;
        let empty = output.is_empty();
        if let Some(fields) = data.as_object_mut().filter(|_| empty) {
            fields.insert(EMPTY.to_owned(), Value::Bool(true));
        }
        Ok(Called { text: output.to_string(), data, facts: output.facts(scene.language), empty })
    }
}
