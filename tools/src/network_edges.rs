//! What happens between services: time on the wire, segments sent again, connections refused.

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
use waggle_signals::{Edge, Topology};

use crate::{
    red::round,
    rows::write_rows,
    windows::{Windows, windows},
};

/// Returns, for every call between two services, the time between the caller's clock and the callee's (network and queueing), TCP segments sent again, and connections that failed, before and after.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct NetworkEdges {
    /// Only calls from or to this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Edges, those that lose most first.
#[derive(Debug, Serialize)]
pub struct Edges {
    windows: Windows,
    searched: String,
    edges: Vec<EdgeRow>,
}

#[derive(Debug, Serialize)]
struct EdgeRow {
    from: String,
    to: String,
    before: EdgeState,
    after: EdgeState,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct EdgeState {
    calls_per_s: f64,
    /// Mean time a call spends outside of the callee; absent when one end was not seen.
    gap_ms: Option<f64>,
    /// Opened connections; 0 where no flows were recorded.
    connections_per_s: f64,
    retransmits_per_s: f64,
    connect_failures_per_s: f64,
}

/// Segments sent again per second from which on an edge is said to lose packets.
const LOSSY_PER_S: f64 = 0.5;

#[async_trait]
impl Tool for NetworkEdges {
    const NAME: &'static str = "network_edges";
    type Output = Edges;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("network around `{service}`"),
            None => "network between services: loss, refusals, time on the wire".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Edges, ToolError> {
        let windows = windows(scene).await?;
        let before = scene.ports.telemetry.topology(windows.baseline).await?;
        let after = scene.ports.telemetry.topology(windows.window).await?;
        let is_asked =
            |edge: &&Edge| self.service.as_ref().is_none_or(|name| edge.from == *name || edge.to == *name);
        let mut pairs: Vec<_> =
            before.edges.iter().chain(&after.edges).filter(is_asked).map(|e| (&e.from, &e.to)).collect();
        pairs.sort();
        pairs.dedup();
        let mut edges: Vec<EdgeRow> = pairs
            .into_iter()
            .map(|(from, to)| EdgeRow {
                before: EdgeState::of(&before, from, to),
                after: EdgeState::of(&after, from, to),
                from: from.clone(),
                to: to.clone(),
            })
            .collect();
        let trouble = |row: &EdgeRow| row.after.retransmits_per_s + row.after.connect_failures_per_s;
        edges.sort_by(|a, b| trouble(b).total_cmp(&trouble(a)));
        Ok(Edges { searched: format!("TCP flows and calls in {}", windows.window), windows, edges })
    }
}

impl EdgeState {
    fn of(map: &Topology, from: &str, to: &str) -> Self {
        let Some(edge) = map.edge(from, to) else { return Self::default() };
        let length = map.range.length();
        let per_s = |count: u64| round(count as f64 / length.as_secs_f64());
        let both_ends = edge.asked.count > 0 && edge.answered.count > 0;
        Self {
            calls_per_s: round(edge.asked.rate(length)),
            gap_ms: both_ends.then(|| round((edge.asked.mean_ms() - edge.answered.mean_ms()).max(0.0))),
            connections_per_s: per_s(edge.connections),
            retransmits_per_s: per_s(edge.retransmits),
            connect_failures_per_s: per_s(edge.connect_failures),
        }
    }
}

impl EdgeRow {
    fn loses(&self) -> bool {
        self.after.retransmits_per_s >= LOSSY_PER_S
            && self.after.retransmits_per_s > 2.0 * self.before.retransmits_per_s
    }

    fn refuses(&self) -> bool {
        self.after.connect_failures_per_s > self.before.connect_failures_per_s + 0.1
    }

    fn gap(&self) -> Option<(String, String)> {
        Some((quantity::ms(self.before.gap_ms?), quantity::ms(self.after.gap_ms?)))
    }
}

impl Output for Edges {
    fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let mut facts = Vec::new();
        for row in &self.edges {
            let (from, to) = (&row.from, &row.to);
            let mut say = |en: String, zh: String| {
                facts.push(Fact { service: to.clone(), topic: Topic::Network, text: language.pick(en, zh) });
            };
            if row.loses() {
                let (old, new) = (
                    quantity::per_second(row.before.retransmits_per_s),
                    quantity::per_second(row.after.retransmits_per_s),
                );
                let gap = row.gap().map(|(old, new)| {
                    language.pick(
                        format!("; a call spends {old} → {new} outside of {to}"),
                        format!("；一次调用在 {to} 之外花费 {old} → {new}"),
                    )
                });
                let gap = gap.unwrap_or_default();
                say(
                    format!("{from} → {to}: TCP segments sent again {old} → {new}{gap}"),
                    format!("{from} → {to}：TCP 重传 {old} → {new}{gap}"),
                );
            }
            if row.refuses() {
                let (old, new) = (
                    quantity::per_second(row.before.connect_failures_per_s),
                    quantity::per_second(row.after.connect_failures_per_s),
                );
                say(
                    format!("{from} → {to}: failed connections {old} → {new}"),
                    format!("{from} → {to}：连接失败 {old} → {new}"),
                );
            }
        }
        facts
    }
}

impl fmt::Display for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.edges.is_empty() {
            return write!(f, "no calls between services; searched: {}", self.searched);
        }
        writeln!(f, "{} compared with {}", self.windows.window, self.windows.baseline)?;
        write_rows(f, self.edges.iter(), 40)
    }
}

impl fmt::Display for EdgeRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} → {}: sent again {} → {}, failed connections {} → {}",
            self.from,
            self.to,
            quantity::per_second(self.before.retransmits_per_s),
            quantity::per_second(self.after.retransmits_per_s),
            quantity::per_second(self.before.connect_failures_per_s),
            quantity::per_second(self.after.connect_failures_per_s),
        )?;
        match self.gap() {
            Some((before, after)) => write!(f, ", time outside of the callee {before} → {after}"),
            None => Ok(()),
        }
    }
}
