//! Requests and amounts of one version, cut into equal blocks of time.

use std::collections::{BTreeMap, BTreeSet};

use super::Aspect;

/// What one version did. Blocks are in order of time; a block without traffic is there and empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// Blocks that were read.
    pub blocks: usize,
    /// Requests by endpoint, one entry a block.
    pub endpoints: BTreeMap<String, Vec<Requests>>,
    /// What is known only of the service as a whole, one entry a block.
    pub amounts: BTreeMap<Aspect, Vec<Amount>>,
}

/// The requests to one endpoint within one block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requests {
    /// Time to answer each, milliseconds, ascending and finite.
    pub latencies_ms: Vec<f64>,
    /// Those that failed.
    pub errors: u64,
    /// Calls made meanwhile to answer them.
    pub calls: u64,
}

/// A part of a ratio: a sum, and what it is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    /// What is added up: failures, CPU milliseconds.
    pub total: f64,
    /// What it is spread over: requests, processes.
    pub over: f64,
}

/// How much each endpoint counts in the whole.
pub(super) type Weights = BTreeMap<String, f64>;

/// A request may stand for this many at most when endpoints are weighed to the baseline's mix; more would be guessing.
const MAX_WEIGHT: f64 = 5.0;

impl Requests {
    /// Makes a block out of requests in any order; times that are no finite numbers are left out.
    pub fn of(mut latencies_ms: Vec<f64>, errors: u64, calls: u64) -> Self {
        latencies_ms.retain(|ms| ms.is_finite());
        latencies_ms.sort_unstable_by(f64::total_cmp);
        Self { latencies_ms, errors, calls }
    }

    /// Returns how many there are.
    pub fn count(&self) -> f64 {
        self.latencies_ms.len() as f64
    }

    fn amount(&self, aspect: Aspect, limit_ms: f64) -> Amount {
        let total = match aspect {
            Aspect::ErrorRate => self.errors as f64,
            Aspect::Calls => self.calls as f64,
            _ => {
                let within = self.latencies_ms.partition_point(|ms| *ms <= limit_ms);
                (self.latencies_ms.len() - within) as f64
            }
        };
        Amount { total, over: self.count() }
    }
}

impl Side {
    /// Returns all requests to one endpoint, or to all when `None`.
    pub fn requests(&self, endpoint: Option<&str>) -> f64 {
        self.blocks_of(endpoint).flat_map(|(_, blocks)| blocks).map(Requests::count).sum()
    }

    /// Returns all latencies of one endpoint, or of those in `within`, in no order.
    pub(super) fn latencies(&self, endpoint: Option<&str>, within: &BTreeSet<String>) -> Vec<f64> {
        let of = self.blocks_of(endpoint).filter(|(name, _)| endpoint.is_some() || within.contains(*name));
        of.flat_map(|(_, blocks)| blocks).flat_map(|block| block.latencies_ms.iter().copied()).collect()
    }

    /// Returns one ratio by blocks, of the first `blocks`; the whole counts its endpoints by `weights` and leaves out others.
    pub(super) fn by_blocks(
        &self,
        blocks: usize,
        endpoint: Option<&str>,
        aspect: Aspect,
        limit_ms: f64,
        weights: &Weights,
    ) -> Vec<Amount> {
        if !aspect.is_of_endpoints() {
            let known = self.amounts.get(&aspect).map(Vec::as_slice).unwrap_or_default();
            return known.iter().take(blocks).copied().collect();
        }
        let mut sums = vec![Amount::default(); blocks.min(self.blocks)];
        for (name, requests) in self.blocks_of(endpoint) {
            let weight = if endpoint.is_some() { 1.0 } else { weights.get(name).copied().unwrap_or(0.0) };
            if weight <= 0.0 {
                continue;
            }
            for (sum, block) in sums.iter_mut().zip(requests) {
                let amount = block.amount(aspect, limit_ms);
                sum.total += weight * amount.total;
                sum.over += weight * amount.over;
            }
        }
        sums
    }

    /// Returns requests by endpoint within the first `blocks`.
    pub(super) fn mix(&self, blocks: usize) -> BTreeMap<String, f64> {
        let count = |requests: &Vec<Requests>| requests.iter().take(blocks).map(Requests::count).sum::<f64>();
        self.endpoints.iter().map(|(name, requests)| (name.clone(), count(requests))).collect()
    }

    fn blocks_of<'a>(
        &'a self,
        endpoint: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a String, &'a Vec<Requests>)> {
        self.endpoints.iter().filter(move |(name, _)| endpoint.is_none_or(|wanted| wanted == *name))
    }
}

/// Returns weights that give `now` the endpoint mix of `before`, with the part of requests that they leave to count as independent.
///
/// Post-stratification (Cochran 1977, "Sampling techniques", §5A.9); the part is Kish's effective sample size (1965, §11.7).
/// Endpoints that either lacks are left out.
pub(super) fn mix_weights(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> (Weights, f64) {
    let both = |name: &String| {
        let (old, new) = (before.get(name).copied().unwrap_or(0.0), now.get(name).copied().unwrap_or(0.0));
        (old > 0.0 && new > 0.0).then_some((old, new))
    };
    let known: Vec<(&String, (f64, f64))> =
        before.keys().filter_map(|name| Some((name, both(name)?))).collect();
    let all_old: f64 = known.iter().map(|(_, (old, _))| old).sum();
    let all_new: f64 = known.iter().map(|(_, (_, new))| new).sum();
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut weights = Weights::new();
    for (name, (old, new)) in known {
        let weight = (old / all_old / (new / all_new)).min(MAX_WEIGHT);
        sum += weight * new;
        squares += weight * weight * new;
        weights.insert(name.clone(), weight);
    }
    let part = if squares > 0.0 { sum / squares } else { 1.0 };
    (weights, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_mix_alone_changes_nothing_in_the_whole() {
        let block = |n: usize, ms: f64| vec![Requests::of(vec![ms; n], 0, 0)];
        let side = |fast: usize, slow: usize| Side {
            blocks: 1,
            endpoints: [("fast".to_owned(), block(fast, 5.0)), ("slow".to_owned(), block(slow, 50.0))].into(),
            ..Side::default()
        };
        let (before, now) = (side(90, 10), side(50, 50));
        let (weights, part) = mix_weights(&before.mix(1), &now.mix(1));
        let amounts = now.by_blocks(1, None, Aspect::P90, 20.0, &weights);
        assert!((amounts[0].total / amounts[0].over - 0.1).abs() < 1e-12);
        assert!(part < 1.0, "{part}");
    }
}
