//! Rate, errors and duration of the same requests before and after.

use std::{fmt, time::Duration};

use serde::Serialize;
use waggle_analysis::quantity;
use waggle_signals::Red;

/// Rate, errors and duration over one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct RedRow {
    pub requests: u64,
    pub failed: u64,
    pub rate_per_s: f64,
    pub error_ratio: f64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
}

/// The same before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct RedChange {
    pub before: RedRow,
    pub after: RedRow,
}

/// How much slower a 99th percentile must be to be worth a sentence: half again and 5 ms.
const NOTABLE_RATIO: f64 = 1.5;
const NOTABLE_MS: f64 = 5.0;

impl RedRow {
    pub(crate) fn of(red: &Red, length: Duration) -> Self {
        Self {
            requests: red.count,
            failed: red.errors,
            rate_per_s: round(red.rate(length)),
            error_ratio: round(red.error_ratio()),
            mean_ms: round(red.mean_ms()),
            p50_ms: round(red.p50_ms),
            p90_ms: round(red.p90_ms),
            p99_ms: round(red.p99_ms),
        }
    }
}

impl RedChange {
    pub(crate) fn is_slower(&self) -> bool {
        self.before.requests > 0
            && self.after.p99_ms > self.before.p99_ms * NOTABLE_RATIO
            && self.after.p99_ms > self.before.p99_ms + NOTABLE_MS
    }
}

impl fmt::Display for RedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after } = self;
        write!(
            f,
            "{} → {}, errors {} → {}, p50 {} → {}, p99 {} → {}",
            quantity::per_second(before.rate_per_s),
            quantity::per_second(after.rate_per_s),
            quantity::percent(before.error_ratio),
            quantity::percent(after.error_ratio),
            quantity::ms(before.p50_ms),
            quantity::ms(after.p50_ms),
            quantity::ms(before.p99_ms),
            quantity::ms(after.p99_ms),
        )
    }
}

/// Keeps six decimals: enough for every unit in use, and evidence stays readable.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
