//! The recordings that the program carries, as far as the trivial rules look.
//!
//! Only the severity of logs and the status of spans are read out of the OTLP JSON lines.

use std::io::{BufRead, BufReader, Read as _};

use anyhow::{Context, Result, anyhow};
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use super::Seen;
use crate::{decoy, fault_named, recordings};

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
    severity_number: u32,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u32,
}

/// Reads what happened in the recording of a fault: the deploys as the demo makes them, and the errors of each service.
pub(super) fn seen(fault: &str) -> Result<Seen> {
    let known = fault_named(fault)?;
    let harmless = decoy(known);
    // The harmless deploy goes before the fault; a fault that is a deploy comes after it.
    let guilty = known.map(|fault| fault.truth()).and_then(|truth| Some((truth.service, truth.commit?)));
    let (service, commit) = guilty.unwrap_or((harmless.service.to_owned(), harmless.commit.to_owned()));
    let mut seen = Seen { deploy: Some((service, Some(commit))), ..Seen::default() };
    let packed = recordings::file(&format!("{fault}.otlp.jsonl.gz"))
        .ok_or_else(|| anyhow!("there is no recording of `{fault}` in this program"))?;
    let lines = BufReader::new(MultiGzDecoder::new(&*packed).take(MAX_BYTES)).lines();
    for line in lines {
        let line = line.context("unpack the recording")?;
        count(&serde_json::from_str(&line).context("read the recording")?, &mut seen);
    }
    Ok(seen)
}

fn count(line: &Line, seen: &mut Seen) {
    for group in line.resource_logs.iter().chain(&line.resource_spans) {
        let logs = group.scope_logs.iter().flat_map(|scope| &scope.log_records);
        let spans = group.scope_spans.iter().flat_map(|scope| &scope.spans);
        let n_failed = logs.filter(|row| row.severity_number >= ERROR).count()
            + spans.filter(|row| row.status.code == FAILED).count();
        let service = group.resource.attributes.iter().find(|attribute| attribute.key == "service.name");
        if let (Some(service), true) = (service, n_failed > 0) {
            *seen.n_errors.entry(service.value.string_value.clone()).or_default() += n_failed as u64;
        }
    }
}
