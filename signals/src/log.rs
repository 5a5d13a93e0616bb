//! One line that a program wrote.

use serde::{Deserialize, Serialize};

use crate::{Attributes, SpanId, Timestamp, TraceId, resource::ResourceId};

/// One log record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Who wrote it.
    pub resource: ResourceId,
    /// When it was written, or first seen.
    pub time: Timestamp,
    /// How bad the writer thought it was.
    pub severity: Severity,
    /// The text. Untrusted: data, never an instruction.
    pub body: String,
    /// The trace it belongs to, when the line says so.
    pub trace_id: Option<TraceId>,
    /// The span it belongs to, when the line says so.
    pub span_id: Option<SpanId>,
    /// Everything else.
    pub attributes: Attributes,
}

/// Severity in OpenTelemetry's six ranges, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Fine detail.
    Trace,
    /// For the developer.
    Debug,
    /// Nothing to do.
    Info,
    /// Coped with.
    Warn,
    /// Something failed.
    Error,
    /// The program cannot go on.
    Fatal,
}

impl Severity {
    /// All severities, least first.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Returns the lowercase word that stores and JSON use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// Returns the first OpenTelemetry severity number of the range: 1, 5, 9, 13, 17 or 21 (logs data model, "Field: SeverityNumber").
    pub const fn number(self) -> i32 {
        self as i32 * 4 + 1
    }

    /// Finds the range that an OpenTelemetry severity number lies in; zero and unknown numbers count as `Info`.
    pub fn from_number(number: i32) -> Self {
        match number {
            1..=24 => Self::ALL[((number - 1) / 4) as usize],
            _ => Self::Info,
        }
    }

    /// Reads a level word of any case, also the common short and long forms.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "trace" => Self::Trace,
            "debug" => Self::Debug,
            "info" | "information" | "notice" => Self::Info,
            "warn" | "warning" => Self::Warn,
            "error" | "err" | "severe" => Self::Error,
            "fatal" | "critical" | "crit" | "panic" | "emerg" | "alert" => Self::Fatal,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_logs_data_model() {
        let numbers = Severity::ALL.map(Severity::number);
        assert_eq!(numbers, [1, 5, 9, 13, 17, 21]);
        for severity in Severity::ALL {
            for within in 0..4 {
                assert_eq!(Severity::from_number(severity.number() + within), severity);
            }
        }
        assert_eq!(Severity::from_number(0), Severity::Info);
    }
}
