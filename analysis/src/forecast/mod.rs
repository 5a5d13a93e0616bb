//! How a series will go on, as far as its own past can say: a robust trend, what repeats itself daily, and a band around both.
//!
//! ## Assumptions
//!
//! What drove the series since it last changed its level or its slope will go on driving it. That is believed for as long a time as
//! it was seen, and no longer. Noise may remember its past as far as its first autocorrelation says; a random walk does so for
//! longer, and leaves the band more often.

mod reach;
mod trend;

use std::time::Duration;

use serde::Serialize;
use waggle_signals::{Series, TimeRange, Timestamp};

use crate::{
    day::{Day, PARTS},
    robust,
    segments::change_points,
};

pub use reach::{Reach, When};

/// Values that a trend needs at least: below a dozen, Kendall's statistic is hardly ever far from chance.
const FEWEST: usize = 12;

/// Larger numbers are no measurement, and their squares would not be numbers.
const LARGEST: f64 = 1e100;

const DAY: Duration = Duration::from_secs(86_400);

/// How likely a value lies within the band.
pub const PROBABILITY: f64 = 0.8;

/// What the band leaves out on either side.
const TAIL: f64 = (1.0 - PROBABILITY) / 2.0;

/// Standard deviations within which a normal value lies with the band's probability of 0.8.
const BAND_DEVIATIONS: f64 = 1.2816;

/// The same for 0.95: a trend that could be none with a twentieth of probability is none.
const TREND_DEVIATIONS: f64 = 1.96;

/// What is expected of a series after its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// Where the part of the history begins that it rests on.
    pub since: Timestamp,
    /// The end of the history and the start of the first step that is expected.
    pub from: Timestamp,
    /// Length of a step.
    #[serde(skip)]
    pub step: Duration,
    /// Values that it rests on.
    pub n_values: usize,
    /// What the trend says of the end of the history, in the unit of the series, without the time of the day.
    pub now: f64,
    /// The newest value.
    pub latest: f64,
    /// How the values move, per second; zero when they have no trend.
    pub trend_per_s: f64,
    /// Whether the time of the day counts.
    pub is_daily: bool,
    /// What is expected of each step; never more steps than it rests on.
    #[serde(skip)]
    pub steps: Vec<Expected>,
}

/// What is expected of one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// One future in ten is below.
    pub low: f64,
    /// As many futures are above as below.
    pub middle: f64,
    /// One future in ten is above.
    pub high: f64,
}

/// Why nothing can be said of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Unfit {
    /// It has too few values.
    TooFew {
        /// Values that it has.
        n_values: usize,
        /// Values that it takes.
        n_needed: usize,
    },
    /// It changed its level or slope, and has too few values since.
    JustChanged {
        /// When it changed.
        at: Timestamp,
        /// Values since.
        n_values: usize,
    },
}

/// Returns how a series will go on.
///
/// # Errors
///
/// [`Unfit`] when there is too little to go by.
pub fn forecast(series: &Series) -> Result<Forecast, Unfit> {
    let rows: Vec<(usize, f64)> = series
        .values
        .iter()
        .enumerate()
        .filter_map(|(row, value)| Some((row, (*value)?)))
        .filter(|(_, value)| value.is_finite() && value.abs() < LARGEST)
        .collect();
    let too_few = Unfit::TooFew { n_values: rows.len(), n_needed: FEWEST };
    let (Some((first, _)), Some((last, latest))) = (rows.first().copied(), rows.last().copied()) else {
        return Err(too_few);
    };
    if rows.len() < FEWEST {
        return Err(too_few);
    }
    let season = Season::of(series, &rows);
    let level: Vec<(usize, f64)> =
        rows.iter().map(|(row, value)| (*row, value - season.at(series.time(*row)))).collect();
    let begins = last_change(&level, first, last);
    let stretch: Vec<(f64, f64)> =
        level.iter().filter(|(row, _)| *row >= begins).map(|(row, value)| (*row as f64, *value)).collect();
    if stretch.len() < FEWEST {
        return Err(Unfit::JustChanged { at: series.time(begins), n_values: stretch.len() });
    }
    let line = trend::theil_sen(&stretch).ok_or(too_few)?;
    let slope = if line.is_beyond_chance(TREND_DEVIATIONS) { line.slope } else { 0.0 };
    let (slowest, fastest) = line.slopes(BAND_DEVIATIONS);
    // A line is best known in the middle of its points, and turns around it.
    let middle_row = robust::median(&stretch.iter().map(|(row, _)| *row).collect::<Vec<_>>()).unwrap_or(0.0);
    let rests: Vec<f64> = stretch.iter().map(|(row, value)| value - slope * (row - middle_row)).collect();
    let middle_value = robust::median(&rests).unwrap_or(0.0);
    let residuals: Vec<f64> = rests.iter().map(|rest| rest - middle_value).collect();
    let wider = season.widening(stretch.len());
    let under = wider * robust::quantile(&residuals, TAIL).unwrap_or(0.0).min(0.0);
    let over = wider * robust::quantile(&residuals, 1.0 - TAIL).unwrap_or(0.0).max(0.0);
    let expected = |row: usize| {
        let away = row as f64 - middle_row;
        let middle = middle_value + slope * away + season.at(series.time(row));
        // Two independent faults add up as their squares: the noise, and what the slope may be off by.
        let low = middle - under.hypot((slope - slowest).max(0.0) * away);
        let high = middle + over.hypot((fastest - slope).max(0.0) * away);
        Expected { low, middle, high }
    };
    let n_steps = last - begins + 1;
    Ok(Forecast {
        since: series.time(begins),
        from: series.time(last + 1),
        step: series.step,
        n_values: stretch.len(),
        now: middle_value + slope * (last as f64 - middle_row),
        latest,
        trend_per_s: slope / series.step.as_secs_f64().max(f64::MIN_POSITIVE),
        is_daily: season.day.is_some(),
        steps: (last + 1..=last + n_steps).map(expected).collect(),
    })
}

