//! What is known only of a service as a whole: CPU, waiting, memory, lines of errors.

use waggle_agent_core::{
    Result,
    ports::{LogQuery, SeriesQuery, Telemetry},
};
use waggle_analysis::deploy::{Amount, Aspect, Requests, Side};
use waggle_signals::{Measure, Series, Severity, TimeRange, semconv};

use crate::{select::in_time, windows::Window};

/// Puts the amounts of `window` into `side`, whose requests were read. What was not measured is left out.
pub(crate) async fn read_amounts(
    telemetry: &dyn Telemetry,
    service: &str,
    window: &Window,
    side: &mut Side,
) -> Result<()> {
    let Some(range) = window.whole() else { return Ok(()) };
    let requests = requests_by_block(side);
    let block_ms = window.block.as_secs_f64() * 1e3;
    let metric = |name: &str| Measure::Metric(name.to_owned());
    for (aspect, measure) in [
        (Aspect::Cpu, metric(semconv::METRIC_CPU)),
        (Aspect::CpuWait, metric(semconv::METRIC_CPU_WAIT)),
        (Aspect::Memory, metric(semconv::METRIC_MEMORY)),
        (Aspect::ErrorLogs, Measure::ErrorLogRate),
    ] {
        let found = series(telemetry, service, window, range, measure).await?;
        // No line of an error is a number of lines, where lines are collected at all.
        if found.is_empty() && (aspect != Aspect::ErrorLogs || !has_logs(telemetry, service, range).await?) {
            continue;
        }
        let mut amounts: Vec<Amount> = requests.iter().map(|n| Amount { total: 0.0, over: *n }).collect();
        if aspect == Aspect::Memory {
            amounts.iter_mut().for_each(|amount| amount.over = 0.0);
        }
        for series in &found {
            for (amount, value) in amounts.iter_mut().zip(&series.values) {
                let Some(value) = value.filter(|value| value.is_finite()) else { continue };
                match aspect {
                    Aspect::Memory => {
                        amount.total += value;
                        amount.over += 1.0;
                    }
                    Aspect::ErrorLogs => amount.total += value * block_ms / 1e3,
                    // Seconds per second over the block.
                    _ => amount.total += value * block_ms,
                }
            }
        }
        side.amounts.insert(aspect, amounts);
    }
    Ok(())
}

fn requests_by_block(side: &Side) -> Vec<f64> {
    let mut sums = vec![0.0; side.blocks];
    for blocks in side.endpoints.values() {
        for (sum, n) in sums.iter_mut().zip(blocks.iter().map(Requests::count)) {
            *sum += n;
        }
    }
    sums
}

async fn series(
    telemetry: &dyn Telemetry,
    service: &str,
    window: &Window,
    range: TimeRange,
    measure: Measure,
) -> Result<Vec<Series>> {
    let keys = [Some(semconv::SERVICE_NAME), Some(semconv::PROCESS_PID), window.select.key()];
    let query = SeriesQuery {
        measure,
        range,
        step: window.block,
        service: Some(service.to_owned()),
        group_by: keys.into_iter().flatten().map(str::to_owned).collect(),
    };
    let found = in_time("metrics", telemetry.series(&query)).await?;
    Ok(found.into_iter().filter(|series| window.select.takes_series(series)).collect())
}

async fn has_logs(telemetry: &dyn Telemetry, service: &str, range: TimeRange) -> Result<bool> {
    let query = LogQuery {
        range,
        service: Some(service.to_owned()),
        min_severity: Severity::Trace,
        contains: String::new(),
        limit: 1,
    };
    Ok(!in_time("log lines", telemetry.logs(&query)).await?.is_empty())
}
