//! From requests, profiles and memory before and after to the signs that code is held against.

use std::collections::{BTreeMap, BTreeSet};

use waggle_signals::Timestamp;

use super::{
    requests::{Call, Request},
    signs::{CallSign, CodeSigns, FrameSign, Onset, RouteSign, Why},
};
use crate::{
    blame::signs::Level,
    frame_class::{FrameClass, frame_class},
    profile_diff::{Per, ProfileDiff},
};

/// The profile of one service, before against after.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceProfile {
    /// Whose.
    pub service: String,
    /// How it changed.
    pub difference: ProfileDiff,
}

/// Fewer requests of a route say nothing of its mean.
const FEWEST: usize = 8;
/// Means that differ by fewer standard errors differ by chance.
const SIGMAS: f64 = 4.0;
/// A route counts as worse from this factor on: less is the usual drift of a day.
const WORSE: f64 = 1.3;
/// CPU time has to explain so much of the growth of own time for the route to be computing.
const COMPUTES: f64 = 0.4;
/// Memory counts as a leak when it grew by this factor and no new level was found.
const LEAKED: f64 = 1.25;

/// Returns what got worse between two sets of requests. `levels` are metrics that moved; memory among them is looked at.
pub fn code_signs(
    before: &[Request],
    after: &[Request],
    profiles: &[ServiceProfile],
    levels: &[Level],
) -> CodeSigns {
    let (old, new) = (by_route(before), by_route(after));
    let mut routes = Vec::new();
    let mut calls = Vec::new();
    for (key, now) in &new {
        let Some(was) = old.get(key).filter(|was| was.len() >= FEWEST && now.len() >= FEWEST) else {
            continue;
        };
        routes.extend(route_sign(key, was, now, profiles));
        calls.extend(call_signs(key, was, now));
    }
    for place in 0..routes.len() {
        let service = routes[place].service.clone();
        let worse = routes.iter().filter(|route: &&RouteSign| route.service == service).count();
        let all = new.keys().filter(|(of, _)| **of == service).count().max(1);
        routes[place].common =
            if all == 1 { 0.0 } else { (worse.saturating_sub(1)) as f64 / (all - 1) as f64 };
    }
    let grew = |route: &RouteSign| route.own_after_ms - route.own_before_ms;
    routes.sort_by(|a, b| grew(b).total_cmp(&grew(a)));
    let cost = |call: &CallSign| call.per_request.1 * call.each_ms.1 - call.per_request.0 * call.each_ms.0;
    calls.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    let leaking = levels
        .iter()
        .filter(|level| {
            level.metric.to_lowercase().contains("memory") && level.after >= LEAKED * level.before
        })
        .map(|level| level.service.clone());
    let leaking: BTreeSet<String> = leaking.collect();
    CodeSigns { routes, calls, frames: frames(profiles), leaking: leaking.into_iter().collect(), onset: None }
}

type Key<'a> = (&'a str, &'a str);

fn by_route(requests: &[Request]) -> BTreeMap<Key<'_>, Vec<&Request>> {
    let mut routes: BTreeMap<Key<'_>, Vec<&Request>> = BTreeMap::new();
    for request in requests {
        routes.entry((&request.service, &request.route)).or_default().push(request);
    }
    routes
}

