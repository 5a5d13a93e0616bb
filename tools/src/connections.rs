//! TCP connections of a service: opened, failed, reset, segments sent again, by peer.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::SqlQuery,
    tool::Output,
};
use waggle_analysis::quantity;
use waggle_signals::{Edge, TimeRange, Topology};

use crate::{
    change::change,
    metric_names::literal,
    red::round,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Returns the TCP connections of a service by peer, healthy time → now: opened, failed and reset per second, segments sent again, and the time that calls spend on the way.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Connections {
    /// Name of the service.
    pub service: String,
}

/// Connections by peer.
#[derive(Debug, Serialize)]
pub struct Peers {
    service: String,
    windows: Windows,
    searched: String,
    /// What could not be read; empty when all was.
    missing: String,
    /// Those in most trouble first, then those with most connections.
    peers: Vec<Peer>,
}

#[derive(Debug, Serialize)]
struct Peer {
    /// The other end.
    peer: String,
    /// True when the service opens the connections.
    outgoing: bool,
    before: Traffic,
    after: Traffic,
}

/// What passed per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Traffic {
    opened_per_s: f64,
    failed_per_s: f64,
    retransmits_per_s: f64,
    /// Absent where flows were not to be read.
    resets_per_s: Option<f64>,
    /// Mean time of a call outside of the callee; absent where one end was not seen.
    on_the_way_ms: Option<f64>,
}

/// Peers that are listed.
const MAX_PEERS: usize = 10;
/// Peers with flows that are read at most.
const MAX_FLOWS: usize = 500;
/// How long the flows may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rise of failures, resets or segments sent again per second that is worth a sentence, when it also doubles.
const NOTABLE_PER_S: f64 = 0.1;

#[async_trait]
impl Tool for Connections {
    const NAME: &'static str = "connections";
    type Output = Peers;

    fn summary(&self) -> String {
        format!("TCP connections of `{}`", self.service)
    }

    async fn run(self, scene: &Scene) -> Result<Peers, ToolError> {
        let windows = windows(scene).await?;
        let before = scene.ports.telemetry.topology(windows.baseline).await?;
        let after = scene.ports.telemetry.topology(windows.window).await?;
        let service = &self.service;
        let edges = before.edges.iter().chain(&after.edges);
        let mut ends: Vec<(String, bool)> = edges.filter_map(|edge| other_end(edge, service)).collect();
        if ends.is_empty() {
            resources_of(scene, service).await?;
        }
        let resets =
            [resets(scene, service, windows.baseline).await, resets(scene, service, windows.window).await];
        let missing = resets.iter().find_map(|read| read.as_ref().err());
        let missing = missing.map(|error| format!("resets: {}", error.chain())).unwrap_or_default();
        let [old, new] = resets.map(Result::ok);
        ends.sort();
        ends.dedup();
        let peers = ends.into_iter().map(|end| Peer {
            before: traffic(&before, service, &end, old.as_ref()),
            after: traffic(&after, service, &end, new.as_ref()),
            peer: end.0,
            outgoing: end.1,
        });
        let mut peers: Vec<Peer> =
            peers.filter(|peer| [peer.before, peer.after].iter().any(Traffic::is_seen)).collect();
        let rank = |peer: &Peer| (peer.after.trouble_per_s(), peer.after.opened_per_s);
        peers.sort_by(|a, b| rank(b).partial_cmp(&rank(a)).unwrap_or(std::cmp::Ordering::Equal));
        let searched = format!("TCP flows of `{service}` in {}", windows.window);
        Ok(Peers { windows, searched, missing, peers, service: self.service })
    }
}

/// Returns the other end of an edge of `service`, and whether the service asks it.
fn other_end(edge: &Edge, service: &str) -> Option<(String, bool)> {
    match (edge.from == service, edge.to == service) {
        (true, _) => Some((edge.to.clone(), true)),
        (_, true) => Some((edge.from.clone(), false)),
        _ => None,
    }
}

fn traffic(
    map: &Topology,
    service: &str,
    (peer, outgoing): &(String, bool),
    resets: Option<&Resets>,
) -> Traffic {
    let per_s = |count: u64| round(count as f64 / map.range.length().as_secs_f64());
    let edge = if *outgoing { map.edge(service, peer) } else { map.edge(peer, service) };
    let seen = edge.filter(|edge| edge.asked.count > 0 && edge.answered.count > 0);
    let on_the_way = seen.map(|edge| (edge.asked.mean_ms() - edge.answered.mean_ms()).max(0.0));
    Traffic {
        opened_per_s: per_s(edge.map_or(0, |edge| edge.connections)),
        failed_per_s: per_s(edge.map_or(0, |edge| edge.connect_failures)),
        retransmits_per_s: per_s(edge.map_or(0, |edge| edge.retransmits)),
        resets_per_s: resets.map(|all| per_s(all.get(&(peer.clone(), *outgoing)).copied().unwrap_or(0))),
        on_the_way_ms: on_the_way.map(round),
    }
}

/// Connections that were reset, by peer and whether the service opened them.
type Resets = BTreeMap<(String, bool), u64>;

