//! Numbers that look random and come again with their seed.

/// SplitMix64, <https://doi.org/10.1145/2714064.2660195>: small, and good enough to draw cases.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins a row of numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 to below 1.
    pub fn part(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a number between two.
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.part()
    }

    /// Returns a whole number below `n`; zero for none.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(n.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// Is true in this part of all draws.
    pub fn chance(&mut self, part: f64) -> bool {
        self.part() < part
    }

    /// Returns one of several. The list may not be empty.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Returns a factor around one, skewed to the right as latencies are.
    pub fn jitter(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.part()).sum::<f64>() / 2.0 - 1.0;
        (0.35 * sum).exp()
    }
}
