//! The ranked suspects that every investigation starts from, as the `suspects` tool reports them.
//!
//! Analysis makes them; this is the shape in which they reach the loop and its models.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::{Action, Hop, SymptomFound};

/// Name of the tool whose result is a [`Ranking`].
pub const SUSPECTS_TOOL: &str = "suspects";

/// A probability from which on a cause that was seen at work counts as confirmed.
pub const CONFIRMED: f64 = 0.85;

/// Suspects, likeliest first, and what was cleared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranking {
    /// True when nothing got worse: the answer is `no_incident`.
    pub quiet: bool,
    /// What is felt where.
    pub symptom: SymptomFound,
    /// Likeliest first; empty when quiet or when nothing explains the symptom.
    pub suspects: Vec<Suspect>,
    /// From the likeliest cause to the symptom.
    pub propagation: Vec<Hop>,
    /// Services that got worse.
    pub affected: Vec<String>,
    /// Failed requests at the symptom within the window.
    pub requests_failed: u64,
    /// What it is not.
    pub ruled_out: Vec<Cleared>,
    /// What would have helped and was not there.
    pub missing_data: Vec<String>,
}

/// One suspect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// The service.
    pub service: String,
    /// The process, pod or edge; empty when it is all of the service.
    pub resource: String,
    /// Class of fault, as in the fault tree.
    pub fault_class: String,
    /// What that class is called by people.
    pub title: String,
    /// Probability that this is the cause, 0 to 1.
    pub confidence: f64,
    /// The change that fits in time and place, if any.
    pub change: Option<SuspectChange>,
    /// Why it is suspected: sentences with their numbers.
    pub because: Vec<String>,
    /// Tools that would prove or clear it.
    pub wants: Vec<String>,
    /// What to do if it is this.
    pub action: Action,
    /// The same in words.
    pub advice: String,
}

/// A change that fits in time and place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuspectChange {
    /// `commit`, `config`, ….
    pub kind: String,
    /// Full commit id or name.
    pub id: String,
    /// The commit that ran before; empty when unknown.
    pub before: String,
    /// When it went live, RFC 3339.
    pub at: String,
}

/// A suspect that was cleared by data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cleared {
    /// What was suspected.
    pub suspect: String,
    /// Why it is not this, with numbers.
    pub reason: String,
}
