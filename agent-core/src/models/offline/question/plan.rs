//! From a question to the calls that answer it.

use serde_json::{Map, Value, json};

use super::{Ask, Bound, Measure, Order, Question, Side, rules::ROUTE};

/// One thing to find out: calls that would tell, the best first. The first whose tool can be had is made.
pub(crate) type Wanted = Vec<(&'static str, Value)>;

/// What the conversation knows besides the question.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'a> {
    /// The service that it is about when none is named.
    pub service: Option<&'a str>,
    /// The commit that a finding blames.
    pub commit: Option<&'a str>,
}

/// Returns what to find out; empty when no tool is needed. Each entry can be asked at once.
pub(crate) fn plan(question: &Question, known: Known<'_>) -> Vec<Wanted> {
    let named = question.services.first().map(String::as_str);
    let service = named.or(known.service);
    // At most so many services are looked at side by side.
    let each = |wanted: &dyn Fn(Option<&str>) -> Vec<Wanted>| match question.services.as_slice() {
        [] => wanted(known.service),
        several => several.iter().take(3).flat_map(|name| wanted(Some(name))).collect(),
    };
    let one = |tools: &[&'static str], service: Option<&str>| -> Vec<Wanted> {
        vec![tools.iter().map(|tool| (*tool, about(service))).collect()]
    };
    match question.ask {
        Ask::Help | Ask::WhySo | Ask::Unknown => Vec::new(),
        Ask::Act => of_commit(question),
        Ask::Advice => [one(&["suspects"], None), of_commit(question)].concat(),
        Ask::RuledOut | Ask::Impact => one(&["suspects"], None),
        Ask::Cause => [one(&["suspects", "anomalies"], None), one(&["walk"], None)].concat(),
        Ask::Wrong => [one(&["anomalies"], None), one(&["suspects"], None)].concat(),
        Ask::NotThis => [each(&|service| now_and_before(service)), one(&["suspects"], None)].concat(),
        Ask::Compare if question.services.len() > 1 => {
            each(&|service| one(&["golden_signals", "compare"], service))
        }
        Ask::Compare => each(&|service| now_and_before(service)),
        Ask::Health => each(&|service| health(question, service)),
        Ask::Why => each(&|service| {
            let trace = vec![("critical_path", about(service)), ("slow_traces", about(service))];
            [one(&["compare"], service), vec![trace], one(&["recent_changes"], None)].concat()
        }),
        Ask::Past => one(&["past_incidents"], None),
        Ask::Forecast => {
            let measure = question.measure.map_or("memory", forecast_name);
            each(&|service| vec![vec![("forecast", with(about(service), "measure", json!(measure)))]])
        }
        Ask::Knowledge => {
            let words = question.words.clone().unwrap_or_else(|| question.services.join(" "));
            let words = if words.is_empty() { known.service.unwrap_or("incident").to_owned() } else { words };
            vec![vec![("search_knowledge", json!({ "query": words }))]]
        }
        Ask::Trace => vec![vec![("show_trace", json!({ "trace": question.id }))]],
        Ask::CriticalPath => each(&|service| one(&["critical_path", "slow_traces"], service)),
        Ask::TraceChanges => each(&|service| one(&["trace_diff", "compare"], service)),
        Ask::Traces if question.failed => match question.services.as_slice() {
            [] => traces(question, None),
            _ => each(&|service| traces(question, service)),
        },
        Ask::Traces => each(&|service| traces(question, service)),
        Ask::Diff => match question.id.as_deref().or(known.commit.filter(|_| named.is_none())) {
            Some(commit) => vec![vec![("read_diff", json!({ "commit": commit }))]],
            None => one(&["recent_changes"], None),
        },
        Ask::Changes => one(&["recent_changes"], None),
        Ask::Owner => each(&|service| one(&["owners"], service)),
        Ask::Dependencies => match (named, known.service) {
            (None, None) => one(&["network_edges", "service_map"], None),
            _ => each(&|service| one(&["dependencies", "network_edges"], service)),
        },
        Ask::Network => one(&["network_edges"], named),
        Ask::Connections => match service {
            Some(_) => each(&|service| one(&["connections", "network_edges"], service)),
            None => one(&["network_edges"], None),
        },
        Ask::Profile => {
            each(&|service| [one(&["profile_top"], service), one(&["profile_diff"], service)].concat())
        }
        Ask::Pods => vec![vec![("kubernetes_get", object(question)), ("processes", about(named))]],
        Ask::Describe => {
            vec![vec![("kubernetes_describe", object(question)), ("kubernetes_get", object(question))]]
        }
        Ask::ClusterDependencies => vec![vec![("kubernetes_dependencies", object(question))]],
        Ask::ClusterEvents => vec![vec![("kubernetes_events", json!({})), ("events", about(named))]],
        Ask::PodLogs => vec![vec![("pod_logs", json!({ "pod": question.id }))]],
        Ask::Restarts => [
            vec![vec![("kubernetes_get", json!({ "kind": "pod" }))]],
            vec![vec![("process_activity", about(named)), ("events", about(named))]],
        ]
        .concat(),
        Ask::NewLogs => each_or_all(question, &["log_diff", "logs"]),
        Ask::FirstErrors => one(&["first_errors", "logs"], None),
        Ask::LogPatterns => each_or_all(question, &["log_templates", "logs"]),
        Ask::Logs => each(&|service| {
            let arguments = match &question.words {
                Some(words) => with(about(service), "contains", json!(words)),
                None => about(service),
            };
            vec![vec![("logs", arguments)]]
        }),
        Ask::Files => each(&|service| one(&["file_activity"], service)),
        Ask::Processes => each(&|service| one(&["process_activity", "events"], service)),
        Ask::Attribution if question.group_by == Some(ROUTE) && named.is_none() => {
            vec![requests_by_name(question, None)]
        }
        Ask::Attribution => each(&|service| {
            let measure = question
                .measure
                .map(measure_name)
                .filter(|name| ["latency", "errors", "requests"].contains(name));
            let arguments = match measure {
                Some(measure) => with(about(service), "measure", json!(measure)),
                None => about(service),
            };
            let attributed = vec![("attribution", arguments), ("compare", about(service))];
            // Of what a request carries, its route may be what tells least: then the requests themselves say theirs.
            let by_name = (question.group_by == Some(ROUTE)).then(|| requests_by_name(question, service));
            std::iter::once(attributed).chain(by_name).collect()
        }),
        Ask::Metrics => each_or_all(question, &["metrics", "processes"]),
        Ask::Services => vec![services(question)],
        Ask::Usage if question.measure == Some(Measure::Disk) => each_or_all(question, &["metrics"]),
        Ask::Usage => each_or_all(question, &["processes"]),
        Ask::Rate => each(&|service| vec![signals(service)]),
        Ask::Events => each_or_all(question, &["events"]),
    }
}

