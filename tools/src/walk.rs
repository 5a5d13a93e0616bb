//! From whoever suffers along the calls to where the trouble starts.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::{
    quantity,
    walk::{Contribution, Hints, walk},
    worsening::Worsening,
};
use waggle_signals::Topology;

use crate::{
    change::change,
    red::{RedChange, RedRow, round},
    services::resources_of,
    windows::{Windows, windows},
};

/// Walks from the service that suffers down its calls to the service where the trouble starts, with the numbers of each hop, and says what each service below adds to it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Walk {
    /// Where to start; the service that suffers most when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// A way from a symptom to its start.
#[derive(Debug, Serialize)]
pub struct Way {
    windows: Windows,
    searched: String,
    /// Where the walk began; absent when no service was seen.
    from: Option<String>,
    /// How its users fare.
    symptom: Option<Worsening>,
    /// Calls from there to where the trouble starts; empty when it starts where it is felt.
    hops: Vec<Hop>,
    /// What services add, most first; the first is where it starts.
    parts: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct Hop {
    from: String,
    to: String,
    #[serde(flatten)]
    asked: RedChange,
}

#[derive(Debug, Serialize)]
struct Part {
    service: String,
    /// Milliseconds that it adds to each request where the walk began.
    added_ms: f64,
    own_work_ms: f64,
    more_calls_ms: f64,
    retried_ms: f64,
    on_the_way_ms: f64,
    /// Its share of the added time, 0 to 1.
    latency_share: f64,
    /// Its share of the added errors, 0 to 1.
    error_share: f64,
}

/// Services that are listed.
const MAX_PARTS: usize = 4;
/// What adds less is a ripple.
const LEAST_SHARE: f64 = 0.05;

#[async_trait]
impl Tool for Walk {
    const NAME: &'static str = "walk";
    type Output = Way;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("from `{service}` to where its trouble starts"),
            None => "from who suffers to where the trouble starts".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Way, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let before = scene.ports.telemetry.topology(windows.baseline).await?;
        let after = scene.ports.telemetry.topology(windows.window).await?;
        let named = scene.incident.service.clone().filter(|service| is_known(&before, &after, service));
        let from = self.service.or(named).or_else(|| sufferer(&before, &after));
        let searched = format!("calls between services in {}", windows.window);
        let Some(from) = from else {
            return Ok(Way { windows, searched, from, symptom: None, hops: Vec::new(), parts: Vec::new() });
        };
        let found = walk(&before, &after, &from, Hints::default());
        let share = |part: &Contribution| part.latency_share.max(part.error_share());
        let parts: Vec<Part> = found
            .contributions
            .iter()
            .filter(|part| share(part) >= LEAST_SHARE)
            .take(MAX_PARTS)
            .map(part)
            .collect();
        let path = parts.first().map(|first| found.path_to(&first.service)).unwrap_or_default();
        let hops = path.windows(2).filter_map(|ends| Some(hop(&before, &after, ends.first()?, ends.last()?)));
        let hops = hops.collect();
        Ok(Way { windows, searched, from: Some(from), symptom: Some(found.worsening), hops, parts })
    }
}

fn is_known(before: &Topology, after: &Topology, service: &str) -> bool {
    before.node(service).is_some() || after.node(service).is_some()
}

/// Returns the service whose users fare worst among those whose callers do not suffer, for there people feel it; `None` when no service was seen.
fn sufferer(before: &Topology, after: &Topology) -> Option<String> {
    let worse = |service: &str| walk(before, after, service, Hints::default()).worsening;
    let nodes = before.nodes.iter().chain(&after.nodes).map(|node| node.service.as_str());
    let all: BTreeMap<&str, Worsening> = nodes.map(|service| (service, worse(service))).collect();
    let suffers = |service: &str| all.get(service).is_some_and(Worsening::is_trouble);
    let is_first = |service: &str| {
        let mut callers = before.callers_of(service).chain(after.callers_of(service));
        suffers(service) && !callers.any(|edge| edge.from != service && suffers(&edge.from))
    };
    let rank = |service: &str, worsening: &Worsening| (is_first(service), worsening.severity());
    let ranked = all.iter().map(|(service, worsening)| (rank(service, worsening), *service));
    let first = ranked.max_by(|((a, x), _), ((b, y), _)| a.cmp(b).then_with(|| x.total_cmp(y)));
    first.map(|(_, service)| service.to_owned())
}

