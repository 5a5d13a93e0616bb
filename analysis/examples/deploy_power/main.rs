//! How often a healthy deploy fails the check, and how soon a bad one does, beside two common ways to check.
//!
//! Prints Markdown. `deploy_power [deploys] [deploys per cell of the power tables] [seed]`; the same numbers give the same tables.

mod check;
mod rivals;
mod world;

use std::env;

use waggle_analysis::deploy::{Outcome, Rules};
use world::{Blocks, Compared, Fault, World};

/// An hour before, two minutes of warm-up, half an hour after.
const BLOCKS: Blocks = Blocks { before: 120, after: 60, warm_up: 4 };

/// Requests per second of the services.
const RATES: [f64; 3] = [0.5, 3.0, 12.0];

/// What many deploys came to.
#[derive(Default)]
struct Tally {
    deploys: usize,
    passed: usize,
    failed: usize,
    blocks_to_fail: Vec<f64>,
    threshold: usize,
    threshold_once: usize,
    fixed: usize,
}

fn main() {
    let count = |place: usize, usual: usize| {
        env::args().nth(place).and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let (healthy, each, seed) = (count(1, 2000), count(2, 100), count(3, 0) as u64);
    let rules = Rules::default();
    println!(
        "False failures: {healthy} healthy deploys for each comparison, alpha {}. 95 % intervals are Wilson's.\n",
        rules.alpha
    );
    println!(
        "| Compared with | Traffic | Habits | waggle fails | passes | not enough data | threshold, every 30 s | threshold, once | fixed 30 min |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for compared in [Compared::JustBefore, Compared::DayBefore, Compared::Canary] {
        healthy_rows(&rules, compared, healthy, seed);
    }
    println!(
        "\nPower: the share of bad deploys that fail, {each} deploys each of an ordinary service; in brackets the median minutes until then.\n"
    );
    println!(
        "| Fault | Traffic | waggle | threshold, once | fixed 30 min | waggle, day before | waggle, canary |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, fault) in faults() {
        for rate in RATES {
            let played = |compared| tally(&rules, compared, &World::shop(rate), fault, each, seed + 77);
            let just_before = played(Compared::JustBefore);
            let share = |n: usize| format!("{:.0}%", 100.0 * n as f64 / each.max(1) as f64);
            let told = |tally: &Tally| {
                let minutes = waggle_analysis::robust::median(&tally.blocks_to_fail)
                    .map_or(String::new(), |blocks| format!(" ({:.0} min)", blocks * world::BLOCK_S / 60.0));
                format!("{}{minutes}", share(tally.failed))
            };
            println!(
                "| {name} | {rate}/s | {} | {} | {} | {} | {} |",
                told(&just_before),
                share(just_before.threshold_once),
                share(just_before.fixed),
                told(&played(Compared::DayBefore)),
                told(&played(Compared::Canary)),
            );
        }
    }
}

fn healthy_rows(rules: &Rules, compared: Compared, healthy: usize, seed: u64) {
    let against = match compared {
        Compared::JustBefore => "just before",
        Compared::DayBefore => "day before",
        Compared::Canary => "stable beside",
    };
    let mut all = Tally::default();
    // Two unrests of all rates make up the whole; the calm service is for comparison.
    let cells = 2 * RATES.len();
    for (index, (unrest, rate)) in
        [0.5, 1.0].into_iter().flat_map(|unrest| RATES.map(|rate| (unrest, rate))).enumerate()
    {
        // The remainder goes to the first, so that the whole is what was asked for.
        let n = healthy / cells + if index == 0 { healthy % cells } else { 0 };
        let world = World { unrest, ..World::shop(rate) };
        let seed = seed + 1_000_000 * (index as u64 + 1);
        let tally = tally(rules, compared, &world, Fault::default(), n, seed);
        healthy_row(&format!("{against} | {rate}/s"), habits(unrest), &tally);
        all.add(tally);
    }
    healthy_row(&format!("{against} | all"), "ordinary and restless", &all);
    let calm = World { unrest: 0.0, ..World::shop(3.0) };
    let calm = tally(rules, compared, &calm, Fault::default(), healthy / cells, seed + 9_000_000);
    healthy_row(&format!("{against} | 3/s"), habits(0.0), &calm);
}

fn habits(unrest: f64) -> &'static str {
    match unrest {
        0.0 => "independent",
        ..1.0 => "ordinary",
        _ => "restless",
    }
}

