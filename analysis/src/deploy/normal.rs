//! The normal distribution, as far as evidence needs it.

use std::f64::consts::TAU;

/// Returns the probability that a standard normal value is at most `x`.
// Marsaglia (2004), "Evaluating the normal distribution", Journal of Statistical Software 11(4), the function `Phi`.
pub(super) fn below(x: f64) -> f64 {
    if x < -8.0 {
        return 0.0;
    }
    if x > 8.0 {
        return 1.0;
    }
    let (mut sum, mut term, mut divisor) = (x, x, 1.0);
    // 300 terms are more than |x| = 8 needs; the loop ends when the sum no longer moves.
    for _ in 0..300 {
        divisor += 2.0;
        term *= x * x / divisor;
        if sum + term == sum {
            break;
        }
        sum += term;
    }
    (0.5 + sum * (-x * x / 2.0).exp() / TAU.sqrt()).clamp(0.0, 1.0)
}

/// Returns the normal value that is as unlikely as `t` is for Student's distribution with `freedom` degrees of freedom.
// Wallace (1959), "Bounds on normal approximations to Student's and the chi-square distributions".
pub(super) fn from_student(t: f64, freedom: f64) -> f64 {
    let scale = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0);
    t.signum() * scale * (freedom * (t * t / freedom).ln_1p()).sqrt()
}

/// Undoes [`from_student`].
pub(super) fn to_student(z: f64, freedom: f64) -> f64 {
    let scale = (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0);
    z.signum() * (freedom * ((z / scale).powi(2) / freedom).exp_m1()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_tables() {
        // Abramowitz and Stegun, table 26.1.
        for (x, wanted) in
            [(0.0, 0.5), (1.0, 0.841_344_746_068), (1.96, 0.975_002_104_852), (-3.0, 0.001_349_898_032)]
        {
            assert!((below(x) - wanted).abs() < 1e-11, "{x}");
        }
    }

    #[test]
    fn student_s_quantiles_become_normal_ones() {
        // The upper 0.5 % of Student's distribution (Abramowitz and Stegun, table 26.10); the normal one is 2.576.
        for (t, freedom) in [(3.250, 9.0), (2.845, 20.0), (2.660, 60.0)] {
            let z = from_student(t, freedom);
            assert!((z - 2.576).abs() < 0.01, "{t} with {freedom}: {z}");
            assert!((to_student(z, freedom) - t).abs() < 1e-9);
        }
    }
}
