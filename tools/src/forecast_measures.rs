//! Which series stands for what a person calls memory, CPU or disk, and where its bound is told.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;
use serde_json::Value;
use waggle_agent_core::{
    Result, Scene, ToolError,
    evidence::Topic,
    ports::{SeriesQuery, SqlQuery},
};
use waggle_analysis::{Direction, quantity};
use waggle_signals::{Measure, Series, TimeRange, semconv};

use crate::{forecast_bounds::bound, metric_names::literal, quote::quote};

/// A series with what is known of it.
pub(crate) struct Measured {
    pub series: Series,
    /// Which copy of the service, for what is measured of each; else empty.
    pub copy: String,
    pub unit: Unit,
    pub topic: Topic,
    pub direction: Direction,
    pub bound: Option<Bound>,
}

/// What should not be met.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bound {
    pub value: f64,
    /// Who says so.
    pub from: String,
}

/// What the values are numbers of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Bytes,
    Cores,
    Share,
    PerSecond,
    Milliseconds,
    Plain,
}

/// What a person may ask for, and the metrics that stand for it, the most exact first.
pub(crate) struct Word {
    pub word: &'static str,
    metrics: &'static [&'static str],
    /// Metrics of the bound.
    pub bounds: &'static [&'static str],
    /// The bound of every one of them.
    pub fixed: Option<f64>,
    pub unit: Unit,
    direction: Direction,
}

/// Names are those of OpenTelemetry's semantic conventions and receivers, and of cAdvisor and the node exporter of Prometheus.
pub(crate) const WORDS: [Word; 4] = [
    Word {
        word: "memory",
        metrics: &[
            semconv::METRIC_MEMORY,
            "container.memory.working_set",
            "container.memory.usage",
            "k8s.pod.memory.working_set",
            "k8s.pod.memory.usage",
            "container_memory_working_set_bytes",
            "process_resident_memory_bytes",
        ],
        bounds: &[
            "k8s.container.memory_limit",
            "container.memory.usage.limit",
            "container_spec_memory_limit_bytes",
        ],
        fixed: None,
        unit: Unit::Bytes,
        direction: Direction::Up,
    },
    Word {
        word: "cpu",
        metrics: &[semconv::METRIC_CPU, "container.cpu.usage", "k8s.pod.cpu.usage"],
        bounds: &["k8s.container.cpu_limit", "container.cpu.limit"],
        fixed: None,
        unit: Unit::Cores,
        direction: Direction::Up,
    },
    Word {
        word: DISK,
        metrics: &["system.filesystem.utilization", "k8s.volume.utilization"],
        bounds: &[],
        fixed: Some(1.0),
        unit: Unit::Share,
        direction: Direction::Up,
    },
    Word {
        word: DISK,
        metrics: &[
            "k8s.volume.available",
            "k8s.pod.filesystem.available",
            "node_filesystem_avail_bytes",
            "kubelet_volume_stats_available_bytes",
        ],
        bounds: &[],
        fixed: Some(0.0),
        unit: Unit::Bytes,
        direction: Direction::Down,
    },
];

/// What disks are asked for by.
const DISK: &str = "disk";

/// What is measured of a service as a whole.
pub(crate) const RATES: [(&str, Measure, Unit, Topic); 4] = [
    ("request_rate", Measure::RequestRate, Unit::PerSecond, Topic::Traffic),
    ("error_ratio", Measure::ErrorRatio, Unit::Share, Topic::Errors),
    ("latency_p99", Measure::LatencyP99, Unit::Milliseconds, Topic::Latency),
    ("latency_mean", Measure::LatencyMean, Unit::Milliseconds, Topic::Latency),
];

/// What is asked for by a word of its own and worked out of others.
pub(crate) const ERROR_BUDGET: &str = "error_budget";
/// Share of requests that may fail: three nines, what most services promise.
pub(crate) const BUDGET: f64 = 0.001;
/// Time that the budget is for (Site Reliability Workbook, ch. 5: four weeks or thirty days).
pub(crate) const BUDGET_FOR: Duration = Duration::from_secs(30 * 86_400);

/// History that is looked at, at most: a week tells days from days of the week.
const LOOK_BACK: Duration = Duration::from_secs(7 * 86_400);
/// Steps of a long history: a day has 288, of each quarter of an hour three.
const LONG_STEP: Duration = Duration::from_secs(300);
/// Histories of at least this length are drawn in long steps.
const LONG: Duration = Duration::from_secs(2 * 86_400);
/// Attributes that tell disks apart: of OpenTelemetry's receivers, the node exporter and the kubelet.
const DISK_TAGS: [&str; 6] = [
    "system.filesystem.mountpoint",
    "mountpoint",
    "persistentvolumeclaim",
    "k8s.volume.name",
    "system.device",
    "device",
];
/// Points that are looked through for disks.
const MAX_POINTS: usize = 1_000;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Steps of a short history.
const N_STEPS: u32 = 240;