fn route_sign(
    key: &Key<'_>,
    was: &[&Request],
    now: &[&Request],
    profiles: &[ServiceProfile],
) -> Option<RouteSign> {
    let own = |requests: &[&Request]| {
        mean_and_error(&requests.iter().map(|request| request.own_ms).collect::<Vec<_>>())
    };
    let (before, after) = (own(was), own(now));
    let grew = after.0 - before.0;
    let is_slower = after.0 >= WORSE * before.0 + 0.5 && grew > SIGMAS * before.1.hypot(after.1);
    let fails_itself = |request: &&&Request| request.failed && !request.calls.iter().any(|call| call.failed);
    let failed =
        |requests: &[&Request]| requests.iter().filter(fails_itself).count() as f64 / requests.len() as f64;
    let is_failing = failed(now) > failed(was) + 0.05;
    if !is_slower && !is_failing {
        return None;
    }
    let profile = profiles.iter().find(|profile| profile.service == key.0);
    let measured = profile.filter(|profile| {
        profile.difference.per == Per::Request
            && profile.difference.samples.0.min(profile.difference.samples.1) > 0
    });
    let why = match measured {
        _ if !is_slower => Why::Fails,
        None => Why::Unknown,
        // CPU time is per request of the whole service; a route is a part of these.
        Some(profile) => {
            let cpu = (profile.difference.after - profile.difference.before).max(0.0);
            let held = !profile.difference.holders.is_empty();
            if held && cpu >= COMPUTES * grew * 0.25 { Why::Cpu } else { Why::Waits }
        }
    };
    Some(RouteSign {
        service: key.0.to_owned(),
        route: key.1.to_owned(),
        why,
        own_before_ms: before.0,
        own_after_ms: after.0,
        common: 0.0,
    })
}

/// Calls of one route that are made more often, take longer, or are given up at one time.
fn call_signs(key: &Key<'_>, was: &[&Request], now: &[&Request]) -> Vec<CallSign> {
    let group = |requests: &[&Request]| {
        let mut groups: BTreeMap<(String, String), Vec<Call>> = BTreeMap::new();
        for call in requests.iter().flat_map(|request| &request.calls) {
            groups.entry((call.what.clone(), call.peer.clone())).or_default().push(call.clone());
        }
        groups
    };
    let (old, new) = (group(was), group(now));
    let signs = new.into_iter().filter_map(|((what, peer), calls)| {
        let before = old.get(&(what.clone(), peer.clone()));
        let times = |calls: &[Call]| mean_and_error(&calls.iter().map(|call| call.ms).collect::<Vec<_>>());
        let (each_before, each_after) = (before.map_or((0.0, 0.0), |calls| times(calls)), times(&calls));
        let sign = CallSign {
            service: key.0.to_owned(),
            route: key.1.to_owned(),
            per_request: (
                before.map_or(0, Vec::len) as f64 / was.len() as f64,
                calls.len() as f64 / now.len() as f64,
            ),
            each_ms: (each_before.0, each_after.0),
            given_up_ms: given_up(before.map_or(&[], Vec::as_slice), &calls),
            what,
            peer,
        };
        let enough = calls.len() >= FEWEST;
        let surely = each_after.0 - each_before.0 > SIGMAS * each_before.1.hypot(each_after.1);
        let worse = sign.given_up_ms.is_some() || sign.is_more() || (sign.is_slower() && surely);
        (enough && worse).then_some(sign)
    });
    signs.collect()
}

