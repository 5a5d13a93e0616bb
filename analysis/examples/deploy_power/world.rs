//! A service with the habits that make honest checks hard: its speed wanders and is slow in spells, requests come in waves, errors
//! come together, a few answers take very long, days rise and fall, a new version starts cold, and users change what they ask for.

use std::{collections::BTreeMap, f64::consts::TAU};

use waggle_analysis::deploy::{Amount, Aspect, Requests, Side};

/// One service around one deploy.
#[derive(Clone, Debug)]
pub struct World {
    /// Requests per second, all endpoints.
    pub rate: f64,
    /// Endpoints: name, part of the traffic, median in milliseconds, spread of the logarithm.
    pub endpoints: Vec<(&'static str, f64, f64, f64)>,
    /// Failures per request.
    pub error_rate: f64,
    /// How strong the habits are: without any every request is independent, at one half they are those of an ordinary service, at one
    /// those of a service that people complain of.
    pub unrest: f64,
}

/// What a new version is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The time just before.
    JustBefore,
    /// The same hours of the day before.
    DayBefore,
    /// The stable version beside it, which gets four fifths of the traffic.
    Canary,
}

/// What there is to see.
pub struct Played {
    /// The old version.
    pub before: Side,
    /// The stable version beside a canary.
    pub beside: Option<Side>,
    /// The new version.
    pub after: Side,
}

/// What a new version does otherwise, once it is warm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fault {
    /// All answers take this part longer.
    pub slower: f64,
    /// This part of the answers takes half a second longer.
    pub stuck: f64,
    /// This many more requests fail, as a part of all.
    pub errors: f64,
    /// Requests take this part more CPU.
    pub cpu: f64,
}

/// How long before and after, in blocks of [`BLOCK_S`].
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    /// Of the old version.
    pub before: usize,
    /// Of the new one, its warm-up not counted.
    pub after: usize,
    /// Of its warm-up, which is not shown.
    pub warm_up: usize,
}

/// Seconds of a block.
pub const BLOCK_S: f64 = 30.0;

/// Steps of a block in which habits stay as they are.
const STEPS: usize = 3;
const STEP_S: f64 = BLOCK_S / STEPS as f64;

/// All of these are for an unrest of one. The speed forgets what it was within about two minutes.
const MEMORY_S: f64 = 120.0;
const WANDER: f64 = 0.1;
/// So does traffic.
const WAVE: f64 = 0.3;
/// Once in about an hour, for two minutes, everything takes more time.
const SPELLS_PER_S: f64 = 1.0 / 3600.0;
const SPELL_S: f64 = 120.0;
const SPELL: f64 = 0.5;
/// Once in about 40 minutes a dependency stumbles and a fifth of the requests of half a minute fails.
const STUMBLES_PER_S: f64 = 1.0 / 2400.0;
const STUMBLE_S: f64 = 30.0;
const STUMBLE: f64 = 0.2;
/// Three answers of a thousand take 10 to 40 times as long.
const OUTLIERS: f64 = 0.003;
/// Between night and noon the time to answer moves by a quarter and traffic by the half.
const DAY_LATENCY: f64 = 0.12;
const DAY_TRAFFIC: f64 = 0.5;
/// From one day to the next the time to answer moves by some percent.
const DAY_TO_DAY: f64 = 0.03;
/// Part of the traffic that a canary gets.
const CANARY: f64 = 0.2;
/// A cold version takes twice as long, and is warm by two thirds after 40 seconds.
const COLD: f64 = 1.0;
const COLD_S: f64 = 40.0;

impl World {
    /// A service of four endpoints, one of them rare, at so many requests per second.
    pub fn shop(rate: f64) -> Self {
        let endpoints = vec![
            ("GET /items", 0.60, 20.0, 0.5),
            ("GET /cart", 0.25, 35.0, 0.6),
            ("POST /orders", 0.13, 90.0, 0.5),
            ("GET /admin/report", 0.02, 400.0, 0.8),
        ];
        Self { rate, endpoints, error_rate: 0.002, unrest: 0.5 }
    }