fn faults() -> Vec<(&'static str, Fault)> {
    let slower = |slower: f64| Fault { slower, ..Fault::default() };
    let errors = |errors: f64| Fault { errors, ..Fault::default() };
    let stuck = |stuck: f64| Fault { stuck, ..Fault::default() };
    vec![
        ("all answers +20%", slower(0.2)),
        ("all answers +40%", slower(0.4)),
        ("all answers +70%", slower(0.7)),
        ("all answers +100%", slower(1.0)),
        ("2% of answers +500 ms", stuck(0.02)),
        ("5% of answers +500 ms", stuck(0.05)),
        ("errors +0.5 points", errors(0.005)),
        ("errors +1 point", errors(0.01)),
        ("errors +2 points", errors(0.02)),
        ("errors +5 points", errors(0.05)),
        ("CPU per request +50%", Fault { cpu: 0.5, ..Fault::default() }),
    ]
}

fn tally(rules: &Rules, compared: Compared, world: &World, fault: Fault, deploys: usize, seed: u64) -> Tally {
    let mut tally = Tally { deploys, ..Tally::default() };
    let every: Vec<usize> = (4..=BLOCKS.after).collect();
    for deploy in 0..deploys {
        let played = world.play(compared, fault, BLOCKS, seed + deploy as u64);
        let (outcome, blocks) = check::watched(rules, compared, &played);
        let (before, after) = (played.beside.as_ref().unwrap_or(&played.before), &played.after);
        tally.passed += usize::from(outcome == Outcome::Pass);
        tally.failed += usize::from(outcome == Outcome::Fail);
        if outcome == Outcome::Fail {
            tally.blocks_to_fail.push(blocks as f64);
        }
        tally.threshold_once += usize::from(rivals::threshold(rules, before, after, &[BLOCKS.after]));
        // Every tenth is enough to see how often a plain threshold is wrong: it sorts everything at each look.
        if deploy % 10 == 0 {
            tally.threshold += usize::from(rivals::threshold(rules, before, after, &every));
        }
        tally.fixed += usize::from(rivals::fixed(rules, before, after));
    }
    tally
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.deploys += other.deploys;
        self.passed += other.passed;
        self.failed += other.failed;
        self.threshold += other.threshold;
        self.threshold_once += other.threshold_once;
        self.fixed += other.fixed;
    }
}

fn healthy_row(traffic: &str, habits: &str, tally: &Tally) {
    let n = tally.deploys as f64;
    let share = |count: usize, of: f64| {
        let (low, high) = wilson(count as f64, of);
        format!("{:.1}% ({:.1} … {:.1})", 100.0 * count as f64 / of, 100.0 * low, 100.0 * high)
    };
    let undecided = tally.deploys - tally.passed - tally.failed;
    println!(
        "| {traffic} | {habits} | {} | {:.0}% | {:.0}% | {} | {} | {} |",
        share(tally.failed, n),
        100.0 * tally.passed as f64 / n,
        100.0 * undecided as f64 / n,
        share(tally.threshold, (n / 10.0).ceil()),
        share(tally.threshold_once, n),
        share(tally.fixed, n),
    );
}

/// Wilson (1927), as method 3 of Newcombe (1998).
fn wilson(successes: f64, n: f64) -> (f64, f64) {
    let (share, square) = (successes / n, 1.959_963_984_540_054_f64.powi(2));
    let middle = share + square / (2.0 * n);
    let half = (square * (share * (1.0 - share) / n + square / (4.0 * n * n))).sqrt();
    let scale = 1.0 + square / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}
