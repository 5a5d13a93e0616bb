//! Which facts answer a question, in which order; and rankings that tools leave to the reader.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    question::{Ask, Bound, Measure, Order, Question, ROUTE, Side},
    reading::{Reading, place_in_story, quoted},
};
use crate::{
    EvidenceId, Language,
    evidence::{Fact, Topic},
    finding::{Claim, ClaimKind},
    ports::ReplyData,
    triage::{Cleared, Ranking, SUSPECTS_TOOL},
};

/// An answer with more sentences is a report.
pub(super) const MAX_CLAIMS: usize = 5;
/// When somebody asks for more, or for all that are within a limit, they get so many.
pub(super) const MOST_CLAIMS: usize = 10;
/// Letters by which facts name a commit.
const SHORT_ID: usize = 7;

/// What the results of the calls say.
pub(super) struct Told {
    pub claims: Vec<Claim>,
    /// The service that the first fact is about.
    pub about: Option<String>,
    /// Services, or sentences of another list, that answer as well and are not told.
    pub n_more: usize,
    /// Sentences among the claims that a ranking says.
    pub n_ranked: usize,
    /// False when every call was refused.
    pub is_answered: bool,
}

/// Quotes the facts of what the calls returned, those that answer best first.
pub(super) fn facts(reading: &Reading<'_>, question: &Question, calls: &[(&'static str, Value)]) -> Told {
    let results = || {
        let results =
            calls.iter().map(|(tool, arguments)| (*tool, arguments, reading.result_of(tool, arguments)));
        results.filter_map(|(tool, arguments, result)| Some((tool, arguments, result?)))
    };
    // The golden signals have the numbers of a symptom, and more.
    let is_summed_up = matches!(question.ask, Ask::Compare | Ask::Health | Ask::NotThis)
        && results().any(|(tool, _, result)| tool == "golden_signals" && !result.facts.is_empty());
    let mut facts: Vec<(EvidenceId, &Fact)> = Vec::new();
    let mut claims: Vec<Claim> = Vec::new();
    for (tool, arguments, result) in results() {
        if tool == SUSPECTS_TOOL {
            claims.extend(of_ranking(reading.language(), question, result));
        }
        let told = result.facts.iter().filter(|fact| is_asked(question, tool, arguments, fact));
        let told: Vec<&Fact> = told.filter(|fact| !(is_summed_up && fact.topic == Topic::Symptom)).collect();
        facts.extend(in_order(question, told, &result.data).into_iter().map(|fact| (result.evidence, fact)));
    }
    // What a list is ordered by stays; all else is told as a story.
    if !matches!(question.ask, Ask::Services | Ask::Usage | Ask::Traces | Ask::Changes | Ask::Diff) {
        let is_other =
            |fact: &Fact| !question.services.is_empty() && !question.services.contains(&fact.service);
        facts.sort_by_key(|(_, fact)| (is_other(fact), place_in_story(fact.topic)));
    }
    if question.ask == Ask::Compare && question.services.len() > 1 {
        // Side by side: each kind of number of the one, then of the other.
        facts.sort_by_key(|(_, fact)| place_in_story(fact.topic));
    }
    let is_of_route = question.group_by == Some(ROUTE);
    if is_of_route && facts.iter().any(|(_, fact)| names_route(fact)) {
        facts.retain(|(_, fact)| names_route(fact));
    }
    let n_ranked = claims.len();
    if question.ask == Ask::Why {
        let mut seen = BTreeSet::new();
        facts.retain(|(_, fact)| seen.insert((fact.service.as_str(), fact.topic)));
    }
    let about = facts.first().map(|(_, fact)| fact.service.clone()).filter(|service| !service.is_empty());
    let is_list = question.ask == Ask::Services && question.order.is_none();
    let usual = if is_list || question.ask == Ask::Usage { MOST_CLAIMS } else { MAX_CLAIMS };
    let n = question.top_n.unwrap_or(usual).min(MOST_CLAIMS);
    for claim in facts.iter().copied().map(quoted) {
        if !claims.iter().any(|known| known.text == claim.text) {
            claims.push(claim);
        }
    }
    let n_known = claims.len();
    claims.truncate(n.max(1));
    let told: BTreeSet<&str> = facts
        .iter()
        .filter(|(_, fact)| claims.iter().any(|claim| claim.text == fact.text))
        .map(|(_, fact)| fact.service.as_str())
        .collect();
    let n_matching = results().find_map(|(_, _, result)| n_matching(question, &result.data)).unwrap_or(0);
    // Who asks for an end of the list does not ask for all of it.
    let n_asked = question.top_n.unwrap_or(if is_list { usize::MAX } else { 0 });
    let n_more = match question.ask {
        Ask::Services => n_matching.min(n_asked).saturating_sub(told.len()),
        ask if is_listed(ask) && question.top_n.is_none() => {
            n_known.max(n_matching).saturating_sub(claims.len())
        }
        _ => 0,
    };
    Told { claims, about, n_more, n_ranked, is_answered: results().next().is_some() }
}

