//! The files of an incident, each under its name.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, Read as _},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use waggle_analysis::blame::{Candidate, ChangedFile, Deployment, Kind, observe::Line};
use waggle_signals::{Severity, Timestamp};

use super::{
    Alert, FileSpan, Incident,
    fields::{number, text, time},
    recorded,
    telemetry::equal_steps,
};
use crate::{BadFile, bad_file::open, moment::moment, table};

const TIME: &[&str] = &["timestamp", "time", "ts", "@timestamp", "start", "start_time", "date"];
const SERVICE: &[&str] =
    &["service", "service_name", "service.name", "serviceName", "app", "container", "source"];
const TEXT: &[&str] = &["msg", "message", "body", "text", "log", "content"];
const SEVERITY: &[&str] = &["severity_text", "severity", "level", "lvl", "status"];

/// A JSON file beyond this is refused: it takes several times its size in memory.
const MAX_JSON: u64 = 512 << 20;

/// Bytes of one line of a log.
const MAX_LINE: u64 = 16 << 20;

/// Files that are read by their names.
const CLAIMED: &[&str] = &[
    "alert.json",
    "logs.json",
    "traces.json",
    "commits.json",
    "deploys.json",
    "flags.json",
    "status_feed.json",
];

/// Most lines that are named as left out; the rest is counted.
const MAX_LEFT_OUT: usize = 20;

pub(super) fn read(folder: &Path) -> Result<Incident, BadFile> {
    let mut incident = Incident::default();
    let mut is_anything = false;
    if let Some(value) = json(&folder.join("alert.json"))? {
        incident.alert = alert(&value);
    }
    let logs = ["logs.ndjson", "logs.jsonl", "logs.json", "logs.ndjson.gz", "logs.jsonl.gz"]
        .map(|name| folder.join(name));
    if let Some(path) = logs.iter().find(|path| path.is_file()) {
        read_logs(path, &mut incident)?;
        is_anything = true;
    }
    let metrics = ["metrics.csv", "metrics.csv.gz"].map(|name| folder.join(name));
    if let Some(metrics) = metrics.iter().find(|path| path.is_file()) {
        read_metrics(metrics, &mut incident)?;
        is_anything = true;
    }
    if let Some(value) = json(&folder.join("traces.json"))? {
        incident.spans = list(&value, "spans").iter().filter_map(span).collect();
        is_anything = true;
    }
    let context = folder.join("context");
    let of_context = |name: &str| {
        let path = context.join(name);
        json(&if path.is_file() { path } else { folder.join(name) })
    };
    if let Some(value) = of_context("commits.json")? {
        for change in list(&value, "commits") {
            if let Some((candidate, author)) = commit(change) {
                incident.authors.push((candidate.id.clone(), author));
                incident.changes.push(candidate);
            }
        }
    }
    if let Some(value) = of_context("deploys.json")? {
        incident.deployments = list(&value, "deploys").iter().filter_map(deployment).collect();
        incident.deployments.sort_by_key(|deployment| deployment.at);
    }
    if let Some(value) = of_context("flags.json")? {
        for change in list(&value, "flags") {
            if let Some((candidate, author)) = flag(change) {
                incident.authors.push((candidate.id.clone(), author));
                incident.changes.push(candidate);
            }
        }
    }
    if let Some(value) = of_context("status_feed.json")? {
        incident.status = list(&value, "events").iter().filter_map(status).collect();
        incident.status.sort();
    }
    for path in others(folder)? {
        if let Some(value) = json(&path)? {
            recorded::collect(&value, &mut incident.recorded);
        }
    }
    is_anything |= !incident.recorded.is_empty();
    if !is_anything {
        let hint = "put at least one of logs.ndjson, metrics.csv, traces.json or objects as `kubectl get -o json` prints them there";
        return Err(BadFile::content(folder, "no telemetry in this folder", hint));
    }
    incident.leave_out_stray_times();
    incident.lines.sort_by_key(|line| line.time);
    Ok(incident)
}

