//! The recordings that the program carries, as far as the trivial rules look.
//!
//! Only deployments, the severity of logs and the status of spans are read out of the OTLP JSON lines. What was broken on
//! purpose is not asked.

use std::io::{BufRead, BufReader, Read as _};

use anyhow::{Context, Result, anyhow};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use waggle_signals::semconv;

use super::Seen;
use crate::recordings;

/// OpenTelemetry's `SEVERITY_NUMBER_ERROR`.
const ERROR: u32 = 17;
/// OpenTelemetry's `STATUS_CODE_ERROR`.
const FAILED: u32 = 2;
/// A recording is some 20 MB unpacked.
const MAX_BYTES: u64 = 1 << 30;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Line {
    resource_logs: Vec<Group>,
    resource_spans: Vec<Group>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Group {
    resource: Resource,
    scope_logs: Vec<Scope>,
    scope_spans: Vec<Scope>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attribute {
    key: String,
    value: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Text {
    string_value: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Scope {
    log_records: Vec<Row>,
    spans: Vec<Row>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Row {
    time_unix_nano: String,
    event_name: String,
    attributes: Vec<Attribute>,
    severity_number: u32,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u32,
}

/// Reads what happened in the recording of a fault: the last deploy, and the errors of each service.
pub(super) fn seen(fault: &str) -> Result<Seen> {
    let packed = recordings::file(&format!("{fault}.otlp.jsonl.gz"))
        .ok_or_else(|| anyhow!("there is no recording of `{fault}` in this program"))?;
    read(BufReader::new(MultiGzDecoder::new(&*packed).take(MAX_BYTES)))
}

/// Nothing is deployed in a recording once the harm is done, so that its last deploy was before the alert.
fn read(lines: impl BufRead) -> Result<Seen> {
    let (mut seen, mut deployed_at) = (Seen::default(), 0);
    for line in lines.lines() {
        let line = line.context("unpack the recording")?;
        let line = serde_json::from_str(&line).context("read the recording")?;
        count(&line, &mut seen);
        for (at, service, commit) in deploys(&line) {
            if at >= deployed_at {
                (deployed_at, seen.deploy) = (at, Some((service, commit)));
            }
        }
    }
    Ok(seen)
}

/// Returns each deployment with its time in nanoseconds, its service, and the commit that it brought if that is known.
fn deploys(line: &Line) -> impl Iterator<Item = (u64, String, Option<String>)> {
    let rows = line.resource_logs.iter().flat_map(|group| {
        let rows = group.scope_logs.iter().flat_map(|scope| &scope.log_records);
        rows.map(|row| (row, value(&group.resource.attributes, semconv::SERVICE_NAME)))
    });
    rows.filter(|(row, _)| row.event_name == semconv::EVENT_DEPLOYMENT).map(|(row, service)| {
        let commit = value(&row.attributes, semconv::COMMIT);
        (row.time_unix_nano.parse().unwrap_or_default(), service.unwrap_or_default(), commit)
    })
}

fn value(attributes: &[Attribute], key: &str) -> Option<String> {
    let known = attributes.iter().find(|attribute| attribute.key == key);
    known.map(|attribute| attribute.value.string_value.clone()).filter(|value| !value.is_empty())
}

fn count(line: &Line, seen: &mut Seen) {
    for group in line.resource_logs.iter().chain(&line.resource_spans) {
        let logs = group.scope_logs.iter().flat_map(|scope| &scope.log_records);
        let spans = group.scope_spans.iter().flat_map(|scope| &scope.spans);
        let n_failed = logs.filter(|row| row.severity_number >= ERROR).count()
            + spans.filter(|row| row.status.code == FAILED).count();
        let service = value(&group.resource.attributes, semconv::SERVICE_NAME);
        if let (Some(service), true) = (service, n_failed > 0) {
            *seen.n_errors.entry(service).or_default() += n_failed as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line(service: &str, record: Value) -> String {
        let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": service}}]});
        let logs = json!([{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]);
        json!({"resourceLogs": logs}).to_string()
    }

    fn deployed(service: &str, at: &str, commit: Option<&str>) -> String {
        let commit = commit
            .map(|commit| json!({"key": "vcs.ref.head.revision", "value": {"stringValue": commit}}))
            .into_iter();
        let attributes: Vec<Value> = commit.collect();
        line(service, json!({"timeUnixNano": at, "eventName": "deployment", "attributes": attributes}))
    }

    #[test]
    fn the_last_deploy_is_the_one_that_was_recorded() {
        let lines = [
            deployed("late", "300", Some("c0ffee1")),
            deployed("early", "200", Some("decade1")),
            line("loud", json!({"timeUnixNano": "400", "severityNumber": 17})),
        ];
        for (lines, wanted) in [
            (&lines[..], Some(("late", Some("c0ffee1")))),
            (&lines[1..], Some(("early", Some("decade1")))),
            (&lines[2..], None),
            (&[deployed("bare", "1", None)], Some(("bare", None))),
        ] {
            let seen = read(lines.join("\n").as_bytes()).unwrap();
            let wanted = wanted.map(|(service, commit)| (service.to_owned(), commit.map(str::to_owned)));
            assert_eq!(seen.deploy, wanted);
        }
    }

    #[test]
    fn recordings_have_the_deploys_that_the_demo_made() {
        for fault in crate::faults().iter().map(|fault| Some(*fault)).chain([None]) {
            let name = fault.map_or(crate::NO_FAULT, |fault| fault.name());
            let harmless = crate::decoy(fault);
            let guilty =
                fault.map(|fault| fault.truth()).and_then(|truth| Some((truth.service, truth.commit?)));
            let (service, commit) =
                guilty.unwrap_or((harmless.service.to_owned(), harmless.commit.to_owned()));
            assert_eq!(seen(name).unwrap().deploy, Some((service, Some(commit))), "{name}");
        }
    }
}