/// What the time of the day adds.
struct Season {
    day: Option<Day>,
    /// The usual that counts as nothing added.
    level: f64,
}

impl Season {
    /// Learns days from what is left of the values without their trend; there is none in less than two days.
    fn of(series: &Series, rows: &[(usize, f64)]) -> Self {
        let none = Self { day: None, level: 0.0 };
        let rows_of_day = (DAY.as_secs_f64() / series.step.as_secs_f64().max(1.0)).round() as usize;
        let mut values = vec![None; series.values.len()];
        for (row, value) in rows {
            if let Some(place) = values.get_mut(*row) {
                *place = Some(*value);
            }
        }
        let Some(slope) = trend::from_day_to_day(&values, rows_of_day) else { return none };
        for (row, value) in values.iter_mut().enumerate() {
            *value = value.map(|value| value - slope * row as f64);
        }
        let middle = robust::median(&values.iter().flatten().copied().collect::<Vec<_>>());
        let (Some(level), Some((first, _)), Some((last, _))) = (middle, rows.first(), rows.last()) else {
            return none;
        };
        let flat = Series { values, ..series.clone() };
        let Ok(range) = TimeRange::new(series.time(*first), series.time(last + 1)) else { return none };
        let day = Day::learn(&flat, range, level).map(|(day, _)| day);
        Self { day, level }
    }

    /// Returns how much wider the future is than the values that the day was learnt from, which it fits too well.
    ///
    /// The middle of n values is off by a variance of 1/n (new values vary by 1 + 1/n around it, the n themselves by 1 - 1/n).
    fn widening(&self, n_values: usize) -> f64 {
        if self.day.is_none() {
            return 1.0;
        }
        let each = (n_values as f64 / PARTS as f64).max(2.0);
        ((each + 1.0) / (each - 1.0)).sqrt()
    }

    fn at(&self, time: Timestamp) -> f64 {
        self.day.as_ref().map_or(0.0, |day| day.usual(time) - self.level)
    }
}

/// Returns the row from which on the series is one level or one line.
fn last_change(level: &[(usize, f64)], first: usize, last: usize) -> usize {
    let mut column = vec![None; last - first + 1];
    for (row, value) in level {
        if let Some(place) = column.get_mut(row - first) {
            *place = Some(*value);
        }
    }
    first + change_points(&[column]).last().copied().unwrap_or(0)
}

impl Forecast {
    /// Returns the end of what is expected.
    pub fn until(&self) -> Timestamp {
        self.from + self.step.saturating_mul(u32::try_from(self.steps.len()).unwrap_or(u32::MAX))
    }

    /// Returns the start of an expected step.
    pub fn time(&self, step: usize) -> Timestamp {
        self.from + self.step.saturating_mul(u32::try_from(step).unwrap_or(u32::MAX))
    }

    /// Tells whether the values move at all.
    pub fn has_trend(&self) -> bool {
        self.trend_per_s != 0.0
    }
}

#[cfg(test)]
mod tests;
