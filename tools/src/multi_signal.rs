//! Who is to blame, from traces, logs and metrics at once.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{LogQuery, SeriesQuery},
    tool::Output,
};
use waggle_analysis::{
    multi_signal::{
        Blame, Blamed, Explanation, InstanceMetric, PlacedLine, Seen, blame, metric_part::resource_of,
    },
    quantity,
};
use waggle_signals::{Measure, Series, Severity, TimeRange, semconv};

use crate::{
    change::change,
    log_reads::read_logs,
    metric_names::metric_names,
    quote::quote,
    services::whole_range,
    trace_reads::{note, read_traces},
    windows::{Windows, windows},
};

/// Ranks services by what traces, logs and metrics together say against them: new time or failures of their own, steps in their logs that broke, resources used far beyond before.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct MultiSignal {}

/// Services that something speaks against.
#[derive(Debug, Serialize)]
pub struct Ranked {
    windows: Windows,
    searched: String,
    /// What was not or only partly read.
    missing: Vec<String>,
    traces_before: usize,
    traces_after: usize,
    /// Log lines now.
    lines: usize,
    /// Series of metrics.
    metrics: usize,
    #[serde(flatten)]
    blame: Blame,
}

/// Log lines of one window that are read at most.
const MAX_LINES: usize = 5_000;
/// Metrics of resources that are read at most.
const MAX_METRICS: usize = 12;
/// Instances of all metrics that are looked at.
const MAX_SERIES: usize = 2_000;
/// Steps of a window.
const N_STEPS: u32 = 60;
/// Services that are shown.
const MAX_SHOWN: usize = 4;
/// What less speaks for is not told in sentences.
const LEAST_TOLD: f64 = 0.3;
/// What tells the copies of a service apart.
const INSTANCE: [&str; 3] = [semconv::K8S_POD, semconv::SERVICE_INSTANCE_ID, semconv::PROCESS_PID];

#[async_trait]
impl Tool for MultiSignal {
    const NAME: &'static str = "multi_signal";
    type Output = Ranked;

    fn summary(&self) -> String {
        "who is to blame, by traces, logs and metrics together".to_owned()
    }

    async fn run(self, scene: &Scene) -> Result<Ranked, ToolError> {
        let windows = windows(scene).await?;
        let mut missing = Vec::new();
        let before = read_traces(scene, windows.baseline).await?;
        let after = read_traces(scene, windows.window).await?;
        missing.extend(
            Some(note([&before, &after])).filter(|note| !note.is_empty()).map(|note| format!("traces{note}")),
        );
        let (old, new) = (lines(scene, windows.baseline).await?, lines(scene, windows.window).await?);
        let metrics = metrics(scene, &windows, &mut missing).await?;
        let blame = blame(
            Seen { traces: &before.traces, lines: &old },
            Seen { traces: &after.traces, lines: &new },
            &metrics,
        );
        Ok(Ranked {
            searched: format!("traces, logs and metrics in {}", windows.window),
            windows,
            missing,
            traces_before: before.traces.len(),
            traces_after: after.traces.len(),
            lines: new.len(),
            metrics: metrics.len(),
            blame,
        })
    }
}

async fn lines(scene: &Scene, range: TimeRange) -> Result<Vec<PlacedLine>> {
    let query = LogQuery {
        range,
        service: None,
        min_severity: Severity::Trace,
        contains: String::new(),
        limit: MAX_LINES,
    };
    let placed = read_logs(scene, &query).await?.lines.into_iter().map(|log| PlacedLine {
        service: log.resource.service().to_owned(),
        time: log.row.time,
        span: log.row.trace_id.zip(log.row.span_id),
        text: log.row.body,
    });
    Ok(placed.collect())
}

/// Reads the metrics of resources, by instance; without names those that the collector measures.
async fn metrics(scene: &Scene, windows: &Windows, missing: &mut Vec<String>) -> Result<Vec<InstanceMetric>> {
    let usual = [semconv::METRIC_CPU, semconv::METRIC_CPU_WAIT, semconv::METRIC_MEMORY].map(str::to_owned);
    let mut names = match metric_names(scene, whole_range(scene), None).await {
        Ok(named) => named.into_iter().map(|named| named.name).collect(),
        Err(_) => usual.to_vec(),
    };
    names.retain(|name| resource_of(name).is_some());
    if names.len() > MAX_METRICS {
        missing.push(format!("only {MAX_METRICS} of {} metrics of resources were read", names.len()));
        names.truncate(MAX_METRICS);
    }
    let mut all = Vec::new();
    for name in names {
        let before = instances(scene, &name, windows.baseline).await?;
        let mut after = instances(scene, &name, windows.window).await?;
        all.extend(before.into_iter().filter_map(|((service, instance), baseline)| {
            let window = after.remove(&(service.clone(), instance.clone()))?;
            Some(InstanceMetric { service, instance, name: name.clone(), baseline, window })
        }));
    }
    if all.len() > MAX_SERIES {
        missing.push(format!("only {MAX_SERIES} of {} series of metrics were looked at", all.len()));
        all.truncate(MAX_SERIES);
    }
    Ok(all)
}

