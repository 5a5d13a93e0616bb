//! Named metrics: which there are, or one of them before and now.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::SeriesQuery,
    tool::Output,
};
use waggle_analysis::{quantity, robust};
use waggle_signals::{Measure, TimeRange, semconv};

use crate::{
    change::change,
    metric_names::{NamedMetric, metric_names},
    quote::quote,
    red::round,
    rows::write_rows,
    services::{resources_of, whole_range},
    windows::{Windows, windows},
};

/// Without `name`, lists the metrics that were sent; with it, compares that metric now with the healthy time, per service or per group.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Metrics {
    /// Only this service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Name of the metric, such as `process.memory.usage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Resource tag to group by, such as `k8s.pod.name`; `service.name` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<String>,
}

/// Names, or values.
#[derive(Debug, Serialize)]
pub struct Measured {
    windows: Windows,
    searched: String,
    service: Option<String>,
    metric: Option<String>,
    unit: String,
    /// Whether values are sums per second.
    is_counted: bool,
    group_by: String,
    /// When a name was given: by how far they moved, most first.
    groups: Vec<Group>,
    /// When none was given: by name.
    names: Vec<NamedMetric>,
    n_names: usize,
    /// Why there are no names; empty when they could be read.
    missing: String,
}

#[derive(Debug, Serialize)]
struct Group {
    group: String,
    /// Mean of the healthy time; absent when nothing was sent then. Like all below, sums per second for what is counted.
    before: Option<f64>,
    /// Mean of now.
    after: Option<f64>,
    /// Highest step of now.
    highest: Option<f64>,
}

/// Steps of a window: enough for a highest, few enough to be quick.
const N_STEPS: u32 = 60;
/// Groups that are listed.
const MAX_GROUPS: usize = 12;
/// Names that are listed.
const MAX_NAMES: usize = 25;
/// Names that are told in a sentence.
const MAX_NAMED: usize = 8;
/// Groups that are told in sentences.
const MAX_TOLD: usize = 3;
/// A name that differs in more than this is another name (Jaro-Winkler similarity, 0 to 1).
const SIMILAR: f64 = 0.75;

#[async_trait]
impl Tool for Metrics {
    const NAME: &'static str = "metrics";
    type Output = Measured;

