//! Two common ways to check a deploy: a plain threshold, and one comparison after a fixed time that takes requests as independent.

use waggle_analysis::{
    deploy::{Aspect, Rules, Side},
    robust,
};

/// Requests and failures of an endpoint (all when `None`) within the first `blocks`.
struct Counts {
    latencies: Vec<f64>,
    errors: f64,
}

fn counts(side: &Side, endpoint: Option<&str>, blocks: usize) -> Counts {
    let of = side.endpoints.iter().filter(|(name, _)| endpoint.is_none_or(|wanted| wanted == *name));
    let seen = of.flat_map(|(_, all)| all.iter().take(blocks));
    let mut counts = Counts { latencies: Vec::new(), errors: 0.0 };
    for block in seen {
        counts.latencies.extend(&block.latencies_ms);
        counts.errors += block.errors as f64;
    }
    counts
}

const QUANTILES: [Aspect; 3] = [Aspect::P50, Aspect::P90, Aspect::P99];

fn scopes(before: &Side) -> impl Iterator<Item = Option<&str>> {
    std::iter::once(None).chain(before.endpoints.keys().map(|name| Some(name.as_str())))
}

/// Looks at every block: fails when any endpoint with 100 requests has a p50, p90, p99 or error rate worse by the minimum.
pub fn threshold(rules: &Rules, before: &Side, after: &Side, looks: &[usize]) -> bool {
    looks.iter().any(|blocks| {
        scopes(before).any(|endpoint| {
            let (old, new) = (counts(before, endpoint, usize::MAX), counts(after, endpoint, *blocks));
            let (n_old, n_new) = (old.latencies.len() as f64, new.latencies.len() as f64);
            if n_old < 100.0 || n_new < 100.0 {
                return false;
            }
            let is_slower = |aspect: &Aspect| {
                let share = aspect.quantile().unwrap_or(0.5);
                let at = |counts: &Counts| robust::quantile(&counts.latencies, share).unwrap_or(0.0);
                at(&new) - at(&old) >= rules.minimum_of(*aspect).over(at(&old))
            };
            let errors = new.errors / n_new - old.errors / n_old;
            QUANTILES.iter().any(is_slower) || errors >= rules.minimum_of(Aspect::ErrorRate).over(0.0)
        })
    })
}

/// Compares once, at the end: two-proportion z-tests on failures and on requests beyond the old quantiles, alpha shared by Bonferroni,
/// together with the minimum effect.
pub fn fixed(rules: &Rules, before: &Side, after: &Side) -> bool {
    let scopes: Vec<Option<&str>> = scopes(before).collect();
    let alpha = rules.alpha / (scopes.len() * 4) as f64;
    let critical = normal_quantile(1.0 - alpha);
    scopes.into_iter().any(|endpoint| {
        let (old, new) = (counts(before, endpoint, usize::MAX), counts(after, endpoint, usize::MAX));
        let (n_old, n_new) = (old.latencies.len() as f64, new.latencies.len() as f64);
        if n_old < 100.0 || n_new < 100.0 {
            return false;
        }
        let z = |k_old: f64, k_new: f64| {
            let pooled = (k_old + k_new) / (n_old + n_new);
            let deviation = (pooled * (1.0 - pooled) * (1.0 / n_old + 1.0 / n_new)).sqrt();
            if deviation > 0.0 { (k_new / n_new - k_old / n_old) / deviation } else { 0.0 }
        };
        let is_slower = |aspect: &Aspect| {
            let share = aspect.quantile().unwrap_or(0.5);
            let limit = robust::quantile(&old.latencies, share).unwrap_or(0.0);
            let beyond = |counts: &Counts, limit: f64| {
                counts.latencies.iter().filter(|ms| **ms > limit).count() as f64
            };
            let worse = limit + rules.minimum_of(*aspect).over(limit);
            z(beyond(&old, limit), beyond(&new, limit)) > critical
                && beyond(&new, worse) / n_new >= 1.0 - share
        };
        let added = new.errors / n_new - old.errors / n_old;
        let fails =
            z(old.errors, new.errors) > critical && added >= rules.minimum_of(Aspect::ErrorRate).over(0.0);
        fails || QUANTILES.iter().any(is_slower)
    })
}

/// Abramowitz and Stegun 26.2.23, good to 0.0005.
fn normal_quantile(p: f64) -> f64 {
    let t = (-2.0 * (1.0 - p).ln()).sqrt();
    let above = 2.515_517 + 0.802_853 * t + 0.010_328 * t * t;
    let below = 1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t;
    t - above / below
}
