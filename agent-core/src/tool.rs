//! A typed call in one struct: its fields are the arguments, its doc comment is what the model reads.

use std::{fmt::Display, sync::Arc};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use waggle_signals::Timestamp;

use crate::{Error, Incident, Kind, Language, Ports, evidence::Fact};

/// A question that a model or a person may ask of the ports.
///
/// Implement it on a struct whose fields are the arguments. The struct's doc comment becomes the tool's description and
/// the fields' doc comments the descriptions of the arguments.
#[async_trait]
pub trait Tool: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static {
    /// Its name: what it returns, in snake case.
    const NAME: &'static str;

    /// What it returns.
    type Output: Output;

    /// Asks.
    ///
    /// # Errors
    ///
    /// [`ToolError::Respond`] for what the model can mend, [`ToolError::Fatal`] for what ends the run.
    async fn run(self, scene: &Scene) -> Result<Self::Output, ToolError>;

    /// Says in one line, for people, what is asked: ``slowest requests of `checkout` ``.
    fn summary(&self) -> String;
}

/// A tool's result. `Display` is the short text for the model: units in the text, rows budgeted, and it says what was cut.
/// When there is no data, the text says what was searched.
pub trait Output: Display + Serialize + Send {
    /// Tells whether there was nothing to find, which is an answer of its own.
    fn is_empty(&self) -> bool;

    /// Returns sentences that hold by this result alone; their numbers and names are in it as they stand.
    fn facts(&self, language: Language) -> Vec<Fact>;
}

/// Where a tool runs: the ports, and the incident whose windows are meant when a call names none.
#[derive(Clone)]
pub struct Scene {
    /// The world.
    pub ports: Ports,
    /// The incident.
    pub incident: Incident,
    /// The language of sentences for people.
    pub language: Language,
    /// On whose behalf: a person's name, or `waggle` when an alert did it. Goes into the audit log.
    pub caller: String,
    /// Ends the run when somebody no longer wants it.
    pub cancel: CancellationToken,
    /// When the trouble began, found once by the first tool that needs it; `None` inside when nothing stands out.
    pub onset: Arc<OnceCell<Option<Timestamp>>>,
}

/// A failed call.
#[derive(Debug)]
pub enum ToolError {
    /// The model can mend it: what was asked, what came back, what to try.
    Respond(String),
    /// The run cannot go on.
    Fatal(Error),
}

impl Scene {
    /// Sets a scene in which nothing was found yet, on Waggle's own behalf.
    pub fn new(ports: Ports, incident: Incident, language: Language) -> Self {
        Self {
            ports,
            incident,
            language,
            caller: "waggle".to_owned(),
            cancel: CancellationToken::new(),
            onset: Arc::default(),
        }
    }

    /// Tells what a call in this scene is about besides its arguments: window, healthy time, service and language.
    pub fn scope(&self) -> String {
        let Incident { window, baseline, service, .. } = &self.incident;
        format!(
            "{window} against {baseline}, `{}`, {:?}",
            service.as_deref().unwrap_or_default(),
            self.language
        )
    }

    /// Names the person on whose behalf tools are called.
    #[must_use]
    pub fn on_behalf_of(self, caller: impl Into<String>) -> Self {
        Self { caller: caller.into(), ..self }
    }
}

impl From<Error> for ToolError {
    /// Faults of this program are fatal; whatever the outside answered is told to the model.
    fn from(error: Error) -> Self {
        if error.kind() == Kind::Internal {
            return Self::Fatal(error);
        }
        let hint = error.hint().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
        Self::Respond(format!("{}{hint}", error.chain()))
    }
}
