//! When a series changed its level, and how surely.
//!
//! The best single split by the standardised Mann–Whitney statistic, as in Hawkins and Deng (2010), "A nonparametric change-point control chart".
//! Ranks make it deaf to the size of outliers; standardising keeps it sharp near the ends, where Pettitt's (1979) statistic is weak.
//! The p-value is Bonferroni's bound over all splits, so no permutations are needed.
//!
//! ## Assumptions
//!
//! One change at most matters, and steps are independent apart from it; a trend or a season reads as a change.

use std::fmt;

use serde::{Deserialize, Serialize};
use waggle_signals::{Series, TimeRange, Timestamp};

use crate::{quantity, robust};

/// The moment from which a series has another level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// Start of the first step of the new level.
    pub at: Timestamp,
    /// Median before, in the unit of the measure.
    pub before: f64,
    /// Median from then on.
    pub after: f64,
    /// The standardised rank statistic: 0 is none, 3 is doubtful, 6 is plain.
    pub strength: f64,
    /// Upper bound of the chance that equal levels look like this, 0 to 1.
    pub p_value: f64,
}

/// A change is told when chance explains it less than once in a hundred series.
const MAX_P_VALUE: f64 = 0.01;

/// Steps wanted on each side of a split: fewer have no median.
const MIN_SIDE: usize = 3;

/// Returns the most likely change of level inside `range`; `None` when there is none that chance would not explain, or fewer than six measured steps.
pub fn change_point(series: &Series, range: TimeRange) -> Option<ChangePoint> {
    let steps: Vec<(Timestamp, f64)> = series.within(range).filter(|(_, value)| value.is_finite()).collect();
    let values: Vec<f64> = steps.iter().map(|(_, value)| *value).collect();
    let (split, strength) = best_split(&values)?;
    let p_value = (values.len() as f64 * two_sided_tail(strength)).min(1.0);
    if p_value > MAX_P_VALUE {
        return None;
    }
    let (before, after) = (robust::median(&values[..split])?, robust::median(&values[split..])?);
    Some(ChangePoint { at: steps[split].0, before, after, strength, p_value })
}

/// Returns how many values lie before the best split, and its standardised statistic (never negative); `None` for fewer than six values.
///
/// O(n log n). Ties get mid-ranks, and the variance is corrected for them.
pub fn best_split(values: &[f64]) -> Option<(usize, f64)> {
    let n = values.len();
    if n < 2 * MIN_SIDE {
        return None;
    }
    let (ranks, ties) = mid_ranks(values);
    let n_f = n as f64;
    // Lehmann 1975, eq. 1.35: ties shrink the variance of a rank sum.
    let per_pair = (n_f + 1.0 - ties / (n_f * (n_f - 1.0))) / 12.0;
    if per_pair <= 0.0 {
        return Some((n / 2, 0.0));
    }
    let mut rank_sum = 0.0;
    let mut best = (n / 2, 0.0);
    for (index, rank) in ranks.iter().enumerate() {
        let before = index + 1;
        rank_sum += rank;
        if before < MIN_SIDE || n - before < MIN_SIDE {
            continue;
        }
        let (before_f, after_f) = (before as f64, (n - before) as f64);
        let expected = before_f * (n_f + 1.0) / 2.0;
        let standardised = (rank_sum - expected).abs() / (before_f * after_f * per_pair).sqrt();
        if standardised > best.1 {
            best = (before, standardised);
        }
    }
    Some(best)
}

/// Returns the rank of each value from 1, equal values sharing the mean of theirs, and the sum of `t³ - t` over groups of `t` equal values.
fn mid_ranks(values: &[f64]) -> (Vec<f64>, f64) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let (mut ties, mut smaller) = (0.0, 0.0);
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let n_equal = equal.len() as f64;
        for index in equal {
            ranks[*index] = smaller + (n_equal + 1.0) / 2.0;
        }
        smaller += n_equal;
        ties += n_equal.powi(3) - n_equal;
    }
    (ranks, ties)
}

/// Returns the chance that a standard normal value is at least `z` away from zero. Error below 1.5e-7 up to z of 5, an upper bound beyond.
fn two_sided_tail(z: f64) -> f64 {
    if z > 5.0 {
        // Mills' ratio: the tail is below density / z.
        return 2.0 * (-z * z / 2.0).exp() / (z * (2.0 * std::f64::consts::PI).sqrt());
    }
    // Abramowitz and Stegun 1964, 7.1.26, with x = z / √2.
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    poly * (-x * x).exp()
}