/// Tells whether an answer is a list, of which the reader should know when it goes on.
fn is_listed(ask: Ask) -> bool {
    use Ask::*;
    matches!(
        ask,
        Changes
            | Traces
            | Dependencies
            | Network
            | Connections
            | Pods
            | ClusterEvents
            | Restarts
            | NewLogs
            | LogPatterns
            | Logs
            | Files
            | Processes
            | Metrics
            | Events
            | Owner
            | Past
    )
}

/// Attributes of a request that say what it asks for (OpenTelemetry semantic conventions for HTTP, RPC and GraphQL spans).
const ROUTE_KEYS: [&str; 7] =
    ["http.route", "url.path", "url.template", "http.target", "rpc.method", "graphql.operation", "name="];

/// Tells whether a fact says which route it is about: a request is told with its name, a group by its attribute.
fn names_route(fact: &Fact) -> bool {
    fact.topic == Topic::Trace || ROUTE_KEYS.iter().any(|key| fact.text.contains(key))
}

/// Tells whether a fact belongs to the answer: of a call about everything, only what is about the services that were named.
fn is_asked(question: &Question, tool: &str, arguments: &Value, fact: &Fact) -> bool {
    if let (Ask::Act | Ask::Advice, "recent_changes", Some(commit)) = (question.ask, tool, &question.id) {
        // Facts name a commit by its first letters.
        let short = commit.get(..SHORT_ID).unwrap_or(commit);
        return fact.text.contains(short);
    }
    let is_about_named = arguments.get("service").is_some()
        || arguments.get("commit").is_some()
        || question.services.is_empty()
        || question.services.iter().any(|name| fact.service == *name || has_name(&fact.text, name));
    let is_of_measure = match question.measure.filter(|_| question.ask == Ask::Usage) {
        Some(Measure::Cpu) => fact.text.contains("CPU"),
        Some(Measure::Memory) => fact.text.contains("memory") || fact.text.contains("内存"),
        _ => true,
    };
    is_about_named && is_of_measure
}

pub(super) fn has_name(text: &str, name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) =
            (text.get(..at).unwrap_or_default(), text.get(at + name.len()..).unwrap_or_default());
        !before.ends_with(is_of_name) && !after.starts_with(is_of_name)
    })
}

/// Keeps the facts about services that are within the limits, in the order that is asked for, as far as the rows tell.
fn in_order<'a>(question: &Question, facts: Vec<&'a Fact>, data: &Value) -> Vec<&'a Fact> {
    if question.ask != Ask::Services {
        return facts;
    }
    let Some(names) = matching_services(question, data) else { return facts };
    let mut placed: Vec<_> = facts
        .into_iter()
        .filter_map(|fact| Some((names.iter().position(|name| *name == fact.service)?, fact)))
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, fact)| fact).collect()
}

