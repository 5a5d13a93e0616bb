//! How long root causes from metrics alone take: a thousand metrics of twelve hundred rows.
//!
//! `cargo bench -p waggle-analysis --bench metric_rca`. Fails when the fastest of three runs takes longer than its budget.

use std::time::{Duration, Instant};

use waggle_analysis::metric_rca::{CallGraph, Column, Panel, metric_rca};
use waggle_signals::Timestamp;

const METRICS: usize = 1000;
const ROWS: i64 = 1200;
const SPLIT: usize = 940;
const BUDGET: Duration = Duration::from_secs(1);

fn main() {
    let runs = (0..3).map(|_| {
        let panel =
            Panel { times: (0..ROWS).map(Timestamp::from_secs).collect(), split: SPLIT, columns: columns() };
        let start = Instant::now();
        let found = metric_rca(panel, &CallGraph::default(), None).suspects.len();
        (start.elapsed(), found)
    });
    let Some((fastest, suspects)) = runs.min() else { return };
    println!("{METRICS} metrics × {ROWS} rows: {:.0} ms, {suspects} suspects", fastest.as_secs_f64() * 1e3);
    assert!(fastest <= BUDGET, "slower than {BUDGET:?}");
}

/// Scattered values by a linear congruential generator (Knuth, MMIX); every fiftieth metric rises fivefold at row 900.
fn columns() -> Vec<Column> {
    let mut state = 3_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let names = ["cpu", "mem", "latency", "requests"];
    let column = |metric: usize, noise: &mut dyn FnMut() -> f64| {
        let level = 10.0 + metric as f64;
        let shift = |row: i64| if metric.is_multiple_of(50) && row >= 900 { 5.0 } else { 1.0 };
        Column {
            service: format!("s{}", metric / names.len()),
            metric: names[metric % names.len()].to_owned(),
            statistic: String::new(),
            values: (0..ROWS).map(|row| level * (shift(row) + 0.2 * noise())).collect(),
        }
    };
    (0..METRICS).map(|metric| column(metric, &mut noise)).collect()
}