    /// Plays the service around a deploy.
    pub fn play(&self, compared: Compared, fault: Fault, blocks: Blocks, seed: u64) -> Played {
        let mut dice = Dice::new(seed);
        let hour = dice.unit() * 24.0;
        let mut habits = self.habits(hour, &mut dice);
        let healthy: Vec<f64> = self.endpoints.iter().map(|endpoint| endpoint.1).collect();
        let before = if compared == Compared::DayBefore { blocks.after } else { blocks.before };
        let before = habits.timeline(before, &mut dice);
        let before = self.side(&before, &healthy, 1.0, Fault::default(), None, &mut dice);
        let mix = if self.unrest > 0.0 { shifted(&healthy, &mut dice) } else { healthy };
        if compared == Compared::DayBefore {
            // Another day: whatever wandered has wandered on, and the whole is a little faster or slower.
            habits = self.habits(hour - blocks.warm_up as f64 * BLOCK_S / 3600.0, &mut dice);
            habits.level = DAY_TO_DAY * self.unrest * dice.normal();
        }
        // The warm-up passes unseen but leaves its mark on the habits.
        habits.timeline(blocks.warm_up, &mut dice);
        let timeline = habits.timeline(blocks.after, &mut dice);
        let cold_since = Some(blocks.warm_up as f64 * BLOCK_S);
        if compared != Compared::Canary {
            let after = self.side(&timeline, &mix, 1.0, fault, cold_since, &mut dice);
            return Played { before, beside: None, after };
        }
        let beside = self.side(&timeline, &mix, 1.0 - CANARY, Fault::default(), None, &mut dice);
        // What the day, the users and the dependencies do both versions feel; a part of the wandering is the canary's own.
        let mut own = World { unrest: self.unrest / 2.0, ..self.clone() }.habits(hour, &mut dice);
        let alone = own.timeline(blocks.after, &mut dice);
        let timeline: Vec<Habits> = timeline
            .iter()
            .zip(alone)
            .map(|(shared, own)| Habits { wander: shared.wander + own.wander, ..*shared })
            .collect();
        let after = self.side(&timeline, &mix, CANARY, fault, cold_since, &mut dice);
        Played { before, beside: Some(beside), after }
    }

    fn habits(&self, hour: f64, dice: &mut Dice) -> Habits {
        let mut habits = Habits { unrest: self.unrest, hour, ..Habits::default() };
        for _ in 0..60 {
            habits.go_on(dice);
        }
        habits
    }

    /// Plays one version, which gets this part of the traffic.
    fn side(
        &self,
        timeline: &[Habits],
        mix: &[f64],
        traffic: f64,
        fault: Fault,
        since_start: Option<f64>,
        dice: &mut Dice,
    ) -> Side {
        let blocks = timeline.len() / STEPS;
        let mut endpoints: BTreeMap<String, Vec<Requests>> = BTreeMap::new();
        let (mut cpu, mut memory) = (Vec::new(), Vec::new());
        // Each start of a program is a little different.
        let start = if self.unrest > 0.0 { 1.0 + 0.01 * dice.normal() } else { 1.0 };
        for (block, steps) in timeline.chunks_exact(STEPS).enumerate() {
            let mut seen: Vec<(Vec<f64>, u64)> = vec![(Vec::new(), 0); self.endpoints.len()];
            let mut cpu_ms = 0.0;
            for (step, habits) in steps.iter().enumerate() {
                let age = (block as f64 * BLOCK_S) + step as f64 * STEP_S;
                let cold = since_start
                    .filter(|_| self.unrest > 0.0)
                    .map_or(0.0, |since| COLD * (-(since + age) / COLD_S).exp());
                let pace = habits.pace() * (1.0 + cold) * (1.0 + fault.slower);
                for ((endpoint, part), seen) in self.endpoints.iter().zip(mix).zip(&mut seen) {
                    let n = dice.poisson(self.rate * traffic * part * STEP_S * habits.traffic());
                    for _ in 0..n {
                        let mut ms = endpoint.2 * pace * (endpoint.3 * dice.normal()).exp();
                        cpu_ms += 4.0 * start * (1.0 + fault.cpu) * (0.3 * dice.normal()).exp();
                        if dice.unit() < OUTLIERS * self.unrest {
                            ms *= 10.0 + 30.0 * dice.unit();
                        }
                        if dice.unit() < fault.stuck {
                            ms += 500.0;
                        }
                        seen.1 += u64::from(dice.unit() < self.error_rate + fault.errors + habits.stumble());
                        seen.0.push(ms);
                    }
                }
            }
            let requests = seen.iter().map(|(latencies, _)| latencies.len()).sum::<usize>() as f64;
            cpu.push(Amount { total: cpu_ms, over: requests });
            memory.push(Amount {
                total: 300.0 * 1024.0 * 1024.0 * start * (1.0 + 0.02 * dice.normal()),
                over: 1.0,
            });
            for (endpoint, (latencies, errors)) in self.endpoints.iter().zip(seen) {
                endpoints.entry(endpoint.0.to_owned()).or_default().push(Requests::of(latencies, errors, 0));
            }
        }
        Side { blocks, endpoints, amounts: [(Aspect::Cpu, cpu), (Aspect::Memory, memory)].into() }
    }
}

