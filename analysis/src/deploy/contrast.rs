//! Two ratios against each other: the difference, and what chance gives.

use super::{
    evidence::Standing,
    ratio::{Ratio, Variance, variance},
};

/// Two sides of one measure.
pub(super) struct Contrast<'a> {
    /// Before, or the stable version.
    pub before: &'a Ratio,
    /// The variance of `before`, which many contrasts share.
    pub before_variance: Variance,
    /// After, or the canary.
    pub after: &'a Ratio,
    /// Requests of `after` that count as independent, as a part of all.
    pub part: f64,
    /// Whether it is a share of requests, 0 to 1.
    pub is_share: bool,
    /// Whether blocks of both are of the same time.
    pub is_concurrent: bool,
}

/// Costs and levels of two starts of the same program differ by this part: memory layout, which host, what was in caches.
/// Kalibera and Jones 2013, "Rigorous benchmarking in reasonable time", §3, find a few per cent between starts.
const START_SPREAD: f64 = 0.02;

impl Contrast<'_> {
    /// Returns how far `after` is above `before` plus `shift`.
    pub fn above(&self, shift: f64) -> Standing {
        let expected = self.before.value + shift;
        let variance = self.variance(expected);
        let plain = (self.after.value - expected) / variance.value.sqrt();
        let deviations = if self.is_share { self.signed_root(expected, variance.value) } else { plain };
        Standing { deviations, variance, without_effect: variance.value.min(self.without_effect(expected)) }
    }

    /// Returns how far `after` is below `limit`, a value that is as sure as `before` is.
    pub fn below(&self, limit: f64) -> Standing {
        let variance = self.variance(limit);
        let deviations = (limit - self.after.value) / variance.value.sqrt();
        Standing { deviations, variance, without_effect: variance.value }
    }

    /// Returns the variance of the difference, were `after` expected to be `expected`.
    pub fn variance(&self, expected: f64) -> Variance {
        let is_paired = self.is_concurrent && self.before.influence.len() == self.after.influence.len();
        let by_blocks = if is_paired {
            let pairs = self.after.influence.iter().zip(&self.before.influence);
            variance(&pairs.map(|(after, before)| after - before).collect::<Vec<_>>())
        } else {
            variance(&self.after.influence).plus(self.before_variance)
        };
        let least = if self.is_share {
            self.of_independent(expected, self.after.value)
        } else {
            of_starts(self.before.value.abs().max(self.after.value.abs()))
        };
        by_blocks.at_least(least.max(f64::MIN_POSITIVE))
    }

    fn counts(&self) -> (f64, f64) {
        (self.before.over.max(1.0), (self.after.over * self.part).max(1.0))
    }

    /// The variance that independent requests would have. Half a failure more keeps it above zero where there was none.
    fn of_independent(&self, expected: f64, seen: f64) -> f64 {
        let (n_before, n_after) = self.counts();
        let pooled =
            (expected.clamp(0.0, 1.0) * n_before + seen * n_after + 0.5) / (n_before + n_after + 1.0);
        pooled * (1.0 - pooled).max(0.0) * (1.0 / n_before + 1.0 / n_after)
    }

    /// The variance of the difference, were `after` as bursty as `before` and its value as expected.
    fn without_effect(&self, expected: f64) -> f64 {
        let (n_before, n_after) = self.counts();
        let least = if self.is_share {
            self.of_independent(expected, expected.clamp(0.0, 1.0))
        } else {
            of_starts(expected.abs())
        };
        (self.before_variance.value * (1.0 + n_before / n_after)).max(least).max(f64::MIN_POSITIVE)
    }

    /// The signed root of the likelihood ratio of two shares: near to normal where counts are small and a difference divided by its
    /// deviation is not (McCullagh and Nelder 1989, "Generalized linear models", §4.4 and, for what is more than independent, §4.5).
    fn signed_root(&self, expected: f64, variance: f64) -> f64 {
        let (n_before, n_after) = self.counts();
        let (old, new) = (expected.clamp(0.0, 1.0), self.after.value.clamp(0.0, 1.0));
        let pooled = (old * n_before + new * n_after) / (n_before + n_after);
        let part = |share: f64, of: f64| if share > 0.0 { share * (share / of).ln() } else { 0.0 };
        let of = |share: f64, n: f64| n * (part(share, pooled) + part(1.0 - share, 1.0 - pooled));
        let deviance = 2.0 * (of(old, n_before) + of(new, n_after));
        let dispersion = variance / self.of_independent(expected, self.after.value).max(f64::MIN_POSITIVE);
        (new - old).signum() * (deviance.max(0.0) / dispersion.max(1.0)).sqrt()
    }
}

fn of_starts(value: f64) -> f64 {
    (START_SPREAD * value).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::{Amount, ratio::ratio};

    fn standing(before: (f64, f64), after: (f64, f64)) -> f64 {
        let even =
            |(total, over): (f64, f64)| ratio(&[Amount { total: total / 16.0, over: over / 16.0 }; 16]);
        let (before, after) = (even(before), even(after));
        let contrast = Contrast {
            before_variance: variance(&before.influence),
            before: &before,
            after: &after,
            part: 1.0,
            is_share: true,
            is_concurrent: false,
        };
        contrast.above(0.0).deviations
    }

    #[test]
    fn the_signed_root_is_that_of_the_g_test() {
        // G of [[90, 10], [70, 30]] is 2 Σ O ln(O/E) with E = 80 and 20 in both rows.
        let wanted = 2.0
            * [(90.0, 80.0), (10.0, 20.0), (70.0, 80.0), (30.0, 20.0)]
                .iter()
                .map(|(seen, expected): &(f64, f64)| seen * (seen / expected).ln())
                .sum::<f64>();
        assert!((standing((10.0, 100.0), (30.0, 100.0)) - wanted.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn few_failures_say_little_and_equal_shares_nothing() {
        assert!(standing((0.0, 1000.0), (2.0, 200.0)) < 3.0);
        assert!(standing((0.0, 1000.0), (20.0, 200.0)) > 6.0);
        assert_eq!(standing((5.0, 100.0), (5.0, 100.0)), 0.0);
        assert_eq!(standing((0.0, 100.0), (0.0, 100.0)), 0.0);
    }
}
