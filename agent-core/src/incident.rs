//! What an alert, a person or a deploy check opened.

use std::{fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waggle_signals::{TimeRange, Timestamp};

/// Name of an incident: `inc-` and a short text without spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct IncidentId(pub String);

/// Something that somebody should look into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// One line for people: `gateway: p99 latency above 200 ms`.
    pub title: String,
    /// The service that the alert or the person named, if any.
    pub service: Option<String>,
    /// What opened it.
    pub source: Source,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// The time to look at: trouble is expected inside.
    pub window: TimeRange,
    /// The time to compare with: believed healthy. Ends no later than the window starts.
    pub baseline: TimeRange,
}

/// What opened an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An alert rule.
    Alert,
    /// A person asked.
    Person,
    /// A check after a deploy.
    DeployCheck,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Opened, and nothing more.
    Open,
    /// The loop is at work.
    Investigating,
    /// A finding was posted.
    Found,
    /// Over.
    Resolved,
}

impl Incident {
    /// Opens an incident about what happens around `now`: the last `recent` is the window, the `history` before it the baseline.
    pub fn open(
        id: IncidentId,
        title: impl Into<String>,
        service: Option<String>,
        source: Source,
        now: Timestamp,
        recent: Duration,
        history: Duration,
    ) -> Self {
        let window = TimeRange::ending_at(now, recent);
        Self {
            id,
            title: title.into(),
            service,
            source,
            opened_at: now,
            state: State::Open,
            window,
            baseline: window.before(history),
        }
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
