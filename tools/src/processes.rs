//! What processes use: CPU, waiting for CPU, memory; and who else runs beside them.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Language, Result, Scene, Tool, ToolError,
    evidence::{Fact, Topic},
    ports::{ResourceQuery, SeriesQuery},
    tool::Output,
};
use waggle_analysis::{
    observed::{ResourceUse, Use},
    quantity,
};
use waggle_signals::{Measure, TimeRange, Topology, semconv};

use crate::{
    red::round,
    rows::write_rows,
    services::resources_of,
    windows::{Windows, windows},
};

/// Returns CPU, time spent waiting for a CPU, and memory of each service's processes before and after, and the other processes on the host that use most CPU.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Processes {
    /// Only this service, and its neighbours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// What was used.
#[derive(Debug, Serialize)]
pub struct Usage {
    windows: Windows,
    searched: String,
    /// Whether one service was asked for.
    one: bool,
    /// By CPU used now, most first.
    services: Vec<Row>,
    /// Processes of no service, most CPU first.
    neighbours: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    service: String,
    #[serde(flatten)]
    used: ResourceUse,
}

/// The attribute with the CPUs that a process may run on, in the kernel's list format.
const CPUS_ALLOWED: &str = "process.cpu.allowed";
/// Rise of waiting for CPU that is worth a sentence, seconds per second.
const NOTABLE_WAIT: f64 = 0.1;
/// Rise of CPU that is worth a sentence, cores.
const NOTABLE_CORES: f64 = 0.2;

#[async_trait]
impl Tool for Processes {
    const NAME: &'static str = "processes";
    type Output = Usage;

    fn summary(&self) -> String {
        match &self.service {
            Some(service) => format!("CPU and memory of `{service}`"),
            None => "CPU and memory of all services and their neighbours".to_owned(),
        }
    }

    async fn run(self, scene: &Scene) -> Result<Usage, ToolError> {
        if let Some(service) = &self.service {
            resources_of(scene, service).await?;
        }
        let windows = windows(scene).await?;
        let after = scene.ports.telemetry.topology(windows.window).await?;
        let before = scene.ports.telemetry.topology(windows.baseline).await?;
        let (services, neighbours) = resource_use(scene, &windows, &before, &after).await?;
        let mut services: Vec<Row> = services.into_iter().map(Row::from).collect();
        if let Some(service) = &self.service {
            services.retain(|row| row.service == *service);
        }
        let searched = format!("process metrics in {}", windows.window);
        let neighbours = neighbours.into_iter().map(Row::from).collect();
        Ok(Usage { windows, searched, one: self.service.is_some(), services, neighbours })
    }
}

impl From<ResourceUse> for Row {
    fn from(used: ResourceUse) -> Self {
        Self { service: used.name.clone(), used }
    }
}

/// Returns what services and their neighbours used, most CPU first. Services are those on either map.
pub(crate) async fn resource_use(
    scene: &Scene,
    windows: &Windows,
    before: &Topology,
    after: &Topology,
) -> Result<(Vec<ResourceUse>, Vec<ResourceUse>)> {
    let mut all: BTreeMap<String, ResourceUse> = BTreeMap::new();
    type Set = fn(&mut Use) -> &mut Option<f64>;
    let metrics: [(&str, Set); 3] = [
        (semconv::METRIC_CPU, |used| &mut used.cpu_cores),
        (semconv::METRIC_CPU_WAIT, |used| &mut used.cpu_wait),
        (semconv::METRIC_MEMORY, |used| &mut used.memory_bytes),
    ];
    for (metric, field) in metrics {
        for (service, value) in mean_sums(scene, metric, windows.baseline).await? {
            *field(&mut all.entry(service).or_default().before) = Some(value);
        }
        for (service, value) in mean_sums(scene, metric, windows.window).await? {
            *field(&mut all.entry(service).or_default().after) = Some(value);
        }
    }
    let range = TimeRange::new(windows.baseline.from(), windows.window.to()).unwrap_or(windows.window);
    for resource in scene.ports.telemetry.resources(&ResourceQuery { range, service: None }).await? {
        if let (Some(used), Some(cpus)) = (all.get_mut(resource.service()), resource.tag(CPUS_ALLOWED)) {
            used.cpus.extend(
                cpu_list(cpus).into_iter().filter(|cpu| !used.cpus.contains(cpu)).collect::<Vec<_>>(),
            );
        }
    }
    for (name, used) in &mut all {
        used.name.clone_from(name);
    }
    let is_service = |name: &str| before.node(name).is_some() || after.node(name).is_some();
    let (mut services, mut neighbours): (Vec<_>, Vec<_>) =
        all.into_values().partition(|used| is_service(&used.name));
    let cores = |used: &ResourceUse| used.after.cpu_cores.unwrap_or(0.0);
    services.sort_by(|a, b| cores(b).total_cmp(&cores(a)));
    neighbours.sort_by(|a, b| cores(b).total_cmp(&cores(a)));
    neighbours.truncate(10);
    Ok((services, neighbours))
}

