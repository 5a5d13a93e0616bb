//! What an investigator may ask: one typed question per file.
//!
//! A tool is a struct whose fields are its arguments. It asks the ports, lets `analysis` reason, and returns data, a short
//! text with units, and facts: sentences that hold by the data alone. To add one, write its file and add a line to [`toolbox`].
//!
//! # Layout
//!
//! - [`windows`]: which time is compared with which. [`red`]: rate, errors, duration before and after.
//! - [`service_map`], [`anomalies`], [`network_edges`], [`processes`], [`recent_changes`], [`suspects`]: the triage.
//! - [`change_suspects`], [`fault_signs`]: where requests cannot be counted: words, levels, changes and objects.
//! - [`golden_signals`], [`dependencies`], [`attribution`](mod@attribution), [`walk`](mod@walk), [`connections`], [`metrics`]: requests and what carries them.
//! - [`find_traces`], [`show_trace`], [`critical_path`], [`trace_diff`]: single requests, and how they are made up.
//! - [`log_templates`], [`log_diff`], [`first_errors`]: what is written. [`profile_top`]: where CPU time goes. [`multi_signal`]: all of it at once.
//! - [`sql`]: the last resort.

pub mod anomalies;
pub mod attribution;
mod by_signs;
mod change;
pub mod change_suspects;
pub mod compare;
pub mod connections;
pub mod critical_path;
pub mod dependencies;
mod dimensions;
pub mod events;
mod failures;
pub mod fault_signs;
pub mod find_traces;
pub mod first_errors;
pub mod golden_signals;
pub mod log_diff;
mod log_reads;
pub mod log_templates;
pub mod logs;
mod metric_names;
pub mod metrics;
mod moved;
pub mod multi_signal;
pub mod network_edges;
pub mod owners;
pub mod processes;
pub mod profile_diff;
pub mod profile_top;
mod quote;
pub mod read_diff;
pub mod recent_changes;
mod red;
mod rows;
pub mod service_map;
mod services;
pub mod show_trace;
mod signs;
pub mod slow_traces;
mod span_tree;
pub mod sql;
pub mod suspects;
pub mod trace_diff;
mod trace_reads;
pub mod walk;
mod windows;

use waggle_agent_core::Toolbox;

/// Returns all tools.
pub fn toolbox() -> Toolbox {
    Toolbox::default()
        .with::<anomalies::Anomalies>()
        .with::<attribution::Attribution>()
        .with::<change_suspects::ChangeSuspects>()
        .with::<compare::Compare>()
        .with::<connections::Connections>()
        .with::<critical_path::CriticalPath>()
        .with::<dependencies::Dependencies>()
        .with::<events::Events>()
        .with::<fault_signs::FaultSigns>()
        .with::<find_traces::FindTraces>()
        .with::<first_errors::FirstErrors>()
        .with::<golden_signals::GoldenSignals>()
        .with::<log_diff::LogDiff>()
        .with::<log_templates::LogTemplates>()
        .with::<logs::Logs>()
        .with::<metrics::Metrics>()
        .with::<multi_signal::MultiSignal>()
        .with::<network_edges::NetworkEdges>()
        .with::<owners::Owners>()
        .with::<processes::Processes>()
        .with::<profile_diff::ProfileDiff>()
        .with::<profile_top::ProfileTop>()
        .with::<read_diff::ReadDiff>()
        .with::<recent_changes::RecentChanges>()
        .with::<service_map::ServiceMap>()
        .with::<show_trace::ShowTrace>()
        .with::<slow_traces::SlowTraces>()
        .with::<sql::Sql>()
        .with::<suspects::Suspects>()
        .with::<trace_diff::TraceDiff>()
        .with::<walk::Walk>()
}
