//! From a difference to evidence that may be looked at any time.
//!
//! The evidence is a Bayes factor: how much more likely the difference is if an effect of about `scale` is there than if none is.
//! Under no effect it is a martingale that starts at one, also where part of the error (that of the baseline) is the same at all
//! looks, because both of its marginals carry that part. So the chance that it ever reaches `1/alpha` is at most `alpha`
//! (Ville 1939; Robbins 1970, "Statistical methods related to the law of the iterated logarithm").
//! Variances are estimated, so this holds as the number of blocks grows (Waudby-Smith et al. 2024, "Time-uniform central limit
//! theory and asymptotic confidence sequences", theorem 2.2, and their appendix for one side); Student's distribution stands in
//! for the normal one while blocks are few.

use super::{normal, ratio::Variance};

/// What is known of a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The difference in standard deviations of what chance gives; positive for more.
    pub deviations: f64,
    /// What chance gives.
    pub variance: Variance,
    /// What chance would give were there no effect: a large effect brings noise of its own.
    pub without_effect: f64,
}

/// Returns the natural logarithm of the evidence for a positive difference, against none or a negative one.
///
/// `scale` is the standard deviation of the effects that are looked for, fixed before the first look: half a normal distribution of that spread.
pub fn evidence(standing: Standing, scale: f64) -> f64 {
    let Standing { deviations, variance, without_effect } = standing;
    if without_effect <= 0.0 || !deviations.is_finite() {
        return 0.0;
    }
    log_factor(normal::from_student(deviations, variance.freedom), without_effect, scale)
}

/// Returns how many standard deviations a difference must have for its evidence to reach `1/alpha`; those of `standing` do not count.
pub fn deviations_needed(standing: Standing, scale: f64, alpha: f64) -> f64 {
    let wanted = -alpha.ln();
    let (mut low, mut high) = (0.0, 64.0);
    // 50 halvings leave less than a double can tell apart.
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if log_factor(middle, standing.without_effect, scale) < wanted { low = middle } else { high = middle }
    }
    normal::to_student(high, standing.variance.freedom)
}

/// Returns the scale of effects that makes the bounds tightest when the variance has come down to `variance`.
// Waudby-Smith et al. (2024), the appendix on tuning the mixture for a time of one's choice.
pub fn scale_for(variance: f64, alpha: f64) -> f64 {
    let log = -2.0 * alpha.ln();
    (variance * (log + log.ln_1p())).sqrt()
}

/// The Bayes factor of N(0, v + scale²), cut to positive effects, against N(0, v).
fn log_factor(z: f64, variance: f64, scale: f64) -> f64 {
    let square = scale * scale;
    let share = square / (variance + square);
    let positive = normal::below(z * share.sqrt());
    2.0_f64.ln() + 0.5 * (1.0 - share).ln() + z * z * share / 2.0 + positive.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: f64 = 1e9;

    fn standing(deviations: f64, variance: f64, freedom: f64) -> Standing {
        Standing { deviations, variance: Variance { value: variance, freedom }, without_effect: variance }
    }

    #[test]
    fn evidence_is_the_integral_over_effects() {
        // Second implementation: the likelihood ratio, averaged over half a normal distribution by small steps.
        for (x, variance, scale) in [(0.5, 0.04, 0.3), (2.0, 1.0, 0.7), (-1.0, 0.5, 1.0)] {
            let step = 1e-4;
            let sum: f64 = (0..200_000)
                .map(|i| (f64::from(i) + 0.5) * step)
                .map(|effect| {
                    let prior = 2.0 * (-effect * effect / (2.0 * scale * scale)).exp()
                        / (scale * std::f64::consts::TAU.sqrt());
                    prior * ((x * effect - effect * effect / 2.0) / variance).exp() * step
                })
                .sum();
            let standing = standing(x / f64::sqrt(variance), variance, KNOWN);
            let found = evidence(standing, scale);
            assert!((found - sum.ln()).abs() < 1e-4, "{found} is not {}", sum.ln());
        }
    }

    #[test]
    fn what_is_needed_is_just_enough() {
        for freedom in [9.0, 40.0, KNOWN] {
            let deviations = deviations_needed(standing(0.0, 0.01, freedom), 0.3, 0.01);
            let found = evidence(standing(deviations, 0.01, freedom), 0.3);
            assert!((found - 100.0_f64.ln()).abs() < 1e-6, "{freedom}: {found}");
        }
    }

    #[test]
    fn looking_at_every_step_seldom_finds_what_is_not_there() {
        // 4,000 walks of 400 steps of ±1: the share that ever shows 1/alpha is below alpha, and not for want of trying.
        let (alpha, mut seed, mut found) = (0.05, 7_u64, 0);
        for _ in 0..4_000 {
            let mut sum = 0.0;
            let mut is_found = false;
            for step in 1..=400 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                sum += if seed >> 63 == 0 { 1.0 } else { -1.0 };
                let n = f64::from(step);
                let standing = standing(sum / n.sqrt(), 1.0 / n, KNOWN);
                is_found |= step >= 20 && evidence(standing, 0.2) >= -f64::ln(alpha);
            }
            found += u32::from(is_found);
        }
        assert!((40..=200).contains(&found), "{found} of 4,000");
    }
}
