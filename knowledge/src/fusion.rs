//! From two rankings to one: passages that share the question's words and passages that mean the same.
//!
//! Scores are brought to a common scale and added, which keeps how much better one passage is than the next; adding up ranks would not.
//! Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 2023, equation 4, with the least score
//! that is possible (zero) in place of the least one seen. Words count less where even the best passage has few of the question's:
//! asked in one language of documents in another, two have a number or a name in common, and that would decide everything.
//!
//! A passage that neither shares enough words nor means nearly the same is not relevant, however it ranks: a list always has a first.
//!
//! The constants were chosen on half of the questions of `make bench-knowledge` and held on the other half.

use std::collections::HashSet;

use crate::embeddings::Scale;

/// How far meaning counts beside words, 0 to 1. Values from 0.4 to 0.7 differ little.
const WEIGHT_OF_MEANING: f64 = 0.6;

/// Share of the question's terms that the best passage must have for words to count in full.
const WORDS_IN_FULL: f64 = 0.5;

/// Share of the question's terms from which words alone vouch for a passage, beside vectors that could.
const SHARES_WORDS: f64 = 2.0 / 3.0;

/// The same where there are no vectors. A question may name several things at once, and the text of an alert has many words besides.
const SHARES_WORDS_ALONE: f64 = 1.0 / 3.0;

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

/// Judges each candidate, in their order. Without a scale cosines are not looked at.
pub fn fuse(candidates: &[Candidate], scale: Option<&Scale>) -> Vec<Fused> {
    let most = |of: fn(&Candidate) -> f64| candidates.iter().map(of).fold(0.0, f64::max);
    let (lexical, coverage) = (most(|it| it.lexical), most(|it| it.coverage));
    let words = |it: &Candidate| if lexical > 0.0 { it.lexical / lexical } else { 0.0 };
    let strength = (coverage / WORDS_IN_FULL).min(1.0);
    let judged = candidates.iter().map(|it| match scale.zip(it.cosine) {
        None => Fused { score: words(it), is_relevant: it.coverage >= SHARES_WORDS_ALONE },
        Some((scale, cosine)) => {
            let score =
                WEIGHT_OF_MEANING * scale.share(cosine) + (1.0 - WEIGHT_OF_MEANING) * strength * words(it);
            // Either may vouch alone, and each in part.
            Fused { score, is_relevant: it.coverage / SHARES_WORDS + scale.place(cosine) >= 1.0 }
        }
    });
    judged.collect()
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

    const SCALE: Scale = Scale { strangers: 0.05, unrelated: 0.15, alike: 0.3 };

    /// Scores of the relevant ones.
    fn relevant(candidates: &[Candidate]) -> Vec<Option<f64>> {
        let fused = fuse(candidates, Some(&SCALE));
        fused.into_iter().map(|fused| fused.is_relevant.then_some(fused.score)).collect()
    }

    #[test]
    fn a_passage_that_both_halves_like_comes_first() {
        let scores =
            relevant(&[candidate(10.0, 0.45, 0.6), candidate(9.0, 0.7, 0.6), candidate(1.0, 0.72, 0.1)]);
        let best = scores.iter().flatten().copied().fold(0.0, f64::max);
        assert_eq!(scores.get(1).copied().flatten(), Some(best), "{scores:?}");
    }

    #[test]
    fn the_best_of_nothing_is_nothing() {
        assert_eq!(relevant(&[candidate(3.0, 0.15, 0.5), candidate(2.0, 0.1, 0.1)]), [None, None]);
        assert_eq!(relevant(&[]), []);
    }

    #[test]
    fn a_number_in_common_does_not_outweigh_the_meaning() {
        let scores = relevant(&[candidate(4.0, 0.3, 0.1), candidate(0.0, 0.5, 0.0)]);
        assert!(scores[1] > scores[0], "{scores:?}");
    }

    #[test]
    fn without_vectors_the_words_decide() {
        let words = |lexical, coverage| Candidate { lexical, cosine: None, coverage };
        let fused = fuse(&[words(8.0, 1.0), words(2.0, 0.5), words(1.0, 0.1)], None);
        let told: Vec<_> = fused.iter().map(|it| it.is_relevant.then_some(it.score)).collect();
        assert_eq!(told, [Some(1.0), Some(0.25), None]);
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
            let scores = fuse(&candidates, Some(&SCALE));
            prop_assert_eq!(scores.len(), candidates.len());
            prop_assert!(scores.iter().all(|fused| (0.0..=1.0).contains(&fused.score)));
        }
    }
}
