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
//! - [`kubernetes_get`], [`kubernetes_describe`], [`kubernetes_events`], [`kubernetes_dependencies`], [`pod_logs`]: the cluster as it was recorded.
//! - [`process_activity`], [`file_activity`]: what programs did on their hosts.
//! - [`search_knowledge`], [`read_document`], [`past_incidents`]: what is known from before. [`forecast`](mod@forecast): what comes next.
//! - [`sql`]: the last resort.

pub mod anomalies;
mod by_signs;
pub mod change_suspects;
pub mod compare;
pub mod events;
pub mod fault_signs;
pub mod file_activity;
pub mod forecast;
mod forecast_measures;
mod kubernetes_containers;
pub mod kubernetes_dependencies;
pub mod kubernetes_describe;
pub mod kubernetes_events;
pub mod kubernetes_get;
mod kubernetes_objects;
mod kubernetes_rows;
mod kubernetes_ties;
mod log_reads;
pub mod logs;
mod names;
pub mod network_edges;
pub mod owners;
mod past_differences;
pub mod past_incidents;
pub mod pod_logs;
pub mod process_activity;
pub mod processes;
pub mod profile_diff;
mod quote;
pub mod read_diff;
pub mod read_document;
pub mod recent_changes;
mod red;
mod rows;
pub mod search_knowledge;
pub mod service_map;
mod services;
mod signs;
mod similarity;
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
        .with::<file_activity::FileActivity>()
        .with::<forecast::Forecast>()
        .with::<kubernetes_dependencies::KubernetesDependencies>()
        .with::<kubernetes_describe::KubernetesDescribe>()
        .with::<kubernetes_events::KubernetesEvents>()
        .with::<kubernetes_get::KubernetesGet>()
        .with::<logs::Logs>()
        .with::<network_edges::NetworkEdges>()
        .with::<owners::Owners>()
        .with::<past_incidents::PastIncidents>()
        .with::<pod_logs::PodLogs>()
        .with::<process_activity::ProcessActivity>()
        .with::<processes::Processes>()
        .with::<profile_diff::ProfileDiff>()
        .with::<read_diff::ReadDiff>()
        .with::<read_document::ReadDocument>()
        .with::<recent_changes::RecentChanges>()
        .with::<search_knowledge::SearchKnowledge>()
        .with::<service_map::ServiceMap>()
        .with::<slow_traces::SlowTraces>()
        .with::<sql::Sql>()
        .with::<suspects::Suspects>()
}
