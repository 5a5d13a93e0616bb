//! One measured number.

use serde::{Deserialize, Serialize};

use crate::{Attributes, Timestamp, resource::ResourceId};

/// One value of one metric at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricPoint {
    /// Whose number this is.
    pub resource: ResourceId,
    /// When it was measured; for sums, the end of the interval.
    pub time: Timestamp,
    /// Standard name: `process.memory.usage`.
    pub name: String,
    /// UCUM unit: `By`, `s`, `1`.
    pub unit: String,
    /// How values combine over time.
    pub kind: MetricKind,
    /// The value. Never NaN in a store.
    pub value: f64,
    /// Dimensions of the point.
    pub attributes: Attributes,
}

/// How values of a metric combine over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// A level: the last value counts.
    Gauge,
    /// What was added since the point before: values add up.
    Delta,
    /// A counter that only grows until its process restarts.
    Cumulative,
}

impl MetricKind {
    /// Returns the lowercase word that stores and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Delta => "delta",
            Self::Cumulative => "cumulative",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Gauge, Self::Delta, Self::Cumulative].into_iter().find(|kind| kind.as_str() == text)
    }
}
