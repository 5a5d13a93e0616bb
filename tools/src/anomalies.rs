//! Which measures of which services left their usual range.

use std::fmt;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    tool::Output,
};
use waggle_analysis::{anomaly::Anomaly, quantity};
use waggle_signals::{Measure, TimeRange, semconv};

use crate::{rows::write_rows, windows::scanned};

/// Scans request rate, error ratio, latency, error logs, CPU, waiting for CPU and memory of all services for what left its usual range, with the time it began. Worst first.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Anomalies {}

/// What left its usual range.
#[derive(Debug, Serialize)]
pub struct Scan {
    baseline: TimeRange,
    window: TimeRange,
    searched: String,
    /// Worst first.
    anomalies: Vec<Anomaly>,
}

#[async_trait]
impl Tool for Anomalies {
    const NAME: &'static str = "anomalies";
    type Output = Scan;

    fn summary(&self) -> String {
        "what left its usual range, in all services".to_owned()
    }

    async fn run(self, scene: &Scene) -> Result<Scan, ToolError> {
        let anomalies = scanned(scene, &measures()).await?;
        let (baseline, window) = (scene.incident.baseline, scene.incident.window);
        let searched =
            format!("rate, errors, latency, error logs, CPU and memory of all services in {window}");
        Ok(Scan { baseline, window, searched, anomalies })
    }
}

/// Everything that is scanned.
pub(crate) fn measures() -> Vec<Measure> {
    vec![
        Measure::RequestRate,
        Measure::ErrorRatio,
        Measure::LatencyMean,
        Measure::LatencyP99,
        Measure::ErrorLogRate,
        Measure::Metric(semconv::METRIC_CPU.to_owned()),
        Measure::Metric(semconv::METRIC_CPU_WAIT.to_owned()),
        Measure::Metric(semconv::METRIC_MEMORY.to_owned()),
    ]
}

/// Names a measure in Chinese.
fn name_zh(measure: &Measure) -> &str {
    match measure {
        Measure::RequestRate => "请求量",
        Measure::ErrorRatio => "错误率",
        Measure::LatencyMean => "平均延迟",
        Measure::LatencyP50 => "延迟 p50",
        Measure::LatencyP99 => "延迟 p99",
        Measure::ErrorLogRate => "错误日志量",
        Measure::Metric(name) => match name.as_str() {
            semconv::METRIC_CPU => "CPU",
            semconv::METRIC_CPU_WAIT => "等待 CPU 的时间",
            semconv::METRIC_MEMORY => "内存",
            name => name,
        },
    }
}

impl Output for Scan {
    fn is_empty(&self) -> bool {
        self.anomalies.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let facts = self.anomalies.iter().take(10).map(|anomaly| {
            let service = anomaly.service().to_owned();
            let (before, after) = (
                quantity::of(&anomaly.measure, anomaly.before),
                quantity::of(&anomaly.measure, anomaly.after),
            );
            let (measure, since) = (quantity::name(&anomaly.measure), quantity::clock(anomaly.onset));
            let text = language.pick(
                format!("{service}: {measure} {before} → {after} since {since}"),
                format!("{service}：{} 自 {since} 起 {before} → {after}", name_zh(&anomaly.measure)),
            );
            Fact { service, topic: Topic::Symptom, text }
        });
        facts.collect()
    }
}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.anomalies.is_empty() {
            return write!(f, "nothing left its usual range; searched: {}", self.searched);
        }
        writeln!(f, "{} compared with {}", self.window, self.baseline)?;
        write_rows(f, self.anomalies.iter(), 20)
    }
}
