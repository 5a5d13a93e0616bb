//! A line through points that a few wild ones cannot turn, and how sure its slope is.

use crate::robust;

/// Points that are looked at two by two; more are merged with their neighbours first.
const MOST_POINTS: usize = 400;

/// Days that are held against each other.
const MOST_DAYS: usize = 60;

/// Noise whose neighbours are more alike than this is a walk, and its mean tells nothing.
const MOST_ALIKE: f64 = 0.99;

/// A line by its slope.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Units per row.
    pub slope: f64,
    /// The slopes of all pairs of points, ascending.
    slopes: Vec<f64>,
    /// Standard deviation of Kendall's S under no trend.
    deviation: f64,
}

/// Returns the median of the slopes of all pairs of points (Theil 1950; Sen 1968, eq. 2.2); `None` when no two differ in place.
///
/// Points are in order of place. O(n²) up to 400 points; of more, neighbours are merged to their medians.
pub(super) fn theil_sen(points: &[(f64, f64)]) -> Option<Line> {
    let merged = merged(points);
    let mut slopes: Vec<f64> = merged
        .iter()
        .enumerate()
        .flat_map(|(index, (x, y))| {
            merged.iter().skip(index + 1).map(move |(later, value)| (value - y) / (later - x))
        })
        .filter(|slope| slope.is_finite())
        .collect();
    slopes.sort_by(f64::total_cmp);
    let slope = robust::median(&slopes)?;
    let residuals: Vec<f64> = merged.iter().map(|(x, y)| y - slope * x).collect();
    let values: Vec<f64> = merged.iter().map(|(_, y)| *y).collect();
    let rho = neighbours_alike(&residuals).clamp(0.0, MOST_ALIKE);
    // Noise that remembers its neighbour tells as much as fewer values that do not (Bayley and Hammersley 1946, for AR(1)).
    // Yue and Wang 2004: taken from what is left of the values without their trend, or the trend would hide itself.
    let deviation = (variance_of_s(&values) * (1.0 + rho) / (1.0 - rho)).sqrt();
    Some(Line { slope, slopes, deviation })
}

/// Returns the median slope between values whole days apart, per row, which no time of the day can turn (Hirsch, Slack and Smith 1982, eq. 14); `None` when no two are.
pub(super) fn from_day_to_day(values: &[Option<f64>], rows_of_day: usize) -> Option<f64> {
    let days = (rows_of_day..values.len()).step_by(rows_of_day.max(1)).take(MOST_DAYS);
    let slopes: Vec<f64> = days
        .flat_map(|lag| {
            let pairs = values.iter().zip(values.iter().skip(lag));
            pairs.filter_map(move |(early, late)| Some(((*late)? - (*early)?) / lag.max(1) as f64))
        })
        .collect();
    robust::median(&slopes)
}

impl Line {
    /// Returns the slopes between which the true one lies, so many standard deviations wide (Sen 1968, eq. 2.6).
    pub(super) fn slopes(&self, deviations: f64) -> (f64, f64) {
        let n_pairs = self.slopes.len() as f64;
        let half = deviations * self.deviation;
        let last = self.slopes.len().saturating_sub(1);
        let at = |place: f64| {
            let place = (place.max(0.0) as usize).min(last);
            self.slopes.get(place).copied().unwrap_or(self.slope)
        };
        (at(((n_pairs - half) / 2.0).floor()), at(((n_pairs + half) / 2.0).ceil()))
    }

    /// Tells whether a slope of zero lies outside of the true one's interval.
    pub(super) fn is_beyond_chance(&self, deviations: f64) -> bool {
        let (slowest, fastest) = self.slopes(deviations);
        slowest > 0.0 || fastest < 0.0
    }
}

/// Returns the variance of Kendall's S when there is no trend: (n(n-1)(2n+5) - Σ t(t-1)(2t+5)) / 18 over groups of t equal values (Kendall 1975, ch. 4).
pub(super) fn variance_of_s(values: &[f64]) -> f64 {
    let term = |n: usize| {
        let n = n as f64;
        n * (n - 1.0) * (2.0 * n + 5.0)
    };
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|equal| term(equal.len())).sum();
    ((term(values.len()) - ties) / 18.0).max(0.0)
}

/// Returns the correlation of each value with the next; zero when they are all equal.
fn neighbours_alike(values: &[f64]) -> f64 {
    let middle = robust::mean(values).unwrap_or(0.0);
    let power: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    let products: f64 =
        values.iter().zip(values.iter().skip(1)).map(|(a, b)| (a - middle) * (b - middle)).sum();
    if power > 0.0 { products / power } else { 0.0 }
}

fn merged(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let width = points.len().div_ceil(MOST_POINTS).max(1);
    let middle = |of: Vec<f64>| robust::median(&of);
    points
        .chunks(width)
        .filter_map(|chunk| {
            let x = middle(chunk.iter().map(|(x, _)| *x).collect())?;
            Some((x, middle(chunk.iter().map(|(_, y)| *y).collect())?))
        })
        .collect()
}
