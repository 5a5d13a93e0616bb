//! The words of incidents, the ports to the world, and the loop that investigates.
//!
//! Nothing here touches a network, a disk or a clock of its own: the world comes in through the traits of [`ports`].
//! The exceptions are the features `openai` and `rig`, model adapters, off by default so that the loop builds and tests in seconds.
//!
//! # Layout
//!
//! - [`incident`], [`evidence`], [`finding`]: the words. [`triage`]: the ranked suspects that every investigation starts from.
//! - [`error`]: what a port answers when it cannot. [`language`]: English or Chinese.
//! - [`ports`]: `Telemetry`, `Model`, `Knowledge`, `Changes`, `Ownership`, `Memory`, `Chat`: few and small.
//! - [`tool`]: a typed call in one struct. [`toolbox`]: the calls a model may make, checked against their schemas.
//! - [`investigation`]: triage, investigate, submit, verify. [`conversation`]: a question and its answer, by the same means.
//! - [`verify`]: refuses what the evidence does not say. [`grounding`]: which numbers, times and names a text rests on.
//! - [`prompts`]: the standing instructions. [`redact`]: what must not leave. [`fence`]: what came from outside is data. [`inert`](mod@inert): what people are shown of it.
//! - [`past_case`]: an incident of before as a case, what people and later data said of it.
//! - [`card`]: a finding as people see it.
//! - [`models`]: adapters of `Model`: `offline`, `scripted`, `replay`, and behind features `openai` and `rig`; and what stands around
//!   one: retries, a chain, a route by purpose, a price.
//! - [`testing`]: fakes of the ports and the suites that every adapter passes.

pub mod blamed_code;
pub mod card;
pub mod conversation;
pub mod error;
pub mod evidence;
pub mod fence;
pub mod finding;
mod follow_ups;
pub mod grounding;
pub mod incident;
pub mod inert;
pub mod investigation;
pub mod language;
pub mod models;
pub mod nearest;
pub mod past_case;
pub mod ports;
pub mod prompts;
pub mod recording;
pub mod redact;
mod slim;
pub mod testing;
mod tokens;
pub mod tool;
pub mod toolbox;
pub mod training;
pub mod triage;
mod unseen;
pub mod verify;

pub use error::{Error, Kind, Result};
pub use evidence::{Evidence, EvidenceId};
pub use finding::Finding;
pub use incident::{Incident, IncidentId};
pub use language::Language;
pub use ports::Ports;
pub use tool::{Scene, Tool, ToolError};
pub use toolbox::Toolbox;