/// Returns the services within the limits, in order; `None` when the rows have no such numbers.
fn matching_services<'a>(question: &Question, data: &'a Value) -> Option<Vec<&'a str>> {
    let rows = data.get("services")?.as_array()?;
    let mut rows: Vec<_> = rows.iter().filter_map(|row| Some((row.get("service")?.as_str()?, row))).collect();
    let has_numbers = rows.iter().any(|(_, row)| number(row, Measure::Latency).is_some());
    if !has_numbers {
        return None;
    }
    rows.retain(|(_, row)| question.bounds.iter().all(|bound| is_within(bound, number(row, bound.measure))));
    if let Some((measure, order)) = question.measure.zip(question.order) {
        // What has no value is last in either order.
        rows.sort_by(|(_, a), (_, b)| match (number(a, measure), number(b, measure)) {
            (Some(a), Some(b)) if order == Order::Least => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
    }
    Some(rows.into_iter().map(|(name, _)| name).collect())
}

pub(super) fn is_within(bound: &Bound, number: Option<f64>) -> bool {
    // What cannot be compared here was compared by the tool.
    number.is_none_or(|number| match bound.side {
        Side::AtLeast => number >= bound.value,
        Side::AtMost => number <= bound.value,
    })
}

/// Returns how many services are within the limits, those included that the tool left off.
fn n_matching(question: &Question, data: &Value) -> Option<usize> {
    if question.ask == Ask::Traces {
        return usize::try_from(data.get("matching")?.as_u64()?).ok();
    }
    let listed = matching_services(question, data).filter(|_| question.ask == Ask::Services)?.len();
    let left_off = data.get("left_off").and_then(Value::as_u64).unwrap_or(0);
    Some(listed + usize::try_from(left_off).unwrap_or(0))
}

pub(super) fn number(row: &Value, measure: Measure) -> Option<f64> {
    let row_now = row.get("after").unwrap_or(row);
    let answers_nothing = row_now.get("requests").and_then(Value::as_u64) == Some(0);
    if answers_nothing && matches!(measure, Measure::Latency | Measure::Errors) {
        return None;
    }
    let field = match measure {
        Measure::Latency => "p99_ms",
        Measure::Errors => "error_ratio",
        Measure::Requests => "rate_per_s",
        Measure::Cpu => "cpu_cores",
        Measure::Memory => "memory_bytes",
        Measure::Disk => return None,
    };
    row.get("after").and_then(|after| after.get(field)).or_else(|| row.get(field))?.as_f64()
}

/// Says what the ranked suspects say to a question: their tool states no facts of its own.
fn of_ranking(language: Language, question: &Question, result: &ReplyData) -> Vec<Claim> {
    let Ok(ranking) = serde_json::from_value::<Ranking>(result.data.clone()) else { return Vec::new() };
    let claim = |text: String, kind| Claim { text, kind, evidence: vec![result.evidence] };
    let first = ranking.suspects.first();
    let texts: Vec<(String, ClaimKind)> = match question.ask {
        Ask::RuledOut => ranking
            .ruled_out
            .iter()
            .map(|cleared| (format!("{}: {}", cleared.suspect, cleared.reason), ClaimKind::Observed))
            .collect(),
        Ask::Advice => first.iter().map(|suspect| (suspect.advice.clone(), ClaimKind::Inferred)).collect(),
        Ask::Impact => {
            let (affected, n) = (ranking.affected.join(", "), ranking.requests_failed);
            let affected = language.pick(format!("affected: {affected}"), format!("受影响：{affected}"));
            let failed = language.pick(format!("{n} requests failed"), format!("失败请求 {n} 个"));
            let all = [
                (!ranking.quiet).then_some(ranking.symptom.text),
                (!ranking.affected.is_empty()).then_some(affected),
                (n > 0).then_some(failed),
            ];
            all.into_iter().flatten().map(|text| (text, ClaimKind::Observed)).collect()
        }
        Ask::NotThis => {
            let of_named =
                |cleared: &&Cleared| question.services.iter().any(|name| has_name(&cleared.suspect, name));
            let told = |cleared: &Cleared| format!("{}: {}", cleared.suspect, cleared.reason);
            ranking.ruled_out.iter().filter(of_named).map(|out| (told(out), ClaimKind::Observed)).collect()
        }
        _ => first
            .filter(|_| !ranking.quiet)
            .map(|suspect| {
                let because = suspect.because.join("; ");
                (format!("{}: {}; {because}", suspect.service, suspect.title), ClaimKind::Inferred)
            })
            .into_iter()
            .collect(),
    };
    texts.into_iter().filter(|(text, _)| !text.is_empty()).map(|(text, kind)| claim(text, kind)).collect()
}
