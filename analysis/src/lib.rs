//! The reasoning that needs no model: pure functions from telemetry to what it means.
//!
//! Nothing here reads a clock, a file or a network, so everything can be replayed and nothing can fail but by the data it is given.
//! Bad data (numbers that are none, gaps, duplicates, cycles, nothing at all) gives fewer answers, never a panic and never a made-up suspect.
//! Every result is a plain struct that serialises, and says in its `Display` text, with numbers and units, what a person or a small model needs.
//! A borrowed rule names its source where it is used.
//!
//! # Layout
//!
//! - [`quantity`]: numbers with units, for people. [`robust`]: middle and spread that outliers cannot move.
//! - [`anomaly`]: which series left their usual range.
//! - [`segments`]: any number of changes of level or slope. [`season`]: what repeats itself. [`day`]: what is usual at each time of the day. [`stream`]: rows out of the ordinary, as they come.
//! - [`forecast`](mod@forecast): how a series goes on, and when it meets a bound.
//! - [`self_time`]: work told from waiting. [`worsening`]: whether users of a service fare worse beyond noise.
//! - [`walk`](mod@walk): what each service adds to a symptom, and the way it takes.
//! - [`observed`]: what a triage looks at. [`features`]: everything measured about one service, by name.
//! - [`fault_tree`]: conditions over features, as data. [`suspects`]: the triage itself. [`ruled_out`]: what is not to blame, and why.
//! - [`templates`]: log lines to templates, and what is new. [`cascade`](mod@cascade): the first new error, and what follows from it.
//! - [`profile_diff`](mod@profile_diff): which functions grew. [`frame_class`]: whose code a frame is, and what of a latency CPU explains.
//! - [`frame_library`](mod@frame_library): which library a frame is of. [`frame_notes`]: what it means when frames of kernels, runtimes and libraries are hot.
//! - [`symptoms`]: what is said and measured → known fault classes. [`kubernetes`]: the state of objects → faults.
//! - [`traces`]: trees and critical paths. [`trace_sets`]: budgets, exemplars, how bad traces differ.
//! - [`blame`](mod@blame): which change explains what is seen, and what happened without one.
//! - [`deploy`]: whether a new version is worse than the one before, at any number of looks.
//! - [`attribution`]: which dimension values explain a change, between two windows or at a step of a history.
//! - [`multi_signal`]: who is to blame, from traces, logs and metrics at once.
//! - [`metric_rca`](mod@metric_rca): root causes from metrics alone.
//!
//! The usual way through is [`scan`] on the series of all services, then [`rank`] on maps cut at the onset it found.

pub mod anomaly;
pub mod attribution;
pub mod blame;
pub mod cascade;
pub mod day;
pub mod deploy;
pub mod fault_tree;
pub mod features;
pub mod forecast;
pub mod frame_class;
pub mod frame_library;
pub mod frame_notes;
pub mod kubernetes;
pub mod metric_rca;
pub mod multi_signal;
pub mod observed;
pub mod profile_diff;
pub mod quantity;
pub mod robust;
pub mod ruled_out;
pub mod season;
pub mod segments;
pub mod self_time;
pub mod stream;
pub mod suspects;
pub mod symptoms;
pub mod templates;
pub mod trace_sets;
pub mod traces;
pub mod walk;
pub mod worsening;

mod added_errors;
mod added_time;
mod chance;
mod facts;
mod fault_tree_file;
mod graph;
mod reasons;
mod symptom;

#[cfg(test)]
mod fixture;

pub use anomaly::{Anomaly, Direction, scan};
pub use cascade::{Cascade, ErrorLine, cascade};
pub use fault_tree::{Action, FaultTree};
pub use fault_tree_file::InvalidTree;
pub use forecast::{Forecast, Reach, forecast};
pub use observed::{Change, ErrorLogs, Lifecycle, Observed, Phase, ResourceUse, Symptom, Use};
pub use profile_diff::{ProfileDiff, profile_diff};
pub use ruled_out::RuledOut;
pub use suspects::{Suspect, Triage, rank, rank_with};
pub use walk::{Hints, Walk, walk};