impl fmt::Display for ChangePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "level {} → {} at {} (strength {}, p {:.0e})",
            quantity::number(self.before),
            quantity::number(self.after),
            quantity::clock(self.at),
            quantity::number(self.strength),
            self.p_value,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use waggle_signals::{Attributes, Measure};

    use super::*;

    /// Flow of the Nile at Aswan, 1871 to 1970, in 10^8 m³ (Cobb 1978, table 1).
    const NILE: [f64; 100] = [
        1120., 1160., 963., 1210., 1160., 1160., 813., 1230., 1370., 1140., 995., 935., 1110., 994., 1020.,
        960., 1180., 799., 958., 1140., 1100., 1210., 1150., 1250., 1260., 1220., 1030., 1100., 774., 840.,
        874., 694., 940., 833., 701., 916., 692., 1020., 1050., 969., 831., 726., 456., 824., 702., 1120.,
        1100., 832., 764., 821., 768., 845., 864., 862., 698., 845., 744., 796., 1040., 759., 781., 865.,
        845., 944., 984., 897., 822., 1010., 771., 676., 649., 846., 812., 742., 801., 1040., 860., 874.,
        848., 890., 744., 749., 838., 1050., 918., 986., 797., 923., 975., 815., 1020., 906., 901., 1170.,
        912., 746., 919., 718., 714., 740.,
    ];

    fn series(values: Vec<Option<f64>>) -> Series {
        let (start, step) = (Timestamp::from_secs(0), Duration::from_secs(1));
        Series { measure: Measure::LatencyMean, labels: Attributes::new(), start, step, values }
    }

    fn all() -> TimeRange {
        TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(1000)).unwrap()
    }

    #[test]
    fn the_nile_changed_after_1898() {
        // Cobb 1978: the 28 years up to 1898 are the old level.
        let found = change_point(&series(NILE.map(Some).to_vec()), all()).unwrap();
        assert_eq!(found.at, Timestamp::from_secs(28));
        assert!(found.p_value < 1e-6, "{found}");
        assert!(found.before > 1050.0 && found.after < 900.0);
    }

    #[test]
    fn a_shift_in_the_last_eight_of_sixty_steps_is_found() {
        let values =
            (0..60).map(|i| Some(if i < 52 { 10.0 + f64::from(i % 7) } else { 90.0 + f64::from(i % 3) }));
        let found = change_point(&series(values.collect()), all()).unwrap();
        assert_eq!(found.at, Timestamp::from_secs(52));
    }

    #[test]
    fn constant_short_and_empty_series_do_not_change() {
        for values in [vec![], vec![Some(1.0)], vec![Some(3.0); 50], vec![None; 50], vec![Some(f64::NAN); 50]]
        {
            assert_eq!(change_point(&series(values), all()), None);
        }
    }

    #[test]
    fn tails_are_those_of_the_normal_table() {
        for (z, tail) in [(0.0, 1.0), (1.0, 0.317_310_5), (1.96, 0.049_995_8), (3.0, 0.002_699_8)] {
            assert!((two_sided_tail(z) - tail).abs() < 3e-7, "{z}");
        }
        assert!(two_sided_tail(6.0) < 3e-9 && two_sided_tail(6.0) > 1.9e-9);
    }

    /// Plain second implementation: counts of larger and smaller pairs across each split, and its variance by its definition over all ranks.
    fn plain_best_split(values: &[f64]) -> f64 {
        let n = values.len();
        let rank = |v: f64| -> f64 {
            let below = values.iter().filter(|other| **other < v).count() as f64;
            let equal = values.iter().filter(|other| **other == v).count() as f64;
            below + (equal + 1.0) / 2.0
        };
        let ranks: Vec<f64> = values.iter().map(|v| rank(*v)).collect();
        let mean = (n as f64 + 1.0) / 2.0;
        let variance = ranks.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
        (MIN_SIDE..=n - MIN_SIDE)
            .map(|m| {
                let (before, after) = values.split_at(m);
                let pairs: f64 = before
                    .iter()
                    .flat_map(|a| after.iter().map(move |b| f64::from(i8::from(a < b) - i8::from(a > b))))
                    .sum();
                let deviation = (m as f64 * (n - m) as f64 * variance / n as f64).sqrt();
                if deviation > 0.0 { (pairs / 2.0).abs() / deviation } else { 0.0 }
            })
            .fold(0.0, f64::max)
    }

    proptest! {
        #[test]
        fn the_statistic_equals_counting_pairs(values in prop::collection::vec((0..40_i32).prop_map(f64::from), 6..50)) {
            let (_, strength) = best_split(&values).unwrap();
            prop_assert!((strength - plain_best_split(&values)).abs() < 1e-9);
        }

        #[test]
        fn any_values_give_an_answer_or_none(values in prop::collection::vec(prop::option::of(any::<f64>()), 0..80)) {
            if let Some(found) = change_point(&series(values), all()) {
                prop_assert!(found.strength.is_finite() && found.p_value <= MAX_P_VALUE);
            }
        }
    }
}