async fn instances(
    scene: &Scene,
    name: &str,
    range: TimeRange,
) -> Result<BTreeMap<(String, String), Vec<f64>>> {
    let by = [semconv::SERVICE_NAME].iter().chain(&INSTANCE);
    let query = SeriesQuery {
        measure: Measure::Metric(name.to_owned()),
        range,
        step: Duration::from_secs((range.length() / N_STEPS).as_secs().max(1)),
        service: None,
        group_by: by.map(|key| (*key).to_owned()).collect(),
    };
    let key = |series: &Series| {
        let instance = INSTANCE.iter().map(|key| series.label(key)).find(|name| !name.is_empty());
        (series.label(semconv::SERVICE_NAME).to_owned(), instance.unwrap_or_default().to_owned())
    };
    let mut all: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for series in scene.ports.telemetry.series(&query).await? {
        all.entry(key(&series)).or_default().extend(series.values.iter().flatten());
    }
    all.retain(|(service, _), _| !service.is_empty());
    Ok(all)
}

/// Says in words what traces say.
fn explained(explanation: &Explanation, language: Language) -> String {
    match explanation {
        Explanation::OwnWork => language.pick("its own work is slow", "自身处理变慢").to_owned(),
        Explanation::Operation(name) => {
            let name = quote(name);
            language.pick(format!("its own work in `{name}` is slow"), format!("`{name}` 的自身处理变慢"))
        }
        Explanation::CallsToIt => {
            language.pick("calls to it are slow on the way", "到达它的调用在路上变慢").to_owned()
        }
        Explanation::CallsByIt => {
            language.pick("its calls are slow on the way", "它发出的调用在路上变慢").to_owned()
        }
        Explanation::Everything => language.pick("all around it is slow", "与它有关的一切都变慢").to_owned(),
        Explanation::Failures => language.pick("it fails by itself", "自身失败").to_owned(),
    }
}

/// Says what traces, logs and metrics say of one service, the strongest first, with the strength of each.
fn reasons(blamed: &Blamed, language: Language) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(part) = &blamed.trace {
        let (what, bad, all) = (explained(&part.explanation, language), part.bad, part.all);
        reasons.push((
            part.score,
            language.pick(
                format!("traces: {what} ({bad} of {all} calls)"),
                format!("链路：{what}（{all} 次调用中 {bad} 次）"),
            ),
        ));
    }
    if let Some(part) = blamed.metric.first() {
        let written = |value| quantity::of(&Measure::Metric(part.metric.clone()), value);
        let moved = change(written, part.before, part.after);
        reasons.push((
            part.score,
            language.pick(
                format!("metrics: `{}` {moved}", part.metric),
                format!("指标：`{}` {moved}", part.metric),
            ),
        ));
    }
    if let Some(part) = blamed.log.first() {
        let (after, instead) = (quote(&part.after), quote(&part.instead));
        reasons.push((
            part.score,
            language.pick(
                format!("logs: after `{after}` now comes `{instead}`"),
                format!("日志：`{after}` 之后现在是 `{instead}`"),
            ),
        ));
    }
    reasons.sort_by(|a, b| b.0.total_cmp(&a.0));
    reasons.into_iter().map(|(_, reason)| reason).collect()
}

impl Output for Ranked {
    fn is_empty(&self) -> bool {
        self.blame.services.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let told =
            self.blame.services.iter().filter(|blamed| blamed.score >= LEAST_TOLD).take(2).map(|blamed| {
                let service = &blamed.service;
                let reasons = reasons(blamed, language).join(language.pick("; ", "；"));
                let text = language.pick(format!("{service}: {reasons}"), format!("{service}：{reasons}"));
                Fact { service: service.clone(), topic: Topic::Symptom, text }
            });
        told.collect()
    }
}

impl fmt::Display for Ranked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { traces_before, traces_after, lines, metrics, .. } = self;
        let looked = format!(
            "{traces_before} traces before, {traces_after} now, {lines} log lines, {metrics} series of metrics"
        );
        if self.is_empty() {
            write!(f, "nothing in {looked} speaks against any service; searched: {}", self.searched)?;
        } else {
            writeln!(f, "{looked} in {}", self.windows.window)?;
        }
        for (place, blamed) in self.blame.services.iter().take(MAX_SHOWN).enumerate() {
            let (score, reasons) = (quantity::number(blamed.score), reasons(blamed, Language::En).join("; "));
            writeln!(f, "{}. {} {score}: {reasons}", place + 1, blamed.service)?;
        }
        for missing in &self.missing {
            writeln!(f, "missing: {missing}")?;
        }
        Ok(())
    }
}
