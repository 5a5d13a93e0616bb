//! The four golden signals of every service: traffic, errors, latency, saturation.

use std::{cmp::Ordering, fmt};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::{
    observed::{ResourceUse, Use},
    quantity,
};

use crate::{
    change::change,
    processes::resource_use,
    red::{RedChange, RedRow},
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Returns request rate, error ratio, latency (p50, p90, p99) and use of CPU and memory of services, healthy time → now. Bounds are on the values of now, and all must hold.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct GoldenSignals {
    /// Only this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// At least this share of requests fails, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_error_ratio: Option<f64>,
    /// At most this share of requests fails, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_error_ratio: Option<f64>,
    /// p99 of at least so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_p99_ms: Option<f64>,
    /// p99 of at most so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_p99_ms: Option<f64>,
    /// At least so many requests per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_requests_per_s: Option<f64>,
    /// At most so many requests per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests_per_s: Option<f64>,
    /// What to sort by, the value of now; `p99` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<SortBy>,
    /// Whether the highest (`most`, when absent) or the lowest (`least`) are first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// At most so many services; 10 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A signal to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// Share of failed requests.
    ErrorRatio,
    /// 99th percentile of latency.
    #[default]
    P99,
    /// Requests per second.
    Requests,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The highest.
    #[default]
    Most,
    /// The lowest.
    Least,
}

/// Signals by service.
#[derive(Debug, Serialize)]
pub struct Signals {
    windows: Windows,
    searched: String,
    sorted_by: SortBy,
    order: Order,
    /// Services that were left off.
    left_off: usize,
    services: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    service: String,
    #[serde(flatten)]
    answered: RedChange,
    /// Of its processes, where they were measured.
    used: Option<ResourceUse>,
}

/// Services that are listed when nobody says how many.
const USUAL_LIMIT: usize = 10;
/// Services that are listed at most.
const MAX_LIMIT: usize = 50;
/// Services that are told in sentences.
const MAX_TOLD: usize = USUAL_LIMIT;

#[async_trait]
impl Tool for GoldenSignals {
    const NAME: &'static str = "golden_signals";
    type Output = Signals;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("rate, errors, latency and saturation of `{service}`"),
            None => "rate, errors, latency and saturation of services".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Signals, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let before = scene.ports.telemetry.topology(windows.baseline).await?;
        let after = scene.ports.telemetry.topology(windows.window).await?;
        let (mut used, others) = resource_use(scene, &windows, &before, &after).await?;
        used.extend(others.into_iter().filter(|used| Some(&used.name) == self.service.as_ref()));
        let nodes = before.nodes.iter().chain(&after.nodes).map(|node| node.service.clone());
        let mut names: Vec<String> = nodes.chain(self.service.clone()).collect();
        names.sort();
        names.dedup();
        let rows = names.into_iter().map(|service| {
            let answered = |map: &waggle_signals::Topology| {
                map.node(&service).map(|node| node.answered).unwrap_or_default()
            };
            let answered = RedChange {
                before: RedRow::of(&answered(&before), windows.baseline.length()),
                after: RedRow::of(&answered(&after), windows.window.length()),
            };
            let used = used.iter().find(|used| used.name == service).cloned();
            Row { service, answered, used }
        });
        let sorted_by = self.sort_by.unwrap_or_default();
        let mut services: Vec<Row> = rows.filter(|row| self.holds(row)).collect();
        let order = self.order.unwrap_or_default();
        services.sort_by(|a, b| sorted_by.compare(order, a, b).then_with(|| a.service.cmp(&b.service)));
        let limit = self.limit.unwrap_or(USUAL_LIMIT).clamp(1, MAX_LIMIT);
        let left_off = services.len().saturating_sub(limit);
        services.truncate(limit);
        let searched = format!("answered requests and process metrics in {}", windows.window);
        Ok(Signals { windows, searched, sorted_by, order, left_off, services })
    }
}

impl GoldenSignals {
    fn holds(&self, row: &Row) -> bool {
        let after = &row.answered.after;
        let within = |value: f64, least: Option<f64>, most: Option<f64>| {
            least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most)
        };
        let of_requests = [self.min_error_ratio, self.max_error_ratio, self.min_p99_ms, self.max_p99_ms];
        // Who answers nothing has no errors and no latency, neither high nor low.
        let is_measured = after.requests > 0 || of_requests.iter().all(Option::is_none);
        self.service.as_ref().is_none_or(|service| row.service == *service)
            && is_measured
            && within(after.error_ratio, self.min_error_ratio, self.max_error_ratio)
            && within(after.p99_ms, self.min_p99_ms, self.max_p99_ms)
            && within(after.rate_per_s, self.min_requests_per_s, self.max_requests_per_s)
    }
}

