//! Numbers over time, by sorting rows into groups and steps.

use std::{collections::BTreeMap, time::Duration};

use waggle_signals::{
    Attributes, Batch, Measure, MetricKind, MetricPoint, ResourceId, Series, Severity, Span, SpanKind,
    Timestamp, semconv,
};

use super::{is_of, percentile, resource};
use crate::{Kind, Result, ports::SeriesQuery};

/// A longer series is a mistake in the step (documented at [`Telemetry::series`](crate::ports::Telemetry::series)).
const MAX_STEPS: u128 = 100_000;

/// Measures `query` over `rows`.
pub(super) fn series(rows: &Batch, query: &SeriesQuery) -> Result<Vec<Series>> {
    let n_steps = n_steps(query)?;
    let all = match &query.measure {
        Measure::RequestRate => measure(rows, query, n_steps, requests(rows), per_second, Some(0.0)),
        Measure::ErrorLogRate => measure(rows, query, n_steps, error_logs(rows), per_second, Some(0.0)),
        Measure::ErrorRatio => measure(rows, query, n_steps, requests(rows), error_ratio, None),
        Measure::LatencyMean => measure(rows, query, n_steps, requests(rows), latency(mean), None),
        Measure::LatencyP50 => measure(rows, query, n_steps, requests(rows), latency(p50), None),
        Measure::LatencyP99 => measure(rows, query, n_steps, requests(rows), latency(p99), None),
        Measure::Metric(name) => measure(rows, query, n_steps, points(rows, name), metric, None),
    };
    Ok(all)
}

fn n_steps(query: &SeriesQuery) -> Result<usize> {
    if query.step.is_zero() {
        return Err(Kind::Invalid.error("the step of a series is zero"));
    }
    let n_steps = query.range.length().as_nanos().div_ceil(query.step.as_nanos());
    if n_steps > MAX_STEPS {
        return Err(Kind::Invalid.error(format!("{n_steps} steps are more than {MAX_STEPS}")));
    }
    Ok(usize::try_from(n_steps).unwrap_or(usize::MAX))
}

/// A row that is measured: whose, when, and what of it counts.
type Measured<'a, T> = (ResourceId, Timestamp, &'a T);

/// Sorts rows into groups and steps and measures each step; `untouched` is the value of a step without rows.
fn measure<'a, T: 'a>(
    rows: &Batch,
    query: &SeriesQuery,
    n_steps: usize,
    measured: impl Iterator<Item = Measured<'a, T>>,
    value: impl Fn(&[&T], Duration) -> Option<f64>,
    untouched: Option<f64>,
) -> Vec<Series> {
    let mut groups: BTreeMap<Attributes, Vec<Vec<&T>>> = BTreeMap::new();
    for (id, time, row) in measured {
        if query.range.contains(time) && is_of(rows, id, query.service.as_deref()) {
            let steps = groups.entry(labels(rows, id, query)).or_insert_with(|| vec![Vec::new(); n_steps]);
            let step = time.since(query.range.from()).as_nanos() / query.step.as_nanos();
            steps[usize::try_from(step).unwrap_or(usize::MAX)].push(row);
        }
    }
    let series = groups.into_iter().map(|(labels, steps)| {
        let mut series = Series {
            measure: query.measure.clone(),
            labels,
            start: query.range.from(),
            step: query.step,
            values: Vec::with_capacity(n_steps),
        };
        for (index, step) in steps.iter().enumerate() {
            let inside = query.range.to().since(series.time(index)).min(query.step);
            series.values.push(if step.is_empty() { untouched } else { value(step, inside) });
        }
        series
    });
    series.collect()
}

/// Returns the tags to group by; a tag that the resource does not have is no label.
fn labels(rows: &Batch, id: ResourceId, query: &SeriesQuery) -> Attributes {
    let by_service = [semconv::SERVICE_NAME.to_owned()];
    let keys = if query.group_by.is_empty() { &by_service } else { query.group_by.as_slice() };
    let tags = keys.iter().filter_map(|key| Some((key.clone(), resource(rows, id).tag(key)?.to_owned())));
    tags.collect()
}

fn requests(rows: &Batch) -> impl Iterator<Item = Measured<'_, Span>> {
    let requests = rows.spans.iter().filter(|span| span.kind == SpanKind::Server);
    requests.map(|span| (span.resource, span.start, span))
}

fn error_logs(rows: &Batch) -> impl Iterator<Item = Measured<'_, waggle_signals::LogRecord>> {
    let errors = rows.logs.iter().filter(|log| log.severity >= Severity::Error);
    errors.map(|log| (log.resource, log.time, log))
}

/// [`Measure`] says nothing of cumulative counters, so they are not measured.
fn points<'a>(rows: &'a Batch, name: &str) -> impl Iterator<Item = Measured<'a, MetricPoint>> {
    let points = rows.metrics.iter().filter(move |point| point.name == name);
    let points = points.filter(|point| point.kind != MetricKind::Cumulative);
    points.map(|point| (point.resource, point.time, point))
}

fn per_second<T>(rows: &[&T], length: Duration) -> Option<f64> {
    Some(rows.len() as f64 / length.as_secs_f64())
}

fn error_ratio(requests: &[&Span], _: Duration) -> Option<f64> {
    let n_failed = requests.iter().filter(|span| span.is_error()).count();
    Some(n_failed as f64 / requests.len() as f64)
}

fn latency(of: fn(&[f64]) -> f64) -> impl Fn(&[&Span], Duration) -> Option<f64> {
    move |requests, _| {
        let mut durations_ms: Vec<_> =
            requests.iter().map(|span| span.duration.as_secs_f64() * 1e3).collect();
        durations_ms.sort_by(f64::total_cmp);
        Some(of(&durations_ms))
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn p50(sorted: &[f64]) -> f64 {
    percentile(sorted, 50)
}

fn p99(sorted: &[f64]) -> f64 {
    percentile(sorted, 99)
}

/// Gauges are averaged, deltas are added up per second. One name has one kind; were there both, the gauges would count.
fn metric(points: &[&MetricPoint], length: Duration) -> Option<f64> {
    let of_kind = |kind| -> Vec<f64> {
        points.iter().filter(|point| point.kind == kind).map(|point| point.value).collect()
    };
    let gauges = of_kind(MetricKind::Gauge);
    if gauges.is_empty() {
        return Some(of_kind(MetricKind::Delta).iter().sum::<f64>() / length.as_secs_f64());
    }
    Some(mean(&gauges))
}