/// Returns the time at which failed calls end when they end together: a tenth of all at least, within a tenth of their median, and few failed before.
fn given_up(before: &[Call], after: &[Call]) -> Option<f64> {
    let failed = |calls: &[Call]| {
        let mut times: Vec<f64> = calls.iter().filter(|call| call.failed).map(|call| call.ms).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let (old, new) = (failed(before), failed(after));
    let ratio = |n: usize, of: usize| n as f64 / of.max(1) as f64;
    if new.len() < 5 || ratio(new.len(), after.len()) < 2.0 * ratio(old.len(), before.len()) + 0.03 {
        return None;
    }
    let median = *new.get(new.len() / 2)?;
    let near = new.iter().filter(|ms| (*ms - median).abs() <= 0.1 * median).count();
    (10 * near >= 8 * new.len()).then_some(median)
}

/// Functions that hold the growth, the innermost first; the growth of leaves where nothing holds most of it.
fn frames(profiles: &[ServiceProfile]) -> Vec<FrameSign> {
    let mut frames = Vec::new();
    for ServiceProfile { service, difference } in profiles {
        let location = |function: &str| {
            difference.grew.iter().find(|grown| grown.function == function)?.location.clone()
        };
        let held = difference.holders.iter().map(|holder| (holder.function.clone(), holder.share));
        let grown = difference
            .grew
            .iter()
            .filter(|grown| grown.share_of_growth >= 0.2 && difference.holders.is_empty());
        let grown = grown.map(|grown| (grown.function.clone(), grown.share_of_growth));
        let is_told = |(function, _): &(String, f64)| frame_class(function, &[]) != FrameClass::Kernel;
        frames.extend(held.chain(grown).filter(is_told).map(|(function, share)| FrameSign {
            service: service.clone(),
            location: location(&function),
            function,
            share,
        }));
    }
    frames
}

/// Signs that say when it began, of all.
const MOST_TOLD: usize = 3;
/// A request counts as worse above this percentile of before, so this part of the healthy ones counts as well.
const BY_CHANCE: f64 = 0.05;

/// Returns when the worst routes and calls of `signs` got worse, the earliest of them. `all` are the requests of both windows and of what lies between.
pub fn onset(signs: &CodeSigns, before: &[Request], all: &[Request]) -> Option<Onset> {
    let (old, every) = (by_route(before), by_route(all));
    let of_route = signs.routes.iter().take(MOST_TOLD).filter_map(|route| {
        let key = (route.service.as_str(), route.route.as_str());
        let is_failing = route.why == Why::Fails;
        let value =
            |request: &Request| if is_failing { f64::from(u8::from(request.failed)) } else { request.own_ms };
        began(old.get(&key)?, every.get(&key)?, value)
    });
    let of_call = signs.calls.iter().take(MOST_TOLD).filter_map(|call| {
        let key = (call.service.as_str(), call.route.as_str());
        let value = |request: &Request| {
            let own = request.calls.iter().filter(|other| other.what == call.what && other.peer == call.peer);
            match (call.given_up_ms, call.is_more()) {
                (Some(_), _) => own.filter(|call| call.failed).count() as f64,
                (None, true) => own.count() as f64,
                (None, false) => own.map(|call| call.ms).fold(0.0, f64::max),
            }
        };
        began(old.get(&key)?, every.get(&key)?, value)
    });
    of_route.chain(of_call).min_by_key(|onset| onset.at)
}

/// Returns the first request that is worse from where most are.
///
/// The place is the most likely one for a share of worse requests that changes once: the minimum of the cumulative sum of
/// log-likelihood ratios (Page, Biometrika 41, 1954).
fn began(was: &[&Request], all: &[&Request], value: impl Fn(&Request) -> f64) -> Option<Onset> {
    let mut usual: Vec<f64> = was.iter().map(|request| value(request)).collect();
    usual.sort_by(f64::total_cmp);
    let limit = *usual.get(usual.len() * 95 / 100)?;
    let mut ordered: Vec<(Timestamp, bool)> =
        all.iter().map(|request| (request.start, value(request) > limit)).collect();
    ordered.sort();
    let last = ordered.get(ordered.len().saturating_sub(was.len().min(2 * FEWEST))..)?;
    let share = last.iter().filter(|(_, is_worse)| *is_worse).count() as f64 / last.len().max(1) as f64;
    let share = share.clamp(3.0 * BY_CHANCE, 0.98);
    let (worse, as_usual) = ((share / BY_CHANCE).ln(), ((1.0 - share) / (1.0 - BY_CHANCE)).ln());
    let (mut sum, mut least, mut from) = (0.0, 0.0, 0);
    for (place, (_, is_worse)) in ordered.iter().enumerate() {
        sum += if *is_worse { worse } else { as_usual };
        if sum <= least {
            (least, from) = (sum, place + 1);
        }
    }
    let mut after = ordered.iter().skip(from).filter(|(_, is_worse)| *is_worse).map(|(at, _)| *at);
    let at = after.next()?;
    Some(Onset { at, latest: after.next().unwrap_or(at) })
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    if values.is_empty() {
        return (0.0, 0.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}
