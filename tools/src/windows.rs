//! Which time is compared with which: the trouble from its onset on, and the healthy time before.

use std::time::Duration;

use serde::Serialize;
use waggle_agent_core::{Result, Scene, ports::SeriesQuery};
use waggle_analysis::anomaly::{Anomaly, Direction, scan};
use waggle_signals::{Measure, Series, TimeRange, Timestamp};

/// The two windows of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Windows {
    /// Believed healthy.
    pub baseline: TimeRange,
    /// In trouble: the incident's window, cut at the onset so that its healthy part does not dilute it.
    pub window: TimeRange,
    /// When the trouble began, if anything stands out.
    pub onset: Option<Timestamp>,
}

/// About so many steps are drawn over both windows: enough to place an onset, few enough to be quick.
const N_STEPS: u32 = 90;

/// A cut window shorter than this says little about a 99th percentile.
const SHORTEST: Duration = Duration::from_secs(2);

/// Returns the windows of the scene's incident.
pub(crate) async fn windows(scene: &Scene) -> Result<Windows> {
    let onset = scene.onset.get_or_try_init(|| find_onset(scene)).await?;
    let incident = &scene.incident;
    let cut = onset.and_then(|onset| TimeRange::new(onset, incident.window.to()).ok());
    let cut = cut.filter(|cut| cut.length() >= SHORTEST);
    Ok(Windows { baseline: incident.baseline, window: cut.unwrap_or(incident.window), onset: *onset })
}

/// Returns what left its usual range, worst first, over all services.
pub(crate) async fn scanned(scene: &Scene, measures: &[Measure]) -> Result<Vec<Anomaly>> {
    let incident = &scene.incident;
    let mut all = Vec::new();
    for measure in measures {
        all.extend(series(scene, measure.clone()).await?);
    }
    Ok(scan(&all, incident.baseline, incident.window))
}

/// Returns one measure of all services from the start of the baseline to the end of the window.
async fn series(scene: &Scene, measure: Measure) -> Result<Vec<Series>> {
    let incident = &scene.incident;
    let (from, to) = (incident.baseline.from(), incident.window.to());
    let range = TimeRange::new(from, to)
        .map_err(|error| waggle_agent_core::Kind::Invalid.because("the incident's windows", error))?;
    let step = Duration::from_secs((range.length() / N_STEPS).as_secs().max(1));
    let query = SeriesQuery { measure, range, step, service: None, group_by: Vec::new() };
    scene.ports.telemetry.series(&query).await
}

/// Finds when users began to feel it: at the service that the incident names, else wherever it is worst.
async fn find_onset(scene: &Scene) -> Result<Option<Timestamp>> {
    let felt = [Measure::LatencyP99, Measure::LatencyMean, Measure::ErrorRatio, Measure::RequestRate];
    let anomalies = scanned(scene, &felt).await?;
    let hurts = |anomaly: &&Anomaly| match anomaly.measure {
        Measure::RequestRate => anomaly.direction == Direction::Down,
        _ => anomaly.direction == Direction::Up,
    };
    let named = scene.incident.service.as_deref();
    let at_symptom = anomalies.iter().filter(hurts).filter(|anomaly| Some(anomaly.service()) == named);
    let earliest = at_symptom.map(|anomaly| anomaly.onset).min();
    Ok(earliest.or_else(|| anomalies.iter().find(hurts).map(|anomaly| anomaly.onset)))
}
