//! Answers that other tools gave, recorded as JSON of whatever shape → series, texts, statements and objects, wherever they are in it.
//!
//! Known are the shapes of `kubectl`, of lists of pods, nodes, deployments and events in short form, of CloudWatch (`timestamps` beside `values`),
//! of database load by statement and by wait, of monitors with an `overall_state`, and of log records with a `message`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use waggle_analysis::symptoms::{Evidence, MetricSeries, Origin, Said, Statement};
use waggle_signals::{Severity, Timestamp};

/// Collects what an answer holds.
pub fn collect(answer: &Value, evidence: &mut Evidence) {
    walk(answer, "", &Context::default(), evidence);
}

/// Reads an alert: its title and what its annotations say. One that does not fire has severity info.
pub fn alert(value: &Value) -> Said {
    let fires = !matches!(text(value, &["state", "status"]), "normal" | "ok" | "resolved");
    let annotations = value.get("commonAnnotations").or_else(|| value.get("annotations"));
    let mut words = vec![text(value, &["title", "summary"])];
    words.extend(
        ["summary", "description", "error"]
            .map(|key| annotations.and_then(|all| all.get(key)).and_then(Value::as_str).unwrap_or_default()),
    );
    Said {
        origin: Origin::Alert,
        object: value.pointer("/commonLabels/service").and_then(Value::as_str).unwrap_or_default().to_owned(),
        time: None,
        severity: Some(if fires { Severity::Warn } else { Severity::Info }),
        text: words.join(" "),
    }
}

/// What the surroundings of a value say of it.
#[derive(Clone, Default)]
struct Context {
    object: String,
    until: Option<Timestamp>,
    load_scale: f64,
}

fn walk(value: &Value, key: &str, context: &Context, evidence: &mut Evidence) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, key, context, evidence)),
        Value::Object(map) => {
            if take(value, key, context, evidence) {
                return;
            }
            let mut context = context.clone();
            let named = text(value, &["db_instance_identifier", "pod_name", "host", "service"]);
            if !named.is_empty() {
                context.object = named.to_owned();
            }
            context.until = time(value, &["end_time"]).or(context.until);
            context.load_scale = load_scale(value).unwrap_or(context.load_scale);
            for (key, value) in map {
                walk(value, key, &context, evidence);
            }
        }
        Value::String(lines) if key == "logs" => {
            for line in lines.lines() {
                evidence.said.push(line_of(line, &context.object));
            }
        }
        _ => {}
    }
}

/// Takes a value that is something by itself; tells whether it was.
fn take(value: &Value, key: &str, context: &Context, evidence: &mut Evidence) -> bool {
    let has = |name: &str| value.get(name).is_some();
    if has("timestamps") && has("values") {
        evidence.metrics.push(series(value, key, context));
    } else if has("statement") && has("db_load_avg") {
        evidence.statements.push(statement(value));
    } else if key.contains("wait") && has("db_load_avg") {
        evidence.metrics.push(wait(value, context));
    } else if has("overall_state") {
        evidence.said.push(monitor(value));
    } else if has("apiVersion") && has("kind") {
        evidence.kubernetes.push(value.clone());
    } else if has("involved_object") || has("involvedObject") {
        evidence.kubernetes.push(event(value));
    } else if has("phase") && has("containers") {
        evidence.kubernetes.push(pod(value));
    } else if has("memory_pressure") || has("allocatable_cpu") {
        evidence.kubernetes.push(node(value));
    } else if has("desired") && has("ready") {
        evidence.kubernetes.push(deployment(value));
    } else if value.get("message").is_some_and(Value::is_string) {
        evidence.said.push(said(value, context));
    } else {
        return false;
    }
    true
}

fn text<'a>(value: &'a Value, keys: &[&str]) -> &'a str {
    keys.iter().find_map(|key| value.get(*key)?.as_str()).unwrap_or_default()
}

fn time(value: &Value, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| value.get(*key)?.as_str()?.parse().ok())
}

fn series(value: &Value, key: &str, context: &Context) -> MetricSeries {
    let list = |name: &str| value.get(name).and_then(Value::as_array).into_iter().flatten();
    let points = list("timestamps").zip(list("values"));
    let mut labels = BTreeMap::new();
    for dimension in list("dimensions") {
        labels.insert(
            text(dimension, &["Name", "name"]).to_owned(),
            text(dimension, &["Value", "value"]).to_owned(),
        );
    }
    let name = text(value, &["metric_name", "label", "name"]);
    MetricSeries {
        name: if name.is_empty() { key.to_owned() } else { name.to_owned() },
        object: labels.values().next().unwrap_or(&context.object).clone(),
        unit: text(value, &["unit"]).to_owned(),
        labels,
        points: points
            .filter_map(|(time, value)| Some((time.as_str()?.parse().ok()?, value.as_f64()?)))
            .collect(),
    }
}

/// Sessions by what they wait for are numbers of sessions in some recordings and percent of the load in others.
fn load_scale(value: &Value) -> Option<f64> {
    let values = value.pointer("/db_load/values")?.as_array()?;
    let peak = values.iter().filter_map(Value::as_f64).fold(0.0, f64::max);
    let waits = value.get("top_wait_events")?.as_array()?;
    let sum: f64 = waits.iter().filter_map(|wait| wait.get("db_load_avg")?.as_f64()).sum();
    // More waits than twice the most sessions there ever were cannot be sessions.
    Some(if sum > 2.0 * peak && sum > 50.0 { peak / 100.0 } else { 1.0 })
}

