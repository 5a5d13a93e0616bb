//! How large a change may be, at all looks together.

use serde::{Deserialize, Serialize};

use super::{
    evidence::{deviations_needed, evidence},
    judge::Look,
};

/// Where a value lies; an end is `None` where it cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// Limits that are tried for a quantile, each this factor above the one before, around the value before.
const STEP: f64 = 1.04;
const STEPS: i32 = 75;

/// Returns the new version's value and where it lies beside the baseline's, whose own error is counted in.
///
/// The ends of a quantile are the outermost limits that it is for sure beyond, and within: Howard and Ramdas 2022, "Sequential
/// estimation of quantiles with applications to A/B testing and best-arm identification", get bounds on quantiles from bounds on
/// the shares beyond a limit in the same way.
pub(super) fn interval(look: &Look<'_>) -> (Option<f64>, Interval) {
    if look.ratio.over <= 0.0 {
        return (None, Interval::default());
    }
    match look.test.aspect.quantile() {
        Some(share) => (look.quantile(share), of_quantile(look)),
        None => (Some(look.ratio.value), of_value(look)),
    }
}

fn of_value(look: &Look<'_>) -> Interval {
    if !look.has_least() {
        return Interval::default();
    }
    let contrast = look.contrast(&look.ratio);
    let above = contrast.above(0.0);
    let below = contrast.below(look.ratio.value);
    let scale = look.test.scale;
    let under = deviations_needed(above, scale.worse, look.test.alpha) * above.variance.value.sqrt();
    let over = deviations_needed(below, scale.better, look.baseline.rules.beta) * below.variance.value.sqrt();
    let most = if look.test.aspect.is_share() { 1.0 } else { f64::INFINITY };
    Interval {
        low: Some((look.ratio.value - under).max(0.0)),
        high: Some((look.ratio.value + over).min(most)),
    }
}

fn of_quantile(look: &Look<'_>) -> Interval {
    if !look.has_least() {
        return Interval::default();
    }
    let (enough, enough_below) = (-look.test.alpha.ln(), -look.baseline.rules.beta.ln());
    let shift = look.allowed() - look.test.reference.ratio.value;
    let limits = (-STEPS..=STEPS).map(|step| look.test.before * STEP.powi(step));
    let mut found = Interval::default();
    for limit in limits {
        let beyond = look.beyond(limit);
        let contrast = look.contrast(&beyond);
        if evidence(contrast.above(shift), look.test.scale.worse) >= enough {
            found.low = Some(limit);
        } else if evidence(contrast.below(look.allowed()), look.test.scale.better) >= enough_below {
            found.high = Some(limit);
            break;
        }
    }
    found
}
