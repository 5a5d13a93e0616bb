//! Points in time, windows of time, and the clock that everything asks.

use std::{
    fmt,
    ops::{Add, Sub},
    str::FromStr,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: whole nanoseconds since the Unix epoch, UTC.
///
/// Reads and writes itself as RFC 3339 (`2026-03-01T14:05:00.25Z`), in text and in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A half-open window of time: `from` is inside, `to` is not. Never empty and never backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct TimeRange {
    /// Invariant: earlier than `to`.
    from: Timestamp,
    to: Timestamp,
}

/// A window whose end is not after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time range ends at {to}, which is not after its start {from}")]
pub struct InvalidRange {
    /// The start that was asked for.
    pub from: Timestamp,
    /// The end that was asked for.
    pub to: Timestamp,
}

/// Where the time comes from. Only the edge of the program holds a [`SystemClock`].
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A clock that stands still until it is told otherwise; for replays and tests.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

// === impl Timestamp ===

impl Timestamp {
    /// Makes a timestamp from nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Makes a timestamp from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Makes a timestamp from seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Returns nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Returns the time that has passed since `earlier`, or zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        u64::try_from(self.0.saturating_sub(earlier.0)).map_or(Duration::ZERO, Duration::from_nanos)
    }

    /// Rounds down to a multiple of `step` since the epoch; unchanged if `step` is zero.
    pub fn floor(self, step: Duration) -> Self {
        match nanos(step) {
            0 => self,
            step => Self(self.0.div_euclid(step).saturating_mul(step)),
        }
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at the end of time (the year 2262).
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time: jiff::Timestamp = text.parse()?;
        Ok(Self(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

// === impl TimeRange ===

impl TimeRange {
    /// Makes the window from `from` (inside) to `to` (outside).
    ///
    /// # Errors
    ///
    /// [`InvalidRange`] when `to` is not after `from`.
    pub fn new(from: Timestamp, to: Timestamp) -> Result<Self, InvalidRange> {
        if from < to { Ok(Self { from, to }) } else { Err(InvalidRange { from, to }) }
    }

    /// Makes the window of `length` that ends at `to`; at least one nanosecond long.
    pub fn ending_at(to: Timestamp, length: Duration) -> Self {
        Self { from: to - length.max(Duration::from_nanos(1)), to }
    }

    /// Returns the first point inside.
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// Returns the first point after the window.
    pub const fn to(&self) -> Timestamp {
        self.to
    }

    /// Returns how long the window is; never zero.
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    /// Tells whether `time` lies inside.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    /// Returns the window of `length` that ends where this one starts.
    pub fn before(&self, length: Duration) -> Self {
        Self::ending_at(self.from, length)
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

impl<'de> Deserialize<'de> for TimeRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Ends {
            from: Timestamp,
            to: Timestamp,
        }
        let Ends { from, to } = Ends::deserialize(deserializer)?;
        Self::new(from, to).map_err(de::Error::custom)
    }
}

// === impl Clock ===

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(nanos(since_epoch))
    }
}

impl ManualClock {
    /// Makes a clock that shows `time`.
    pub fn at(time: Timestamp) -> Self {
        Self(AtomicI64::new(time.0))
    }

    /// Moves the clock to `time`, forwards or backwards.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.0, Ordering::Relaxed);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_that_ends_before_it_starts_is_refused() {
        let (early, late) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
        assert_eq!(TimeRange::new(late, early), Err(InvalidRange { from: late, to: early }));
        assert_eq!(TimeRange::new(early, early), Err(InvalidRange { from: early, to: early }));
    }

    #[test]
    fn text_is_rfc_3339() {
        let time = Timestamp::from_millis(1_772_373_900_250);
        assert_eq!(time.to_string(), "2026-03-01T14:05:00.25Z");
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-03-01T14:05:00.25Z\"");
    }

    #[test]
    fn floor_goes_down_also_before_the_epoch() {
        let step = Duration::from_secs(10);
        assert_eq!(Timestamp::from_secs(19).floor(step), Timestamp::from_secs(10));
        assert_eq!(Timestamp::from_secs(-1).floor(step), Timestamp::from_secs(-10));
    }

    proptest! {
        #[test]
        fn text_round_trips(nanos in 0..i64::MAX) {
            let time = Timestamp::from_nanos(nanos);
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }

        #[test]
        fn a_range_contains_its_start_and_not_its_end(from in any::<i32>(), length in 1..1_000_000_i64) {
            let from = Timestamp::from_nanos(i64::from(from));
            let to = Timestamp::from_nanos(from.nanos() + length);
            let range = TimeRange::new(from, to).unwrap();
            prop_assert!(range.contains(from) && !range.contains(to));
        }
    }
}