/// Returns the mean over `range` of a gauge summed over the processes of each service.
///
/// A process that was not measured all the time counts for the part in which it was: a new one replaces an old one.
async fn mean_sums(scene: &Scene, metric: &str, range: TimeRange) -> Result<BTreeMap<String, f64>> {
    let step = Duration::from_secs((range.length().as_secs() / 60).max(1));
    let query = SeriesQuery {
        measure: Measure::Metric(metric.to_owned()),
        range,
        step,
        service: None,
        group_by: vec![semconv::SERVICE_NAME.to_owned(), semconv::PROCESS_PID.to_owned()],
    };
    let mut sums: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
    for series in scene.ports.telemetry.series(&query).await? {
        let service = series.label(semconv::SERVICE_NAME).to_owned();
        let steps = sums.entry(service).or_default();
        for (index, value) in series.values.iter().enumerate() {
            if let Some(value) = value {
                *steps.entry(index).or_default() += value;
            }
        }
    }
    let mean = |steps: BTreeMap<usize, f64>| steps.values().sum::<f64>() / steps.len().max(1) as f64;
    Ok(sums.into_iter().map(|(service, steps)| (service, round(mean(steps)))).collect())
}

/// Reads the kernel's list format: `0-3,8` (`cpuset(7)`, "List format"). What does not parse is left out.
fn cpu_list(text: &str) -> Vec<u32> {
    text.trim()
        .split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (last.saturating_sub(first) < 4096).then_some(first..=last)
        })
        .flatten()
        .collect()
}

impl Output for Usage {
    fn is_empty(&self) -> bool {
        self.services.is_empty() && self.neighbours.is_empty()
    }

    fn facts(&self, language: Language) -> Vec<Fact> {
        let mut facts = Vec::new();
        for Row { service, used } in &self.services {
            let mut say = |topic, en: String, zh: String| {
                facts.push(Fact { service: service.clone(), topic, text: language.pick(en, zh) });
            };
            let wait = used.before.cpu_wait.zip(used.after.cpu_wait);
            if let Some((before, after)) = wait.filter(|(before, after)| after - before >= NOTABLE_WAIT) {
                let (before, after) = (quantity::number(before), quantity::number(after));
                say(
                    Topic::Resources,
                    format!("{service}: waits for a CPU {before} → {after} s per second"),
                    format!("{service}：等待 CPU 的时间 {before} → {after} 秒每秒"),
                );
                let beside = self.neighbours.iter().filter(|neighbour| neighbour.used.shares_cpu_with(used));
                let risen =
                    beside.filter_map(|n| n.used.cpu_rise().or(n.used.after.cpu_cores).map(|rise| (rise, n)));
                let worst =
                    risen.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(rise, _)| *rise >= NOTABLE_CORES);
                if let Some((_, neighbour)) = worst {
                    let name = &neighbour.service;
                    let cores = quantity::number(neighbour.used.after.cpu_cores.unwrap_or(0.0));
                    say(
                        Topic::Neighbour,
                        format!("`{name}` on the same CPUs uses {cores} cores"),
                        format!("同一 CPU 上的 `{name}` 占用 {cores} 核"),
                    );
                }
            }
            let cpu = used.before.cpu_cores.zip(used.after.cpu_cores);
            let rose = |(before, after): &(f64, f64)| {
                after - before >= NOTABLE_CORES && after / before.max(0.01) >= 1.5
            };
            if let Some((before, after)) = cpu.filter(|cpu| self.one || rose(cpu)) {
                let (before, after) = (quantity::number(before), quantity::number(after));
                say(
                    Topic::Resources,
                    format!("{service}: CPU {before} → {after} cores"),
                    format!("{service}：CPU {before} → {after} 核"),
                );
            }
            if let Some((before, after)) =
                used.before.memory_bytes.zip(used.after.memory_bytes).filter(|_| self.one)
            {
                let (before, after) = (quantity::bytes(before), quantity::bytes(after));
                say(
                    Topic::Resources,
                    format!("{service}: memory {before} → {after}"),
                    format!("{service}：内存 {before} → {after}"),
                );
            }
        }
        if facts.is_empty() && !self.services.is_empty() {
            // Somebody asked who uses most: the first row answers.
            let Row { service, used } = &self.services[0];
            let cores = quantity::number(used.after.cpu_cores.unwrap_or(0.0));
            let text = language.pick(
                format!("{service} uses most CPU of all services: {cores} cores"),
                format!("{service} 是最占 CPU 的服务：{cores} 核"),
            );
            facts.push(Fact { service: String::new(), topic: Topic::Resources, text });
        }
        facts
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "no process metrics; searched: {}", self.searched);
        }
        writeln!(f, "{} compared with {}", self.windows.window, self.windows.baseline)?;
        writeln!(f, "services (CPU cores, waiting for CPU in s/s, memory):")?;
        write_rows(f, self.services.iter(), 30)?;
        writeln!(f, "other processes that use most CPU:")?;
        write_rows(f, self.neighbours.iter(), 10)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), quantity::number);
        let bytes = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), quantity::bytes);
        let ResourceUse { before, after, .. } = &self.used;
        write!(
            f,
            "{}: CPU {} → {}, wait {} → {}, memory {} → {}",
            self.service,
            number(before.cpu_cores),
            number(after.cpu_cores),
            number(before.cpu_wait),
            number(after.cpu_wait),
            bytes(before.memory_bytes),
            bytes(after.memory_bytes),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(cpu_list("0-2,5"), [0, 1, 2, 5]);
        assert_eq!(cpu_list("1\n"), [1]);
        assert_eq!(cpu_list("0-99999999999,x"), Vec::<u32>::new());
    }
}
