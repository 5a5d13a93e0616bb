//! How much more traffic would settle a measure.

use super::{
    evidence::{Standing, deviations_needed},
    judge::Look,
    ratio::{self, Variance},
};

/// More than this many times the traffic is no advice.
const MAX_TIMES: f64 = 10_000.0;

/// Returns requests more that would show a measure not to be worse, if it is as before and requests are as bursty; `None` when the baseline itself is too uncertain for that.
pub(super) fn needed(look: &Look<'_>) -> Option<u64> {
    let reference = &look.test.reference;
    let gap = gap(look);
    if gap <= 0.0 || reference.ratio.over <= 0.0 {
        return None;
    }
    let seen = look.ratio.over.max(1.0);
    // What is seen was not enough, or nobody would ask.
    let mut times = (look.least_requests() / seen).max(1.2);
    while times < MAX_TIMES {
        let after = reference.ratio.over / (seen * times);
        let reached = variance(look, after, times);
        let standing = Standing { deviations: 0.0, variance: reached, without_effect: reached.value };
        let deviations = deviations_needed(standing, look.test.scale.better, look.baseline.rules.beta);
        if deviations * reached.value.sqrt() <= gap {
            let more = (seen * times - look.ratio.over).ceil().max(1.0);
            return Some(more as u64);
        }
        // A fifth more at a time: advice need not be finer.
        times *= 1.2;
    }
    None
}

/// The variance with so many times less traffic after than before, and so many times more than was seen.
fn variance(look: &Look<'_>, less: f64, times: f64) -> Variance {
    let reference = &look.test.reference;
    let over = reference.ratio.over.max(1.0);
    let is_share = look.test.aspect.is_share();
    let independent = |share: f64, n: f64| if is_share { share * (1.0 - share).max(0.0) / n } else { 0.0 };
    let seen_before = (reference.ratio.value * over + 0.5) / (over + 1.0);
    let before = reference.variance.at_least(independent(seen_before, over).max(f64::MIN_POSITIVE));
    // Were it worse by the minimum, this is what chance would give.
    let at_limit = if look.test.aspect.quantile().is_some() {
        look.allowed()
    } else {
        reference.ratio.value + look.test.margin
    };
    let least = independent(at_limit, over / less.max(f64::MIN_POSITIVE));
    let freedom = (before.freedom / less.max(f64::MIN_POSITIVE)).clamp(7.0, 1e6);
    let as_seen = ratio::variance(&look.ratio.influence).value / times;
    let after = Variance { value: (before.value * less).max(as_seen).max(least), freedom };
    if look.baseline.rules.is_concurrent {
        return Variance { value: 2.0 * after.value, freedom };
    }
    after.plus(before)
}

/// How far the measure is from mattering if nothing changed: as far as the new version shows it, else as of most services.
fn gap(look: &Look<'_>) -> f64 {
    let is_quantile = look.test.aspect.quantile().is_some();
    let (seen, usual) = if is_quantile {
        // A fifth of the requests beyond a limit are not beyond one a fifth larger.
        (look.allowed() - look.at_margin().ratio.value, look.allowed() / 5.0)
    } else {
        (look.test.margin - (look.ratio.value - look.test.before).max(0.0), look.test.margin)
    };
    // What looks worse than it may be tells nothing of a deploy that is as good as the one before.
    if look.has_least() && seen > 0.0 { seen } else { usual }
}
