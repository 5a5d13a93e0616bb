//! From two rankings to one: passages that share the question's words and passages that mean the same.
//!
//! Scores are brought to a common scale and added, which keeps how much better one passage is than the next; adding up ranks would not.
//! Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 2023, equation 4, with the least score
//! that is possible (zero) in place of the least one seen.
//!
//! A passage that neither shares enough words nor means nearly the same is not relevant, however it ranks: a list always has a first.

use std::collections::HashSet;

/// How far meaning counts beside words, 0 to 1. Of the values from 0.2 to 0.8 those in the middle differ little;
/// `make bench-knowledge` prints the halves beside the whole.
const WEIGHT_OF_MEANING: f64 = 0.5;

/// Cosine below which two texts have nothing to do with each other; such a value counts as none.
const UNRELATED: f64 = 0.2;

/// Cosine from which a passage means what was asked, whatever its words.
const MEANS_THE_SAME: f64 = 0.5;

/// Share of the question's terms from which a passage speaks of what was asked, whatever it seems to mean. A question may name
/// several things at once, and the text of an alert has many words besides.
const SHARES_WORDS: f64 = 1.0 / 3.0;

/// A passage that one of the halves found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// BM25, zero when no term is shared.
    pub lexical: f64,
    /// Cosine of its vector and the question's; `None` without vectors.
    pub cosine: Option<f64>,
    /// Share of the question's different terms that it has, 0 to 1.
    pub coverage: f64,
}

/// What two halves make of a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// 0 to 1, comparable within one list only.
    pub score: f64,
    /// Whether it answers the question at all.
    pub is_relevant: bool,
}

/// Judges each candidate, in their order.
pub fn fuse(candidates: &[Candidate]) -> Vec<Fused> {
    let most = candidates.iter().map(|candidate| candidate.lexical).fold(0.0, f64::max);
    let judged = candidates
        .iter()
        .map(|candidate| Fused { score: score(candidate, most), is_relevant: is_relevant(candidate) });
    judged.collect()
}

fn score(candidate: &Candidate, most: f64) -> f64 {
    let by_words = if most > 0.0 { candidate.lexical / most } else { 0.0 };
    match candidate.cosine {
        None => by_words,
        Some(cosine) => {
            let by_meaning = ((cosine - UNRELATED) / (1.0 - UNRELATED)).clamp(0.0, 1.0);
            WEIGHT_OF_MEANING * by_meaning + (1.0 - WEIGHT_OF_MEANING) * by_words
        }
    }
}

/// Each half alone may vouch for a passage, and both together with half of it each.
fn is_relevant(candidate: &Candidate) -> bool {
    let by_words = candidate.coverage / SHARES_WORDS;
    let by_meaning =
        candidate.cosine.map_or(0.0, |cosine| (cosine - UNRELATED) / (MEANS_THE_SAME - UNRELATED));
    by_words >= 1.0 || by_meaning >= 1.0 || by_words.max(0.0) + by_meaning.max(0.0) >= 1.2
}

/// Returns the share of the different `asked` terms that are among `terms`; zero when nothing is asked.
pub fn coverage<'a>(asked: &HashSet<String>, terms: impl Iterator<Item = &'a str>) -> f64 {
    if asked.is_empty() {
        return 0.0;
    }
    let had: HashSet<&str> = terms.filter(|term| asked.contains(*term)).collect();
    had.len() as f64 / asked.len() as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(lexical: f64, cosine: f64, coverage: f64) -> Candidate {
        Candidate { lexical, cosine: Some(cosine), coverage }
    }

    /// Scores of the relevant ones.
    fn relevant(candidates: &[Candidate]) -> Vec<Option<f64>> {
        fuse(candidates).into_iter().map(|fused| fused.is_relevant.then_some(fused.score)).collect()
    }

    #[test]
    fn a_passage_that_both_halves_like_comes_first() {
        let scores =
            relevant(&[candidate(10.0, 0.55, 0.6), candidate(9.0, 0.8, 0.6), candidate(1.0, 0.82, 0.1)]);
        let best = scores.iter().flatten().copied().fold(0.0, f64::max);
        assert_eq!(scores.get(1).copied().flatten(), Some(best), "{scores:?}");
    }

    #[test]
    fn the_best_of_nothing_is_nothing() {
        assert_eq!(relevant(&[candidate(3.0, 0.25, 0.2), candidate(2.0, 0.1, 0.1)]), [None, None]);
        assert_eq!(relevant(&[]), []);
    }

    #[test]
    fn without_vectors_the_words_decide() {
        let words = |lexical, coverage| Candidate { lexical, cosine: None, coverage };
        assert_eq!(
            relevant(&[words(8.0, 1.0), words(2.0, 0.5), words(1.0, 0.1)]),
            [Some(1.0), Some(0.25), None]
        );
    }

    #[test]
    fn coverage_counts_different_terms() {
        let asked = HashSet::from(["pod".to_owned(), "crash".to_owned()]);
        assert_eq!(coverage(&asked, ["pod", "pod", "node"].into_iter()), 0.5);
        assert_eq!(coverage(&HashSet::new(), ["pod"].into_iter()), 0.0);
    }

    proptest! {
        #[test]
        fn scores_are_shares(all in prop::collection::vec((0.0..50.0, -1.0..1.0, 0.0..1.0), 0..20)) {
            let candidates: Vec<_> = all.into_iter().map(|(l, c, s)| candidate(l, c, s)).collect();
            let scores = fuse(&candidates);
            prop_assert_eq!(scores.len(), candidates.len());
            prop_assert!(scores.iter().all(|fused| (0.0..=1.0).contains(&fused.score)));
        }
    }
}
