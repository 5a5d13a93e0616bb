//! What was measured.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waggle_signals::{
    Event, LogRecord, Measure, ProfileSample, Resource, Series, Severity, Span, SpanKind, TimeRange,
    Timestamp, Topology, TraceId,
};

use crate::Result;

/// Answers questions about the past from stored telemetry.
///
/// Rows come with their resource joined. An unknown service is not an error: it has no rows.
/// Queries see every batch whose append was acknowledged before they began.
#[async_trait]
pub trait Telemetry: Send + Sync {
    /// Returns one series per group that has a row in the range, by labels. Empty when nothing matched.
    ///
    /// The first step starts where the range does; the last ends with it and may be shorter. A step without rows is
    /// `None`, and zero where rows are counted: [`Measure::RequestRate`], [`Measure::ErrorLogRate`].
    ///
    /// # Errors
    ///
    /// `Invalid` when the step is zero or gives over 100,000 steps.
    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>>;

    /// Returns the services and calls seen in `range`.
    ///
    /// A node is a service that answered, called or tried to connect. An edge is what clients asked or tried to connect to,
    /// named by `peer.service`, else `address:port`; the callee's view of it are the server spans whose `peer.service` is
    /// the caller. Connections and failures are those of the caller's flows, retransmits those of both ends.
    /// Rows of no named service are not on the map.
    async fn topology(&self, range: TimeRange) -> Result<Topology>;

    /// Returns spans that started in the range, in the order asked for.
    async fn spans(&self, query: &SpanQuery) -> Result<Vec<Of<Span>>>;

    /// Returns all spans of one trace, by start.
    ///
    /// # Errors
    ///
    /// `NotFound` when no span of it is stored.
    async fn trace(&self, id: TraceId) -> Result<Vec<Of<Span>>>;

    /// Returns log records, newest first.
    async fn logs(&self, query: &LogQuery) -> Result<Vec<Of<LogRecord>>>;

    /// Returns events, newest first.
    async fn events(&self, query: &EventQuery) -> Result<Vec<Of<Event>>>;

    /// Returns profile samples, in any order; equal stacks may come more than once.
    async fn profile(&self, query: &ProfileQuery) -> Result<Vec<Of<ProfileSample>>>;

    /// Returns the resources that sent anything in the range, by attributes.
    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<Arc<Resource>>>;

    /// Returns from when to when each resource was measured in the range, by attributes: its first and its last span, metric point,
    /// log record or sample.
    ///
    /// Before the first of all nothing was measured, which is not the same as nothing having happened. Events do not count: a
    /// deployment may be told of long before anything is measured.
    async fn heard(&self, query: &ResourceQuery) -> Result<Vec<Heard>>;

    /// Answers one read-only SQL statement.
    ///
    /// # Errors
    ///
    /// `Invalid` for a statement that does not parse, names what does not exist, or would change anything; the message says where.
    async fn sql(&self, query: &SqlQuery) -> Result<Table>;
}

/// A row with the resource it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Of<T> {
    /// Whose row it is.
    pub resource: Arc<Resource>,
    /// The row. Its `resource` id is the store's.
    pub row: T,
}

/// Asks for a measure over time.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesQuery {
    /// What to measure.
    pub measure: Measure,
    /// Over which window.
    pub range: TimeRange,
    /// Length of a step.
    pub step: Duration,
    /// Only this service; all when `None`.
    pub service: Option<String>,
    /// Resource tags to group by; `service.name` when empty.
    pub group_by: Vec<String>,
}

/// Asks for spans.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanQuery {
    /// Over which window, by start.
    pub range: TimeRange,
    /// Only this service's.
    pub service: Option<String>,
    /// Only this side's.
    pub kind: Option<SpanKind>,
    /// Only failed ones.
    pub failed_only: bool,
    /// Only those at least this long.
    pub min_duration: Duration,
    /// Which come first.
    pub order: SpanOrder,
    /// At most so many.
    pub limit: usize,
}

impl SpanQuery {
    /// Asks for the newest spans of a window, whoever's and however they ended.
    pub fn newest(range: TimeRange, limit: usize) -> Self {
        Self {
            range,
            service: None,
            kind: None,
            failed_only: false,
            min_duration: Duration::ZERO,
            order: SpanOrder::Newest,
            limit,
        }
    }
}

/// Which spans come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanOrder {
    /// The latest start.
    Newest,
    /// The longest.
    Slowest,
}

/// Asks for log records.
#[derive(Clone, Debug, PartialEq)]
pub struct LogQuery {
    /// Over which window.
    pub range: TimeRange,
    /// Only this service's.
    pub service: Option<String>,
    /// Only this bad or worse.
    pub min_severity: Severity,
    /// Only bodies that contain this text, case ignored; all when empty.
    pub contains: String,
    /// At most so many.
    pub limit: usize,
}

/// Asks for events.
#[derive(Clone, Debug, PartialEq)]
pub struct EventQuery {
    /// Over which window.
    pub range: TimeRange,
    /// Only this service's.
    pub service: Option<String>,
    /// Only of this name.
    pub name: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Asks for profile samples.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileQuery {
    /// Over which window.
    pub range: TimeRange,
    /// Only this service's.
    pub service: Option<String>,
    /// Only of code built from this commit.
    pub commit: Option<String>,
}

/// A resource, and from when to when it was measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    /// Who.
    pub resource: Arc<Resource>,
    /// Its first row.
    pub first: Timestamp,
    /// Its last row.
    pub last: Timestamp,
}

/// Asks for resources.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceQuery {
    /// That sent anything in this window.
    pub range: TimeRange,
    /// Only of this service.
    pub service: Option<String>,
}

/// Asks in SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlQuery {
    /// One `SELECT` (or `EXPLAIN`, `SHOW`, `DESCRIBE`).
    pub text: String,
    /// At most so many rows.
    pub limit: usize,
    /// At most so long.
    pub timeout: Duration,
}

/// Rows of an SQL answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// One value per column.
    pub rows: Vec<Vec<Value>>,
    /// True when there were more rows than the limit.
    pub truncated: bool,
}