/// Users ask for other things: each endpoint's part moves by up to a third.
fn shifted(mix: &[f64], dice: &mut Dice) -> Vec<f64> {
    let moved: Vec<f64> = mix.iter().map(|part| part * (1.0 + 0.66 * (dice.unit() - 0.5))).collect();
    let sum: f64 = moved.iter().sum();
    moved.iter().map(|part| part / sum).collect()
}

/// What wanders.
#[derive(Clone, Copy, Debug, Default)]
struct Habits {
    hour: f64,
    wander: f64,
    wave: f64,
    spell_left_s: f64,
    stumble_left_s: f64,
    unrest: f64,
    level: f64,
}

impl Habits {
    /// Goes on for so many blocks, step by step.
    fn timeline(&mut self, blocks: usize, dice: &mut Dice) -> Vec<Self> {
        let steps = (0..blocks * STEPS).map(|_| {
            self.go_on(dice);
            *self
        });
        steps.collect()
    }

    fn go_on(&mut self, dice: &mut Dice) {
        self.hour += STEP_S / 3600.0;
        let kept = (-STEP_S / MEMORY_S).exp();
        let fresh = (1.0 - kept * kept).sqrt();
        self.wander = kept * self.wander + fresh * WANDER * self.unrest * dice.normal();
        self.wave = kept * self.wave + fresh * WAVE * self.unrest * dice.normal();
        self.spell_left_s -= STEP_S;
        self.stumble_left_s -= STEP_S;
        if dice.unit() < SPELLS_PER_S * self.unrest * STEP_S {
            self.spell_left_s = SPELL_S * 2.0 * dice.unit();
        }
        if dice.unit() < STUMBLES_PER_S * self.unrest * STEP_S {
            self.stumble_left_s = STUMBLE_S * 2.0 * dice.unit();
        }
    }

    fn day(&self) -> f64 {
        (TAU * self.hour / 24.0).sin()
    }

    fn pace(&self) -> f64 {
        let spell = if self.spell_left_s > 0.0 { 1.0 + SPELL } else { 1.0 };
        (self.level + self.wander + DAY_LATENCY * self.unrest * self.day()).exp() * spell
    }

    fn traffic(&self) -> f64 {
        self.wave.exp() * (1.0 + DAY_TRAFFIC * self.unrest.min(1.0) * self.day())
    }

    fn stumble(&self) -> f64 {
        if self.stumble_left_s > 0.0 { STUMBLE * self.unrest } else { 0.0 }
    }
}

/// Random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// The generator `SplitMix64` of Steele, Lea and Flood (2014), figure 17.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller (1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// Knuth's product of uniform numbers for small means, the normal distribution for large ones.
    fn poisson(&mut self, mean: f64) -> usize {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as usize;
        }
        let (limit, mut product, mut n) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            n += 1;
        }
        n
    }
}
