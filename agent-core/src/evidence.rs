//! One tool call with everything it returned, kept so that a claim can point at it.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waggle_signals::Timestamp;

/// Name of a piece of evidence within its incident: `E1`, `E2`, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceId(pub u32);

/// One tool call and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its name within the incident.
    pub id: EvidenceId,
    /// The tool that was called.
    pub tool: String,
    /// What it was called with.
    pub arguments: Value,
    /// When.
    pub at: Timestamp,
    /// What it was about besides its arguments, as [`Scene::scope`](crate::Scene::scope) tells it: equal calls of equal scope
    /// ask the same. Empty when unknown.
    #[serde(default)]
    pub scope: String,
    /// What the model was shown.
    pub text: String,
    /// The full result.
    pub data: Value,
    /// Sentences that hold by this evidence alone.
    pub facts: Vec<Fact>,
}

/// One sentence that a tool stands for: every number and name in it is in the tool's result.
///
/// Facts are how an analysis speaks to a small model, and to none: they can be quoted as claims without rewording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// The service that it is about; empty when it is about all.
    pub service: String,
    /// What it speaks of.
    pub topic: Topic,
    /// The sentence, in the asker's language, without a full stop.
    pub text: String,
}

/// What a fact speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// What its users feel: latency or errors at the edge.
    Symptom,
    /// Its own latency.
    Latency,
    /// Its own failures.
    Errors,
    /// Its requests.
    Traffic,
    /// Its processes' CPU, memory and waiting.
    Resources,
    /// Who else used what it needed.
    Neighbour,
    /// Its connections.
    Network,
    /// Its processes' starts and ends.
    Lifecycle,
    /// A change to it.
    Change,
    /// What that change did to the code or the configuration.
    Diff,
    /// Where its CPU time went.
    Profile,
    /// What it wrote.
    Logs,
    /// One of its requests.
    Trace,
    /// Who answers for it.
    Owner,
    /// What was written down, or found before: advice, and no proof of what is now.
    Knowledge,
}

impl fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{}", self.0)
    }
}

impl FromStr for EvidenceId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('E')
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not an evidence id such as `E7`"))
    }
}

impl Serialize for EvidenceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EvidenceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for EvidenceId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EvidenceId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^E[0-9]+$", "description": "An evidence id such as `E7`." })
    }
}
