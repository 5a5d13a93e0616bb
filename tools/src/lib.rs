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
//! - [`log_templates`], [`log_diff`], [`first_errors`]: what is written. [`profile_top`], [`explain_frame`]: where CPU time goes, and whose code it is. [`multi_signal`]: all of it at once.
//! - [`kubernetes_get`], [`kubernetes_describe`], [`kubernetes_events`], [`kubernetes_dependencies`], [`pod_logs`]: the cluster as it was recorded.
//! - [`process_activity`], [`file_activity`]: what programs did on their hosts.
//! - [`search_knowledge`], [`read_document`], [`past_incidents`]: what is known from before. [`forecast`](mod@forecast): what comes next.
//! - [`sql`]: the last resort.

pub mod anomalies;
pub mod attribution;
mod by_signs;
mod change;
pub mod change_suspects;
mod code_signs;
pub mod compare;
pub mod connections;
pub mod critical_path;
pub mod dependencies;
mod dimensions;
pub mod events;
pub mod explain_frame;
mod failures;
pub mod fault_signs;
pub mod file_activity;
pub mod find_traces;
pub mod first_errors;
pub mod forecast;
mod forecast_bounds;
mod forecast_measures;
pub mod golden_signals;
mod guilty_commit;
mod kubernetes_containers;
pub mod kubernetes_dependencies;
pub mod kubernetes_describe;
pub mod kubernetes_events;
pub mod kubernetes_get;
mod kubernetes_objects;
mod kubernetes_rows;
mod kubernetes_ties;
pub mod log_diff;
mod log_reads;
pub mod log_templates;
pub mod logs;
mod metric_names;
pub mod metrics;
mod moved;
pub mod multi_signal;
mod named_class;
mod names;
pub mod network_edges;
mod object_changes;
pub mod owners;
mod past_differences;
pub mod past_incidents;
mod past_ranking;
mod past_recheck;
mod past_sentence;
mod past_today;
mod past_worth;
pub mod pod_logs;
pub mod process_activity;
pub mod processes;
pub mod profile_diff;
pub mod profile_top;
mod quote;
pub mod read_diff;
pub mod read_document;
mod read_only;
pub mod recent_changes;
mod red;
mod rows;
pub mod search_knowledge;
pub mod service_map;
mod services;
pub mod show_trace;
mod signs;
mod similarity;
pub mod slow_traces;
mod span_tree;
pub mod sql;
pub mod suspects;
pub mod trace_diff;
mod trace_reads;
mod versions;
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
        .with::<explain_frame::ExplainFrame>()
        .with::<fault_signs::FaultSigns>()
        .with::<file_activity::FileActivity>()
        .with::<find_traces::FindTraces>()
        .with::<first_errors::FirstErrors>()
        .with::<forecast::Forecast>()
        .with::<golden_signals::GoldenSignals>()
        .with::<kubernetes_dependencies::KubernetesDependencies>()
        .with::<kubernetes_describe::KubernetesDescribe>()
        .with::<kubernetes_events::KubernetesEvents>()
        .with::<kubernetes_get::KubernetesGet>()
        .with::<log_diff::LogDiff>()
        .with::<log_templates::LogTemplates>()
        .with::<logs::Logs>()
        .with::<metrics::Metrics>()
        .with::<multi_signal::MultiSignal>()
        .with::<network_edges::NetworkEdges>()
        .with::<owners::Owners>()
        .with::<past_incidents::PastIncidents>()
        .with::<pod_logs::PodLogs>()
        .with::<process_activity::ProcessActivity>()
        .with::<processes::Processes>()
        .with::<profile_diff::ProfileDiff>()
        .with::<profile_top::ProfileTop>()
        .with::<read_diff::ReadDiff>()
        .with::<read_document::ReadDocument>()
        .with::<recent_changes::RecentChanges>()
        .with::<search_knowledge::SearchKnowledge>()
        .with::<service_map::ServiceMap>()
        .with::<show_trace::ShowTrace>()
        .with::<slow_traces::SlowTraces>()
        .with::<sql::Sql>()
        .with::<suspects::Suspects>()
        .with::<trace_diff::TraceDiff>()
        .with::<walk::Walk>()
}
