//! Who calls a service and whom it calls, two calls far, and what of it is new or gone.

use std::{collections::BTreeSet, fmt};

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
    change::change,
    red::{RedChange, RedRow},
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Returns who calls a service and whom it calls, two calls far, with rate, error ratio and p99 of each call before and now, and which calls are new or gone.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Dependencies {
    /// Name of the service.
    pub service: String,
}

/// The calls around one service.
#[derive(Debug, Serialize)]
pub struct Neighbourhood {
    service: String,
    windows: Windows,
    searched: String,
    /// Calls that lead to it, nearest first.
    callers: Vec<Call>,
    /// Calls that it leads to, nearest first.
    callees: Vec<Call>,
}

#[derive(Debug, Serialize)]
struct Call {
    from: String,
    to: String,
    /// 1 for its own calls, 2 for those of its neighbours.
    hops: u8,
    state: State,
    #[serde(flatten)]
    asked: RedChange,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Kept,
    /// Not made in the healthy time.
    New,
    /// Made in the healthy time and no longer.
    Gone,
}

/// Calls of one direction that are listed.
const MAX_CALLS: usize = 12;
/// Rise of the error ratio that is worth a sentence.
const NOTABLE_ERRORS: f64 = 0.01;
/// Neighbours that are named in a sentence.
const MAX_NAMED: usize = 6;

#[async_trait]
impl Tool for Dependencies {
    const NAME: &'static str = "dependencies";
    type Output = Neighbourhood;

    fn summary(&self) -> String {
        format!("who calls `{}` and whom it calls", self.service)
    }

    async fn run(self, scene: &Scene) -> Result<Neighbourhood, ToolError> {
        let windows = windows(scene).await?;
        let before = scene.ports.telemetry.topology(windows.baseline).await?;
        let after = scene.ports.telemetry.topology(windows.window).await?;
        let edges: Vec<&Edge> = before.edges.iter().chain(&after.edges).collect();
        // What is known by its address alone is on the map and sends nothing.
        if !edges.iter().any(|edge| edge.from == self.service || edge.to == self.service) {
            resources_of(scene, &self.service).await?;
        }
        let call = |(hops, from, to): (u8, &str, &str)| call(&before, &after, hops, from, to);
        let callers = two_hops(&edges, &self.service, |edge| (&edge.to, &edge.from));
        let callees = two_hops(&edges, &self.service, |edge| (&edge.from, &edge.to));
        Ok(Neighbourhood {
            searched: format!("calls between services in {}", windows.window),
            callers: callers.into_iter().map(|(hops, near, far)| call((hops, far, near))).collect(),
            callees: callees.into_iter().map(|(hops, near, far)| call((hops, near, far))).collect(),
            windows,
            service: self.service,
        })
    }
}

