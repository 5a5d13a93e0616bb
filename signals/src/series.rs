//! Numbers over time, in equal steps.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Attributes, TimeRange, Timestamp};

/// One measure of one thing over a window, in equal steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What is measured.
    pub measure: Measure,
    /// Whose: the tags that the series was grouped by, `service.name` nearly always among them.
    pub labels: Attributes,
    /// Start of the first step.
    pub start: Timestamp,
    /// Length of a step.
    pub step: Duration,
    /// One value per step, oldest first; `None` where nothing was measured, which is not zero.
    pub values: Vec<Option<f64>>,
}

/// What a [`Series`] measures. Requests are counted on the server's side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Requests per second.
    RequestRate,
    /// Failed requests per request, 0 to 1.
    ErrorRatio,
    /// Mean time to answer, milliseconds.
    LatencyMean,
    /// Median time to answer, milliseconds.
    LatencyP50,
    /// Time that 99 of 100 answers stay under, milliseconds.
    LatencyP99,
    /// Log records of severity error or worse per second.
    ErrorLogRate,
    /// Any metric by its name: the mean of gauges, the sum per second of deltas.
    Metric(String),
}

impl Series {
    /// Returns one label; empty when the series has none of that key.
    pub fn label(&self, key: &str) -> &str {
        self.labels.get(key).map(String::as_str).unwrap_or_default()
    }

    /// Returns the start of step `index`.
    pub fn time(&self, index: usize) -> Timestamp {
        self.start + self.step.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Returns the measured values whose step starts inside `range`, oldest first.
    pub fn within(&self, range: TimeRange) -> impl Iterator<Item = (Timestamp, f64)> + '_ {
        self.values
            .iter()
            .enumerate()
            .filter_map(move |(index, value)| value.map(|value| (self.time(index), value)))
            .filter(move |(time, _)| range.contains(*time))
    }
}

impl Measure {
    /// Returns the unit of the values, as people write it.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::RequestRate | Self::ErrorLogRate => "/s",
            Self::LatencyMean | Self::LatencyP50 | Self::LatencyP99 => "ms",
            Self::ErrorRatio | Self::Metric(_) => "",
        }
    }
}
