//! Finds a service by name, and says what else there is when there is none.

use std::sync::Arc;
use waggle_agent_core::{Scene, ToolError, ports::ResourceQuery};
use waggle_signals::{Resource, TimeRange};

use crate::names::nearest;

/// Returns the time from the start of the incident's baseline to the end of its window.
pub(crate) fn whole_range(scene: &Scene) -> TimeRange {
    let incident = &scene.incident;
    TimeRange::new(incident.baseline.from(), incident.window.to()).unwrap_or(incident.window)
}

/// Returns the resources of `service` over both windows of the incident.
///
/// # Errors
///
/// [`ToolError::Respond`] for an unknown service, with the nearest name.
pub(crate) async fn resources_of(scene: &Scene, service: &str) -> Result<Vec<Arc<Resource>>, ToolError> {
    let incident = &scene.incident;
    let range = TimeRange::new(incident.baseline.from(), incident.window.to()).unwrap_or(incident.window);
    let all = scene.ports.telemetry.resources(&ResourceQuery { range, service: None }).await?;
    let own: Vec<_> = all.iter().filter(|resource| resource.service() == service).cloned().collect();
    if !own.is_empty() {
        return Ok(own);
    }
    let mut names: Vec<&str> =
        all.iter().map(|resource| resource.service()).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(ToolError::Respond(format!("no service sent any telemetry in {range}")));
    }
    let advice = match nearest(service, names.iter().copied()) {
        Some(name) => format!("nearest is `{name}`"),
        None => format!("known are: {}", names.join(", ")),
    };
    Err(ToolError::Respond(format!("unknown service `{service}`; {advice}")))
}
