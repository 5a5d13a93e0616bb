//! A layer that looks at a token together with its neighbours.

use std::ops::Range;

use super::matrix::{Matrix, add, rectify};

/// A window of tokens and what each place in it counts. Places outside of the text count nothing.
#[derive(Debug)]
pub(super) struct Convolution {
    /// Weights of the places, from left to right.
    pub(super) slots: Vec<Matrix>,
    pub(super) bias: Vec<f32>,
    /// How many of the places are left of the token.
    pub(super) n_left: usize,
}

impl Convolution {
    /// Returns one row for each place of the texts, with nothing below zero.
    ///
    /// `inputs` has a row for each kind of token and `rows` says which belongs to a place. The product with the weights is
    /// taken before the window is, so once for each kind and not for each place: windows only add up rows.
    pub(super) fn over(&self, inputs: &Matrix, rows: &[usize], texts: &[Range<usize>]) -> Matrix {
        let mut sums = Matrix::repeated(&self.bias, rows.len());
        for (slot, weights) in self.slots.iter().enumerate() {
            let products = inputs.times(weights);
            for text in texts {
                for place in text.clone() {
                    let seen = (place + slot).checked_sub(self.n_left).filter(|seen| text.contains(seen));
                    if let Some(row) = seen.and_then(|seen| rows.get(seen)) {
                        add(sums.row_mut(place), products.row(*row));
                    }
                }
            }
        }
        rectify(sums.values_mut());
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(weights: &[f32], n_left: usize, lengths: &[usize], want: &[f32]) {
        let slots = weights.iter().filter_map(|weight| Matrix::new(1, vec![*weight])).collect();
        let layer = Convolution { slots, bias: vec![0.5], n_left };
        let mut start = 0;
        let text = |n: &usize| {
            start += n;
            start - n..start
        };
        let texts: Vec<_> = lengths.iter().map(text).collect();
        let inputs = Matrix::new(1, vec![1.0, 2.0, 3.0]).unwrap();
        let sums = layer.over(&inputs, &[0, 1, 2, 1], &texts);
        assert_eq!(sums.rows().flatten().copied().collect::<Vec<_>>(), want, "{weights:?} {lengths:?}");
    }

    #[test]
    fn a_window_sees_its_own_text_alone() {
        check(&[1.0, 10.0], 0, &[4], &[21.5, 32.5, 23.5, 2.5]);
        check(&[1.0, 10.0], 0, &[2, 2], &[21.5, 2.5, 23.5, 2.5]);
        check(&[100.0, 10.0, 1.0], 1, &[4], &[12.5, 123.5, 232.5, 320.5]);
        check(&[100.0, 10.0, 1.0], 1, &[1, 3], &[10.5, 23.5, 232.5, 320.5]);
    }

    #[test]
    fn nothing_is_below_zero() {
        check(&[-1.0], 0, &[4], &[0.0; 4]);
    }
}
