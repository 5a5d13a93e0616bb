//! The doors to the world: few and small, each with a fake and a conformance suite in [`testing`](crate::testing).

mod changes;
mod chat;
mod knowledge;
mod library;
mod memory;
mod model;
mod ownership;
mod past;
mod telemetry;

use std::sync::Arc;

use waggle_signals::Clock;

pub use changes::{ChangeKind, Changes, Commit, CommitDiff, CommitQuery, FileDiff, Hunk, OwnerQuery};
pub use chat::{Button, Chat, MessageId, Post, RoomId};
pub use knowledge::{Knowledge, Passage, PassageQuery};
pub use library::{Ecosystem, Library};
pub use memory::{
    AuditEntry, CasePage, ChatLine, Checkpoint, IncidentPage, InvestigationRecord, Memory, NewAuditEntry,
    Rating, Speaker,
};
pub use model::{
    Delta, Finish, Message, Model, ModelReply, ModelRequest, Purpose, ReplyData, ToolCall, ToolReply,
    ToolSpec, Usage,
};
pub use ownership::{LabelsAndCode, Owned, Ownership, OwnershipQuery, by_code, by_label};
pub use past::{NoPast, PastIncidents, PastQuery, RecordedPast, Remembered};
pub use telemetry::{
    EventQuery, Heard, LogQuery, Of, ProfileQuery, ResourceQuery, SeriesQuery, SpanOrder, SpanQuery,
    SqlQuery, Table, Telemetry,
};

/// What a tool may ask.
#[derive(Clone)]
pub struct Ports {
    /// What was measured.
    pub telemetry: Arc<dyn Telemetry>,
    /// What was changed, and who answers for the code.
    pub changes: Arc<dyn Changes>,
    /// Who answers for a service.
    pub ownership: Arc<dyn Ownership>,
    /// What was written down.
    pub knowledge: Arc<dyn Knowledge>,
    /// What was investigated before.
    pub past: Arc<dyn PastIncidents>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}