/// Returns the series that stands for `asked`; `None` when nothing of it was measured.
pub(crate) async fn measured(
    scene: &Scene,
    service: &str,
    asked: &str,
) -> Result<Option<Measured>, ToolError> {
    if asked == ERROR_BUDGET {
        return Ok(error_budget(scene, service).await?);
    }
    if let Some((_, measure, unit, topic)) = RATES.iter().find(|(word, ..)| *word == asked) {
        let found = history(scene, service, measure.clone(), &[]).await?;
        return Ok(found.into_iter().next().map(|series| Measured {
            series,
            copy: String::new(),
            unit: *unit,
            topic: *topic,
            direction: Direction::Up,
            bound: None,
        }));
    }
    for word in WORDS.iter().filter(|word| word.word == asked) {
        for metric in word.metrics {
            let found = history(scene, service, Measure::Metric((*metric).to_owned()), &COPIES).await?;
            if let Some(series) = nearest_to_bound(found, word.direction) {
                let copy = copy(&series);
                if word.word == DISK {
                    check_one_disk(scene, service, metric).await?;
                }
                let container = series.label(K8S_CONTAINER);
                let bound = bound(scene, service, (&copy, container), word).await?;
                let (unit, direction) = (word.unit, word.direction);
                return Ok(Some(Measured { series, copy, unit, topic: Topic::Resources, direction, bound }));
            }
        }
    }
    let found = history(scene, service, Measure::Metric(asked.to_owned()), &COPIES).await?;
    Ok(nearest_to_bound(found, Direction::Up).map(|series| Measured {
        copy: copy(&series),
        series,
        unit: Unit::Plain,
        topic: Topic::Resources,
        direction: Direction::Up,
        bound: None,
    }))
}

/// Returns what was searched for `asked`.
pub(crate) fn searched(asked: &str) -> String {
    let metrics: Vec<&str> =
        WORDS.iter().filter(|word| word.word == asked).flat_map(|word| word.metrics).copied().collect();
    match metrics.is_empty() {
        true => format!("`{asked}`"),
        false => format!("metrics `{}`", metrics.join("`, `")),
    }
}

/// The tags that tell copies of a service apart.
pub(crate) const COPIES: [&str; 7] = [
    semconv::SERVICE_NAME,
    semconv::K8S_POD,
    semconv::SERVICE_INSTANCE_ID,
    semconv::PROCESS_PID,
    semconv::HOST_NAME,
    K8S_CONTAINER,
    K8S_VOLUME,
];

/// OpenTelemetry semantic conventions, `k8s.container.name` and `k8s.volume.name`.
pub(crate) const K8S_CONTAINER: &str = "k8s.container.name";
const K8S_VOLUME: &str = "k8s.volume.name";

pub(crate) fn copy(series: &Series) -> String {
    let named = COPIES.iter().skip(1).map(|key| series.label(key)).find(|label| !label.is_empty());
    named.unwrap_or_default().to_owned()
}

/// Checks that a metric of disks is of one disk only: the store averages over what is not told apart by the resource.
async fn check_one_disk(scene: &Scene, service: &str, metric: &str) -> Result<(), ToolError> {
    let range = scene.incident.window;
    let text = format!(
        "SELECT attributes FROM metrics WHERE name = {} AND service = {} AND time >= '{}' AND time < '{}'",
        literal(metric),
        literal(service),
        range.from(),
        range.to()
    );
    let query = SqlQuery { text, limit: MAX_POINTS, timeout: PATIENCE };
    let table = scene.ports.telemetry.sql(&query).await?;
    let disk = |row: &Vec<Value>| {
        let attributes = row.first()?.as_object()?;
        DISK_TAGS.iter().find_map(|tag| Some(quote(attributes.get(*tag)?.as_str()?)))
    };
    let disks: BTreeSet<String> = table.rows.iter().filter_map(disk).collect();
    if disks.len() < 2 {
        return Ok(());
    }
    let disks: Vec<String> = disks.into_iter().take(8).map(|disk| format!("`{disk}`")).collect();
    Err(ToolError::Respond(format!(
        "`{metric}` of `{service}` is of several disks ({}), and only their mean can be drawn; ask `sql` for one of them",
        disks.join(", ")
    )))
}

