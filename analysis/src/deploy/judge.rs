//! One look: what is worse, what is not, and what cannot be told yet.

use serde::{Deserialize, Serialize};

use super::{
    Aspect, Baseline, Side,
    baseline::Test,
    contrast::Contrast,
    evidence::evidence,
    interval::{Interval, interval},
    needed::needed,
    ratio::{Ratio, ratio},
    side::Weights,
};

/// What one look says of one measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Worse for sure, and by at least the minimum as far as is known.
    Worse,
    /// Not worse by the minimum, for sure.
    NotWorse,
    /// Neither can be told.
    TooLittle,
}

/// One measure with its verdict and the numbers behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The endpoint; `None` for the service as a whole, with endpoints as often as before.
    pub endpoint: Option<String>,
    /// The measure.
    pub aspect: Aspect,
    /// The verdict.
    pub verdict: Verdict,
    /// The value before.
    pub before: f64,
    /// The value after; `None` when nothing was measured.
    pub after: Option<f64>,
    /// Where the value after lies beside that before, for all one can tell: below the lower end with a chance of `alpha` at most, above
    /// the upper end with one of [`Rules::beta`](super::Rules::beta), at all looks together.
    pub interval: Interval,
    /// The change that matters.
    pub margin: f64,
    /// Its part of alpha.
    pub alpha: f64,
    /// Requests before and after; zero where none are counted.
    pub requests: (u64, u64),
    /// Requests more that would settle it if nothing changed; `None` when it is settled, or more requests after would not do.
    pub needed: Option<u64>,
}

/// Blocks of the new version before anything is said of it: fewer do not show how bursty it is.
const MIN_BLOCKS: usize = 8;

/// Requests beyond a quantile that are expected after, before anything is said of it.
const MIN_BEYOND: f64 = 5.0;

/// Judges the first `blocks` blocks of `after`, in the order of the baseline's tests.
pub fn judge(baseline: &Baseline, after: &Side, blocks: usize) -> Vec<Judgement> {
    let (weights, part) = baseline.weights(after, blocks);
    let judged = baseline.tests.iter().map(|test| {
        let look = Look::new(baseline, test, after, blocks, &weights, part);
        let verdict = look.verdict();
        let (value, interval) = interval(&look);
        Judgement {
            endpoint: test.endpoint.clone(),
            aspect: test.aspect,
            verdict,
            before: test.before,
            after: value,
            interval,
            margin: test.margin,
            alpha: test.alpha,
            requests: (whole(test.reference.ratio.over), whole(look.ratio.over)),
            needed: if verdict == Verdict::TooLittle { needed(&look) } else { None },
        }
    });
    judged.collect()
}

/// Returns the verdicts of [`judge`] alone, which is quicker.
pub fn verdicts(baseline: &Baseline, after: &Side, blocks: usize) -> Vec<Verdict> {
    let (weights, part) = baseline.weights(after, blocks);
    let look = |test| Look::new(baseline, test, after, blocks, &weights, part).verdict();
    baseline.tests.iter().map(look).collect()
}

fn whole(n: f64) -> u64 {
    n.round().max(0.0) as u64
}

/// One test with what there is to see of the new version.
pub(super) struct Look<'a> {
    pub baseline: &'a Baseline,
    pub test: &'a Test,
    after: &'a Side,
    blocks: usize,
    weights: &'a Weights,
    part: f64,
    /// The new version's ratio beside the reference.
    pub ratio: Ratio,
}

impl<'a> Look<'a> {
    fn new(
        baseline: &'a Baseline,
        test: &'a Test,
        after: &'a Side,
        blocks: usize,
        weights: &'a Weights,
        part: f64,
    ) -> Self {
        let blocks = blocks.min(after.blocks);
        let part = if test.endpoint.is_none() { part } else { 1.0 };
        let mut look = Self { baseline, test, after, blocks, weights, part, ratio: ratio(&[]) };
        look.ratio = look.beyond(test.before);
        look
    }

