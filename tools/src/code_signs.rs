//! Reads requests and profiles before and after, and says what of it code can be held against.

use std::time::Duration;

use waggle_agent_core::{
    Result, Scene,
    ports::{ProfileQuery, SeriesQuery, SpanQuery},
};
use waggle_analysis::{
    blame::{
        Level, Signs,
        code::{
            Onset, Request, RouteSign,
            observe::{ServiceProfile, code_signs, onset},
            requests::requests,
        },
    },
    profile_diff::profile_diff,
};
use waggle_signals::{Measure, ProfileSample, Span, TimeRange, Timestamp, semconv};

use crate::{
    services::whole_range,
    windows::{Windows, windows},
};

/// Spans of one window that are read at most.
const MAX_SPANS: usize = 10_000;
/// Services whose profiles are compared at most.
const MAX_PROFILES: usize = 4;
/// Clocks of hosts that are kept by NTP differ by less; a deployment's event and a span may come from two of them.
const SKEW: Duration = Duration::from_secs(3);
/// Memory is looked at in so many steps over both windows.
const N_STEPS: u32 = 60;
/// Memory that grows by less over the window is no leak.
const LEAK: f64 = 1.25;

/// Adds to `signs` what requests, profiles and memory show, and places the onset by the first request that was worse where that is known better.
pub(crate) async fn add(scene: &Scene, signs: &mut Signs, missing: &mut Vec<String>) -> Result<()> {
    let windows = windows(scene).await?;
    let before = read(scene, windows.baseline, missing).await?;
    let window = read(scene, scene.incident.window, missing).await?;
    let since = |at: Timestamp| -> Vec<Request> {
        window.iter().filter(|request| request.start >= at).cloned().collect()
    };
    let all: Vec<Request> = before.iter().chain(&window).cloned().collect();
    let (leaks, leaking_since) = leaks(scene).await?;
    // The onset of the map is a step of a series: requests place it better, and are compared from there on.
    let mut after = since(windows.window.from());
    let mut code = code_signs(&before, &after, &[], &leaks);
    let found = onset(&code, &before, &all);
    if let Some(found) = found {
        after = since(found.at);
        code = code_signs(&before, &after, &[], &leaks);
    }
    let from = found.map_or(windows.window.from(), |found| found.at);
    let windows = Windows {
        window: TimeRange::new(from, scene.incident.window.to()).unwrap_or(windows.window),
        ..windows
    };
    let mut services = code.services();
    services.truncate(MAX_PROFILES);
    let mut profiles = Vec::new();
    for service in services {
        let difference = profile(scene, &service, &windows, (&before, &after)).await?;
        profiles.push(ServiceProfile { service, difference });
    }
    if !profiles.is_empty() {
        code = code_signs(&before, &after, &profiles, &leaks);
    }
    for service in code.services().into_iter().rev() {
        // Whose own doing got worse is no victim of who only complains.
        signs.failing.retain(|failing| *failing != service);
        signs.failing.insert(0, service);
    }
    signs.services.extend(all.iter().map(|request| request.service.clone()));
    signs.services.sort();
    signs.services.dedup();
    code.onset = found.into_iter().chain(leaking_since).min_by_key(|onset| onset.at);
    if let Some(onset) = code.onset {
        // Lines and steps of series that stand out by chance may lie before it.
        signs.onset = onset.at;
        signs.onset_within = Some(onset.latest.since(onset.at) + SKEW);
    }
    signs.code = code;
    Ok(())
}

async fn read(scene: &Scene, range: TimeRange, missing: &mut Vec<String>) -> Result<Vec<Request>> {
    let query = SpanQuery::newest(range, MAX_SPANS);
    let found = scene.ports.telemetry.spans(&query).await?;
    if found.len() >= MAX_SPANS {
        missing
            .push(format!("requests in {range}: only the newest {MAX_SPANS} spans were held against code"));
    }
    let spans: Vec<(String, Span)> =
        found.into_iter().map(|span| (span.resource.service().to_owned(), span.row)).collect();
    Ok(requests(&spans))
}

async fn profile(
    scene: &Scene,
    service: &str,
    windows: &Windows,
    (before, after): (&[Request], &[Request]),
) -> Result<waggle_analysis::profile_diff::ProfileDiff> {
    let samples = async |range| -> Result<Vec<ProfileSample>> {
        let query = ProfileQuery { range, service: Some(service.to_owned()), commit: None };
        Ok(scene.ports.telemetry.profile(&query).await?.into_iter().map(|sample| sample.row).collect())
    };
    // All requests are counted on the map; the spans that were read may be a part of them.
    let counted = async |range, read: &[Request]| -> Result<u64> {
        let map = scene.ports.telemetry.topology(range).await?;
        let seen = read.iter().filter(|request| request.service == service).count() as u64;
        Ok(map.node(service).map_or(0, |node| node.answered.count).max(seen))
    };
    let served = (counted(windows.baseline, before).await?, counted(windows.window, after).await?);
    Ok(profile_diff(&samples(windows.baseline).await?, &samples(windows.window).await?, Some(served)))
}

/// Services whose memory grew and grew: over the halves of the window, and beyond its range before; and since when.
async fn leaks(scene: &Scene) -> Result<(Vec<Level>, Option<Onset>)> {
    let range = whole_range(scene);
    let measure = Measure::Metric(semconv::METRIC_MEMORY.to_owned());
    let step = Duration::from_secs((range.length() / N_STEPS).as_secs().max(1));
    let query = SeriesQuery { measure, range, step, service: None, group_by: Vec::new() };
    let series = scene.ports.telemetry.series(&query).await?;
    let mut since = None;
    let mut leaks = Vec::new();
    for series in &series {
        let values = |within: TimeRange| -> Vec<f64> {
            let known =
                series.values.iter().enumerate().filter(|(place, _)| within.contains(series.time(*place)));
            known.filter_map(|(_, value)| *value).collect()
        };
        let old = values(scene.incident.baseline);
        let new = values(scene.incident.window);
        let (first, last) = new.split_at(new.len() / 2);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let (usual, most) = (mean(&old), old.iter().copied().fold(0.0, f64::max));
        let (early, late) = (mean(first), mean(last));
        let grows = !old.is_empty()
            && early > usual
            && late > LEAK * usual
            && late > most
            && late - early > 0.3 * (early - usual);
        if !grows {
            continue;
        }
        // It began after the last step that was no higher than before.
        let calm =
            series.values.iter().rposition(|value| value.is_some_and(|value| value <= most)).unwrap_or(0);
        let began = Onset { at: series.time(calm), latest: series.time(calm + 1) + step };
        since = since.into_iter().chain([began]).min_by_key(|onset: &Onset| onset.at);
        leaks.push(Level {
            service: series.label(semconv::SERVICE_NAME).to_owned(),
            metric: semconv::METRIC_MEMORY.to_owned(),
            before: usual,
            after: late,
            onset: began.at,
        });
    }
    Ok((leaks, since))
}

/// Says in words what got worse by itself, for people.
pub(crate) fn told(route: &RouteSign) -> String {
    let (before, after) = (
        waggle_analysis::quantity::ms(route.own_before_ms),
        waggle_analysis::quantity::ms(route.own_after_ms),
    );
    format!("`{}` of {}: own time {before} → {after}", route.route, route.service)
}
