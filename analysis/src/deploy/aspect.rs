//! What is compared of a deploy, and from where on a change matters.

use serde::{Deserialize, Serialize};

/// One measure of a service or of one of its endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Failed requests per request, 0 to 1.
    ErrorRate,
    /// Median time to answer, milliseconds.
    P50,
    /// Time that 90 of 100 answers stay under, milliseconds.
    P90,
    /// Time that 99 of 100 answers stay under, milliseconds.
    P99,
    /// Calls that the service makes, per request that it answers.
    Calls,
    /// Log records of severity error or worse, per request.
    ErrorLogs,
    /// CPU time per request, milliseconds.
    Cpu,
    /// Time that threads were runnable without a CPU, per request, milliseconds.
    CpuWait,
    /// Resident memory per process, bytes.
    Memory,
}

/// The least change for the worse that matters; both must be reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MinimumEffect {
    /// As a part of the value before: 0.2 is a fifth more.
    pub relative: f64,
    /// In the unit of the measure.
    pub absolute: f64,
}

impl Aspect {
    /// All measures, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::ErrorRate,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::Calls,
        Self::ErrorLogs,
        Self::Cpu,
        Self::CpuWait,
        Self::Memory,
    ];

    /// Returns the word that options and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::Calls => "calls",
            Self::ErrorLogs => "error_logs",
            Self::Cpu => "cpu",
            Self::CpuWait => "cpu_wait",
            Self::Memory => "memory",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aspect| aspect.as_str() == text)
    }

    /// Returns the share of answers that stay under a quantile; `None` for what is no quantile.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P99 => Some(0.99),
            _ => None,
        }
    }

    /// Tells whether it is known of each endpoint; else only of the service as a whole.
    pub const fn is_of_endpoints(self) -> bool {
        matches!(self, Self::ErrorRate | Self::P50 | Self::P90 | Self::P99 | Self::Calls)
    }

    /// Tells whether it is judged as a share of requests.
    pub(super) const fn is_share(self) -> bool {
        matches!(self, Self::ErrorRate | Self::P50 | Self::P90 | Self::P99)
    }

    /// Returns the least change that matters unless it is configured.
    pub const fn usual_minimum(self) -> MinimumEffect {
        const MIB: f64 = 1024.0 * 1024.0;
        let (relative, absolute) = match self {
            Self::ErrorRate => (0.0, 0.005),
            Self::P50 => (0.2, 5.0),
            Self::P90 => (0.2, 10.0),
            Self::P99 => (0.2, 20.0),
            Self::Calls => (0.25, 0.5),
            Self::ErrorLogs => (0.5, 0.01),
            Self::Cpu => (0.3, 0.5),
            Self::CpuWait => (0.5, 2.0),
            Self::Memory => (0.25, 64.0 * MIB),
        };
        MinimumEffect { relative, absolute }
    }
}

impl MinimumEffect {
    /// Returns the change that matters for something that was `before`.
    pub fn over(self, before: f64) -> f64 {
        (self.relative * before).max(self.absolute).max(0.0)
    }
}
