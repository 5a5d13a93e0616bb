//! How far a measured number may be off by chance alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Cases that it is a mean over.
    pub n: usize,
    /// The mean.
    pub value: f64,
    /// Lower and upper end; `None` where chance cannot be told from the cases: a single one that is no yes or no, or equal values that are no shares.
    pub interval: Option<(f64, f64)>,
}

/// The quantile of the normal distribution for 95 %, two-sided.
const Z: f64 = 1.959_963_984_540_054;

/// Bootstrap samples; more move the ends in the third decimal only.
const N_SAMPLES: usize = 2_000;

/// Bootstraps start here, so that the same runs give the same report.
const SEED: u64 = 4;

/// Returns the mean over cases, each of which may have several values, one a repeat.
///
/// For one yes or no a case the interval is Wilson's. Otherwise cases are drawn again with replacement: repeats of one
/// case are no independent cases. Values are shares, 0 to 1: when all cases have the same, draws say nothing, and the
/// interval is Wilson's over the cases. `None` without any case.
pub fn estimate(by_case: &[Vec<f64>]) -> Option<Estimate> {
    let means: Vec<f64> = by_case.iter().filter_map(|values| mean(values)).collect();
    let value = mean(&means)?;
    let n = means.len();
    let is_yes_or_no =
        by_case.iter().all(|values| values.len() <= 1 && values.iter().all(|v| *v == 0.0 || *v == 1.0));
    let interval = if is_yes_or_no || (n > 1 && are_equal(&means)) {
        Some(wilson(means.iter().sum::<f64>().clamp(0.0, n as f64), n as f64))
    } else {
        (n > 1).then(|| bootstrap(&means, SEED))
    };
    Some(Estimate { n, value, interval })
}

/// Returns the mean difference over cases, with an interval by cases. There is none when all differ by the same, as
/// equal reports do by nothing: drawing them again gives no width, and a difference is no share.
pub fn estimate_difference(differences: &[f64]) -> Option<Estimate> {
    let interval = (!are_equal(differences)).then(|| bootstrap(differences, SEED));
    Some(Estimate { n: differences.len(), value: mean(differences)?, interval })
}

fn are_equal(values: &[f64]) -> bool {
    values.windows(2).all(|pair| matches!(pair, [a, b] if (a - b).abs() < 1e-12))
}

/// Returns Wilson's score interval at 95 % for `successes` of `n`, which must not be 0.
// Wilson (1927), "Probable inference, the law of succession, and statistical inference", as method 3 of Newcombe (1998).
pub fn wilson(successes: f64, n: f64) -> (f64, f64) {
    let share = successes / n;
    let square = Z * Z;
    let middle = share + square / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let scale = 1.0 + square / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

/// Returns the 2.5 % and 97.5 % quantiles of the means of samples drawn with replacement.
// Efron & Tibshirani (1993), "An introduction to the bootstrap", §13.3: the percentile interval.
pub fn bootstrap(values: &[f64], seed: u64) -> (f64, f64) {
    let mut random = SplitMix64(seed);
    let n = values.len().max(1);
    let mut means: Vec<f64> = (0..N_SAMPLES)
        .map(|_| {
            let drawn = (0..n).filter_map(|_| values.get(random.below(n)));
            drawn.sum::<f64>() / n as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    (quantile(&means, 0.025), quantile(&means, 0.975))
}

/// Returns a quantile of values in ascending order, in between by straight lines; 0 for none.
// Hyndman & Fan (1996), definition 7: what R and NumPy give by default.
pub fn quantile(ascending: &[f64], q: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let value = |index: usize| ascending.get(index.min(last)).copied().unwrap_or_default();
    value(below) + (at - at.floor()) * (value(below + 1) - value(below))
}

/// Returns the mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Random numbers from a seed.
// Steele, Lea & Flood (2014), "Fast splittable pseudorandom number generators", figure 17 with the constants of Java's
// `SplittableRandom`.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `n`. The bias is under `n` in 2⁶⁴.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64, by: f64) {
        assert!((left - right).abs() <= by, "{left} is not {right}");
    }

    /// Published: Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
    #[test]
    fn wilson_gives_the_published_intervals() {
        for (successes, n, low, high) in [
            (81.0, 263.0, 0.2553, 0.3662),
            (15.0, 148.0, 0.0624, 0.1605),
            (0.0, 20.0, 0.0, 0.1611),
            (1.0, 29.0, 0.0061, 0.1718),
        ] {
            let (got_low, got_high) = wilson(successes, n);
            close(got_low, low, 5e-5);
            close(got_high, high, 5e-5);
        }
    }

    /// Published: the first numbers of the reference program for the seed 1234567.
    #[test]
    fn random_numbers_are_those_of_splitmix64() {
        let mut random = SplitMix64(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    /// Published: `quantile(1:10, c(0.05, 0.5, 0.95))` of R.
    #[test]
    fn quantiles_are_those_of_r() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        for (q, wanted) in [(0.05, 1.45), (0.5, 5.5), (0.95, 9.55), (1.0, 10.0)] {
            close(quantile(&values, q), wanted, 1e-12);
        }
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    /// Second implementation: for many values the interval of a mean is that of the normal distribution.
    #[test]
    fn the_bootstrap_of_many_values_is_the_normal_interval() {
        let values: Vec<f64> = (0..500).map(|i| f64::from(i % 10)).collect();
        let mean = mean(&values).unwrap();
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64;
        let half = Z * (variance / values.len() as f64).sqrt();
        let (low, high) = bootstrap(&values, 1);
        close(low, mean - half, 0.02);
        close(high, mean + half, 0.02);
        assert_eq!(bootstrap(&values, 1), (low, high), "the same seed, the same interval");
        assert_eq!(bootstrap(&[2.0, 2.0], 1), (2.0, 2.0));
    }

    #[test]
    fn shares_go_by_wilson_and_the_rest_by_cases() {
        let once = estimate(&[vec![1.0], vec![0.0], vec![], vec![1.0]]).unwrap();
        assert_eq!((once.n, once.interval), (3, Some(wilson(2.0, 3.0))));
        let repeated = estimate(&[vec![1.0, 1.0, 0.0, 0.0], vec![1.0, 1.0]]).unwrap();
        assert_eq!((repeated.n, repeated.value), (2, 0.75), "a case counts once however often it ran");
        assert_eq!(repeated.interval, Some((0.5, 1.0)));
        assert_eq!(estimate(&[vec![0.3]]).unwrap().interval, None);
        for (share, n_cases) in [(1.0, 4.0), (0.0, 2.0), (0.5, 3.0)] {
            let cases: Vec<Vec<f64>> = (0..n_cases as usize).map(|_| vec![share; 3]).collect();
            let same = estimate(&cases).unwrap();
            assert_eq!(same.interval, Some(wilson(share * n_cases, n_cases)), "three repeats, all {share}");
        }
        assert_eq!(estimate(&[]), None);
    }

    #[test]
    fn equal_differences_have_no_interval() {
        for (differences, value, has_interval) in [
            (&[0.0, 0.0, 0.0][..], 0.0, false),
            (&[1.0, 1.0], 1.0, false),
            (&[0.5], 0.5, false),
            (&[0.0, 1.0], 0.5, true),
        ] {
            let difference = estimate_difference(differences).unwrap();
            assert_eq!((difference.value, difference.interval.is_some()), (value, has_interval));
        }
        assert_eq!(estimate_difference(&[]), None);
    }
}
