//! The answer as SARIF 2.1.0 for code scanning: what is worse, at the guilty lines when they are known.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactLocation, Location, LogicalLocation, Message, MultiformatMessageString, PhysicalLocation,
    PropertyBag, Region, ReportingDescriptor, Result as Finding, ResultLevel, Run, Sarif, Tool,
    ToolComponent,
};
use waggle_agent_core::{Kind, Language, Result};
use waggle_analysis::deploy::{Aspect, Verdict};

use crate::{
    Report,
    junit::told,
    report::Row,
    suspect::Place,
    words::{measure, one_line},
};

/// The published schema of the format.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Places of one result.
const MAX_PLACES: usize = 10;

/// Writes the answer as SARIF. Without a suspect the results name the service and the endpoint, but no file.
///
/// # Errors
///
/// `Internal` when the JSON cannot be written.
pub fn sarif(report: &Report) -> Result<String> {
    let driver = ToolComponent::builder()
        .name("waggle check-deploy")
        .version(env!("CARGO_PKG_VERSION"))
        .rules(Aspect::ALL.map(rule).to_vec())
        .build();
    let findings: Vec<Finding> =
        report.with_verdict(Verdict::Worse).map(|row| finding(report, row)).collect();
    let run = Run::builder().tool(Tool::builder().driver(driver).build()).results(findings).build();
    let file = Sarif::builder().schema(SCHEMA).version(json!("2.1.0")).runs(vec![run]).build();
    serde_json::to_string_pretty(&file)
        .map(|text| format!("{text}\n"))
        .map_err(|error| Kind::Internal.because("cannot write the report as SARIF", error))
}

fn rule(aspect: Aspect) -> ReportingDescriptor {
    let text = format!("Worse after a deploy: {}", measure(aspect, Language::En));
    ReportingDescriptor::builder()
        .id(aspect.as_str())
        .short_description(MultiformatMessageString::builder().text(text).build())
        .build()
}

fn finding(report: &Report, row: &Row) -> Finding {
    let endpoint = row.endpoint.as_deref().map(|it| format!(" {}", one_line(it))).unwrap_or_default();
    let mut text = format!("{}{endpoint}: {}", one_line(&report.service), told(row));
    if let Some(suspect) = &report.suspect {
        text.push_str(&format!("; suspected: commit {}", one_line(&suspect.commit)));
    }
    let places = report.suspect.iter().flat_map(|suspect| &suspect.places).take(MAX_PLACES);
    let mut locations: Vec<Location> = places.map(|place| located(place, report, row)).collect();
    if locations.is_empty() {
        locations.push(Location::builder().logical_locations(vec![named(report, row)]).build());
    }
    let numbers = json!({ "before": row.before, "after": row.after, "low": row.low, "high": row.high });
    let numbers: BTreeMap<String, Value> = match numbers {
        Value::Object(numbers) => numbers.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    Finding::builder()
        .rule_id(row.measure.as_str())
        .level(ResultLevel::Error)
        .message(Message::builder().text(text).build())
        .locations(locations)
        .properties(PropertyBag::builder().additional_properties(numbers).build())
        .build()
}

fn located(place: &Place, report: &Report, row: &Row) -> Location {
    let physical = PhysicalLocation::builder()
        .artifact_location(ArtifactLocation::builder().uri(uri(&place.file)).build())
        .region(Region::builder().start_line(i64::from(place.line.max(1))).build())
        .build();
    Location::builder().physical_location(physical).logical_locations(vec![named(report, row)]).build()
}

fn named(report: &Report, row: &Row) -> LogicalLocation {
    let name = match &row.endpoint {
        Some(endpoint) => format!("{}: {endpoint}", report.service),
        None => report.service.clone(),
    };
    LogicalLocation::builder().fully_qualified_name(name).build()
}

/// Writes a path as a relative reference (RFC 3986 §3.3): everything but unreserved characters and slashes is escaped.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.trim_start_matches('/').bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_relative_references() {
        for (path, wanted) in [
            ("src/reserve.rs", "src/reserve.rs"),
            ("/a b#c.rs", "a%20b%23c.rs"),
            ("库.rs", "%E5%BA%93.rs"),
            ("a:b", "a%3Ab"),
        ] {
            assert_eq!(uri(path), wanted);
        }
    }
}
