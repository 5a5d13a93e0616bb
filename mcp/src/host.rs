//! What this crate asks of the program that it serves for.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waggle_agent_core::{
    Finding, IncidentId, Result, Scene, Toolbox, conversation::Answer, investigation::Watch,
};
use waggle_signals::TimeRange;

/// The program behind the server. Every question names its caller, whose rights hold.
///
/// A client may hang up or cancel: then the future is dropped, and what must go on without it has to be spawned.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// Returns what this caller may ask. All of it must be read-only: clients are told so.
    async fn toolbox(&self, caller: &str) -> Result<Toolbox>;

    /// Sets the scene that a tool runs on.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident, `Denied` for one that the caller may not see.
    async fn scene(&self, caller: &str, look_at: &LookAt) -> Result<Scene>;

    /// Opens an incident and investigates it. `watch` may be kept as long as the work goes on.
    async fn investigate(&self, caller: &str, asked: &Investigate, watch: Arc<dyn Watch>) -> Result<Finding>;

    /// Answers a question.
    async fn ask(&self, caller: &str, asked: &Ask, look_at: &LookAt, watch: Arc<dyn Watch>)
    -> Result<Answer>;

    /// Keeps in the audit log that something is about to be done. `detail` is redacted already.
    ///
    /// # Errors
    ///
    /// When it cannot be kept: then it is not done.
    async fn audit(&self, caller: &str, action: &str, detail: Value) -> Result<()>;
}

/// Which windows are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LookAt {
    /// What happens now, compared with the time before.
    #[default]
    Now,
    /// Those of an incident.
    Incident(IncidentId),
    /// This time, compared with the time before.
    Time(TimeRange),
}

/// Looks into what is wrong: measures, ranks suspects, reads changes, and returns a finding whose every sentence is proven by what the tools returned. Takes up to some minutes. Opens an incident; other tools see its windows with `look_at`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Investigate {
    /// The service that people complain about; leave it out to look at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub service: Option<String>,
    /// Length of the time to look at, up to now, in minutes; 5 when left out. The time before is compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1440))]
    pub window_minutes: Option<u32>,
}

/// Answers a question about the system in plain words, in English or Chinese, each number drawn from a measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    /// The question, such as `which service is using the most memory?`.
    #[schemars(length(min = 1, max = 4000))]
    pub question: String,
}
