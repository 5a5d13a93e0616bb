//! What is new beside the judged measures: kinds of log lines, calls, functions. They decide nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Result,
    ports::{LogQuery, ProfileQuery, Telemetry},
};
use waggle_analysis::{profile_diff, templates::difference};
use waggle_signals::{ProfileSample, Severity};

use crate::{requests::Reading, select::in_time, windows::Window};

/// What is new of the new version. Each list is short, most telling first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clues {
    /// Endpoints that had no requests before. Untrusted text.
    pub endpoints: Vec<String>,
    /// Kinds of log lines of severity warning or worse that were not written before.
    pub log_lines: Vec<NewLine>,
    /// Calls that are new or made at least twice as often.
    pub calls: Vec<GrownCall>,
    /// Functions that take more CPU.
    pub functions: Vec<GrownFunction>,
}

/// A kind of log line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewLine {
    /// The line with its variable parts replaced. Untrusted text.
    pub template: String,
    /// Lines of it.
    pub count: u64,
}

/// A kind of call that the service makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrownCall {
    /// Whom, and what for. Untrusted text.
    pub call: String,
    /// Calls per request before.
    pub before: f64,
    /// Calls per request after.
    pub after: f64,
}

/// A function that takes more CPU of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrownFunction {
    /// Its name.
    pub function: String,
    /// Where in the source, as `file.rs:88`, when it is known.
    pub location: Option<String>,
    /// Its own CPU time before, milliseconds per request.
    pub before_ms: f64,
    /// The same after.
    pub after_ms: f64,
    /// Its part of all growth, 0 to 1.
    pub share: f64,
}

/// Log lines of one side that are compared.
const MAX_LINES: usize = 5_000;
/// Entries of a list.
const MAX_LISTED: usize = 5;
/// Fewer calls are no kind of call that a request makes.
const MIN_CALLS: u64 = 10;

/// Looks for what is new between two sides.
pub(crate) async fn clues(
    telemetry: &dyn Telemetry,
    service: &str,
    before: (&Reading, &Window),
    after: (&Reading, &Window),
) -> Result<Clues> {
    let is_used = |reading: &Reading, name: &str| reading.side.requests(Some(name)) > 0.0;
    let names = after.0.side.endpoints.keys().filter(|name| is_used(after.0, name));
    let endpoints = names.filter(|name| !is_used(before.0, name)).take(MAX_LISTED).cloned().collect();
    Ok(Clues {
        endpoints,
        log_lines: new_lines(telemetry, service, before.1, after.1).await?,
        calls: grown_calls(before.0, after.0),
        functions: grown_functions(telemetry, service, before, after).await?,
    })
}

fn grown_calls(before: &Reading, after: &Reading) -> Vec<GrownCall> {
    let (old, new) = (before.side.requests(None), after.side.requests(None));
    if old <= 0.0 || new <= 0.0 || before.are_calls_cut || after.are_calls_cut || before.calls.is_empty() {
        return Vec::new();
    }
    let grown = after.calls.iter().filter(|(_, n)| **n >= MIN_CALLS).filter_map(|(call, n)| {
        let was = before.calls.get(call).copied().unwrap_or(0) as f64 / old;
        let is = *n as f64 / new;
        // Half a call more by request, or one that was not made at all.
        let is_grown = is >= 2.0 * was && (is - was >= 0.5 || was <= 0.0);
        is_grown.then(|| GrownCall { call: call.clone(), before: was, after: is })
    });
    let mut grown: Vec<GrownCall> = grown.collect();
    grown.sort_by(|a, b| (b.after - b.before).total_cmp(&(a.after - a.before)));
    grown.truncate(MAX_LISTED);
    grown
}

async fn new_lines(
    telemetry: &dyn Telemetry,
    service: &str,
    before: &Window,
    after: &Window,
) -> Result<Vec<NewLine>> {
    let (Some(old), Some(new)) = (before.whole(), after.whole()) else { return Ok(Vec::new()) };
    let before = lines(telemetry, service, before).await?;
    let after = lines(telemetry, service, after).await?;
    let found = difference(
        (before.iter().map(String::as_str), old.length()),
        (after.iter().map(String::as_str), new.length()),
    );
    let new = found.new.into_iter().take(MAX_LISTED);
    Ok(new.map(|change| NewLine { template: change.template, count: change.after }).collect())
}

async fn lines(telemetry: &dyn Telemetry, service: &str, window: &Window) -> Result<Vec<String>> {
    let Some(range) = window.whole() else { return Ok(Vec::new()) };
    let query = LogQuery {
        range,
        service: Some(service.to_owned()),
        min_severity: Severity::Warn,
        contains: String::new(),
        limit: MAX_LINES,
    };
    let found = in_time("log lines", telemetry.logs(&query)).await?;
    let of_side = found.into_iter().filter(|log| window.select.takes(&log.resource));
    Ok(of_side.map(|log| log.row.body).collect())
}

async fn grown_functions(
    telemetry: &dyn Telemetry,
    service: &str,
    before: (&Reading, &Window),
    after: (&Reading, &Window),
) -> Result<Vec<GrownFunction>> {
    let (old, new) =
        (samples(telemetry, service, before.1).await?, samples(telemetry, service, after.1).await?);
    let n = |reading: &Reading| reading.side.requests(None).round() as u64;
    if old.is_empty() || new.is_empty() || n(before.0) == 0 || n(after.0) == 0 {
        return Ok(Vec::new());
    }
    let found = profile_diff(&old, &new, Some((n(before.0), n(after.0))));
    let mut by_name: BTreeMap<String, GrownFunction> = BTreeMap::new();
    for grown in found.grew {
        let told = GrownFunction {
            function: grown.function.clone(),
            location: grown.location,
            before_ms: grown.self_before,
            after_ms: grown.self_after,
            share: grown.share_of_growth,
        };
        by_name.entry(grown.function).or_insert(told);
    }
    let mut grown: Vec<GrownFunction> = by_name.into_values().collect();
    grown.sort_by(|a, b| b.share.total_cmp(&a.share));
    grown.truncate(MAX_LISTED);
    Ok(grown)
}

async fn samples(telemetry: &dyn Telemetry, service: &str, window: &Window) -> Result<Vec<ProfileSample>> {
    let Some(range) = window.whole() else { return Ok(Vec::new()) };
    let query = ProfileQuery { range, service: Some(service.to_owned()), commit: None };
    let found = in_time("profile samples", telemetry.profile(&query)).await?;
    let of_side = found.into_iter().filter(|sample| window.select.takes(&sample.resource));
    Ok(of_side.map(|sample| sample.row).collect())
}
