//! One side of one operation: a request as its client or its server saw it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Attributes, SpanId, Timestamp, TraceId, resource::ResourceId};

/// One timed operation of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The trace that this span belongs to.
    pub trace_id: TraceId,
    /// This span.
    pub span_id: SpanId,
    /// The span that caused it; `None` at the root, or where the cause was not seen.
    pub parent_span_id: Option<SpanId>,
    /// Whose work this is. In a [`Batch`](crate::Batch), an index into its resources; in a store, the store's id.
    pub resource: ResourceId,
    /// Which side of the operation.
    pub kind: SpanKind,
    /// Low-cardinality name: `GET /cart/{id}`.
    pub name: String,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// How it ended.
    pub status: SpanStatus,
    /// The other end, as far as it is known.
    pub peer: Option<Peer>,
    /// Everything else, under standard keys.
    pub attributes: Attributes,
}

/// The other end of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Name of the service there; empty when unknown.
    pub service: String,
    /// Address as text; empty when unknown.
    pub address: String,
    /// Port; zero when unknown.
    pub port: u16,
}

/// Which side of an operation a span saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// Inside one process.
    Internal,
    /// The side that was asked.
    Server,
    /// The side that asked.
    Client,
    /// The side that sent a message.
    Producer,
    /// The side that received a message.
    Consumer,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanStatus {
    /// Nothing was said; counts as success.
    Unset,
    /// Success.
    Ok,
    /// Failure. For HTTP servers a 5xx, for HTTP clients a 4xx, a 5xx or no answer (OpenTelemetry HTTP semantic conventions).
    Error,
}

impl Span {
    /// Returns the time just after the span's end.
    pub fn end(&self) -> Timestamp {
        self.start + self.duration
    }

    /// Tells whether it failed.
    pub fn is_error(&self) -> bool {
        self.status == SpanStatus::Error
    }
}

impl SpanKind {
    /// Returns the lowercase word that stores and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Internal, Self::Server, Self::Client, Self::Producer, Self::Consumer]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl SpanStatus {
    /// Returns the lowercase word that stores and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Unset, Self::Ok, Self::Error].into_iter().find(|status| status.as_str() == text)
    }
}
