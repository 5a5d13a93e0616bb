//! Which requests carry a change: their route, caller, version, instance, zone, or whatever else they are marked with.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::Fact,
    ports::{Of, SpanQuery},
    tool::Output,
};
use waggle_analysis::{attribution::attribute, quantity};
use waggle_signals::{Span, SpanKind, TimeRange};

use crate::{
    dimensions::{Dimensions, dimensions},
    moved::{Moved, Subject},
    quote::quote,
    red::round,
    services::resources_of,
    windows::{Windows, windows},
};

/// Finds which attributes of the requests of a service (route, status, caller, version, instance, pod, node, zone and any other) carry its change of latency, errors or requests between the healthy time and now.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Attribution {
    /// Name of the service.
    pub service: String,
    /// Which change to explain; what changed most when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Subject>,
}

/// What carries a change.
#[derive(Debug, Serialize)]
pub struct Carriers {
    service: String,
    measure: Subject,
    windows: Windows,
    searched: String,
    /// What was read when not all requests were; empty when all were.
    cut: String,
    /// All requests of the service.
    whole: Moved,
    /// Dimensions that could have told requests apart, each with those that say the same.
    dimensions: BTreeMap<String, Vec<String>>,
    /// Best first; empty when nothing changed, or no attribute tells who carries it.
    carriers: Vec<Carrier>,
    /// How requests failed now, most first: status codes and types of error.
    failed_with: Vec<FailedWith>,
}

#[derive(Debug, Serialize)]
struct Carrier {
    /// `http.route=/pay, service.version=2.1`.
    which: String,
    /// Its part of the whole change, 0 to 1.
    share: f64,
    /// Other attributes that say the same.
    same: Vec<String>,
    #[serde(flatten)]
    moved: Moved,
}

#[derive(Debug, Serialize)]
struct FailedWith {
    what: String,
    requests: usize,
}

/// Requests of one window that are read at most, the newest.
const MAX_REQUESTS: usize = 5_000;
/// Ways to fail that are listed.
const MAX_FAILED_WITH: usize = 4;
#[async_trait]
impl Tool for Attribution {
    const NAME: &'static str = "attribution";
    type Output = Carriers;

    fn summary(&self) -> String {
        let what = self.measure.map_or("change", Subject::word);
        format!("which requests of `{}` carry its {what}", self.service)
    }

    async fn run(self, scene: &Scene) -> Result<Carriers, ToolError> {
        resources_of(scene, &self.service).await?;
        let windows = windows(scene).await?;
        let before = requests(scene, &self.service, windows.baseline).await?;
        let after = requests(scene, &self.service, windows.window).await?;
        let covers = [covered(&before, windows.baseline), covered(&after, windows.window)];
        let lengths = covers.map(|covers| covers.length());
        let is_cut = before.len().max(after.len()) >= MAX_REQUESTS;
        let cut = if is_cut {
            format!("only the newest {MAX_REQUESTS} requests of each time were read")
        } else {
            String::new()
        };
        let spans = [before.as_slice(), after.as_slice()];
        let whole = Moved::of(
            &dimensions(spans, |_| false, Subject::Latency.amount()).having(&BTreeMap::new()),
            lengths,
        );
        let measure = self.measure.unwrap_or_else(|| whole.most());
        let is_asked = |name: &str| measure != Subject::Errors || !is_outcome(name);
        let rows = dimensions(spans, is_asked, measure.amount());
        let scale = if measure == Subject::Requests {
            lengths[1].as_secs_f64() / lengths[0].as_secs_f64()
        } else {
            1.0
        };
        let carriers = match whole.is_notable(measure) {
            true => carriers(&rows, measure, scale, lengths),
            false => Vec::new(),
        };
        Ok(Carriers {
            searched: format!("requests that `{}` answered in {}", self.service, windows.window),
            service: self.service,
            measure,
            windows,
            cut,
            whole,
            dimensions: rows.same,
            carriers,
            failed_with: failed_with(&after),
        })
    }
}

