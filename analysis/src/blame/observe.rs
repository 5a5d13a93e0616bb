//! From telemetry to signs: which lines are new, which metrics moved, who failed first.

use std::collections::{BTreeMap, BTreeSet};

use waggle_signals::{Series, Severity, TimeRange, Timestamp};

use super::signs::{Level, Sign, SignSource, Signs};
use crate::{
    anomaly,
    templates::{Limits, Miner},
};

/// A line of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When.
    pub time: Timestamp,
    /// Whose.
    pub service: String,
    /// How bad, as its program says.
    pub severity: Severity,
    /// The text. Untrusted.
    pub text: String,
}

/// The error of a span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanError {
    /// When.
    pub time: Timestamp,
    /// Whose.
    pub service: String,
    /// Name of the span and what it says of its error. Untrusted.
    pub text: String,
    /// Nothing that it called failed: the trouble is its own.
    pub is_deepest: bool,
}

/// What an incident looks like, as telemetry.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// Lines of both windows.
    pub lines: Vec<Line>,
    /// Series that reach over both windows, with the service as a label.
    pub series: Vec<Series>,
    /// Failed spans of both windows.
    pub span_errors: Vec<SpanError>,
    /// Texts of the alert.
    pub alert: Vec<String>,
    /// The service that the alert names; empty when none.
    pub alert_service: String,
    /// What providers say: when, and the text.
    pub status: Vec<(Timestamp, String)>,
}

/// Levels that move by less than this robust score are noise.
const MOVED: f64 = 6.0;

/// Who fails within this many seconds of the first fails at the same time.
const SAME_TIME_S: u64 = 30;

/// Returns what is seen in `window` and was not in `baseline`.
///
/// The onset is the first new complaint or moved level; the start of the window when there is neither.
pub fn signs(telemetry: &Telemetry, baseline: TimeRange, window: TimeRange) -> Signs {
    let levels = levels(&telemetry.series, baseline, window);
    let mut texts = new_complaints(&telemetry.lines, baseline, window);
    texts.extend(new_span_errors(&telemetry.span_errors, baseline, window));
    let firsts =
        texts.iter().filter(|sign| sign.count > 1 || sign.source == SignSource::Span).map(|sign| sign.first);
    let onset =
        firsts.chain(levels.iter().filter(|level| harms(level, telemetry)).map(|level| level.onset)).min();
    let onset = onset.unwrap_or(window.from());
    let failing = failing(&texts, &levels, telemetry);
    let services: BTreeSet<String> = telemetry
        .lines
        .iter()
        .map(|line| line.service.clone())
        .chain(
            telemetry
                .series
                .iter()
                .map(|series| series.label(waggle_signals::semconv::SERVICE_NAME).to_owned()),
        )
        .chain(telemetry.span_errors.iter().map(|error| error.service.clone()))
        .filter(|service| !service.is_empty())
        .collect();
    let of_no_line = |source, service: &str, text: &String, first| Sign {
        source,
        service: service.to_owned(),
        text: text.clone(),
        count: 1,
        identical: 1,
        first,
    };
    texts.extend(
        telemetry
            .alert
            .iter()
            .map(|text| of_no_line(SignSource::Alert, &telemetry.alert_service, text, onset)),
    );
    texts.extend(telemetry.status.iter().map(|(time, text)| of_no_line(SignSource::Status, "", text, *time)));
    Signs { onset, failing, services: services.into_iter().collect(), texts, levels, ..Signs::default() }
}

/// Lines of the window that complain and whose template the baseline does not have, one sign for each service and template.
fn new_complaints(lines: &[Line], baseline: TimeRange, window: TimeRange) -> Vec<Sign> {
    let mut miner = Miner::new(Limits::default());
    let of_window = lines.iter().filter(|line| window.contains(line.time) && complains(line));
    let of_baseline = lines.iter().filter(|line| baseline.contains(line.time));
    let old: Vec<(usize, &Line)> = of_baseline.map(|line| (miner.add(&line.text), line)).collect();
    let now: Vec<(usize, &Line)> = of_window.map(|line| (miner.add(&line.text), line)).collect();
    let mined = miner.templates();
    let template = |shape: usize| mined.of.get(shape).copied().unwrap_or_default();
    let known: BTreeSet<(u32, &str)> =
        old.iter().map(|(shape, line)| (template(*shape), line.service.as_str())).collect();
    let mut new: BTreeMap<(u32, &str), Vec<&Line>> = BTreeMap::new();
    for (shape, line) in now {
        let key = (template(shape), line.service.as_str());
        if !known.contains(&key) {
            new.entry(key).or_default().push(line);
        }
    }
    let signs = new.into_values().filter_map(|lines| {
        let first = lines.iter().min_by_key(|line| line.time)?;
        let mut same: BTreeMap<&str, u64> = BTreeMap::new();
        for line in &lines {
            *same.entry(line.text.as_str()).or_default() += 1;
        }
        Some(Sign {
            source: SignSource::Log,
            service: first.service.clone(),
            text: first.text.clone(),
            count: lines.len() as u64,
            identical: same.values().copied().max().unwrap_or(0),
            first: first.time,
        })
    });
    signs.collect()
}

