//! What the customers met: one log line of theirs a second.

use std::path::Path;

use anyhow::{Context, Result};
use waggle_signals::Timestamp;

/// One second of traffic, as the customers saw it at the gateway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficSecond {
    /// The end of the second.
    pub at: Timestamp,
    /// Requests that ended within the second.
    pub answers: u32,
    /// Of those, the ones without an answer or with a status of 500 or more.
    pub failed: u32,
    /// Customers who came and found the shop full.
    pub outside: u32,
    /// Median time from request to answer, in milliseconds; zero without answers.
    pub p50_ms: f64,
    /// 99th percentile of that time, in milliseconds; zero without answers.
    pub p99_ms: f64,
}

impl TrafficSecond {
    /// Reads `2026-03-02T14:05:00.250Z INFO answers=55 failed=0 outside=0 p50_ms=1.2 p99_ms=3.4`; `None` for other lines.
    pub fn parse(line: &str) -> Option<Self> {
        let (at, rest) = line.split_once(' ')?;
        let field = |name: &str| rest.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        Some(Self {
            at: at.parse().ok()?,
            answers: field("answers")?.parse().ok()?,
            failed: field("failed")?.parse().ok()?,
            outside: field("outside")?.parse().ok()?,
            p50_ms: field("p50_ms")?.parse().ok()?,
            p99_ms: field("p99_ms")?.parse().ok()?,
        })
    }

    /// Returns the share of requests that failed, from 0 to 1; zero without answers.
    pub fn error_rate(&self) -> f64 {
        if self.answers == 0 { 0.0 } else { f64::from(self.failed) / f64::from(self.answers) }
    }
}

/// Reads the customers' log. Oldest first; empty while they have not begun.
pub(super) fn traffic(log: &Path) -> Result<Vec<TrafficSecond>> {
    let text = std::fs::read_to_string(log).with_context(|| format!("read `{}`", log.display()))?;
    Ok(text.lines().filter_map(TrafficSecond::parse).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_of_a_second_are_read() {
        let line = "2026-03-02T14:05:00.25Z INFO answers=50 failed=5 outside=1 p50_ms=1.5 p99_ms=20.0";
        let second = TrafficSecond::parse(line).unwrap();
        assert_eq!(
            second,
            TrafficSecond {
                at: "2026-03-02T14:05:00.25Z".parse().unwrap(),
                answers: 50,
                failed: 5,
                outside: 1,
                p50_ms: 1.5,
                p99_ms: 20.0
            }
        );
        assert_eq!(second.error_rate(), 0.1);
        for other in ["", "2026-03-02T14:05:00.25Z INFO 200 carts are filled", "nonsense answers=1"] {
            assert_eq!(TrafficSecond::parse(other), None, "{other}");
        }
    }
}