/// Draws the history of a measure, as far back as there is one: long ones in long steps.
pub(crate) async fn history(
    scene: &Scene,
    service: &str,
    measure: Measure,
    copies: &[&str],
) -> Result<Vec<Series>> {
    let end = scene.incident.window.to();
    let whole = TimeRange::ending_at(end, LOOK_BACK);
    let mut long = drawn(scene, service, measure.clone(), copies, whole, LONG_STEP).await?;
    // Where rows are counted, no rows are a zero: what was not there yet is no history.
    let is_counted = matches!(measure, Measure::RequestRate | Measure::ErrorLogRate);
    if is_counted {
        long.iter_mut().for_each(leave_out_leading_zeros);
    }
    let first =
        long.iter().filter_map(|series| Some(series.time(series.values.iter().position(Option::is_some)?)));
    let Some(range) = first.min().and_then(|first| TimeRange::new(first, end).ok()) else {
        return Ok(Vec::new());
    };
    let is_long = range.length() >= LONG;
    let step =
        if is_long { LONG_STEP } else { Duration::from_secs((range.length() / N_STEPS).as_secs().max(1)) };
    let mut all = drawn(scene, service, measure, copies, range, step).await?;
    if is_counted {
        all.iter_mut().for_each(leave_out_leading_zeros);
    }
    Ok(all)
}

async fn drawn(
    scene: &Scene,
    service: &str,
    measure: Measure,
    copies: &[&str],
    range: TimeRange,
    step: Duration,
) -> Result<Vec<Series>> {
    let group_by = copies.iter().map(|key| (*key).to_owned()).collect();
    let service = Some(service.to_owned());
    scene.ports.telemetry.series(&SeriesQuery { measure, range, step, service, group_by }).await
}

fn leave_out_leading_zeros(series: &mut Series) {
    for value in &mut series.values {
        match value {
            Some(0.0) => *value = None,
            Some(_) => break,
            None => {}
        }
    }
}

/// Returns the copy that is furthest on its way: of many, the first to meet the bound counts.
fn nearest_to_bound(all: Vec<Series>, direction: Direction) -> Option<Series> {
    let last = |series: &Series| {
        let last = series.values.iter().rev().flatten().next().copied().unwrap_or(f64::NAN);
        if direction == Direction::Up { last } else { -last }
    };
    // A copy that is gone goes nowhere.
    let end = |series: &Series| series.values.iter().rposition(Option::is_some);
    let newest = all.iter().filter_map(end).max()?;
    let is_alive = |series: &Series| end(series).is_some_and(|end| end + STILL >= newest);
    all.into_iter().filter(is_alive).max_by(|a, b| last(a).total_cmp(&last(b)))
}

/// Steps without values after which a copy is gone.
const STILL: usize = 3;

/// Returns the share of the budget of failed requests that is used up, step by step.
async fn error_budget(scene: &Scene, service: &str) -> Result<Option<Measured>> {
    let rates = history(scene, service, Measure::RequestRate, &[]).await?;
    let Some(rates) = rates.into_iter().next() else { return Ok(None) };
    let Ok(range) = TimeRange::new(rates.start, scene.incident.window.to()) else { return Ok(None) };
    // In the same steps, or a failure would be counted in none of them or in several.
    let ratios = drawn(scene, service, Measure::ErrorRatio, &[], range, rates.step).await?;
    let step_s = rates.step.as_secs_f64();
    let (mut requests, mut n_steps) = (0.0, 0.0);
    for rate in rates.values.iter().flatten() {
        requests += rate * step_s;
        n_steps += 1.0;
    }
    let mean_rate = requests / (step_s * f64::max(n_steps, 1.0));
    let budget = BUDGET * mean_rate * BUDGET_FOR.as_secs_f64();
    if budget <= 0.0 {
        return Ok(None);
    }
    // The error ratio has no value where no request came.
    let failed_share = |row: usize| ratios.first()?.values.get(row).copied().flatten();
    let mut used = 0.0;
    let values = rates.values.iter().enumerate().map(|(row, rate)| {
        used += (*rate)? * step_s * failed_share(row).unwrap_or(0.0) / budget;
        Some(used)
    });
    let values = values.collect();
    Ok(Some(Measured {
        series: Series { measure: Measure::Metric(ERROR_BUDGET.to_owned()), values, ..rates },
        copy: String::new(),
        unit: Unit::Share,
        topic: Topic::Errors,
        direction: Direction::Up,
        bound: Some(Bound {
            value: 1.0,
            from: format!("{} of the requests of 30 days", quantity::percent(BUDGET)),
        }),
    }))
}

impl Unit {
    /// Writes a value with its unit.
    pub(crate) fn write(self, value: f64) -> String {
        match self {
            Self::Bytes => quantity::bytes(value),
            Self::Cores => format!("{} cores", quantity::number(value)),
            Self::Share => quantity::percent(value),
            Self::PerSecond => quantity::per_second(value),
            Self::Milliseconds => quantity::ms(value),
            Self::Plain => quantity::number(value),
        }
    }
}
