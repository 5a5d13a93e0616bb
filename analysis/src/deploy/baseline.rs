//! The measures to be judged, with their limits, fixed before the first look.
//!
//! Half of alpha goes to the service as a whole and half to its endpoints, evenly over measures (Bonferroni): the chance that any of
//! them fails a healthy deploy is at most the sum, however they depend on each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Aspect, Rules, Side,
    evidence::scale_for,
    ratio::{Ratio, Variance, ratio, upward_drift, variance},
    side::{Weights, mix_weights},
};
use crate::robust;

/// What the version before did, and what will be asked of the next one.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// The rules of the check.
    pub rules: Rules,
    /// What is judged: the service as a whole first, then endpoints by traffic.
    pub tests: Vec<Test>,
    /// Endpoints with too little traffic to be judged by themselves.
    pub small_endpoints: Vec<String>,
    pub(super) mix: BTreeMap<String, f64>,
    pub(super) blocks: usize,
}

/// One measure of one endpoint, or of the service as a whole.
#[derive(Clone, Debug)]
pub struct Test {
    /// The endpoint; `None` for the service as a whole, with endpoints as often as before.
    pub endpoint: Option<String>,
    /// The measure.
    pub aspect: Aspect,
    /// Its part of alpha.
    pub alpha: f64,
    /// The value before: a share, milliseconds, a count or bytes.
    pub before: f64,
    /// The change that matters, in the same unit.
    pub margin: f64,
    pub(super) scale: Scales,
    pub(super) reference: Reference,
}

/// The sizes of effects that evidence is looked for at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scales {
    /// That it is worse.
    pub worse: f64,
    /// That it is not worse by the minimum.
    pub better: f64,
}

/// What is compared with: for a quantile the share of requests beyond it, else the value itself.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub ratio: Ratio,
    pub variance: Variance,
    /// How much it rose by itself, per block.
    pub drift: f64,
}

/// Requests beyond a quantile that make it worth its name.
const MIN_BEYOND: f64 = 10.0;

/// Effects are looked for that are plain in this part of the horizon: most failures should not take all of it.
const LOOKED_FOR_IN: f64 = 0.25;

impl Baseline {
    /// Fixes what is judged by what `before` did. A measure that it lacks, or a quantile with too few requests beyond, is not judged.
    pub fn of(rules: Rules, before: &Side) -> Self {
        let mix = before.mix(before.blocks);
        let mut by_traffic: Vec<(&String, f64)> = mix.iter().map(|(name, n)| (name, *n)).collect();
        by_traffic.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let is_large = |n: f64| n >= rules.min_requests as f64;
        // A single endpoint is the whole.
        let most = if by_traffic.len() < 2 { 0 } else { rules.max_endpoints };
        let judged: Vec<&String> =
            by_traffic.iter().filter(|(_, n)| is_large(*n)).take(most).map(|(name, _)| *name).collect();
        let small_endpoints = if by_traffic.len() < 2 {
            Vec::new()
        } else {
            by_traffic.iter().map(|(name, _)| *name).filter(|name| !judged.contains(name)).cloned().collect()
        };
        let mut baseline =
            Self { tests: Vec::new(), small_endpoints, mix: mix.clone(), blocks: before.blocks, rules };
        let whole = baseline.planned(None, before);
        let each: Vec<Test> =
            judged.iter().flat_map(|endpoint| baseline.planned(Some(endpoint), before)).collect();
        baseline.tests = shared_alpha(&baseline.rules, whole, each);
        for test in &mut baseline.tests {
            test.scale = scales(&baseline.rules, test, baseline.blocks);
        }
        baseline
    }

    /// Compares with `stable` from here on, and judges the same measures by the same rules: what a canary runs beside.
    #[must_use]
    pub fn beside(&self, stable: &Side) -> Self {
        let mix = stable.mix(stable.blocks);
        let mut beside = Self { mix, blocks: stable.blocks, ..self.clone() };
        let within: BTreeSet<String> = beside.mix.keys().cloned().collect();
        for test in &mut beside.tests {
            let endpoint = test.endpoint.as_deref();
            let Some((before, reference)) = measured(stable, endpoint, test.aspect, &within, 0.0) else {
                test.reference.ratio = ratio(&[]);
                continue;
            };
            test.margin = beside.rules.minimum_of(test.aspect).over(before);
            (test.before, test.reference) = (before, reference);
        }
        beside
    }

    /// Returns how endpoints are weighed to look as before, and the part of requests that count as independent then.
    pub(super) fn weights(&self, after: &Side, blocks: usize) -> (Weights, f64) {
        mix_weights(&self.mix, &after.mix(blocks))
    }