/// Returns the edges within two hops of `service` with their distance, as near and far end.
fn two_hops<'a>(
    edges: &[&'a Edge],
    service: &str,
    ends: impl Fn(&'a Edge) -> (&'a String, &'a String),
) -> BTreeSet<(u8, &'a str, &'a str)> {
    let from = |near: &str| -> Vec<(&'a str, &'a str)> {
        let ends = edges.iter().map(|edge| ends(edge)).filter(|(end, far)| *end == near && far != end);
        ends.map(|(near, far)| (near.as_str(), far.as_str())).collect()
    };
    let first = from(service);
    let second: Vec<_> =
        first.iter().flat_map(|(_, far)| from(far)).filter(|(_, far)| *far != service).collect();
    let with = |hops: u8| move |(near, far)| (hops, near, far);
    first.into_iter().map(with(1)).chain(second.into_iter().map(with(2))).collect()
}

fn call(before: &Topology, after: &Topology, hops: u8, from: &str, to: &str) -> Call {
    let asked = |map: &Topology| {
        RedRow::of(&map.edge(from, to).map(|edge| edge.asked).unwrap_or_default(), map.range.length())
    };
    let asked = RedChange { before: asked(before), after: asked(after) };
    let state = match (asked.before.requests, asked.after.requests) {
        (0, 1..) => State::New,
        (1.., 0) => State::Gone,
        _ => State::Kept,
    };
    Call { from: from.to_owned(), to: to.to_owned(), hops, state, asked }
}

impl Neighbourhood {
    fn calls(&self) -> impl Iterator<Item = &Call> {
        self.callers.iter().chain(&self.callees)
    }
}

impl Call {
    /// Says what is worth a sentence of it, if anything.
    fn fact(&self, language: Language) -> Option<Fact> {
        let Self { from, to, state, asked: RedChange { before, after }, .. } = self;
        let rate = quantity::per_second(before.rate_per_s.max(after.rate_per_s));
        let errors = change(quantity::percent, before.error_ratio, after.error_ratio);
        let p99 = change(quantity::ms, before.p99_ms, after.p99_ms);
        let fails = after.error_ratio > before.error_ratio + NOTABLE_ERRORS;
        let (topic, text) = match state {
            State::New => (
                Topic::Traffic,
                language.pick(
                    format!("{from} newly calls {to}: {rate}"),
                    format!("{from} 新增对 {to} 的调用：{rate}"),
                ),
            ),
            State::Gone => (
                Topic::Traffic,
                language.pick(
                    format!("{from} no longer calls {to}; before: {rate}"),
                    format!("{from} 不再调用 {to}；此前 {rate}"),
                ),
            ),
            State::Kept if fails => (
                Topic::Errors,
                language.pick(
                    format!("{from} → {to}: failed calls {errors}"),
                    format!("{from} → {to}：调用失败 {errors}"),
                ),
            ),
            State::Kept if self.asked.is_slower() => (
                Topic::Latency,
                language.pick(format!("{from} → {to}: p99 {p99}"), format!("{from} → {to}：p99 {p99}")),
            ),
            State::Kept => return None,
        };
        Some(Fact { service: to.clone(), topic, text })
    }
}

impl Output for Neighbourhood {
    fn is_empty(&self) -> bool {
        self.callers.is_empty() && self.callees.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let service = &self.service;
        let named = |calls: &[Call], far: fn(&Call) -> &String| {
            let near = calls.iter().filter(|call| call.hops == 1 && call.state != State::Gone);
            near.map(far).take(MAX_NAMED).cloned().collect::<Vec<_>>().join(language.pick(", ", "、"))
        };
        let (callers, callees) =
            (named(&self.callers, |call| &call.from), named(&self.callees, |call| &call.to));
        let mut said = Vec::new();
        if !callers.is_empty() {
            said.push(language.pick(
                format!("{service} is called by {callers}"),
                format!("调用 {service} 的服务：{callers}"),
            ));
        }
        if !callees.is_empty() {
            said.push(
                language.pick(format!("{service} calls {callees}"), format!("{service} 调用：{callees}")),
            );
        }
        let map = said.into_iter().map(|text| Fact { service: service.clone(), topic: Topic::Traffic, text });
        map.chain(self.calls().filter_map(|call| call.fact(language)).take(MAX_NAMED)).collect()
    }
}

impl fmt::Display for Neighbourhood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(
                f,
                "nobody calls `{}`, and it calls nobody; searched: {}",
                self.service, self.searched
            );
        }
        writeln!(f, "{} compared with {}", self.windows.window, self.windows.baseline)?;
        for (title, calls) in [("calls to it:", &self.callers), ("its calls:", &self.callees)] {
            writeln!(f, "{title}{}", if calls.is_empty() { " none" } else { "" })?;
            write_rows(f, calls.iter(), MAX_CALLS)?;
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, hops, state, asked: RedChange { before, after } } = self;
        // What is new or gone has one side only.
        let (state, before, after) = match state {
            State::Kept => ("", before, after),
            State::New => (" (new)", after, after),
            State::Gone => (" (gone)", before, before),
        };
        let far = if *hops > 1 { "further: " } else { "" };
        write!(
            f,
            "{far}{from} → {to}{state}: {}, errors {}, p99 {}",
            change(quantity::per_second, before.rate_per_s, after.rate_per_s),
            change(quantity::percent, before.error_ratio, after.error_ratio),
            change(quantity::ms, before.p99_ms, after.p99_ms),
        )
    }
}
