//! What a check of one deploy comes to, looking after every block.

use waggle_analysis::deploy::{Baseline, Outcome, Rules, Side, judge::verdicts, outcome};

/// Looks after every block until the outcome is settled; with the blocks that it took.
pub fn watched(rules: &Rules, before: &Side, after: &Side) -> (Outcome, usize) {
    let baseline = Baseline::of(rules.clone(), before);
    for blocks in 1..=after.blocks {
        let found = verdicts(&baseline, after, blocks);
        let named = baseline.tests.iter().zip(found);
        let all = named.map(|(test, verdict)| (test.endpoint.as_deref(), test.aspect, verdict));
        let watched = rules.block * u32::try_from(blocks).unwrap_or(u32::MAX);
        let outcome = outcome(rules, all, watched, blocks == after.blocks);
        if outcome != Outcome::NotEnoughData {
            return (outcome, blocks);
        }
    }
    (Outcome::NotEnoughData, after.blocks)
}