async fn requests(scene: &Scene, service: &str, range: TimeRange) -> Result<Vec<Of<Span>>> {
    // A worker that takes messages answers them too.
    for kind in [SpanKind::Server, SpanKind::Consumer] {
        let query = SpanQuery {
            service: Some(service.to_owned()),
            kind: Some(kind),
            ..SpanQuery::newest(range, MAX_REQUESTS)
        };
        let found = scene.ports.telemetry.spans(&query).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn covered(spans: &[Of<Span>], range: TimeRange) -> TimeRange {
    let oldest = spans.last().filter(|_| spans.len() >= MAX_REQUESTS).map(|span| span.row.start);
    oldest.and_then(|oldest| TimeRange::new(oldest, range.to()).ok()).unwrap_or(range)
}

fn carriers(rows: &Dimensions, measure: Subject, scale: f64, lengths: [Duration; 2]) -> Vec<Carrier> {
    let found = attribute(&rows.leaves(measure.amount(), scale));
    let carriers = found.into_iter().map(|found| Carrier {
        which: written(&found.elements),
        // Above 1 when others changed the other way.
        share: round(found.explanatory_power.clamp(0.0, 1.0)),
        same: found.elements.keys().filter_map(|name| rows.same.get(name)).flatten().cloned().collect(),
        moved: Moved::of(&rows.having(&found.elements), lengths),
    });
    carriers.collect()
}

fn written(elements: &BTreeMap<String, String>) -> String {
    let named = elements.iter().map(|(name, value)| match value.as_str() {
        "" => format!("without {name}"),
        value => format!("{name}={value}"),
    });
    // Values are untrusted, and stand between backticks.
    named.collect::<Vec<_>>().join(", ").replace(['`', '\n'], "'")
}

/// Tells whether an attribute says how a request ended, which explains no failure.
fn is_outcome(name: &str) -> bool {
    name.contains("status")
        || ["error", "exception", "http.response"].iter().any(|start| name.starts_with(start))
}

fn failed_with(after: &[Of<Span>]) -> Vec<FailedWith> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for span in after.iter().filter(|span| span.row.is_error()) {
        let how = span.row.attributes.iter().filter(|(name, _)| is_outcome(name));
        let how: BTreeMap<String, String> = how.map(|(name, value)| (name.clone(), quote(value))).collect();
        if !how.is_empty() {
            *counts.entry(written(&how)).or_default() += 1;
        }
    }
    let mut all: Vec<FailedWith> =
        counts.into_iter().map(|(what, requests)| FailedWith { what, requests }).collect();
    all.sort_by_key(|failed| std::cmp::Reverse(failed.requests));
    all.truncate(MAX_FAILED_WITH);
    all
}

impl Output for Carriers {
    fn is_empty(&self) -> bool {
        self.whole.requests_before + self.whole.requests_after == 0
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let service = &self.service;
        // Shares and counts are of what was read.
        let read = if self.cut.is_empty() {
            ""
        } else {
            language.pick("of those read, ", "在已读的请求中，")
        };
        let carriers = self.carriers.iter().take(3).map(|carrier| {
            let (which, share) = (&carrier.which, quantity::percent(carrier.share));
            let moved = carrier.moved.written(self.measure, language);
            language.pick(
                format!(
                    "{read}{share} of the change of {service} is in its requests with `{which}`: {moved}"
                ),
                format!("{read}{service} 变化的 {share} 来自 `{which}` 的请求：{moved}"),
            )
        });
        let fails = self.measure == Subject::Errors && self.whole.error_ratio_after > 0.0;
        let failed = self.failed_with.first().filter(|_| fails).map(|failed| {
            let FailedWith { what, requests } = failed;
            language.pick(
                format!("{read}{requests} failed requests of {service} ended with `{what}`"),
                format!("{read}{service} 有 {requests} 个失败请求以 `{what}` 结束"),
            )
        });
        let fact = |text| Fact { service: service.clone(), topic: self.measure.topic(), text };
        carriers.chain(failed).map(fact).collect()
    }
}

impl fmt::Display for Carriers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "`{}` answered no request; searched: {}", self.service, self.searched);
        }
        writeln!(f, "{} compared with {}", self.windows.window, self.windows.baseline)?;
        if !self.cut.is_empty() {
            writeln!(f, "{}", self.cut)?;
        }
        writeln!(f, "all requests of {}: {}", self.service, self.whole.written(self.measure, Language::En))?;
        for carrier in &self.carriers {
            let Carrier { which, share, same, moved } = carrier;
            let (share, moved) = (quantity::percent(*share), moved.written(self.measure, Language::En));
            write!(f, "- {share} of the change: {which}: {moved}")?;
            match same.as_slice() {
                [] => writeln!(f)?,
                same => writeln!(f, " (so say {} as well)", same.join(", "))?,
            }
        }
        if self.carriers.is_empty() {
            let why = if self.whole.is_notable(self.measure) {
                "no attribute tells who carries it"
            } else {
                "it hardly changed"
            };
            let names: Vec<&str> = self.dimensions.keys().map(String::as_str).collect();
            writeln!(f, "{why}; looked at: {}", names.join(", "))?;
        }
        for FailedWith { what, requests } in &self.failed_with {
            writeln!(f, "- {requests} failed with {what}")?;
        }
        Ok(())
    }
}
