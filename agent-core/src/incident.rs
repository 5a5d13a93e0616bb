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

/// Of all that was measured, the part that is taken as healthy when nothing before the trouble was measured.
const SHARE_AS_BASELINE: u32 = 3;

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

    /// Cuts off the time in which nothing was measured: it would read as a time in which nothing happened.
    ///
    /// `first` is when the first thing of both windows was measured. When less than a third of what was measured is left to compare
    /// with, the first third is taken: better a short healthy time than none. Nothing is cut when that leaves no whole second of it.
    #[must_use]
    pub fn measured_since(mut self, first: Timestamp) -> Self {
        if first <= self.baseline.from() || first >= self.window.to() {
            return self;
        }
        let third = first + self.window.to().since(first) / SHARE_AS_BASELINE;
        let split = self.baseline.to().max(third);
        let (Ok(baseline), Ok(window)) =
            (TimeRange::new(first, split), TimeRange::new(split.max(self.window.from()), self.window.to()))
        else {
            return self;
        };
        if baseline.length() >= Duration::from_secs(1) {
            (self.baseline, self.window) = (baseline, window);
        }
        self
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 300 s to look at, 1,500 s before them to compare with.
    fn incident() -> Incident {
        let at = |minutes: u64| Duration::from_secs(60 * minutes);
        let now = Timestamp::from_secs(10_000);
        Incident::open(IncidentId("inc-1".into()), "slow", None, Source::Alert, now, at(5), at(25))
    }

    /// Seconds before now at which the baseline and the window begin, and where the one ends.
    fn cut(first_measured: i64) -> (i64, i64, i64) {
        let cut = incident().measured_since(Timestamp::from_secs(10_000 - first_measured));
        let ago = |time: Timestamp| (Timestamp::from_secs(10_000).nanos() - time.nanos()) / 1_000_000_000;
        assert_eq!(cut.window.to(), Timestamp::from_secs(10_000));
        (ago(cut.baseline.from()), ago(cut.baseline.to()), ago(cut.window.from()))
    }

    #[test]
    fn time_in_which_nothing_was_measured_is_cut_off() {
        assert_eq!(cut(3_600), (1_800, 300, 300), "all of it was measured");
        assert_eq!(cut(900), (900, 300, 300), "the rest of the healthy time is long enough");
        assert_eq!(cut(330), (330, 220, 220), "too little of it is left, so a third is taken");
        assert_eq!(cut(90), (90, 60, 60), "nothing before the window was measured");
        assert_eq!(cut(2), (1_800, 300, 300), "too little to cut in three");
        assert_eq!(cut(-5), (1_800, 300, 300), "nothing was measured");
    }

    proptest! {
        #[test]
        fn the_healthy_time_never_reaches_into_the_trouble(first in 0_i64..20_000_000_000_000) {
            let cut = incident().measured_since(Timestamp::from_nanos(first));
            prop_assert!(cut.baseline.to() <= cut.window.from());
            prop_assert!(cut.baseline.from() >= incident().baseline.from());
            prop_assert_eq!(cut.window.to(), incident().window.to());
        }
    }
}
