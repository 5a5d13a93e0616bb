//! Which time is read of which side.

use std::time::Duration;

use waggle_analysis::deploy::Rules;
use waggle_signals::{TimeRange, Timestamp};

use crate::{Comparison, Matched, Question, select::Select};

/// Where the blocks of a side begin, and how many there are by now.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub from: Timestamp,
    pub block: Duration,
    pub blocks: usize,
    pub select: Select,
}

/// The time of all sides.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    /// What fixes the judged measures: the version before, or the stable one before the canary.
    pub before: Window,
    /// The stable version beside the canary.
    pub beside: Option<Window>,
    pub after: Window,
    /// When the new version is no longer watched.
    pub end: Timestamp,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Windows {
    /// Cuts the time known at `now` into whole blocks.
    pub fn at(question: &Question, now: Timestamp) -> Self {
        let rules = &question.rules;
        let (begun, before, select, beside) = match &question.comparison {
            Comparison::BeforeAfter { deployed, baseline, matched } => {
                let before = match matched {
                    Matched::JustBefore => window(rules, *deployed - *baseline, *baseline, Select::All),
                    Matched::DayBefore => window(
                        rules,
                        *deployed + rules.warm_up - DAY,
                        (*baseline).min(rules.horizon),
                        Select::All,
                    ),
                };
                (*deployed, before, Select::All, None)
            }
            Comparison::Canary { started, canary, stable, history } => {
                let stable = stable.clone().map_or_else(|| Select::Except(canary.clone()), Select::Only);
                let before = window(rules, *started - *history, *history, stable.clone());
                (*started, before, Select::Only(canary.clone()), Some(stable))
            }
        };
        let from = begun + rules.warm_up;
        let known = (now - question.settle).since(from).min(rules.horizon);
        let after = window(rules, from, known, select);
        let beside = beside.map(|select| Window { select, ..after.clone() });
        let end = from + rules.horizon + question.settle;
        Self { before, beside, after, end }
    }
}

fn window(rules: &Rules, from: Timestamp, length: Duration, select: Select) -> Window {
    Window { from, block: rules.block, blocks: rules.blocks_in(length), select }
}

impl Window {
    /// Returns the time of some of its blocks; `None` when there are none.
    pub fn range(&self, first: usize, blocks: usize) -> Option<TimeRange> {
        let at =
            |block: usize| self.from + self.block.saturating_mul(u32::try_from(block).unwrap_or(u32::MAX));
        TimeRange::new(at(first), at(first.saturating_add(blocks))).ok()
    }

    /// Returns all of its time; `None` when there is none yet.
    pub fn whole(&self) -> Option<TimeRange> {
        self.range(0, self.blocks)
    }

    /// Returns the block that `time` is in.
    pub fn block_of(&self, time: Timestamp) -> usize {
        let blocks = time.since(self.from).as_nanos() / self.block.as_nanos().max(1);
        usize::try_from(blocks).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_blocks_after_the_warm_up_are_read() {
        let deployed = Timestamp::from_secs(1_000_000);
        let question = Question::before_after("checkout", deployed);
        for (seconds, blocks) in [(0, 0), (130, 0), (159, 0), (160, 1), (219, 2), (100_000, 60)] {
            let windows = Windows::at(&question, deployed + Duration::from_secs(seconds));
            assert_eq!(windows.after.blocks, blocks, "{seconds} s");
            assert_eq!(windows.before.whole().unwrap().to(), deployed);
        }
    }

    #[test]
    fn the_day_before_is_read_at_the_same_hours() {
        let deployed = Timestamp::from_secs(1_000_000);
        let mut question = Question::before_after("checkout", deployed);
        question.comparison = Comparison::BeforeAfter {
            deployed,
            baseline: Duration::from_secs(3600),
            matched: Matched::DayBefore,
        };
        let windows = Windows::at(&question, deployed + DAY);
        assert_eq!(windows.before.from + DAY, windows.after.from);
        assert_eq!(windows.before.blocks, windows.after.blocks);
    }
}