/// Reads a JSON file; `None` when it is not there.
fn json(path: &Path) -> Result<Option<Value>, BadFile> {
    if !path.is_file() {
        return Ok(None);
    }
    let unreadable = |source| BadFile::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    open(path)?.take(MAX_JSON + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_JSON {
        return Err(BadFile::content(path, "more than 512 MiB", "hand in a shorter time"));
    }
    let value = serde_json::from_slice(&bytes).map_err(|error| {
        BadFile::line(path, error.line() as u64, error.to_string(), "the file has to be JSON")
    })?;
    Ok(Some(value))
}

/// Returns the items of a list, or of the list that an object has under `key` or as its only list.
fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    match value {
        Value::Array(items) => items,
        Value::Object(object) => {
            let named = object.get(key).and_then(Value::as_array);
            named.or_else(|| object.values().find_map(Value::as_array)).map_or(&[], Vec::as_slice)
        }
        _ => &[],
    }
}

fn alert(value: &Value) -> Alert {
    let empty = Map::new();
    let object = value.as_object().unwrap_or(&empty);
    let mut all = object.clone();
    // A webhook of Alertmanager carries its alerts in a list; the first to fire says when.
    let alerts =
        object.get("alerts").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let first =
        alerts.min_by_key(|alert| time(alert, &["startsAt"]).unwrap_or(Timestamp::from_nanos(i64::MAX)));
    for inner in first
        .into_iter()
        .flat_map(|alert| [Some(alert), alert.get("labels").and_then(Value::as_object)])
        .flatten()
    {
        for (key, value) in inner {
            all.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    // Alertmanager and its kin keep texts one level down.
    for inner in ["labels", "annotations", "commonLabels", "commonAnnotations"] {
        if let Some(inner) = object.get(inner).and_then(Value::as_object) {
            all.extend(inner.clone());
        }
    }
    let texts = ["summary", "title", "message", "description", "monitor", "alertname", "name", "text"];
    let texts: Vec<String> =
        texts.iter().map(|name| text(&all, &[name])).filter(|text| !text.is_empty()).collect();
    Alert {
        service: text(&all, SERVICE),
        metric: text(&all, &["metric", "metric_name", "signal"]),
        text: texts.iter().map(|text| text.trim_end_matches('.')).collect::<Vec<_>>().join(". "),
        fired_at: time(
            &all,
            &["fired_at", "startsAt", "starts_at", "timestamp", "time", "triggered_at", "date"],
        ),
    }
}

fn read_logs(path: &Path, incident: &mut Incident) -> Result<(), BadFile> {
    let mut left_out = 0;
    let mut file = open(path)?;
    let mut bytes = Vec::new();
    for index in 0_u64.. {
        bytes.clear();
        // A line beyond the limit goes on as further lines, which do not read and are named.
        let read = file.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes);
        if read.map_err(|source| BadFile::Unreadable { path: path.to_owned(), source })? == 0 {
            break;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Value>(&bytes)
            .ok()
            .as_ref()
            .and_then(Value::as_object)
            .and_then(log_line)
        {
            Some(line) => incident.lines.push(line),
            None => {
                left_out += 1;
                if left_out <= MAX_LEFT_OUT {
                    incident.left_out.push(format!(
                        "`{}`, line {}: no JSON object with a time and a text",
                        path.display(),
                        index + 1
                    ));
                }
            }
        }
    }
    if left_out > 0 && incident.lines.is_empty() {
        return Err(BadFile::content(
            path,
            "no line of it is a JSON object with a time and a text",
            "write one object a line",
        ));
    }
    if left_out > MAX_LEFT_OUT {
        incident.left_out.push(format!("`{}`: {} more lines", path.display(), left_out - MAX_LEFT_OUT));
    }
    Ok(())
}

fn log_line(object: &Map<String, Value>) -> Option<Line> {
    let body = text(object, TEXT);
    let severity = Severity::parse(&text(object, SEVERITY)).unwrap_or(Severity::Info);
    (!body.is_empty()).then_some(())?;
    Some(Line { time: time(object, TIME)?, service: text(object, SERVICE), severity, text: body })
}

fn read_metrics(path: &Path, incident: &mut Incident) -> Result<(), BadFile> {
    let table = table::read(path, 1)?;
    let columns = ["timestamp", "service", "metric", "value"].map(|name| table.column(path, name));
    let [at, service, metric, value] = columns;
    let (at, service, metric, value) = (at?, service?, metric?, value?);
    let mut points: BTreeMap<(String, String), Vec<(Timestamp, f64)>> = BTreeMap::new();
    for (index, row) in table.rows.iter().enumerate() {
        let line = index as u64 + 2;
        let time = moment(&row[at]).ok_or_else(|| {
            BadFile::line(
                path,
                line,
                format!("`{}` is no time", row[at]),
                "write times as RFC 3339 or Unix seconds",
            )
        })?;
        let number = table::number(&row[value]).map_err(|text| {
            BadFile::line(
                path,
                line,
                format!("`{text}` is no number"),
                "leave a cell empty when nothing was measured",
            )
        })?;
        if let Some(number) = number {
            points.entry((row[service].clone(), row[metric].clone())).or_default().push((time, number));
        }
    }
    incident.series = points
        .into_iter()
        .filter_map(|((service, metric), points)| equal_steps(&service, &metric, points))
        .collect();
    Ok(())
}

fn span(value: &Value) -> Option<FileSpan> {
    let object = value.as_object()?;
    let status = text(object, &["status", "status_code", "otel.status_code"]).to_lowercase();
    let said = text(object, &["error", "error_message", "exception", "status_message"]);
    let has_failed = status.contains("err") || (!said.is_empty() && said != "false");
    let said = if said == "true" { String::new() } else { said };
    Some(FileSpan {
        trace: text(object, &["trace_id", "traceId", "traceID"]),
        id: text(object, &["span_id", "spanId", "spanID", "id"]),
        parent: text(object, &["parent_id", "parent_span_id", "parentSpanId", "parent"]),
        service: text(object, SERVICE),
        name: text(object, &["name", "operation", "operationName", "operation_name"]),
        start: time(object, &["start", "start_time", "startTime", "timestamp"])?,
        duration_ms: number(object, &["duration_ms", "durationMs", "duration"]).unwrap_or(0.0).max(0.0),
        error: has_failed.then_some(said),
    })
}

fn commit(value: &Value) -> Option<(Candidate, String)> {
    let object = value.as_object()?;
    let paths: Vec<String> = ["files_changed", "files", "paths"]
        .iter()
        .find_map(|name| object.get(*name)?.as_array())
        .map(|paths| {
            paths
                .iter()
                .filter_map(|path| path.as_str().or_else(|| path.get("path")?.as_str()))
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    let diff = text(object, &["diff", "patch"]);
    let candidate = Candidate {
        id: Some(text(object, &["sha", "id", "commit", "commit_sha", "hash"])).filter(|id| !id.is_empty())?,
        kind: Kind::Commit,
        at: time(object, &["timestamp", "date", "committed_at", "time", "at"])?,
        message: text(object, &["message", "title", "summary", "subject"]),
        service: String::new(),
        files: ChangedFile::from_diff(&diff, &paths),
    };
    Some((candidate, text(object, &["author", "author_name", "committer", "by"])))
}

fn deployment(value: &Value) -> Option<Deployment> {
    let object = value.as_object()?;
    Some(Deployment {
        service: text(object, SERVICE),
        at: time(object, &["timestamp", "deployed_at", "time", "at", "date"])?,
        commit: text(object, &["commit_sha", "commit", "sha", "revision", "git_sha"]),
        brought: Vec::new(),
    })
}

fn flag(value: &Value) -> Option<(Candidate, String)> {
    let object = value.as_object()?;
    let name = text(object, &["flag", "name", "key"]);
    (!name.is_empty()).then_some(())?;
    let candidate = Candidate {
        id: name.clone(),
        kind: Kind::Flag,
        at: time(object, &["timestamp", "changed_at", "time", "at", "date"])?,
        message: format!("{name} {}", text(object, &["change", "value", "new_value"])),
        service: text(object, SERVICE),
        files: Vec::new(),
    };
    Some((candidate, text(object, &["actor", "author", "by", "user"])))
}

fn status(value: &Value) -> Option<(Timestamp, String)> {
    let object = value.as_object()?;
    let texts = ["service", "region", "status", "title", "detail"].map(|name| text(object, &[name]));
    let at = time(object, &["started_at", "timestamp", "time", "updated_at", "created_at"])?;
    Some((at, texts.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(": ")))
}

/// Returns the JSON files that no other name claims, of the folder and of the folders in it, by name.
fn others(folder: &Path) -> Result<Vec<PathBuf>, BadFile> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            found.extend(entries(&path)?.into_iter().filter(|path| path.is_file()));
        } else {
            found.push(path);
        }
    }
    let is_json = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    found.retain(|path| is_json(path) && name(path).is_some_and(|name| !CLAIMED.contains(&name.as_str())));
    found.sort();
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, BadFile> {
    let unreadable = |source| BadFile::Unreadable { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}
