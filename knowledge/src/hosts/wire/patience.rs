//! How long a question to a host may take, and how it is spread out.

use std::time::Duration;

/// What a question may cost in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The whole question, all its pages and waits together.
    pub question: Duration,
    /// One request and its answer.
    pub attempt: Duration,
    /// To be connected.
    pub connect: Duration,
    /// How often one request is sent at most, the first time included.
    pub attempts: u32,
    /// The longest wait after the first failure; it doubles with each.
    pub first_wait: Duration,
    /// All waits of one request together. A host that wants to be left alone for longer is not asked again.
    pub waits: Duration,
}

impl Default for Patience {
    /// Gives up while an investigation still has time for something else.
    fn default() -> Self {
        Self {
            question: Duration::from_secs(30),
            attempt: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            attempts: 4,
            first_wait: Duration::from_millis(500),
            waits: Duration::from_secs(10),
        }
    }
}

/// The waits of one request.
#[derive(Debug)]
pub struct Waits {
    patience: Patience,
    failures: u32,
    left: Duration,
}

impl Waits {
    /// Begins before the first attempt.
    pub fn new(patience: Patience) -> Self {
        Self { patience, failures: 0, left: patience.waits }
    }

    /// Counts a failure and returns how long to wait; `None` when it is not worth it.
    ///
    /// Waits are random between nothing and a bound that doubles ("full jitter":
    /// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>). A host that says how long is left alone for at
    /// least as long.
    pub fn next(&mut self, asked: Option<Duration>, seed: &mut u64) -> Option<Duration> {
        let doubled = self.patience.first_wait.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.patience.attempts {
            return None;
        }
        let jittered = doubled.mul_f64(random(seed));
        let wait = asked.map_or(jittered, |asked| asked.saturating_add(jittered / 4));
        self.left = self.left.checked_sub(wait)?;
        Some(wait)
    }
}

/// xorshift64* (Vigna: An experimental exploration of Marsaglia's xorshift generators, scrambled, 2016), as a number from 0 up to 1.
fn random(seed: &mut u64) -> f64 {
    let mut state = (*seed).max(1);
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    *seed = state;
    // The 53 bits that a double holds exactly.
    (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_end_and_stay_within_their_time() {
        let patience = Patience { attempts: 6, ..Patience::default() };
        for seed in 0..200 {
            let (mut waits, mut seed) = (Waits::new(patience), seed);
            let taken: Vec<_> = std::iter::from_fn(|| waits.next(None, &mut seed)).collect();
            assert!(taken.len() < 6, "{taken:?}");
            assert!(taken.iter().sum::<Duration>() <= patience.waits, "{taken:?}");
            for (n, wait) in taken.iter().enumerate() {
                assert!(*wait <= patience.first_wait * 2_u32.pow(n as u32), "{taken:?}");
            }
        }
    }

    #[test]
    fn a_host_is_left_alone_for_as_long_as_it_says_or_not_asked_again() {
        let (mut waits, mut seed) = (Waits::new(Patience::default()), 7);
        assert!(waits.next(Some(Duration::from_secs(3)), &mut seed).unwrap() >= Duration::from_secs(3));
        assert_eq!(waits.next(Some(Duration::from_secs(3_600)), &mut seed), None);
    }
}