impl SortBy {
    /// Returns the value to sort by; who answers nothing has no errors and no latency.
    fn of(self, row: &RedRow) -> Option<f64> {
        let of_requests = |value| (row.requests > 0).then_some(value);
        match self {
            Self::ErrorRatio => of_requests(row.error_ratio),
            Self::P99 => of_requests(row.p99_ms),
            Self::Requests => Some(row.rate_per_s),
        }
    }

    /// What has no value is last in either order.
    fn compare(self, order: Order, a: &Row, b: &Row) -> Ordering {
        match (self.of(&a.answered.after), self.of(&b.answered.after)) {
            (Some(a), Some(b)) if order == Order::Least => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    fn topic(self) -> Topic {
        match self {
            Self::ErrorRatio => Topic::Errors,
            Self::P99 => Topic::Latency,
            Self::Requests => Topic::Traffic,
        }
    }
}

impl Row {
    /// Says what its processes use, as far as it was measured.
    fn saturation(&self, language: Language) -> Option<String> {
        let ResourceUse { before, after, .. } = self.used.as_ref()?;
        let both = |of: fn(&Use) -> Option<f64>| of(before).zip(of(after));
        let said = [
            both(|used| used.cpu_cores).map(|(old, new)| {
                let cores = change(quantity::number, old, new);
                language.pick(format!("CPU {cores} cores"), format!("CPU {cores} 核"))
            }),
            both(|used| used.cpu_wait).map(|(old, new)| {
                let wait = change(quantity::number, old, new);
                language.pick(format!("waiting for CPU {wait} s/s"), format!("等待 CPU {wait} 秒每秒"))
            }),
            both(|used| used.memory_bytes).map(|(old, new)| {
                let memory = change(quantity::bytes, old, new);
                language.pick(format!("memory {memory}"), format!("内存 {memory}"))
            }),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join(language.pick(", ", "，")))
    }
}

impl Output for Signals {
    fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let mut facts = Vec::new();
        for row in self.services.iter().take(MAX_TOLD) {
            let (service, RedChange { before, after }) = (&row.service, &row.answered);
            let topic = self.sorted_by.topic();
            let mut say = |topic, en: String, zh: String| {
                facts.push(Fact { service: service.clone(), topic, text: language.pick(en, zh) });
            };
            let old_rate = quantity::per_second(before.rate_per_s);
            match (before.requests, after.requests) {
                (0, 0) => {}
                (1.., 0) => say(
                    Topic::Traffic,
                    format!("{service} answers no requests; before, it answered {old_rate}"),
                    format!("{service} 没有应答请求；此前为 {old_rate}"),
                ),
                _ => {
                    // A service that is new has nothing to be compared with.
                    let before = if before.requests > 0 { before } else { after };
                    let rate = change(quantity::per_second, before.rate_per_s, after.rate_per_s);
                    let errors = change(quantity::percent, before.error_ratio, after.error_ratio);
                    let p99 = change(quantity::ms, before.p99_ms, after.p99_ms);
                    say(
                        topic,
                        format!("{service}: p99 {p99}, error ratio {errors}, requests {rate}"),
                        format!("{service}：p99 {p99}，错误率 {errors}，请求 {rate}"),
                    );
                }
            }
            if let Some(used) = row.saturation(language).filter(|_| self.services.len() == 1) {
                let text = language.pick(format!("{service}: {used}"), format!("{service}：{used}"));
                facts.push(Fact { service: service.clone(), topic: Topic::Resources, text });
            }
        }
        facts
    }
}

impl fmt::Display for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.services.is_empty() {
            return write!(f, "no service is within the bounds; searched: {}", self.searched);
        }
        writeln!(f, "{} compared with {}", self.windows.window, self.windows.baseline)?;
        write_rows(f, self.services.iter(), MAX_LIMIT)?;
        if self.left_off > 0 {
            writeln!(f, "… {} more", self.left_off)?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RedChange { before, after } = &self.answered;
        let service = &self.service;
        match (before.requests, after.requests) {
            (0, 0) => write!(f, "{service}: answers no requests")?,
            (1.., 0) => {
                let rate = quantity::per_second(before.rate_per_s);
                write!(f, "{service}: answers no requests, before {rate}")?;
            }
            _ => {
                let (new, before) = if before.requests > 0 { ("", before) } else { (" (new)", after) };
                let ms = |of: fn(&RedRow) -> f64| change(quantity::ms, of(before), of(after));
                write!(
                    f,
                    "{service}{new}: {}, errors {}, p50 {}, p90 {}, p99 {}",
                    change(quantity::per_second, before.rate_per_s, after.rate_per_s),
                    change(quantity::percent, before.error_ratio, after.error_ratio),
                    ms(|row| row.p50_ms),
                    ms(|row| row.p90_ms),
                    ms(|row| row.p99_ms),
                )?;
            }
        }
        match self.saturation(Language::En) {
            Some(used) => write!(f, ", {used}"),
            None => Ok(()),
        }
    }
}
