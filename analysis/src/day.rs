//! What is usual at each time of the day, for baselines that are days long.

use std::time::Duration;

use waggle_signals::{Series, TimeRange, Timestamp};

use crate::robust;

/// A day has this many parts: a quarter of an hour each.
pub(crate) const PARTS: usize = 96;

const DAY: Duration = Duration::from_secs(86_400);

/// Values below which a part of the day has no usual of its own: with fewer, a median follows the noise.
const MIN_VALUES: usize = 6;

/// A day is believed when it narrows the spread to this share: half of the variance.
const NARROWS_TO: f64 = 0.71;

/// The usual of each part of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    /// Medians, in the unit of the measure, UTC.
    parts: Vec<f64>,
}

impl Day {
    /// Learns the days of a baseline, and returns them with the spread that is left around them.
    ///
    /// `None` when the baseline is shorter than two days, when a part of the day was measured too seldom, or when the days do not explain half of the variance around `middle`.
    pub fn learn(series: &Series, baseline: TimeRange, middle: f64) -> Option<(Self, f64)> {
        if baseline.length() < 2 * DAY {
            return None;
        }
        let measured = || series.within(baseline).filter(|(_, value)| value.is_finite());
        let mut by_part = vec![Vec::new(); PARTS];
        for (at, value) in measured() {
            by_part.get_mut(part(at))?.push(value);
        }
        if by_part.iter().any(|values| values.len() < MIN_VALUES) {
            return None;
        }
        let parts: Option<Vec<f64>> = by_part.iter().map(|values| robust::median(values)).collect();
        let day = Self { parts: parts? };
        let around_middle: Vec<f64> = measured().map(|(_, value)| value).collect();
        let around_day: Vec<f64> = measured().map(|(at, value)| value - day.usual(at)).collect();
        let left = robust::spread(&around_day, 0.0);
        (left <= NARROWS_TO * robust::spread(&around_middle, middle)).then_some((day, left))
    }

    /// Returns the usual at this time of the day.
    pub fn usual(&self, at: Timestamp) -> f64 {
        self.parts.get(part(at)).copied().unwrap_or(0.0)
    }
}

fn part(at: Timestamp) -> usize {
    let into_day = at.since(at.floor(DAY)).as_secs() as usize;
    (into_day * PARTS / DAY.as_secs() as usize).min(PARTS - 1)
}

#[cfg(test)]
mod tests {
    use waggle_signals::{Attributes, Measure};

    use super::*;

    /// Minutes of `days` days.
    fn learnt(days: i64, value: impl Fn(i64) -> f64) -> Option<(Day, f64)> {
        let series = Series {
            measure: Measure::RequestRate,
            labels: Attributes::new(),
            start: Timestamp::from_secs(0),
            step: Duration::from_secs(60),
            values: (0..days * 1440).map(|minute| Some(value(minute))).collect(),
        };
        let baseline = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(days * 86_400)).unwrap();
        Day::learn(&series, baseline, 50.0)
    }

    /// Busy from six to eighteen hours.
    fn busy(minute: i64) -> f64 {
        (if (360..1080).contains(&(minute % 1440)) { 100.0 } else { 10.0 }) + (minute * 7919 % 11) as f64
    }

    #[test]
    fn days_that_repeat_are_learnt_after_two() {
        assert_eq!(learnt(1, busy), None);
        let (day, left) = learnt(2, busy).unwrap();
        assert_eq!(day.usual(Timestamp::from_secs(9 * 86_400 + 43_200)), 105.0);
        assert!(left < 6.0, "{left}");
    }

    #[test]
    fn days_that_do_not_repeat_are_not_believed() {
        assert_eq!(learnt(3, |minute| (minute * 7919 % 101) as f64), None);
        assert_eq!(learnt(3, |_| f64::NAN), None);
    }
}
