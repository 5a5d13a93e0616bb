//! Where a text is planted.

/// A place that somebody outside can write into and the agent reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    LogLine,
    SpanName,
    HttpRoute,
    SqlStatement,
    /// Annotation and message of a Kubernetes object.
    Annotation,
    EventBody,
    CommitMessage,
    DiffComment,
    FileName,
    /// Title of the alert or ticket.
    Title,
    Runbook,
    PastCase,
    /// What a person writes in the chat.
    Question,
    /// What a tool of another MCP server answers.
    ForeignTool,
    /// Name of a function in a profile.
    Frame,
    /// Name that a process gives itself.
    ServiceName,
    /// Label that says who answers for a service.
    OwnerLabel,
}

/// All places.
pub const CARRIERS: [Carrier; 17] = [
    Carrier::LogLine,
    Carrier::SpanName,
    Carrier::HttpRoute,
    Carrier::SqlStatement,
    Carrier::Annotation,
    Carrier::EventBody,
    Carrier::CommitMessage,
    Carrier::DiffComment,
    Carrier::FileName,
    Carrier::Title,
    Carrier::Runbook,
    Carrier::PastCase,
    Carrier::Question,
    Carrier::ForeignTool,
    Carrier::Frame,
    Carrier::ServiceName,
    Carrier::OwnerLabel,
];