    fn planned(&self, endpoint: Option<&str>, before: &Side) -> Vec<Test> {
        let within: BTreeSet<String> = self.mix.keys().cloned().collect();
        let n = before.requests(endpoint);
        let is_known = |aspect: &Aspect| endpoint.is_none() || aspect.is_of_endpoints();
        let tests = self.rules.aspects.iter().filter(|aspect| is_known(aspect)).filter_map(|aspect| {
            let beyond = aspect.quantile().map_or(MIN_BEYOND, |share| n * (1.0 - share));
            if aspect.is_of_endpoints() && (n < self.rules.min_requests as f64 || beyond < MIN_BEYOND) {
                return None;
            }
            let drifts = if self.rules.may_drift { 1.0 } else { 0.0 };
            let (value, reference) = measured(before, endpoint, *aspect, &within, drifts)?;
            // Calls that were never seen are calls that are not recorded.
            if *aspect == Aspect::Calls && value <= 0.0 {
                return None;
            }
            Some(Test {
                endpoint: endpoint.map(str::to_owned),
                aspect: *aspect,
                alpha: 0.0,
                before: value,
                margin: self.rules.minimum_of(*aspect).over(value),
                scale: Scales::default(),
                reference,
            })
        });
        tests.collect()
    }
}

/// Measures one side by itself; `None` where nothing was measured.
fn measured(
    side: &Side,
    endpoint: Option<&str>,
    aspect: Aspect,
    within: &BTreeSet<String>,
    drifts: f64,
) -> Option<(f64, Reference)> {
    let limit = match aspect.quantile() {
        Some(share) => robust::quantile(&side.latencies(endpoint, within), share)?,
        None => 0.0,
    };
    let plain: Weights = within.iter().map(|name| (name.clone(), 1.0)).collect();
    let blocks = side.by_blocks(side.blocks, endpoint, aspect, limit, &plain);
    let ratio = ratio(&blocks);
    if ratio.over <= 0.0 {
        return None;
    }
    let value = if aspect.quantile().is_some() { limit } else { ratio.value };
    let reference =
        Reference { variance: variance(&ratio.influence), drift: drifts * upward_drift(&blocks), ratio };
    Some((value, reference))
}

fn shared_alpha(rules: &Rules, mut whole: Vec<Test>, mut each: Vec<Test>) -> Vec<Test> {
    let half = if each.is_empty() { rules.alpha } else { rules.alpha / 2.0 };
    for tests in [&mut whole, &mut each] {
        let n = tests.len().max(1) as f64;
        tests.iter_mut().for_each(|test| test.alpha = half / n);
    }
    whole.append(&mut each);
    whole
}

/// Returns the sizes of effects to look for: what part of the horizon will tell from chance, if what comes is as bursty as what was.
fn scales(rules: &Rules, test: &Test, blocks: usize) -> Scales {
    let planned = (rules.blocks_in(rules.horizon) as f64 * LOOKED_FOR_IN).max(1.0);
    let reference = &test.reference;
    let share = (reference.ratio.value * reference.ratio.over + 0.5) / (reference.ratio.over + 1.0);
    let independent = share * (1.0 - share).max(0.0) / reference.ratio.over.max(1.0);
    let least = if test.aspect.is_share() { independent } else { (test.margin / 10.0).powi(2) };
    let before = reference.variance.value.max(least).max(f64::MIN_POSITIVE);
    let after = before * blocks as f64 / planned;
    let variance = if rules.is_concurrent { 2.0 * after } else { before + after };
    Scales { worse: scale_for(variance, test.alpha), better: scale_for(variance, rules.beta) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::Requests;

    fn side(endpoints: &[(&str, usize)]) -> Side {
        let blocks = |n: usize| vec![Requests::of((0..n).map(|i| i as f64).collect(), 0, 0); 20];
        Side {
            blocks: 20,
            endpoints: endpoints.iter().map(|(name, n)| ((*name).to_owned(), blocks(*n))).collect(),
            ..Side::default()
        }
    }

    fn judged(endpoints: &[(&str, usize)]) -> Vec<(Option<String>, Aspect)> {
        let baseline = Baseline::of(Rules::default(), &side(endpoints));
        baseline.tests.into_iter().map(|test| (test.endpoint, test.aspect)).collect()
    }

    #[test]
    fn alpha_is_shared_and_never_exceeded() {
        for endpoints in [&[("a", 100)][..], &[("a", 100), ("b", 50), ("c", 1)]] {
            let baseline = Baseline::of(Rules::default(), &side(endpoints));
            let sum: f64 = baseline.tests.iter().map(|test| test.alpha).sum();
            assert!((sum - 0.05).abs() < 1e-12, "{sum}");
        }
    }

    #[test]
    fn what_has_too_little_traffic_is_named_and_counts_in_the_whole() {
        let baseline = Baseline::of(Rules::default(), &side(&[("a", 100), ("b", 6), ("c", 1)]));
        assert_eq!(baseline.small_endpoints, ["c"]);
        // 120 requests have one beyond the 99th percentile: too few to speak of.
        let of_b: Vec<Aspect> = baseline
            .tests
            .iter()
            .filter(|test| test.endpoint.as_deref() == Some("b"))
            .map(|test| test.aspect)
            .collect();
        assert_eq!(of_b, [Aspect::ErrorRate, Aspect::P50, Aspect::P90]);
    }

    #[test]
    fn a_single_endpoint_is_the_whole() {
        use Aspect::{ErrorRate, P50, P90, P99};
        assert_eq!(judged(&[("a", 100)]), [ErrorRate, P50, P90, P99].map(|aspect| (None, aspect)));
        assert_eq!(judged(&[]), []);
    }
}