/// Asks about each service that is named, or about all.
fn each_or_all(question: &Question, tools: &[&'static str]) -> Vec<Wanted> {
    let wanted = |service| tools.iter().map(|tool| (*tool, about(service))).collect();
    match question.services.as_slice() {
        [] => vec![wanted(None)],
        several => several.iter().take(3).map(|name| wanted(Some(name))).collect(),
    }
}

fn health(question: &Question, service: Option<&str>) -> Vec<Wanted> {
    let is_bounded = !question.bounds.is_empty();
    if service.is_none() {
        vec![vec![("anomalies", json!({}))]]
    } else if is_bounded {
        vec![signals(service)]
    } else {
        now_and_before(service)
    }
}

/// What stayed as it was is no news to `compare`; the numbers are told all the same.
fn now_and_before(service: Option<&str>) -> Vec<Wanted> {
    let compared = vec![("compare", about(service))];
    // Without a service, that would be the numbers of all.
    let measured = service.map(|service| signals(Some(service)));
    std::iter::once(compared).chain(measured).collect()
}

/// What is known of the commit that is to be acted on.
fn of_commit(question: &Question) -> Vec<Wanted> {
    let Some(commit) = &question.id else { return Vec::new() };
    vec![vec![("read_diff", json!({ "commit": commit }))], vec![("recent_changes", json!({}))]]
}

/// Requests with their names: those that failed, or the slowest.
fn requests_by_name(question: &Question, service: Option<&str>) -> Wanted {
    let arguments = match question.measure {
        Some(Measure::Errors) => with(about(service), "failed", json!(true)),
        _ => about(service),
    };
    vec![("find_traces", arguments), ("slow_traces", about(service))]
}

/// The service map states facts only of a bounded list; a bound of nothing lists all.
fn signals(service: Option<&str>) -> Wanted {
    vec![("golden_signals", about(service)), ("service_map", json!({ "min_p99_ms": 0.0 }))]
}

fn services(question: &Question) -> Wanted {
    let mut arguments = Map::new();
    let mut older = Map::new();
    for Bound { measure, side, value } in &question.bounds {
        let name = match (measure, side) {
            (Measure::Errors, Side::AtLeast) => "min_error_ratio",
            (Measure::Errors, Side::AtMost) => "max_error_ratio",
            (Measure::Latency, Side::AtLeast) => "min_p99_ms",
            (Measure::Latency, Side::AtMost) => "max_p99_ms",
            (Measure::Requests, Side::AtLeast) => "min_requests_per_s",
            (Measure::Requests, Side::AtMost) => "max_requests_per_s",
            (Measure::Cpu | Measure::Memory | Measure::Disk, _) => continue,
        };
        let value = (value * 1e9).round() / 1e9;
        arguments.insert(name.to_owned(), json!(value));
        if name == "min_error_ratio" || name == "min_p99_ms" {
            older.insert(name.to_owned(), json!(value));
        }
    }
    if older.is_empty() {
        older.insert("min_p99_ms".to_owned(), json!(0.0));
    }
    // What is bounded and not ordered is told from its far end on.
    let bounded = question.bounds.first().map(|bound| {
        let order = if bound.side == Side::AtMost { Order::Least } else { Order::Most };
        (bound.measure, order)
    });
    if let Some((measure, order)) = question.measure.zip(question.order).or(bounded) {
        arguments.insert(
            "sort_by".to_owned(),
            json!(match measure {
                Measure::Errors => "error_ratio",
                Measure::Requests => "requests",
                _ => "p99",
            }),
        );
        if order == Order::Least {
            arguments.insert("order".to_owned(), json!("least"));
        }
    }
    if let Some(n) = question.top_n {
        arguments.insert("limit".to_owned(), json!(n));
    }
    vec![("golden_signals", Value::Object(arguments)), ("service_map", Value::Object(older))]
}

fn traces(question: &Question, service: Option<&str>) -> Vec<Wanted> {
    let least =
        question.bounds.iter().find(|bound| bound.measure == Measure::Latency && bound.side == Side::AtLeast);
    let slow = ("slow_traces", about(service));
    if !question.failed && least.is_none() {
        return vec![vec![slow]];
    }
    let mut arguments = about(service);
    if let Some(bound) = least {
        arguments = with(arguments, "min_ms", json!(bound.value));
    }
    if question.failed {
        arguments = with(arguments, "failed", json!(true));
    }
    if let Some(n) = question.top_n {
        arguments = with(arguments, "limit", json!(n));
    }
    vec![vec![("find_traces", arguments), slow]]
}

fn object(question: &Question) -> Value {
    let kind = question.kind.map_or("pod", super::Kind::as_str);
    let named =
        question.id.as_ref().or(question.services.first().filter(|_| !matches!(question.ask, Ask::Pods)));
    match named {
        Some(name) => json!({ "kind": kind, "name": name }),
        None => json!({ "kind": kind }),
    }
}

fn about(service: Option<&str>) -> Value {
    service.map_or_else(|| json!({}), |service| json!({ "service": service }))
}

fn with(mut arguments: Value, name: &str, value: Value) -> Value {
    if let Some(fields) = arguments.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    arguments
}

/// Names a measure as the tool that looks ahead does.
fn forecast_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Latency => "latency_p99",
        Measure::Errors => "error_ratio",
        Measure::Requests => "request_rate",
        Measure::Cpu | Measure::Memory | Measure::Disk => measure_name(measure),
    }
}

fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Latency => "latency",
        Measure::Errors => "errors",
        Measure::Requests => "requests",
        Measure::Cpu => "cpu",
        Measure::Memory => "memory",
        Measure::Disk => "disk",
    }
}
