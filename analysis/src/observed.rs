//! What a triage looks at: two windows of service map, and what else is known about the services in them.
//!
//! Only the two maps are needed. Everything else may be empty; what is missing is named in the [`Triage`](crate::suspects::Triage).

use serde::{Deserialize, Serialize};
use waggle_signals::{Timestamp, Topology};

use crate::anomaly::Anomaly;

/// All that a triage looks at. The two maps should be cut at the onset: a window that is half healthy shows half the effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The service that the alert or the person named.
    #[serde(default)]
    pub symptom: Option<Symptom>,
    /// When the trouble began, if that is known; else the earliest anomaly that users feel, else the start of `window`.
    #[serde(default)]
    pub onset: Option<Timestamp>,
    /// The service map while all was well.
    pub baseline: Topology,
    /// The service map in trouble.
    pub window: Topology,
    /// What each service used, in both windows. One entry for a service, all its processes together.
    #[serde(default)]
    pub resources: Vec<ResourceUse>,
    /// What other processes on the same host used; those that use most CPU are enough.
    #[serde(default)]
    pub neighbours: Vec<ResourceUse>,
    /// Deployments and the like, of all services.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// Error logs by service.
    #[serde(default)]
    pub logs: Vec<ErrorLogs>,
    /// Processes of services that started or ended.
    #[serde(default)]
    pub lifecycle: Vec<Lifecycle>,
    /// What [`scan`](crate::anomaly::scan) found in the series of all services; `None` when nothing was scanned.
    #[serde(default)]
    pub anomalies: Option<Vec<Anomaly>>,
}

/// What the alert or the person named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symptom {
    /// The service.
    pub service: String,
}

/// What a service or a process used in the two windows. `None` is unknown, which is not zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceUse {
    /// The service, or for a neighbour the process: `stress[4711]`.
    pub name: String,
    /// In the baseline.
    #[serde(default)]
    pub before: Use,
    /// In the window.
    #[serde(default)]
    pub after: Use,
    /// The CPUs that it may run on; empty when all, or unknown.
    #[serde(default)]
    pub cpus: Vec<u32>,
}

/// Use of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// Seconds of CPU used per second.
    #[serde(default)]
    pub cpu_cores: Option<f64>,
    /// Seconds of being runnable without a CPU, per second, over all threads.
    #[serde(default)]
    pub cpu_wait: Option<f64>,
    /// Resident memory, bytes.
    #[serde(default)]
    pub memory_bytes: Option<f64>,
}

/// Something that people changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whose.
    pub service: String,
    /// What sort: `commit`, `config`, `flag`, `scale`, …
    pub kind: String,
    /// When it took effect.
    pub at: Timestamp,
    /// Full id of the commit that runs since, or the name of what was changed.
    pub id: String,
    /// The commit that ran before; empty when unknown.
    #[serde(default)]
    pub id_before: String,
}

/// Log records of severity error or worse of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorLogs {
    /// The service.
    pub service: String,
    /// Records in the baseline.
    pub before: u64,
    /// Records in the window.
    pub after: u64,
    /// Templates that the window has and the baseline has not, most frequent first.
    #[serde(default)]
    pub new_templates: Vec<String>,
}

/// A process of a service started or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// The service.
    pub service: String,
    /// Which of the two.
    pub phase: Phase,
    /// When.
    pub at: Timestamp,
    /// What is known about it: the exit code or the signal. May be empty.
    #[serde(default)]
    pub text: String,
}

/// The two ends of a process's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It started.
    Started,
    /// It ended.
    Ended,
}

impl ResourceUse {
    /// Tells whether the two may run on the same CPU; unknown counts as yes.
    pub fn shares_cpu_with(&self, other: &Self) -> bool {
        self.cpus.is_empty() || other.cpus.is_empty() || self.cpus.iter().any(|cpu| other.cpus.contains(cpu))
    }

    /// Returns by how many cores its use of CPU rose; `None` when either window is unknown.
    pub fn cpu_rise(&self) -> Option<f64> {
        Some(self.after.cpu_cores? - self.before.cpu_cores?).filter(|rise| rise.is_finite())
    }
}
