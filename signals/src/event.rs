//! Something that happened once: a deployment, a process that ended, a connection refused.

use serde::{Deserialize, Serialize};

use crate::{Attributes, Timestamp, resource::ResourceId};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// To whom it happened.
    pub resource: ResourceId,
    /// When.
    pub time: Timestamp,
    /// What kind: one of the `EVENT_` names of [`semconv`](crate::semconv), or the source's own.
    pub name: String,
    /// One line for people. Untrusted text.
    pub body: String,
    /// The facts, for machines.
    pub attributes: Attributes,
}