    /// Returns the new version's ratio; of a quantile, the share of requests beyond `limit_ms`.
    pub fn beyond(&self, limit_ms: f64) -> Ratio {
        let endpoint = self.test.endpoint.as_deref();
        ratio(&self.after.by_blocks(self.blocks, endpoint, self.test.aspect, limit_ms, self.weights))
    }

    pub fn contrast<'b>(&'b self, after: &'b Ratio) -> Contrast<'b> {
        Contrast {
            before: &self.test.reference.ratio,
            before_variance: self.test.reference.variance,
            after,
            part: self.part,
            is_share: self.test.aspect.is_share(),
            is_concurrent: self.baseline.rules.is_concurrent,
        }
    }

    /// Tells whether there is enough to say anything at all.
    pub fn has_least(&self) -> bool {
        let least = self.least_requests();
        self.blocks >= MIN_BLOCKS && self.test.reference.ratio.over > 0.0 && self.ratio.over >= least
    }

    /// Returns how many requests there must be to say anything at all.
    pub fn least_requests(&self) -> f64 {
        if self.test.aspect == Aspect::Memory {
            return f64::MIN_POSITIVE;
        }
        let beyond = self.test.aspect.quantile().map_or(0.0, |share| MIN_BEYOND / (1.0 - share));
        beyond.max(self.baseline.rules.min_requests as f64)
    }

    /// Returns the share of requests that may be beyond a quantile, or else the value before.
    pub fn allowed(&self) -> f64 {
        self.test.aspect.quantile().map_or(self.test.reference.ratio.value, |share| 1.0 - share)
    }

    /// Returns what the baseline leads one to expect from its own drift, on the scale of the ratio.
    pub fn drift(&self) -> f64 {
        let rules = &self.baseline.rules;
        let between = rules.blocks_in(rules.warm_up) as f64;
        self.test.reference.drift * ((self.baseline.blocks + self.blocks) as f64 / 2.0 + between)
    }

    fn verdict(&self) -> Verdict {
        if !self.has_least() {
            return Verdict::TooLittle;
        }
        let enough = -self.test.alpha.ln();
        let worse = evidence(self.contrast(&self.ratio).above(self.drift()), self.test.scale.worse);
        let at_margin = self.at_margin();
        let Margin { ratio, limit } = &at_margin;
        if worse >= enough && ratio.value >= *limit {
            return Verdict::Worse;
        }
        let better = evidence(self.contrast(ratio).below(*limit), self.test.scale.better);
        if better >= -self.baseline.rules.beta.ln() { Verdict::NotWorse } else { Verdict::TooLittle }
    }

    /// Returns what decides whether a change reaches the minimum: the ratio there, and the value at which it does.
    pub fn at_margin(&self) -> Margin {
        if self.test.aspect.quantile().is_some() {
            let ratio = self.beyond(self.test.before + self.test.margin);
            return Margin { ratio, limit: self.allowed() };
        }
        Margin { ratio: self.ratio.clone(), limit: self.test.before + self.test.margin }
    }

    /// Returns the new version's quantile by its share of requests, with the weights of the whole.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let mut values: Vec<(f64, f64)> = Vec::new();
        for (name, blocks) in &self.after.endpoints {
            let weight = match &self.test.endpoint {
                Some(endpoint) => f64::from(u8::from(endpoint == name)),
                None => self.weights.get(name).copied().unwrap_or(0.0),
            };
            if weight > 0.0 {
                let seen = blocks.iter().take(self.blocks);
                values.extend(seen.flat_map(|block| &block.latencies_ms).map(|ms| (*ms, weight)));
            }
        }
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let wanted = share * values.iter().map(|(_, weight)| weight).sum::<f64>();
        let mut sum = 0.0;
        for (ms, weight) in &values {
            sum += weight;
            if sum >= wanted {
                return Some(*ms);
            }
        }
        values.last().map(|(ms, _)| *ms)
    }
}

/// See [`Look::at_margin`].
pub(super) struct Margin {
    pub ratio: Ratio,
    pub limit: f64,
}
