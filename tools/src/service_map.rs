//! Services and the calls between them, before and after.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::quantity;
use waggle_signals::{Red, Topology};

use crate::{
    red::{RedChange, RedRow},
    rows::write_rows,
    windows::{Windows, windows},
};

/// Returns every service with its request rate, error ratio and latency, and every call between services, in trouble compared with the healthy time before. Can list only services above a bound.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct ServiceMap {
    /// Only services where at least this share of requests fails now, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_error_ratio: Option<f64>,
    /// Only services whose 99th percentile is at least this many milliseconds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_p99_ms: Option<f64>,
}

/// Two windows of the map.
#[derive(Debug, Serialize)]
pub struct Map {
    windows: Windows,
    searched: String,
    /// True when only services above a bound are listed.
    bounded: bool,
    /// By how slow they are now, slowest first.
    services: Vec<ServiceRow>,
    /// By caller and callee.
    calls: Vec<CallRow>,
}

#[derive(Debug, Serialize)]
struct ServiceRow {
    service: String,
    #[serde(flatten)]
    answered: RedChange,
}

#[derive(Debug, Serialize)]
struct CallRow {
    from: String,
    to: String,
    #[serde(flatten)]
    asked: RedChange,
}

#[async_trait]
impl Tool for ServiceMap {
    const NAME: &'static str = "service_map";
    type Output = Map;

    fn summary(&self) -> String {
        match (self.min_error_ratio, self.min_p99_ms) {
            (None, None) => "service map, before and after".to_owned(),
            (Some(ratio), _) => format!("services with an error ratio from {}", quantity::percent(ratio)),
            (None, Some(ms)) => format!("services with a p99 from {}", quantity::ms(ms)),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Map, ToolError> {
        let windows = windows(scene).await?;
        let before = scene.ports.telemetry.topology(windows.baseline).await?;
        let after = scene.ports.telemetry.topology(windows.window).await?;
        let change = |old: Option<Red>, new: Option<Red>| RedChange {
            before: RedRow::of(&old.unwrap_or_default(), windows.baseline.length()),
            after: RedRow::of(&new.unwrap_or_default(), windows.window.length()),
        };
        let mut services: Vec<ServiceRow> = names(&before, &after)
            .into_iter()
            .map(|service| ServiceRow {
                answered: change(
                    before.node(&service).map(|node| node.answered),
                    after.node(&service).map(|node| node.answered),
                ),
                service,
            })
            .collect();
        let calls = pairs(&before, &after).into_iter().map(|(from, to)| CallRow {
            asked: change(
                before.edge(&from, &to).map(|edge| edge.asked),
                after.edge(&from, &to).map(|edge| edge.asked),
            ),
            from,
            to,
        });
        let calls = calls.collect();
        services.retain(|row| {
            self.min_error_ratio.is_none_or(|least| row.answered.after.error_ratio >= least)
                && self.min_p99_ms.is_none_or(|least| row.answered.after.p99_ms >= least)
        });
        services.sort_by(|a, b| b.answered.after.p99_ms.total_cmp(&a.answered.after.p99_ms));
        let bounded = self.min_error_ratio.is_some() || self.min_p99_ms.is_some();
        Ok(Map { searched: format!("spans in {}", windows.window), windows, bounded, services, calls })
    }
}

fn names(before: &Topology, after: &Topology) -> Vec<String> {
    let mut names: Vec<_> =
        before.nodes.iter().chain(&after.nodes).map(|node| node.service.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn pairs(before: &Topology, after: &Topology) -> Vec<(String, String)> {
    let edges = before.edges.iter().chain(&after.edges);
    let mut pairs: Vec<_> = edges.map(|edge| (edge.from.clone(), edge.to.clone())).collect();
    pairs.sort();
    pairs.dedup();
    pairs
}

impl Output for Map {
    fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// Only a bounded list has facts: as context, the map would drown what the other tools say.
    fn facts(&self, language: Language) -> Vec<Fact> {
        if !self.bounded {
            return Vec::new();
        }
        let facts = self.services.iter().map(|row| {
            let RedRow { error_ratio, p99_ms, rate_per_s, .. } = row.answered.after;
            let (errors, p99, rate) =
                (quantity::percent(error_ratio), quantity::ms(p99_ms), quantity::per_second(rate_per_s));
            Fact {
                service: row.service.clone(),
                topic: Topic::Latency,
                text: language.pick(
                    format!("{}: error ratio {errors}, p99 {p99}, {rate}", row.service),
                    format!("{}：错误率 {errors}，p99 {p99}，请求 {rate}", row.service),
                ),
            }
        });
        facts.collect()
    }
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.services.is_empty() {
            return write!(f, "no service matches; searched: {}", self.searched);
        }
        writeln!(f, "{} compared with {}", self.windows.window, self.windows.baseline)?;
        writeln!(f, "services (answered requests, healthy → now):")?;
        write_rows(f, self.services.iter(), 30)?;
        writeln!(f, "calls (as the caller saw them):")?;
        write_rows(f, self.calls.iter(), 60)
    }
}

impl fmt::Display for ServiceRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.service, self.answered)
    }
}

impl fmt::Display for CallRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}: {}", self.from, self.to, self.asked)
    }
}
