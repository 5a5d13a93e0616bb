//! The containers of a pod or of a template: what they may use, how they are, and how they last ended.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use waggle_analysis::kubernetes::object::{containers, is_true, list, number, pod_spec, text, time};
use waggle_signals::Timestamp;

use crate::{kubernetes_rows::of_container, quote::quote};

/// One container.
#[derive(Debug, Serialize)]
pub(crate) struct ContainerRow {
    pub name: String,
    /// Whether it has to end before the others begin.
    #[serde(skip)]
    pub is_init: bool,
    pub image: String,
    /// Absent for a template.
    pub ready: Option<bool>,
    pub restarts: u64,
    /// Why it does not run; empty when it does, or when it is a template.
    pub state: String,
    /// How it ended before: `OOMKilled, exit code 137, at 2026-03-01T10:30:00Z`.
    pub last_end: Option<String>,
    /// When that was, where it is told.
    #[serde(skip)]
    pub last_ended: Option<Timestamp>,
    /// As the object writes them: `500m`, `256Mi`.
    pub cpu_limit: Option<String>,
    pub memory_limit: Option<String>,
    pub cpu_request: Option<String>,
    pub memory_request: Option<String>,
}

/// Returns the containers of an object, init containers first; none of what has none.
pub(crate) fn containers_of(object: &Value) -> Vec<ContainerRow> {
    let statuses = || {
        list(object, "/status/initContainerStatuses").iter().chain(list(object, "/status/containerStatuses"))
    };
    let status_of = |name: &str| statuses().find(|status| text(status, "/name") == name);
    let spec = pod_spec(object);
    // With `restartPolicy: Always` one runs along with the others.
    let is_init = |name: &str| {
        let inits = spec.map(|spec| list(spec, "/initContainers")).unwrap_or_default();
        inits.iter().any(|init| text(init, "/name") == name && text(init, "/restartPolicy") != "Always")
    };
    let mut rows: Vec<ContainerRow> = spec
        .into_iter()
        .flat_map(containers)
        .map(|container| row(text(container, "/name"), Some(container), status_of(text(container, "/name"))))
        .collect();
    // Recordings by other tools keep the statuses and not the spec.
    let alone = statuses().filter(|status| !rows.iter().any(|row| row.name == text(status, "/name")));
    let alone: Vec<ContainerRow> =
        alone.map(|status| row(text(status, "/name"), None, Some(status))).collect();
    rows.extend(alone);
    rows.iter_mut().for_each(|row| row.is_init = is_init(&row.name));
    rows
}

fn row(name: &str, container: Option<&Value>, status: Option<&Value>) -> ContainerRow {
    let amount = |at: &str| {
        let value = container?.pointer(&format!("/resources/{at}"))?;
        Some(value.as_str().map_or_else(|| value.to_string(), quote))
    };
    let image = container.or(status).map(|of| quote(text(of, "/image"))).unwrap_or_default();
    ContainerRow {
        name: name.to_owned(),
        is_init: false,
        image,
        ready: status.map(|status| is_true(status, "/ready")),
        restarts: status.and_then(|status| number(status, "/restartCount")).unwrap_or_default() as u64,
        state: status.and_then(of_container).unwrap_or_default(),
        last_ended: status.and_then(|status| time(status, "/lastState/terminated/finishedAt")),
        last_end: status.and_then(|status| last_end(status.pointer("/lastState/terminated")?)),
        cpu_limit: amount("limits/cpu"),
        memory_limit: amount("limits/memory"),
        cpu_request: amount("requests/cpu"),
        memory_request: amount("requests/memory"),
    }
}

fn last_end(ended: &Value) -> Option<String> {
    let mut parts = Vec::new();
    let reason = quote(text(ended, "/reason"));
    if !reason.is_empty() {
        parts.push(reason);
    }
    parts.extend(number(ended, "/exitCode").map(|code| format!("exit code {code}")));
    parts.extend(
        number(ended, "/signal").filter(|signal| *signal > 0.0).map(|signal| format!("signal {signal}")),
    );
    let at = quote(text(ended, "/finishedAt"));
    if !at.is_empty() {
        parts.push(format!("at {at}"));
    }
    let message = quote(text(ended, "/message"));
    if !message.is_empty() {
        parts.push(format!("`{message}`"));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

impl fmt::Display for ContainerRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.image)?;
        if let Some(ready) = self.ready {
            write!(f, ": {}, {} restarts", if ready { "ready" } else { "not ready" }, self.restarts)?;
        }
        if !self.state.is_empty() {
            write!(f, ", {}", self.state)?;
        }
        if let Some(end) = &self.last_end {
            write!(f, "; last ended: {end}")?;
        }
        let amounts = [
            ("CPU limit", &self.cpu_limit),
            ("memory limit", &self.memory_limit),
            ("CPU request", &self.cpu_request),
            ("memory request", &self.memory_request),
        ];
        for (name, amount) in amounts {
            if let Some(amount) = amount {
                write!(f, "; {name} {amount}")?;
            }
        }
        if self.memory_limit.is_none() { write!(f, "; no memory limit") } else { Ok(()) }
    }
}