    fn summary(&self) -> String {
        let whose = self.service.as_ref().map(|service| format!(" of `{service}`")).unwrap_or_default();
        match &self.name {
            Some(name) => format!("metric `{name}`{whose}"),
            None => format!("metrics{whose}"),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Measured, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let names = metric_names(scene, whole_range(scene), self.service.as_deref()).await;
        let missing = names.as_ref().err().map(|error| error.chain()).unwrap_or_default();
        let names = names.unwrap_or_default();
        let group_by = self.group_by.clone().unwrap_or_else(|| semconv::SERVICE_NAME.to_owned());
        let mut measured = Measured {
            windows,
            searched: format!("{} in {}", self.summary(), whole_range(scene)),
            service: self.service.clone(),
            metric: None,
            unit: String::new(),
            is_counted: false,
            group_by,
            groups: Vec::new(),
            names: Vec::new(),
            n_names: 0,
            missing,
        };
        let Some(name) = &self.name else {
            (measured.n_names, measured.names) = (names.len(), names);
            return Ok(measured);
        };
        measured.groups = groups(scene, name, &measured).await?;
        let untagged = format!("without {}", measured.group_by);
        if !measured.groups.is_empty() && measured.groups.iter().all(|group| group.group == untagged) {
            let tag = quote(&measured.group_by);
            return Err(ToolError::Respond(format!("no resource of this metric has a tag `{tag}`")));
        }
        if measured.groups.is_empty() {
            measured.group_by.clear();
        } else {
            measured.metric = Some(name.clone());
        }
        let is_known = names.iter().any(|known| known.name == *name);
        let near = nearest(name, &names).filter(|_| measured.groups.is_empty() && !is_known);
        if let Some(near) = near {
            return Err(ToolError::Respond(format!("unknown metric `{name}`; nearest is `{near}`")));
        }
        if let Some(known) = names.into_iter().find(|known| known.name == *name) {
            (measured.unit, measured.is_counted) = (known.unit, known.is_counted);
        }
        Ok(measured)
    }
}

/// Returns the name that was probably meant.
fn nearest<'a>(name: &str, names: &'a [NamedMetric]) -> Option<&'a str> {
    let like = names.iter().map(|known| (strsim::jaro_winkler(&known.name, name), known.name.as_str()));
    like.filter(|(like, _)| *like >= SIMILAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

async fn groups(scene: &Scene, name: &str, asked: &Measured) -> Result<Vec<Group>> {
    let before = values(scene, name, asked, asked.windows.baseline).await?;
    let after = values(scene, name, asked, asked.windows.window).await?;
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let mean = |values: Option<&Vec<f64>>| values.and_then(|values| robust::mean(values)).map(round);
    let highest = |values: Option<&Vec<f64>>| {
        values.and_then(|values| values.iter().copied().reduce(f64::max)).map(round)
    };
    let group = |key: &String| Group {
        group: key.clone(),
        before: mean(before.get(key)),
        after: mean(after.get(key)),
        highest: highest(after.get(key)),
    };
    let mut groups: Vec<Group> = keys.into_iter().map(group).collect();
    groups.sort_by(|a, b| b.moved().total_cmp(&a.moved()));
    Ok(groups)
}

async fn values(
    scene: &Scene,
    name: &str,
    asked: &Measured,
    range: TimeRange,
) -> Result<BTreeMap<String, Vec<f64>>> {
    let query = SeriesQuery {
        measure: Measure::Metric(name.to_owned()),
        range,
        step: Duration::from_secs((range.length() / N_STEPS).as_secs().max(1)),
        service: asked.service.clone(),
        group_by: vec![asked.group_by.clone()],
    };
    let series = scene.ports.telemetry.series(&query).await?;
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for series in series {
        let group = match series.label(&asked.group_by) {
            "" => format!("without {}", asked.group_by),
            group => group.to_owned(),
        };
        all.entry(group).or_default().extend(series.values.iter().flatten());
    }
    Ok(all)
}

impl Group {
    fn moved(&self) -> f64 {
        (self.after.unwrap_or_default() - self.before.unwrap_or_default()).abs()
    }
}

impl Measured {
    /// Writes a value as its metric's unit wants it.
    fn written(&self, value: Option<f64>) -> String {
        let Some(value) = value else { return "?".to_owned() };
        let name = self.metric.clone().unwrap_or_default();
        if self.is_counted {
            return match self.unit.as_str() {
                "By" => format!("{}/s", quantity::bytes(value)),
                "ms" => format!("{} ms/s", quantity::number(value)),
                "s" => format!("{} s/s", quantity::number(value)),
                _ => quantity::per_second(value),
            };
        }
        match (self.unit.as_str(), name.as_str()) {
            (_, semconv::METRIC_MEMORY) | ("By", _) => quantity::bytes(value),
            ("ms", _) => quantity::ms(value),
            ("s", _) => quantity::ms(value * 1e3),
            _ => quantity::of(&Measure::Metric(name), value),
        }
    }
}

impl Output for Measured {
    fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.names.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let Some(name) = &self.metric else { return self.listed(language).into_iter().collect() };
        let told = self.groups.iter().take(MAX_TOLD).filter(|group| group.after.is_some()).map(|found| {
            let moved = change(|value| self.written(value), found.before, found.after);
            let moved = if found.before.is_none() { self.written(found.after) } else { moved };
            let group = self.shown(&found.group);
            let name = quote(name);
            let service = self
                .service
                .clone()
                .or_else(|| (self.group_by == semconv::SERVICE_NAME).then(|| found.group.clone()));
            let text =
                language.pick(format!("{group}: `{name}` {moved}"), format!("{group}：`{name}` {moved}"));
            Fact { service: service.unwrap_or_default(), topic: Topic::Resources, text }
        });
        told.collect()
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            write!(f, "no metrics; searched: {}", self.searched)?;
            return match self.missing.as_str() {
                "" => Ok(()),
                missing => write!(f, "; names could not be read: {missing}"),
            };
        }
        let Some(name) = &self.metric else {
            writeln!(f, "{}:", self.searched)?;
            return write_rows(f, self.names.iter(), MAX_NAMES);
        };
        writeln!(
            f,
            "{name} by {}, {} compared with {}",
            self.group_by, self.windows.window, self.windows.baseline
        )?;
        let rows: Vec<String> = self.groups.iter().map(|group| self.row(group)).collect();
        write_rows(f, rows.into_iter(), MAX_GROUPS)
    }
}

impl Measured {
    /// Returns a group as it may stand in a sentence: values of tags are untrusted, services stand as they are elsewhere.
    fn shown(&self, group: &str) -> String {
        match self.group_by == semconv::SERVICE_NAME {
            true => quote(group),
            false => format!("`{}`", quote(group)),
        }
    }

    /// Says which metrics there are, if any.
    fn listed(&self, language: Language) -> Option<Fact> {
        let names = self.names.iter().take(MAX_NAMED).map(|metric| format!("`{}`", quote(&metric.name)));
        let (names, n) = (names.collect::<Vec<_>>().join(language.pick(", ", "、")), self.names.len());
        let whose = self.service.as_deref().unwrap_or(language.pick("all services", "各服务"));
        let text = language.pick(
            format!("metrics of {whose}: {n}, such as {names}"),
            format!("{whose} 的指标共 {n} 个，如 {names}"),
        );
        let service = self.service.clone().unwrap_or_default();
        (n > 0).then_some(Fact { service, topic: Topic::Resources, text })
    }

    fn row(&self, group: &Group) -> String {
        let moved = change(|value| self.written(value), group.before, group.after);
        format!("{}: {moved}, highest {}", group.group, self.written(group.highest))
    }
}

impl fmt::Display for NamedMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.unit.is_empty() { "no unit" } else { &self.unit };
        write!(f, "{} ({unit}), services: {}", self.name, self.services)
    }
}
