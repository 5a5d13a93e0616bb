//! Where a service's CPU time goes now.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{Of, ProfileQuery},
    tool::Output,
};
use waggle_analysis::quantity;
use waggle_signals::ProfileSample;

use crate::{
    quote::quote,
    red::round,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Returns the hottest functions of a service in the time of the trouble: their share of its CPU time, alone and with what they call, and their place in the source.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct ProfileTop {
    /// Name of the service.
    pub service: String,
}

/// Hot functions.
#[derive(Debug, Serialize)]
pub struct Hot {
    service: String,
    windows: Windows,
    searched: String,
    /// CPU time that was seen.
    cpu_ms: f64,
    /// Stacks that were seen.
    samples: u64,
    /// Functions that were seen.
    n_functions: usize,
    /// By their own time, most first.
    functions: Vec<Function>,
}

#[derive(Debug, Serialize)]
struct Function {
    function: String,
    /// Where it was seen most, as `file.rs:88`.
    location: Option<String>,
    /// Its part of all CPU time, 0 to 1.
    self_share: f64,
    /// The same with what it calls.
    total_share: f64,
}

#[derive(Default)]
struct Tally<'a> {
    own: u64,
    total: u64,
    locations: BTreeMap<&'a str, u64>,
}

/// Functions that are listed.
const MAX_FUNCTIONS: usize = 10;
/// Functions that are told in sentences.
const MAX_TOLD: usize = 3;
/// What takes less is not told.
const LEAST_SHARE: f64 = 0.05;

#[async_trait]
impl Tool for ProfileTop {
    const NAME: &'static str = "profile_top";
    type Output = Hot;

    fn summary(&self) -> String {
        format!("where the CPU time of `{}` goes", self.service)
    }

    async fn run(self, scene: &Scene) -> Result<Hot, ToolError> {
        resources_of(scene, &self.service).await?;
        let windows = windows(scene).await?;
        let query = ProfileQuery { range: windows.window, service: Some(self.service.clone()), commit: None };
        let samples = scene.ports.telemetry.profile(&query).await?;
        let nanos: u64 = samples.iter().map(|sample| sample.row.cpu_nanos).sum();
        let tallies = tallies(&samples);
        let n_functions = tallies.len();
        let share = |part: u64| if nanos > 0 { round(part as f64 / nanos as f64) } else { 0.0 };
        let functions = tallies.into_iter().map(|(function, tally)| Function {
            function: quote(function),
            location: tally.locations.iter().max_by_key(|(_, nanos)| **nanos).map(|(place, _)| quote(place)),
            self_share: share(tally.own),
            total_share: share(tally.total),
        });
        let mut functions: Vec<Function> = functions.collect();
        let rank = |it: &Function| (it.self_share, it.total_share);
        functions.sort_by(|a, b| rank(b).partial_cmp(&rank(a)).unwrap_or(std::cmp::Ordering::Equal));
        functions.truncate(MAX_FUNCTIONS);
        Ok(Hot {
            searched: format!("CPU samples of `{}` in {}", self.service, windows.window),
            service: self.service,
            windows,
            cpu_ms: round(nanos as f64 / 1e6),
            samples: samples.iter().map(|sample| u64::from(sample.row.count)).sum(),
            n_functions,
            functions,
        })
    }
}

fn tallies(samples: &[Of<ProfileSample>]) -> BTreeMap<&str, Tally<'_>> {
    let mut tallies: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    for ProfileSample { frames, location, cpu_nanos, .. } in samples.iter().map(|sample| &sample.row) {
        // What calls itself is on a stack more than once, and takes its time once.
        for function in frames.iter().map(String::as_str).collect::<BTreeSet<_>>() {
            tallies.entry(function).or_default().total += cpu_nanos;
        }
        if let Some(innermost) = frames.last() {
            let tally = tallies.entry(innermost).or_default();
            tally.own += cpu_nanos;
            if let Some(place) = location {
                *tally.locations.entry(place).or_default() += cpu_nanos;
            }
        }
    }
    tallies
}

impl Output for Hot {
    fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let service = &self.service;
        let hot = self.functions.iter().filter(|function| function.self_share >= LEAST_SHARE).take(MAX_TOLD);
        let told = hot.map(|hot| {
            let (own, total) = (quantity::percent(hot.self_share), quantity::percent(hot.total_share));
            let name = &hot.function;
            let at = hot.location.as_ref().map(|place| format!(" (`{place}`)")).unwrap_or_default();
            let text = language.pick(
                format!(
                    "{own} of the CPU time of {service} is in `{name}`{at} itself, {total} with what it calls"
                ),
                format!("{service} 的 CPU 时间有 {own} 在 `{name}`{at} 自身，含其调用共 {total}"),
            );
            Fact { service: service.clone(), topic: Topic::Profile, text }
        });
        told.collect()
    }
}

impl fmt::Display for Hot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.functions.is_empty() {
            return write!(f, "no CPU samples; searched: {}", self.searched);
        }
        let (cpu, samples) = (quantity::ms(self.cpu_ms), self.samples);
        writeln!(
            f,
            "CPU of {} in {}: {cpu} in {samples} samples; share alone, and with callees:",
            self.service, self.windows.window
        )?;
        write_rows(f, self.functions.iter(), MAX_FUNCTIONS)?;
        let n_more = self.n_functions - self.functions.len();
        if n_more > 0 { writeln!(f, "… {n_more} more functions") } else { Ok(()) }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.location.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        let (own, total) = (quantity::percent(self.self_share), quantity::percent(self.total_share));
        write!(f, "{}{place}: {own}, {total}", self.function)
    }
}
