//! The telemetry store: takes batches of signals, keeps them through crashes, and answers the `Telemetry` port.
//!
//! [`Store`] is the embedded one: a directory with a write-ahead log, Parquet files and DataFusion over both.
//! Another store, in a cluster, is a sibling module that implements the same two traits.
//!
//! # The way of a batch
//!
//! [`Store`] checks it, puts resources under integer ids, and makes a log record and columns of it; one thread writes the
//! records of all that wait, forces them to the disk once, and shows the columns to queries; only then is the sender told.
//! When memory is full or its rows are old, a second thread writes them as Parquet segments, and removes the log.
//! Every row is at all times in exactly one place that counts: see `segments`.
//!
//! # Tables
//!
//! SQL sees these; `attributes` is a map (`attributes['http.route']`), times are `TIMESTAMP` in nanoseconds and UTC, and
//! `tag(resource_id, 'k8s.pod.name')` gives any tag of a row's resource.
//!
//! - `spans(resource_id, service, start_time, trace_id, span_id, parent_span_id, kind, name, duration_ms, status,
//!   http_method, http_route, http_status, peer_service, peer_address, peer_port, attributes)`
//! - `metrics(resource_id, service, time, name, kind, unit, value, attributes)`
//! - `logs(resource_id, service, time, severity, severity_number, body, trace_id, span_id, attributes)`
//! - `events(resource_id, service, time, name, body, attributes)`
//! - `samples(resource_id, service, time, commit, stack, location, count, cpu_ms)`; `stack` from the outermost frame on,
//!   with `;` between frames
//! - `flows(resource_id, service, time, peer_service, peer_address, peer_port, outgoing, connections, connect_failures,
//!   bytes_sent, bytes_received, retransmits, resets)`
//! - `resources(resource_id, service, commit, owner, attributes)`
//!
//! # Layout
//!
//! - [`config`]: how a store is set up. [`health`]: what a person should know about it.
//! - `store`: opening, taking batches, flushing, closing. `telemetry`: the port.
//! - `lock`: one process, one format. `layout`: names in the directory. `disk`: steps that happen or do not.
//! - `check`: what a batch must be. `resources`: tags under ids. `tables`: rows into columns and back.
//! - `wal`: the log's bytes. `writer`: the thread that writes it. `recovery`: what is there at an open.
//! - `memtable`, `segments`, `state`: rows in memory, rows on the disk (as `parquet`), and both at one moment.
//! - `flusher`: the thread that moves rows from the one to the other, joins small segments (`merging`), and removes old
//!   ones. `damage`: segments that turn out not to read.
//! - `engine`: DataFusion. `provider`: a stored table for it. `views`, `functions`: what SQL sees.
//! - `sql`, `json`, `errors`: one statement, its values, and what went wrong.
//! - `queries`: the typed questions.

mod check;
pub mod config;
mod damage;
mod disk;
mod engine;
mod errors;
mod flusher;
mod functions;
pub mod health;
mod json;
mod layout;
mod lock;
mod memtable;
mod merging;
mod parquet;
mod provider;
mod queries;
mod recovery;
mod resources;
mod segments;
mod sql;
mod state;
mod store;
mod tables;
mod telemetry;
#[cfg(test)]
mod testing;
mod views;
mod wal;
mod writer;

pub use config::{StoreConfig, SyncPolicy};
pub use health::{Health, SetAside};
pub use store::Store;
