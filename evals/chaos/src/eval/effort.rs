//! What the runs took: steps, calls, tokens, money, time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    interval::{mean, quantile},
    results::Record,
};

/// How one kind of effort is spread over the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effort {
    /// Its name in JSON; never renamed. The unit is part of it.
    pub key: String,
    /// Its name for people.
    pub title: String,
    /// The mean over the runs.
    pub mean: f64,
    /// Half of the runs took no more.
    pub median: f64,
    /// 95 of 100 runs took no more.
    pub p95: f64,
    /// The most that a run took.
    pub worst: f64,
    /// All runs together.
    pub total: f64,
}

type Kind = (&'static str, &'static str, fn(&Record) -> f64);

const KINDS: &[Kind] = &[
    ("steps", "steps", |run| f64::from(run.steps)),
    ("tool_calls", "tool calls", |run| f64::from(run.n_tool_calls)),
    ("input_tokens", "tokens in", |run| run.usage.input_tokens as f64),
    ("output_tokens", "tokens out", |run| run.usage.output_tokens as f64),
    ("cost_usd", "cost, US dollars", |run| run.usage.cost_micro_usd as f64 / 1e6),
    ("time_ms", "time, ms", |run| run.took_ms),
];

/// Sums up what the runs took; empty without runs.
pub fn effort(runs: &[Record]) -> Vec<Effort> {
    let one = |(key, title, of): &Kind| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        Some(Effort {
            key: (*key).to_owned(),
            title: (*title).to_owned(),
            mean: mean(&values)?,
            median: quantile(&values, 0.5),
            p95: quantile(&values, 0.95),
            worst: *values.last()?,
            total: values.iter().sum(),
        })
    };
    KINDS.iter().filter_map(one).collect()
}
