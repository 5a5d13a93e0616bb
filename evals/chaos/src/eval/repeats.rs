//! What several runs of the same cases say: whether a right answer can be relied upon.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::interval::mean;

/// How runs of the same cases differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repeats {
    /// For k = 1, 2, …: the probability that k runs of a case all pass, in the mean over the cases that ran k times or more.
    pub pass_hat: Vec<f64>,
    /// The share of cases that passed in the worst and in the best repeat.
    pub worst: f64,
    /// See `worst`.
    pub best: f64,
    /// Standard deviation of that share over the repeats.
    pub standard_deviation: f64,
    /// Cases that passed in some repeats and not in others.
    pub undecided: Vec<String>,
}

/// Compares repeats: for each case its id and, in the order of the repeats, whether it passed. `None` when no case ran twice.
pub fn repeats(cases: &[(String, Vec<bool>)]) -> Option<Repeats> {
    let most = cases.iter().map(|(_, passed)| passed.len()).max().filter(|most| *most > 1)?;
    let pass_hat = (1..=most).filter_map(|k| {
        let of = cases.iter().filter(|(_, passed)| passed.len() >= k);
        let each: Vec<f64> = of.map(|(_, passed)| pass_hat(passed, k)).collect();
        mean(&each)
    });
    let shares: Vec<f64> = (0..most)
        .filter_map(|repeat| {
            let of = cases.iter().filter_map(|(_, passed)| passed.get(repeat));
            mean(&of.map(|passed| f64::from(u8::from(*passed))).collect::<Vec<_>>())
        })
        .collect();
    let middle = mean(&shares)?;
    let squares: f64 = shares.iter().map(|share| (share - middle).powi(2)).sum();
    let is_undecided = |passed: &[bool]| passed.iter().any(|one| *one) && !passed.iter().all(|one| *one);
    Some(Repeats {
        pass_hat: pass_hat.collect(),
        worst: shares.iter().copied().fold(f64::INFINITY, f64::min),
        best: shares.iter().copied().fold(0.0, f64::max),
        standard_deviation: (squares / (shares.len().max(2) - 1) as f64).sqrt(),
        undecided: cases
            .iter()
            .filter(|(_, passed)| is_undecided(passed))
            .map(|(id, _)| id.clone())
            .collect(),
    })
}

/// The share of the ways to draw k runs without replacement in which all passed.
// Yao et al. (2024), "τ-bench", https://arxiv.org/abs/2406.12045: pass^k = C(c, k) / C(n, k).
fn pass_hat(passed: &[bool], k: usize) -> f64 {
    let (n, c) = (passed.len(), passed.iter().filter(|one| **one).count());
    (0..k).map(|drawn| c.saturating_sub(drawn) as f64 / n.saturating_sub(drawn).max(1) as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Second implementation: all draws of k of n are tried.
    #[test]
    fn pass_hat_is_the_share_of_draws_that_pass() {
        for passed in
            [[true, true, false, true, false], [true; 5], [false; 5], [false, false, true, false, false]]
        {
            for k in 1..=5_usize {
                let draws: Vec<u32> = (0..32_u32).filter(|draw| draw.count_ones() as usize == k).collect();
                let passes = |draw: &&u32| (0..5).all(|index| *draw & (1 << index) == 0 || passed[index]);
                let wanted = draws.iter().filter(passes).count() as f64 / draws.len() as f64;
                assert!((pass_hat(&passed, k) - wanted).abs() < 1e-12, "{passed:?} {k}");
            }
        }
    }

    #[test]
    fn repeats_are_compared_by_case_and_by_round() {
        let cases = [("a".to_owned(), vec![true, true]), ("b".to_owned(), vec![true, false])];
        let all = repeats(&cases).unwrap();
        assert_eq!((all.pass_hat, all.worst, all.best), (vec![0.75, 0.5], 0.5, 1.0));
        assert!((all.standard_deviation - 0.5_f64.sqrt() / 2.0).abs() < 1e-12);
        assert_eq!(all.undecided, ["b"]);
        assert_eq!(repeats(&[("a".to_owned(), vec![true])]), None);
    }
}
