//! What a check of one deploy comes to, looking after every block.

use waggle_analysis::deploy::{Baseline, Outcome, Rules, Side, judge::verdicts, outcome};

use crate::world::{Compared, Played};

/// Looks after every block until the outcome is settled; with the blocks that it took.
pub fn watched(rules: &Rules, compared: Compared, played: &Played) -> (Outcome, usize) {
    let rules = Rules {
        is_concurrent: compared == Compared::Canary,
        may_drift: compared == Compared::JustBefore,
        ..rules.clone()
    };
    let (baseline, after) = (Baseline::of(rules.clone(), &played.before), &played.after);
    for blocks in 1..=after.blocks {
        let now = played.beside.as_ref().map(|stable| baseline.beside(&first(stable, blocks)));
        let baseline = now.as_ref().unwrap_or(&baseline);
        let found = verdicts(baseline, after, blocks);
        let named = baseline.tests.iter().zip(found);
        let all = named.map(|(test, verdict)| (test.endpoint.as_deref(), test.aspect, verdict));
        let watched = rules.block * u32::try_from(blocks).unwrap_or(u32::MAX);
        let outcome = outcome(&rules, all, watched, blocks == after.blocks);
        if outcome != Outcome::NotEnoughData {
            return (outcome, blocks);
        }
    }
    (Outcome::NotEnoughData, after.blocks)
}

/// What of a side is known after some blocks.
fn first(side: &Side, blocks: usize) -> Side {
    let mut known = side.clone();
    known.blocks = blocks;
    known.endpoints.values_mut().for_each(|all| all.truncate(blocks));
    known.amounts.values_mut().for_each(|all| all.truncate(blocks));
    known
}
