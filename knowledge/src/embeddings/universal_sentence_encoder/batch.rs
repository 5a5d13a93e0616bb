//! Several texts as one run of tokens, each different token told once.

use std::{collections::HashMap, ops::Range};

use super::tokens::TokenId;

/// Tokens of several texts, one text after the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// Each token that occurs, once, in the order of its first place.
    pub(super) distinct: Vec<TokenId>,
    /// For each place in the run, which of `distinct` stands there.
    pub(super) places: Vec<usize>,
    /// Which places a text has, in the order of the texts.
    pub(super) texts: Vec<Range<usize>>,
}

impl Batch {
    /// Puts texts behind each other.
    pub(super) fn of(texts: &[Vec<TokenId>]) -> Self {
        let mut batch = Self::default();
        let mut known = HashMap::new();
        for text in texts {
            let start = batch.places.len();
            for token in text {
                let place = *known.entry(*token).or_insert_with(|| {
                    batch.distinct.push(*token);
                    batch.distinct.len() - 1
                });
                batch.places.push(place);
            }
            batch.texts.push(start..batch.places.len());
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_occurs_again_is_told_once() {
        let tokens = |ids: &[u32]| ids.iter().copied().map(TokenId).collect::<Vec<_>>();
        let batch = Batch::of(&[tokens(&[1, 7, 7]), tokens(&[]), tokens(&[7, 9])]);
        let want = Batch {
            distinct: tokens(&[1, 7, 9]),
            places: vec![0, 1, 1, 1, 2],
            texts: vec![0..3, 3..3, 3..5],
        };
        assert_eq!(batch, want);
    }
}
