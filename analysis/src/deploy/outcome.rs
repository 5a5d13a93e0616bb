//! Pass, fail, or not enough data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Aspect, Rules, Verdict};

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is worse, and what is required was found not to be.
    Pass,
    /// Something is worse.
    Fail,
    /// Nothing is worse as far as can be told, but something that is required cannot be told.
    NotEnoughData,
}

impl Outcome {
    /// Returns the exit code of the command: 0, 1 or 2.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::NotEnoughData => 2,
        }
    }
}

/// Sums verdicts up; `of` gives the endpoint (`None` for the service as a whole), measure and verdict of each.
///
/// A failure counts at once. Before the last look a pass needs every measure to be settled and [`Rules::at_least`] to have gone by;
/// at the last look it needs only what is required of the service as a whole. What is not judged at all is not settled.
pub fn outcome<'a>(
    rules: &Rules,
    of: impl IntoIterator<Item = (Option<&'a str>, Aspect, Verdict)>,
    watched: Duration,
    is_last: bool,
) -> Outcome {
    let all: Vec<(Option<&str>, Aspect, Verdict)> = of.into_iter().collect();
    if all.iter().any(|(_, _, verdict)| *verdict == Verdict::Worse) {
        return Outcome::Fail;
    }
    let is_fine = |aspect: &Aspect| {
        let wanted = (None, *aspect, Verdict::NotWorse);
        // What is not judged at anybody's wish is not asked for either.
        !rules.aspects.contains(aspect) || all.contains(&wanted)
    };
    let has_required = rules.required.iter().all(is_fine);
    let is_settled = all.iter().all(|(_, _, verdict)| *verdict == Verdict::NotWorse);
    let may_pass = is_last || (is_settled && watched >= rules.at_least);
    if has_required && may_pass && !all.is_empty() { Outcome::Pass } else { Outcome::NotEnoughData }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_at_once_and_passes_take_their_time() {
        use Outcome::{Fail, NotEnoughData, Pass};
        use Verdict::{NotWorse, TooLittle, Worse};
        let rules = Rules { required: vec![Aspect::ErrorRate], ..Rules::default() };
        let check = |whole, endpoint, minutes: u64, is_last| {
            let all = [(None, Aspect::ErrorRate, whole), (Some("a"), Aspect::P99, endpoint)];
            outcome(&rules, all, Duration::from_secs(60 * minutes), is_last)
        };
        for (whole, endpoint, minutes, is_last, wanted) in [
            (NotWorse, Worse, 1, false, Fail),
            (NotWorse, NotWorse, 1, false, NotEnoughData),
            (NotWorse, NotWorse, 5, false, Pass),
            (NotWorse, TooLittle, 29, false, NotEnoughData),
            (NotWorse, TooLittle, 30, true, Pass),
            (TooLittle, NotWorse, 30, true, NotEnoughData),
        ] {
            assert_eq!(check(whole, endpoint, minutes, is_last), wanted, "{whole:?} {endpoint:?} {minutes}");
        }
        assert_eq!(outcome(&rules, [], Duration::MAX, true), NotEnoughData);
    }
}
