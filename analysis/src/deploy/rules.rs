//! What a person may set: how often to be wrong, how much traffic to ask for, what change matters.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Aspect, MinimumEffect};

/// The rules of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The chance, at most, that a deploy that changed nothing fails the check, over all endpoints, measures and looks.
    pub alpha: f64,
    /// The chance, at most, that a measure that is worse by the minimum is called not worse, at any look. It is not shared: a pass
    /// needs all that is required, so one that is worse has to be missed by itself (Berger 1982, "Multiparameter hypothesis testing
    /// and acceptance sampling").
    pub beta: f64,
    /// Length of a block.
    pub block: Duration,
    /// Time after the start of the new version that is not judged: caches fill, code is compiled.
    pub warm_up: Duration,
    /// How long the new version is watched at most, not counting its warm-up.
    pub horizon: Duration,
    /// A pass is not given sooner than this.
    pub at_least: Duration,
    /// Requests that either side of an endpoint must have.
    pub min_requests: u64,
    /// Endpoints that are judged by themselves, those with most traffic; the rest counts in the whole.
    pub max_endpoints: usize,
    /// What is judged.
    pub aspects: Vec<Aspect>,
    /// What must be found not worse in the service as a whole for a pass.
    pub required: Vec<Aspect>,
    /// From where on a change matters, where it is not [`Aspect::usual_minimum`].
    pub minimum: BTreeMap<Aspect, MinimumEffect>,
    /// Whether the baseline ends where the new version begins, so that what it drifts by itself may go on.
    pub may_drift: bool,
    /// Whether both sides ran at the same time, block by block.
    pub is_concurrent: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            beta: 0.05,
            block: Duration::from_secs(30),
            warm_up: Duration::from_secs(2 * 60),
            horizon: Duration::from_secs(30 * 60),
            at_least: Duration::from_secs(5 * 60),
            min_requests: 100,
            max_endpoints: 20,
            aspects: Aspect::ALL.to_vec(),
            required: vec![Aspect::ErrorRate, Aspect::P90],
            minimum: BTreeMap::new(),
            may_drift: true,
            is_concurrent: false,
        }
    }
}

impl Rules {
    /// Returns from where on a change of `aspect` matters.
    pub fn minimum_of(&self, aspect: Aspect) -> MinimumEffect {
        self.minimum.get(&aspect).copied().unwrap_or_else(|| aspect.usual_minimum())
    }

    /// Returns how many whole blocks a time has; zero when a block has no length.
    pub fn blocks_in(&self, length: Duration) -> usize {
        if self.block.is_zero() {
            return 0;
        }
        usize::try_from(length.as_nanos() / self.block.as_nanos()).unwrap_or(usize::MAX)
    }
}
