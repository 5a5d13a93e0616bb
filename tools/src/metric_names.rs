//! Which metrics there are.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use waggle_agent_core::{Result, Scene, ports::SqlQuery};
use waggle_signals::{MetricKind, TimeRange};

/// A metric that was sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct NamedMetric {
    pub name: String,
    /// In UCUM; empty when none was given.
    pub unit: String,
    /// Whether it counts what was added, so that its values are told per second.
    pub is_counted: bool,
    /// Services that sent it.
    pub services: u64,
    /// Points that were sent.
    pub points: u64,
}

/// Names that are read at most.
const MAX_NAMES: usize = 300;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the metrics that a service, or any, sent in `range`, by name.
///
/// # Errors
///
/// Those of the store's SQL: there is no other way to ask for names.
pub(crate) async fn metric_names(
    scene: &Scene,
    range: TimeRange,
    service: Option<&str>,
) -> Result<Vec<NamedMetric>> {
    let whose = service.map(|service| format!(" AND service = {}", literal(service))).unwrap_or_default();
    let text = format!(
        "SELECT name, max(unit) AS unit, count(DISTINCT service) AS services, count(*) AS points, \
         max(kind) AS kind FROM metrics \
         WHERE time >= '{}' AND time < '{}'{whose} GROUP BY name ORDER BY name",
        range.from(),
        range.to()
    );
    let query = SqlQuery { text, limit: MAX_NAMES, timeout: PATIENCE };
    let table = scene.ports.telemetry.sql(&query).await?;
    let named = table.rows.iter().filter_map(|row| {
        let count = |column: usize| row.get(column).and_then(Value::as_u64).unwrap_or_default();
        Some(NamedMetric {
            name: row.first()?.as_str()?.to_owned(),
            unit: row.get(1).and_then(Value::as_str).unwrap_or_default().to_owned(),
            services: count(2),
            points: count(3),
            // By the alphabet, `gauge` comes after `delta`: of one name, gauges count where there are any.
            is_counted: row.get(4).and_then(Value::as_str) == Some(MetricKind::Delta.as_str()),
        })
    });
    Ok(named.collect())
}

/// Writes a text as an SQL string.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_literal() {
        assert_eq!(literal("o'brien' OR '1'='1"), "'o''brien'' OR ''1''=''1'");
    }
}
