//! The words of telemetry: what collectors say, stores keep and analysis reads.
//!
//! This crate knows nobody and does no I/O.
//! Terms are OpenTelemetry's wherever it has one, and attribute keys are kept in [`semconv`].
//! Every data row carries a [`ResourceId`]; the tags behind it are one [`Resource`], stored once and joined when read.
//!
//! # Layout
//!
//! - [`time`]: [`Timestamp`], [`TimeRange`], [`Clock`] — nothing else in Waggle asks for "now".
//! - [`id`]: trace and span ids.
//! - [`resource`]: an entity's full set of tags, and the integer it is known by.
//! - [`semconv`]: the attribute keys we read and write.
//! - [`span`], [`metric`], [`log`], [`event`], [`profile`], [`flow`]: one kind of signal each.
//! - [`series`], [`topology`]: what signals add up to.
//! - [`batch`]: what travels between a collector and a store.
//! - [`sink`]: the door that a batch goes through.

pub mod batch;
pub mod event;
pub mod flow;
pub mod id;
pub mod log;
pub mod metric;
pub mod profile;
pub mod resource;
pub mod semconv;
pub mod series;
pub mod sink;
pub mod span;
pub mod time;
pub mod topology;

pub use batch::Batch;
pub use event::Event;
pub use flow::Flow;
pub use id::{InvalidId, SpanId, TraceId};
pub use log::{LogRecord, Severity};
pub use metric::{MetricKind, MetricPoint};
pub use profile::ProfileSample;
pub use resource::{Attributes, Resource, ResourceId};
pub use series::{Measure, Series};
pub use sink::{Rejected, Sink};
pub use span::{Peer, Span, SpanKind, SpanStatus};
pub use time::{Clock, InvalidRange, ManualClock, SystemClock, TimeRange, Timestamp};
pub use topology::{Edge, Node, Red, Topology};
