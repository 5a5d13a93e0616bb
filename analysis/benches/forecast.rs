//! How long a forecast from a week of five-minute steps takes.
//!
//! `cargo bench -p waggle-analysis --bench forecast`. Fails when the fastest of nine runs takes longer than its budget.

use std::time::{Duration, Instant};

use waggle_analysis::forecast;
use waggle_signals::{Attributes, Measure, Series, Timestamp};

const STEP_S: u64 = 300;
const STEPS: u64 = 7 * 86_400 / STEP_S;
const BUDGET: Duration = Duration::from_millis(100);

fn main() {
    let series = week();
    let runs = (0..9).map(|_| {
        let start = Instant::now();
        let steps = forecast(&series).map_or(0, |forecast| forecast.steps.len());
        (start.elapsed(), steps)
    });
    let Some((fastest, steps)) = runs.min() else { return };
    println!("forecast from {STEPS} steps: {:.1} ms, {steps} expected", fastest.as_secs_f64() * 1e3);
    assert!(fastest <= BUDGET, "slower than {BUDGET:?}");
}

/// A daily wave that rises a little, with noise.
fn week() -> Series {
    let value = |row: u64| {
        let day = (row * STEP_S) as f64 / 86_400.0;
        100.0 + 30.0 * (day * std::f64::consts::TAU).sin() + 4.0 * day + (row * 7919 % 101) as f64 / 20.0
    };
    Series {
        measure: Measure::RequestRate,
        labels: Attributes::new(),
        start: Timestamp::from_secs(0),
        step: Duration::from_secs(STEP_S),
        values: (0..STEPS).map(|row| Some(value(row))).collect(),
    }
}
