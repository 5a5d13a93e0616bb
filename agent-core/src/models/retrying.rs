//! Asks again what may succeed later: an endpoint that is busy, broken or out of reach for a moment.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    Error, Result,
    ports::{Delta, Model, ModelReply, ModelRequest, Usage},
};

/// How often and how long a question is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often the model is asked at most, the first time included; at least once.
    pub attempts: u32,
    /// The longest wait after the first failure; it doubles with each.
    pub first_wait: Duration,
    /// The longest wait after any failure.
    pub max_wait: Duration,
    /// All waits of one question together. An endpoint that wants to be left alone for longer is not asked again.
    pub total_wait: Duration,
}

impl Default for Retries {
    /// Gives up while there is still time to ask somebody else.
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_millis(500),
            max_wait: Duration::from_secs(8),
            total_wait: Duration::from_secs(15),
        }
    }
}

/// A model that is asked again when it is `Unavailable` or its answer took too long (`Timeout`). Every other failure is the
/// question's own, and asking again does not help.
///
/// Waits are random between nothing and a bound that doubles, so that many investigations do not come back at once ("full
/// jitter": <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>); an endpoint that says how long it
/// wants to be left alone is left alone for as long.
pub struct Retrying<M> {
    model: M,
    retries: Retries,
    /// State of the generator. Held for a line at a time, never across an await.
    random: Mutex<u64>,
}

impl<M: Model> Retrying<M> {
    /// Wraps a model. Equal seeds give equal waits.
    pub fn new(model: M, retries: Retries, seed: u64) -> Self {
        Self { model, retries, random: Mutex::new(seed) }
    }

    /// Returns how long to wait after the `n`th failure, the first being 0; `None` when it is not worth it.
    fn wait(&self, error: &Error, n: u32, left: Duration) -> Option<Duration> {
        if !error.kind().is_retryable() || n.saturating_add(1) >= self.retries.attempts {
            return None;
        }
        let doubled = self.retries.first_wait.saturating_mul(2_u32.saturating_pow(n));
        let jittered = self.part_of(doubled.min(self.retries.max_wait));
        let wait = error.retry_after().map_or(jittered, |asked| asked.saturating_add(jittered / 4));
        (wait <= left).then_some(wait)
    }

    /// Returns a random part of a time.
    fn part_of(&self, time: Duration) -> Duration {
        let mut state = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        time.mul_f64(next_random(&mut state))
    }
}

#[async_trait]
impl<M: Model> Model for Retrying<M> {
    fn name(&self) -> &str {
        self.model.name()
    }

    /// Text is passed on from the first attempt that writes any; what a later one writes comes with the reply alone. What
    /// all attempts spent is told together.
    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let spoke = AtomicBool::new(false);
        let mut left = self.retries.total_wait;
        let mut spent = Usage::default();
        for n in 0.. {
            let is_silent = spoke.load(Ordering::Relaxed);
            let pass_on = |delta: Delta<'_>| {
                if !is_silent {
                    spoke.store(true, Ordering::Relaxed);
                    on_delta(delta);
                }
            };
            let error = match self.model.complete(request, &pass_on).await {
                Ok(mut reply) => {
                    reply.usage += spent;
                    return Ok(reply);
                }
                Err(error) => error,
            };
            let Some(wait) = self.wait(&error, n, left) else { return Err(error.with_usage(spent)) };
            spent += error.usage();
            tracing::info!(model = self.name(), error = error.chain(), ?wait, "the model is asked again");
            left = left.saturating_sub(wait);
            tokio::time::sleep(wait).await;
        }
        Err(crate::Kind::Internal.error("the model was never asked"))
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014), as a number from 0 up to 1.
fn next_random(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // The 53 bits that a double holds exactly.
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first output for seed 1234567, from the reference implementation at https://prng.di.unimi.it/splitmix64.c.
        let mut state = 1_234_567;
        let first = next_random(&mut state);
        assert_eq!(first, (6_457_827_717_110_365_317_u64 >> 11) as f64 / (1_u64 << 53) as f64);
    }
}
