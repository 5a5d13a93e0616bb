//! A ratio of two sums over blocks of time, and how far chance may have moved it.
//!
//! Blocks near each other are alike. The variance is therefore taken over groups of 1, 2, 4, … blocks, and the largest counts:
//! where requests come in bursts, long groups vary more than independent ones would.

use super::Amount;

/// A ratio over some blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    /// The sum of totals over the sum of what they are spread over; zero when that is zero.
    pub value: f64,
    /// What it is spread over in all.
    pub over: f64,
    /// How much each block moves the ratio, in order of time. They add up to zero.
    pub influence: Vec<f64>,
}

/// A variance with the degrees of freedom that it was estimated with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variance {
    /// The variance.
    pub value: f64,
    /// Degrees of freedom.
    pub freedom: f64,
}

/// A length of group is tried while this many groups are left: fewer say nothing of a variance.
const MIN_GROUPS: usize = 8;

/// Returns the ratio of `blocks`. Blocks that are spread over nothing have no influence.
// Cochran (1977), "Sampling techniques", ch. 6: the ratio estimator and its linearisation.
pub fn ratio(blocks: &[Amount]) -> Ratio {
    let total: f64 = blocks.iter().map(|block| block.total).sum();
    let over: f64 = blocks.iter().map(|block| block.over).sum();
    if over <= 0.0 {
        return Ratio { value: 0.0, over: 0.0, influence: vec![0.0; blocks.len()] };
    }
    let value = total / over;
    let influence = blocks.iter().map(|block| (block.total - value * block.over) / over).collect();
    Ratio { value, over, influence }
}

/// Returns the largest variance that any length of group gives to the sum of `influence`.
// Flyvbjerg and Petersen (1989), "Error estimates on averages of correlated data": blocking; the maximum in place of a plateau errs on the safe side.
pub fn variance(influence: &[f64]) -> Variance {
    let mut largest = Variance { value: 0.0, freedom: (influence.len().saturating_sub(1) as f64).max(1.0) };
    let mut length = 1;
    while length == 1 || influence.len() / length >= MIN_GROUPS {
        let groups: Vec<f64> = influence.chunks(length).map(|group| group.iter().sum()).collect();
        let n = groups.len() as f64;
        if n < 2.0 {
            break;
        }
        let value = groups.iter().map(|group| group * group).sum::<f64>() * n / (n - 1.0);
        if value > largest.value {
            largest = Variance { value, freedom: n - 1.0 };
        }
        length *= 2;
    }
    largest
}

/// Returns by how much the second half of `blocks` is above the first beyond what chance gives, per block of distance; zero when it is not.
pub fn upward_drift(blocks: &[Amount]) -> f64 {
    let (first, second) = blocks.split_at(blocks.len() / 2);
    let (old, new) = (ratio(first), ratio(second));
    if old.over <= 0.0 || new.over <= 0.0 {
        return 0.0;
    }
    let chance = (variance(&old.influence).value + variance(&new.influence).value).sqrt();
    (new.value - old.value - chance).max(0.0) / (blocks.len() as f64 / 2.0).max(1.0)
}

impl Variance {
    /// Returns the variance of a sum of two independent values.
    // Welch (1947) and Satterthwaite (1946): the degrees of freedom of a sum of variances.
    pub fn plus(self, other: Self) -> Self {
        let value = self.value + other.value;
        let parts = self.value.powi(2) / self.freedom + other.value.powi(2) / other.freedom;
        let freedom = if parts > 0.0 { value * value / parts } else { self.freedom.min(other.freedom) };
        Self { value, freedom }
    }

    /// Returns the variance with `least` in its place where that is larger.
    pub fn at_least(self, least: f64) -> Self {
        Self { value: self.value.max(least), ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amounts(values: &[f64]) -> Vec<Amount> {
        values.iter().map(|total| Amount { total: *total, over: 1.0 }).collect()
    }

    #[test]
    fn the_variance_of_unlike_neighbours_is_that_of_a_mean() {
        let values: Vec<f64> = (0..7).map(f64::from).collect();
        let found = ratio(&amounts(&values));
        // The mean of 0 to 6 is 3, the variance 14/3, of the mean 2/3.
        assert!((found.value - 3.0).abs() < 1e-12);
        assert!((variance(&found.influence).value - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn what_comes_in_bursts_varies_more() {
        let smooth: Vec<f64> = (0..64).map(|i| f64::from(i % 2)).collect();
        let bursts: Vec<f64> = (0..64).map(|i| f64::from(i / 4 % 2)).collect();
        let of = |values: &[f64]| variance(&ratio(&amounts(values)).influence).value;
        assert!(of(&bursts) > 3.0 * of(&smooth));
    }

    #[test]
    fn what_rises_all_along_drifts_and_what_stays_does_not() {
        let rising: Vec<f64> = (0..64).map(|i| f64::from(i) + f64::from(i % 3)).collect();
        let level: Vec<f64> = (0..64).map(|i| f64::from(i % 3)).collect();
        assert!(upward_drift(&amounts(&rising)) > 0.5);
        assert_eq!(upward_drift(&amounts(&level)), 0.0);
        assert_eq!(upward_drift(&[]), 0.0);
    }

    proptest! {
        #[test]
        fn ratios_are_finite_and_influences_add_up_to_zero(
            blocks in prop::collection::vec((0.0..1e6_f64, 0.0..1e6_f64), 0..40),
        ) {
            let blocks: Vec<Amount> = blocks.into_iter().map(|(total, over)| Amount { total, over }).collect();
            let found = ratio(&blocks);
            let size: f64 = found.influence.iter().map(|it| it.abs()).sum();
            prop_assert!(found.value.is_finite() && variance(&found.influence).value.is_finite());
            prop_assert!(found.influence.iter().sum::<f64>().abs() <= 1e-9 * size.max(1.0));
        }
    }
}