/// Tells whether a line says that something went wrong.
fn complains(line: &Line) -> bool {
    line.severity >= Severity::Warn
}

/// Errors of spans whose text the baseline does not have, one sign for each service and text.
fn new_span_errors(errors: &[SpanError], baseline: TimeRange, window: TimeRange) -> Vec<Sign> {
    let of = |range: TimeRange| errors.iter().filter(move |error| range.contains(error.time));
    let known: BTreeSet<(&str, &str)> = of(baseline).map(|e| (e.service.as_str(), e.text.as_str())).collect();
    let mut new: BTreeMap<(&str, &str), (u64, Timestamp)> = BTreeMap::new();
    for error in of(window).filter(|error| !known.contains(&(error.service.as_str(), error.text.as_str()))) {
        let entry = new.entry((&error.service, &error.text)).or_insert((0, error.time));
        *entry = (entry.0 + 1, entry.1.min(error.time));
    }
    let signs = new.into_iter().map(|((service, text), (count, first))| Sign {
        source: SignSource::Span,
        service: service.to_owned(),
        text: text.to_owned(),
        count,
        // Texts of spans carry no ids to tell records by.
        identical: 0,
        first,
    });
    signs.collect()
}

fn levels(series: &[Series], baseline: TimeRange, window: TimeRange) -> Vec<Level> {
    let moved = anomaly::scan(series, baseline, window);
    let levels = moved.into_iter().filter(|anomaly| anomaly.score >= MOVED).map(|anomaly| Level {
        service: anomaly.service().to_owned(),
        metric: match &anomaly.measure {
            waggle_signals::Measure::Metric(name) => name.clone(),
            other => crate::quantity::name(other).to_owned(),
        },
        before: anomaly.before,
        after: anomaly.after,
        onset: anomaly.onset,
    });
    levels.collect()
}

/// Tells whether a level that moved is trouble: by itself, or because the alert is about it and it did not get better.
fn harms(level: &Level, telemetry: &Telemetry) -> bool {
    let is_alerted = || telemetry.alert.iter().any(|text| names(text, &level.metric));
    is_harm(level) || (!is_relief(level) && is_alerted())
}

/// Tells whether there is more of what is good to have.
fn is_relief(level: &Level) -> bool {
    let name = level.metric.to_lowercase();
    let good = ["free", "available", "remaining", "headroom", "unused"];
    good.iter().any(|word| name.contains(word)) && level.after > level.before
}

/// Tells whether a level that moved is trouble by itself and not a setting or a count of requests.
fn is_harm(level: &Level) -> bool {
    let name = level.metric.to_lowercase();
    let bad = [
        "error",
        "5xx",
        "4xx",
        "fail",
        "latency",
        "duration",
        "timeout",
        "restart",
        "wait",
        "reject",
        "exhaust",
        "age",
        "lag",
        "unauthorized",
        "exception",
        "dropped",
        "queue",
    ];
    bad.iter().any(|word| name.contains(word)) && level.after > level.before
}

/// Orders services by when they began to fail; of those that began together, the one whose own spans fail stands first.
fn failing(texts: &[Sign], levels: &[Level], telemetry: &Telemetry) -> Vec<String> {
    let mut first: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let complaints = texts
        .iter()
        .filter(|sign| sign.source != SignSource::Span)
        .map(|sign| (sign.service.as_str(), sign.first));
    let harmed = levels
        .iter()
        .filter(|level| harms(level, telemetry))
        .map(|level| (level.service.as_str(), level.onset));
    let spans = texts
        .iter()
        .filter(|sign| sign.source == SignSource::Span)
        .map(|sign| (sign.service.as_str(), sign.first));
    for (service, at) in complaints.chain(harmed) {
        let known = first.entry(service).or_insert(at);
        *known = (*known).min(at);
    }
    // Spans are sampled, so their times say little; they only add services.
    for (service, at) in spans {
        first.entry(service).or_insert(at);
    }
    first.remove("");
    let deepest: BTreeSet<&str> = telemetry
        .span_errors
        .iter()
        .filter(|error| error.is_deepest)
        .map(|error| error.service.as_str())
        .collect();
    let start = first.values().min().copied().unwrap_or_default();
    // Two series that step once a minute cannot tell which of them moved first.
    let steps = telemetry.series.iter().map(|series| series.step.as_secs());
    let same_time_s = steps.max().unwrap_or(0).clamp(SAME_TIME_S, 10 * SAME_TIME_S);
    let mut ordered: Vec<(&str, Timestamp)> = first.into_iter().collect();
    ordered.sort_by_key(|(service, at)| {
        let bucket = at.since(start).as_secs() / same_time_s;
        let is_named = is_named_by_others(service, texts);
        (bucket, !is_named, !deepest.contains(service), *service != telemetry.alert_service, *at)
    });
    ordered.into_iter().map(|(service, _)| service.to_owned()).collect()
}

/// Tells whether another service complains of this one by its name: then it failed first, whatever the clocks say.
fn is_named_by_others(service: &str, texts: &[Sign]) -> bool {
    texts.iter().any(|sign| {
        sign.source == SignSource::Log
            && sign.service != service
            && !sign.service.is_empty()
            && names(&sign.text, service)
    })
}

/// Tells whether a text has a name as a whole word.
fn names(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part))
}