/// Counts resets, which the service map does not carry.
async fn resets(scene: &Scene, service: &str, range: TimeRange) -> Result<Resets> {
    let text = format!(
        "SELECT peer_service, peer_address, peer_port, outgoing, sum(resets) AS n_resets FROM flows \
         WHERE service = {} AND time >= '{}' AND time < '{}' \
         GROUP BY peer_service, peer_address, peer_port, outgoing ORDER BY n_resets DESC",
        literal(service),
        range.from(),
        range.to()
    );
    let table = scene.ports.telemetry.sql(&SqlQuery { text, limit: MAX_FLOWS, timeout: PATIENCE }).await?;
    let mut all = Resets::new();
    for row in &table.rows {
        let text = |column: usize| row.get(column).and_then(Value::as_str).unwrap_or_default();
        // As the map names who has no name.
        let peer = match text(0) {
            "" => format!("{}:{}", text(1), row.get(2).and_then(Value::as_u64).unwrap_or_default()),
            name => name.to_owned(),
        };
        let outgoing = row.get(3).and_then(Value::as_bool).unwrap_or_default();
        *all.entry((peer, outgoing)).or_default() += row.get(4).and_then(Value::as_u64).unwrap_or_default();
    }
    Ok(all)
}

impl Traffic {
    fn is_seen(&self) -> bool {
        self.opened_per_s + self.trouble_per_s() > 0.0
    }

    fn trouble_per_s(&self) -> f64 {
        self.failed_per_s + self.retransmits_per_s + self.resets_per_s.unwrap_or_default()
    }
}

impl Peer {
    /// Names the connection from the end that opens it.
    fn ends(&self, service: &str) -> String {
        if self.outgoing {
            format!("{service} → {}", self.peer)
        } else {
            format!("{} → {service}", self.peer)
        }
    }

    /// Returns what is worth a sentence: its English and Chinese name, before and after.
    fn risen(&self) -> Vec<(&'static str, &'static str, f64, f64)> {
        let Self { before, after, .. } = self;
        // What was read of one time only says nothing of a rise.
        let resets = before.resets_per_s.zip(after.resets_per_s);
        let all = [
            Some(("failed connections", "连接失败", before.failed_per_s, after.failed_per_s)),
            resets.map(|(old, new)| ("connections reset", "连接被重置", old, new)),
            Some(("TCP segments sent again", "TCP 重传", before.retransmits_per_s, after.retransmits_per_s)),
        ];
        all.into_iter()
            .flatten()
            .filter(|(_, _, old, new)| *new >= old + NOTABLE_PER_S && *new >= 2.0 * old)
            .collect()
    }
}

impl Output for Peers {
    fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut say = |peer: &Peer, en: &str, zh: &str, (old, new): (f64, f64)| {
            let (ends, rate) = (peer.ends(&self.service), change(quantity::per_second, old, new));
            let text = language.pick(format!("{ends}: {en} {rate}"), format!("{ends}：{zh} {rate}"));
            facts.push(Fact { service: self.service.clone(), topic: Topic::Network, text });
        };
        for peer in &self.peers {
            peer.risen().into_iter().for_each(|(en, zh, old, new)| say(peer, en, zh, (old, new)));
        }
        // Somebody asked for the connections: the busiest answer where nothing is wrong.
        if self.peers.iter().all(|peer| peer.risen().is_empty()) {
            for peer in self.peers.iter().take(3) {
                say(
                    peer,
                    "connections opened",
                    "新建连接",
                    (peer.before.opened_per_s, peer.after.opened_per_s),
                );
            }
        }
        facts.truncate(MAX_PEERS);
        facts
    }
}

impl fmt::Display for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.peers.is_empty() {
            return write!(f, "no connections were seen; searched: {}", self.searched);
        }
        writeln!(f, "{} compared with {}", self.windows.window, self.windows.baseline)?;
        let rows: Vec<String> = self.peers.iter().map(|peer| peer.written(&self.service)).collect();
        write_rows(f, rows.into_iter(), MAX_PEERS)?;
        if self.missing.is_empty() { Ok(()) } else { writeln!(f, "not read: {}", self.missing) }
    }
}

impl Peer {
    fn written(&self, service: &str) -> String {
        let Self { before, after, .. } = self;
        let rate = |old, new| change(quantity::per_second, old, new);
        let mut said = vec![format!("opened {}", rate(before.opened_per_s, after.opened_per_s))];
        let mut add = |what: &str, old: f64, new: f64| {
            if old + new > 0.0 {
                said.push(format!("{what} {}", rate(old, new)));
            }
        };
        add("failed", before.failed_per_s, after.failed_per_s);
        if let Some((old, new)) = before.resets_per_s.zip(after.resets_per_s) {
            add("reset", old, new);
        }
        add("segments sent again", before.retransmits_per_s, after.retransmits_per_s);
        if let Some((old, new)) = before.on_the_way_ms.zip(after.on_the_way_ms) {
            said.push(format!("a call on the way {}", change(quantity::ms, old, new)));
        }
        format!("{}: {}", self.ends(service), said.join(", "))
    }
}
