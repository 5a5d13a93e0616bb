//! Which time is compared with which: the trouble from its onset on, and the healthy time before.

use std::time::Duration;

use serde::Serialize;
use waggle_agent_core::{
    Result, Scene,
    ports::{EventQuery, ResourceQuery, SeriesQuery},
};
use waggle_analysis::anomaly::{Anomaly, Direction, scan};
use waggle_signals::{Measure, Series, TimeRange, Timestamp, semconv};

use crate::versions::took_over;

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

/// Healthy time before a deployment that shows what is usual.
const LEAST_HEALTHY: Duration = Duration::from_secs(60);
/// What a deployment did shows by then.
const SOON_AFTER: Duration = Duration::from_secs(120);
/// Deployments within the baseline that are held against what was felt.
const MAX_DEPLOYMENTS: usize = 20;

/// Returns the windows of the scene's incident.
pub(crate) async fn windows(scene: &Scene) -> Result<Windows> {
    let onset = scene.onset.get_or_try_init(|| find_onset(scene)).await?;
    let incident = &scene.incident;
    let cut = onset.and_then(|onset| TimeRange::new(onset, incident.window.to()).ok());
    let cut = cut.filter(|cut| cut.length() >= SHORTEST);
    // Trouble that began within the time that was believed healthy ends that time.
    let healthy = onset.and_then(|onset| TimeRange::new(incident.baseline.from(), onset).ok());
    let healthy = healthy.filter(|healthy| healthy.to() < incident.baseline.to());
    let (baseline, window) = (healthy.unwrap_or(incident.baseline), cut.unwrap_or(incident.window));
    Ok(Windows { baseline, window, onset: *onset })
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
    let incident = &scene.incident;
    let felt = [Measure::LatencyP99, Measure::LatencyMean, Measure::ErrorRatio, Measure::RequestRate];
    let mut all = Vec::new();
    for measure in felt {
        all.extend(series(scene, measure).await?);
    }
    let named = incident.service.as_deref();
    if let Some(onset) = earliest(&scan(&all, incident.baseline, incident.window), named) {
        return Ok(Some(onset));
    }
    // A bad deployment within the time that was believed healthy makes the trouble look usual.
    for deployed in deployed_in_baseline(scene).await? {
        let before = TimeRange::new(incident.baseline.from(), deployed).ok();
        let after = TimeRange::new(deployed, incident.window.to()).ok();
        let Some((before, after)) = before.zip(after).filter(|(before, _)| before.length() >= LEAST_HEALTHY)
        else {
            continue;
        };
        let is_still_so = earliest(&scan(&all, before, incident.window), named).is_some();
        let onset = earliest(&scan(&all, before, after), named);
        if let Some(onset) = onset.filter(|onset| is_still_so && onset.since(deployed) <= SOON_AFTER) {
            return Ok(Some(onset));
        }
    }
    Ok(None)
}

/// Finds when it first hurt: at the service that is named, else wherever it is worst.
fn earliest(anomalies: &[Anomaly], named: Option<&str>) -> Option<Timestamp> {
    let hurts = |anomaly: &&Anomaly| match anomaly.measure {
        Measure::RequestRate => anomaly.direction == Direction::Down,
        _ => anomaly.direction == Direction::Up,
    };
    let at_symptom = anomalies.iter().filter(hurts).filter(|anomaly| Some(anomaly.service()) == named);
    let earliest = at_symptom.map(|anomaly| anomaly.onset).min();
    earliest.or_else(|| anomalies.iter().find(hurts).map(|anomaly| anomaly.onset))
}

/// Returns when versions were deployed within the baseline, in order.
async fn deployed_in_baseline(scene: &Scene) -> Result<Vec<Timestamp>> {
    let range = scene.incident.baseline;
    let name = Some(semconv::EVENT_DEPLOYMENT.to_owned());
    let query = EventQuery { range, service: None, name, limit: MAX_DEPLOYMENTS };
    let events = scene.ports.telemetry.events(&query).await?;
    let heard = scene.ports.telemetry.heard(&ResourceQuery { range, service: None }).await?;
    let took_over = took_over(&heard, range.from()).into_iter().map(|version| version.at);
    let mut all: Vec<Timestamp> = events.iter().map(|event| event.row.time).chain(took_over).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(MAX_DEPLOYMENTS);
    Ok(all)
}