fn wait(value: &Value, context: &Context) -> MetricSeries {
    let load = value.get("db_load_avg").and_then(Value::as_f64).unwrap_or_default() * context.load_scale;
    MetricSeries {
        name: "db.load".to_owned(),
        object: context.object.clone(),
        labels: BTreeMap::from([("wait_event".to_owned(), text(value, &["name"]).to_owned())]),
        points: context
            .until
            .map(|until| (until - std::time::Duration::from_secs(1), load))
            .into_iter()
            .collect(),
        ..MetricSeries::default()
    }
}

fn statement(value: &Value) -> Statement {
    Statement {
        text: text(value, &["statement"]).to_owned(),
        load: value.get("db_load_avg").and_then(Value::as_f64).unwrap_or_default(),
        waits_for: value
            .pointer("/wait_events/0/name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    }
}

fn monitor(value: &Value) -> Said {
    let is_well = matches!(text(value, &["overall_state"]), "OK" | "No Data" | "Ignored" | "Skipped");
    Said {
        origin: Origin::Alert,
        object: String::new(),
        time: None,
        severity: Some(if is_well { Severity::Info } else { Severity::Warn }),
        text: format!("{}: {}", text(value, &["name"]), text(value, &["message"])),
    }
}

fn said(value: &Value, context: &Context) -> Said {
    let is_event = value.get("event_categories").is_some() || value.get("source_type").is_some();
    let object = text(value, &["source_identifier", "service", "host"]);
    Said {
        origin: if is_event { Origin::Event } else { Origin::Log },
        object: if object.is_empty() { context.object.clone() } else { object.to_owned() },
        time: time(value, &["timestamp", "date", "time", "last_time"]),
        severity: Severity::parse(text(value, &["status", "level", "severity"])),
        text: text(value, &["message"]).to_owned(),
    }
}

/// A line as a container wrote it: a time and a level at its start, if it has them.
fn line_of(line: &str, object: &str) -> Said {
    let mut words = line.splitn(3, ' ');
    let time = words.next().and_then(|word| word.parse().ok());
    let severity = words.next().and_then(|word| Severity::parse(word.trim_matches(['[', ']', ':'])));
    Said { origin: Origin::Log, object: object.to_owned(), time, severity, text: line.to_owned() }
}

fn event(value: &Value) -> Value {
    let about = text(value, &["involved_object", "involvedObject"]);
    let (kind, name) = about.split_once('/').unwrap_or(("", about));
    json!({
        "kind": "Event", "apiVersion": "v1",
        "involvedObject": {"kind": kind, "name": name, "namespace": text(value, &["namespace"])},
        "reason": text(value, &["reason"]), "message": text(value, &["message"]), "type": text(value, &["type"]),
        "count": value.get("count"),
        "firstTimestamp": text(value, &["first_time", "first_timestamp"]),
        "lastTimestamp": text(value, &["last_time", "last_timestamp"]),
    })
}

fn pod(value: &Value) -> Value {
    let containers = value.get("containers").and_then(Value::as_array).into_iter().flatten();
    let statuses: Vec<Value> = containers
        .map(|one| {
            json!({
                "name": one.get("name"), "ready": one.get("ready"), "image": one.get("image"),
                "restartCount": one.get("restart_count"),
                "state": state(one.get("state")),
                "lastState": state(one.get("last_state").or_else(|| one.get("last_terminated"))),
            })
        })
        .collect();
    let node = Some(text(value, &["node_name"])).filter(|node| !matches!(*node, "" | "unscheduled" | "none"));
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": value.get("name"), "namespace": value.get("namespace")},
        "spec": {"nodeName": node},
        "status": {
            "phase": value.get("phase"), "startTime": value.get("start_time"),
            "reason": value.get("reason"), "message": value.get("message"),
            "containerStatuses": statuses, "conditions": value.get("conditions"),
        },
    })
}

/// `{"waiting": true, "reason": …}` as the API writes it: `{"waiting": {"reason": …}}`.
fn state(value: Option<&Value>) -> Value {
    let Some(state) = value else { return Value::Null };
    let given = ["running", "waiting", "terminated"]
        .into_iter()
        .find(|name| state.get(*name).is_some_and(|one| one.as_bool() == Some(true) || one.is_object()));
    let given = given.or_else(|| state.get("exit_code").map(|_| "terminated"));
    let Some(name) = given else { return Value::Null };
    let inner = state.get(name).filter(|one| one.is_object()).unwrap_or(state);
    json!({name: {
        "reason": inner.get("reason"), "message": inner.get("message"),
        "exitCode": inner.get("exit_code").or_else(|| inner.get("exitCode")),
        "startedAt": inner.get("started_at"), "finishedAt": inner.get("finished_at"),
    }})
}

fn node(value: &Value) -> Value {
    let condition = |of: &str, key: &str| json!({"type": of, "status": value.get(key), "reason": value.get("reason"), "message": value.get("message")});
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": value.get("name")},
        "spec": {"unschedulable": value.get("unschedulable")},
        "status": {"conditions": [
            condition("Ready", "ready"), condition("MemoryPressure", "memory_pressure"),
            condition("DiskPressure", "disk_pressure"), condition("PIDPressure", "pid_pressure"),
        ]},
    })
}

fn deployment(value: &Value) -> Value {
    json!({
        "kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"name": value.get("name"), "namespace": value.get("namespace")},
        "spec": {"replicas": value.get("desired")},
        "status": {
            "readyReplicas": value.get("ready"), "availableReplicas": value.get("available"),
            "unavailableReplicas": value.get("unavailable"), "conditions": value.get("conditions"),
        },
    })
}