fn hop(before: &Topology, after: &Topology, from: &str, to: &str) -> Hop {
    let asked = |map: &Topology| {
        RedRow::of(&map.edge(from, to).map(|edge| edge.asked).unwrap_or_default(), map.range.length())
    };
    let asked = RedChange { before: asked(before), after: asked(after) };
    Hop { from: from.to_owned(), to: to.to_owned(), asked }
}

fn part(found: &Contribution) -> Part {
    Part {
        service: found.service.clone(),
        added_ms: round(found.added_ms()),
        own_work_ms: round(found.self_ms),
        more_calls_ms: round(found.more_calls_ms),
        retried_ms: round(found.retried_ms),
        on_the_way_ms: round(found.gap_ms),
        latency_share: round(found.latency_share),
        error_share: round(found.error_share()),
    }
}

impl Part {
    /// Says what most of the added time is.
    fn kind(&self, language: Language) -> &'static str {
        let kinds = [
            (self.own_work_ms, language.pick("its own work", "自身处理")),
            (self.more_calls_ms, language.pick("more calls than before", "调用次数增多")),
            (self.retried_ms, language.pick("calls that are tried again", "重试")),
            (self.on_the_way_ms, language.pick("the way to it", "到达它的路上")),
        ];
        kinds.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).map_or("", |(_, kind)| kind)
    }
}

impl Way {
    /// Names the services of the way, the one that suffers first.
    fn path(&self) -> String {
        let from = self.from.iter().map(String::as_str);
        from.chain(self.hops.iter().map(|hop| hop.to.as_str())).collect::<Vec<_>>().join(" → ")
    }
}

impl Output for Way {
    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let (Some(first), Some(from)) = (self.parts.first(), &self.from) else { return Vec::new() };
        let (service, path) = (&first.service, self.path());
        let mut facts = Vec::new();
        let mut say = |topic, en: String, zh: String| {
            facts.push(Fact { service: service.clone(), topic, text: language.pick(en, zh) });
        };
        if first.latency_share >= LEAST_SHARE {
            let (added, share) = (quantity::ms(first.added_ms), quantity::percent(first.latency_share));
            let kind = first.kind(language);
            say(
                Topic::Latency,
                format!(
                    "{path}: {service} adds {added} to each request of {from}, {share} of all that was added, by {kind}"
                ),
                format!(
                    "{path}：{service} 给 {from} 的每个请求增加 {added}，占新增耗时的 {share}，原因是{kind}"
                ),
            );
        }
        if first.error_share >= LEAST_SHARE {
            let share = quantity::percent(first.error_share);
            say(
                Topic::Errors,
                format!("{path}: {share} of the new failures of {from} begin at {service}"),
                format!("{path}：{from} 新增失败的 {share} 始于 {service}"),
            );
        }
        facts
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(symptom) = &self.symptom else {
            return write!(f, "no service was seen; searched: {}", self.searched);
        };
        writeln!(f, "{} compared with {}", self.windows.window, self.windows.baseline)?;
        writeln!(f, "{symptom}")?;
        if self.parts.is_empty() {
            return write!(
                f,
                "no worse than before, so there is no way to walk; searched: {}",
                self.searched
            );
        }
        for Hop { from, to, asked: RedChange { before, after } } in &self.hops {
            writeln!(
                f,
                "→ {from} calls {to}: {}, errors {}, p99 {}",
                change(quantity::per_second, before.rate_per_s, after.rate_per_s),
                change(quantity::percent, before.error_ratio, after.error_ratio),
                change(quantity::ms, before.p99_ms, after.p99_ms),
            )?;
        }
        for part in &self.parts {
            write!(f, "- {} adds", part.service)?;
            if part.latency_share > 0.0 {
                let (added, share) = (quantity::ms(part.added_ms), quantity::percent(part.latency_share));
                write!(f, " {added} ({share} of the added time), by {}", part.kind(Language::En))?;
            }
            if part.error_share > 0.0 {
                let and = if part.latency_share > 0.0 { "; and" } else { "" };
                write!(f, "{and} {} of new failures", quantity::percent(part.error_share))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
