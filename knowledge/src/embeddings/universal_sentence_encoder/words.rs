//! The table of words: one byte for each number, so that it takes a quarter of the memory.

use super::{matrix::Matrix, tokens::TokenId};

/// Numbers of every token, as bytes that a scale and a lowest value turn back. Tokens are dealt to the shares like cards:
/// token 0 to the first, 1 to the second, and around.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) shares: Vec<Share>,
    pub(super) n_columns: usize,
}

/// Some of the tokens, under one scale.
#[derive(Debug)]
pub(super) struct Share {
    /// Row after row.
    pub(super) steps: Vec<u8>,
    /// How much one step is.
    pub(super) scale: f32,
    /// What no step is.
    pub(super) lowest: f32,
}

impl Words {
    /// Returns a row for each token, in order; zeros for one that the table does not have.
    pub(super) fn rows(&self, tokens: &[TokenId]) -> Matrix {
        let mut rows = Matrix::zeros(tokens.len(), self.n_columns);
        for (token, row) in tokens.iter().zip(rows.rows_mut()) {
            let Some((share, steps)) = self.steps(*token) else { continue };
            for (value, step) in row.iter_mut().zip(steps) {
                *value = f32::from(*step) * share.scale + share.lowest;
            }
        }
        rows
    }

    fn steps(&self, token: TokenId) -> Option<(&Share, &[u8])> {
        let token = usize::try_from(token.0).ok()?;
        let share = self.shares.get(token.checked_rem(self.shares.len())?)?;
        let start = token.checked_div(self.shares.len())?.checked_mul(self.n_columns)?;
        Some((share, share.steps.get(start..start.checked_add(self.n_columns)?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_dealt_around_and_unknown_ones_are_zeros() {
        let share = |steps: &[u8], scale, lowest| Share { steps: steps.to_vec(), scale, lowest };
        let words =
            Words { shares: vec![share(&[0, 1, 2, 3], 0.5, -1.0), share(&[4, 5], 2.0, 0.0)], n_columns: 2 };
        let rows = words.rows(&[0, 1, 2, 3, u32::MAX].map(TokenId));
        let want: Vec<f32> = vec![-1.0, -0.5, 8.0, 10.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(rows.values(), want);
    }
}
