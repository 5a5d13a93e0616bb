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
//! - [`sql`]: the last resort.

pub mod anomalies;
mod by_signs;
pub mod change_suspects;
pub mod compare;
pub mod events;
pub mod fault_signs;
mod log_reads;
pub mod logs;
pub mod network_edges;
pub mod owners;
pub mod processes;
pub mod profile_diff;
mod quote;
pub mod read_diff;
pub mod recent_changes;
mod red;
mod rows;
pub mod service_map;
mod services;
mod signs;
pub mod slow_traces;
pub mod sql;
pub mod suspects;
mod windows;

use waggle_agent_core::Toolbox;

/// Returns all tools.
pub fn toolbox() -> Toolbox {
    Toolbox::default()
        .with::<anomalies::Anomalies>()
        .with::<change_suspects::ChangeSuspects>()
        .with::<compare::Compare>()
        .with::<events::Events>()
        .with::<fault_signs::FaultSigns>()
        .with::<logs::Logs>()
        .with::<network_edges::NetworkEdges>()
        .with::<owners::Owners>()
        .with::<processes::Processes>()
        .with::<profile_diff::ProfileDiff>()
        .with::<read_diff::ReadDiff>()
        .with::<recent_changes::RecentChanges>()
        .with::<service_map::ServiceMap>()
        .with::<slow_traces::SlowTraces>()
        .with::<sql::Sql>()
        .with::<suspects::Suspects>()
}
