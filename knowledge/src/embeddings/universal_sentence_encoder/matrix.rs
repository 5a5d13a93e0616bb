//! Rows of numbers, and the product of two such tables.

use std::{
    ops::Range,
    slice::{ChunksExact, ChunksExactMut},
};

use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

/// A table of numbers, row after row. It has at least one column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    n_columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// Makes a table out of its numbers; `None` when they do not make whole rows.
    pub(super) fn new(n_columns: usize, values: Vec<f32>) -> Option<Self> {
        let is_whole = values.len().checked_rem(n_columns) == Some(0);
        is_whole.then_some(Self { n_columns, values })
    }

    /// Makes a table of zeros.
    pub(super) fn zeros(n_rows: usize, n_columns: usize) -> Self {
        let n_columns = n_columns.max(1);
        Self { n_columns, values: vec![0.0; n_rows * n_columns] }
    }

    /// Makes a table that has one row over and over.
    pub(super) fn repeated(row: &[f32], n_rows: usize) -> Self {
        let mut table = Self::zeros(n_rows, row.len());
        table.rows_mut().for_each(|copy| copy.copy_from_slice(row));
        table
    }

    pub(super) fn n_rows(&self) -> usize {
        self.values.len() / self.n_columns
    }

    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Returns one row; nothing where there is none.
    pub(super) fn row(&self, at: usize) -> &[f32] {
        let start = at.saturating_mul(self.n_columns);
        self.values.get(start..start.saturating_add(self.n_columns)).unwrap_or_default()
    }

    /// Returns one row to be changed; nothing where there is none.
    pub(super) fn row_mut(&mut self, at: usize) -> &mut [f32] {
        let start = at.saturating_mul(self.n_columns);
        self.values.get_mut(start..start.saturating_add(self.n_columns)).unwrap_or_default()
    }

    /// Returns some of the columns; none beyond the last.
    pub(super) fn columns(&self, columns: Range<usize>) -> Self {
        let rows = self.rows().filter_map(|row| row.get(columns.clone())).flatten();
        Self { n_columns: columns.len().max(1), values: rows.copied().collect() }
    }

    /// Puts tables of as many rows side by side; the shortest says how many.
    pub(super) fn beside(tables: &[Self]) -> Self {
        let n_columns = tables.iter().map(Self::n_columns).sum::<usize>().max(1);
        let n_rows = tables.iter().map(Self::n_rows).min().unwrap_or_default();
        let rows = (0..n_rows).flat_map(|at| tables.iter().flat_map(move |table| table.row(at)));
        Self { n_columns, values: rows.copied().collect() }
    }

    pub(super) fn rows(&self) -> ChunksExact<'_, f32> {
        self.values.chunks_exact(self.n_columns)
    }

    pub(super) fn rows_mut(&mut self) -> ChunksExactMut<'_, f32> {
        self.values.chunks_exact_mut(self.n_columns)
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    pub(super) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Returns the product. What is loaded was checked to fit; tables that do not fit give zeros.
    pub(super) fn times(&self, other: &Self) -> Self {
        debug_assert_eq!(self.n_columns, other.n_rows(), "columns meet rows");
        let mut product = Self::zeros(self.n_rows(), other.n_columns);
        let shape = (product.n_rows(), product.n_columns);
        let left = ArrayView2::from_shape((self.n_rows(), self.n_columns), &self.values);
        let right = ArrayView2::from_shape((other.n_rows(), other.n_columns), &other.values);
        let result = ArrayViewMut2::from_shape(shape, &mut product.values);
        if let (Ok(left), Ok(right), Ok(mut result)) = (left, right, result)
            && left.ncols() == right.nrows()
        {
            general_mat_mul(1.0, &left, &right, 0.0, &mut result);
        }
        product
    }
}

/// Adds numbers to others, one to one.
pub(super) fn add(to: &mut [f32], what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what);
}

/// Cuts what is below zero.
pub(super) fn rectify(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = value.max(0.0));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_make_whole_rows_or_no_table() {
        assert!(Matrix::new(2, vec![1.0, 2.0, 3.0]).is_none());
        assert!(Matrix::new(0, vec![]).is_none());
        let table = Matrix::new(2, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!((table.n_rows(), table.row(1), table.row(2)), (2, [3.0, 4.0].as_slice(), [].as_slice()));
    }

    #[test]
    fn tables_side_by_side_come_apart_again() {
        let left = Matrix::new(2, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let right = Matrix::new(1, vec![5.0, 6.0]).unwrap();
        let both = Matrix::beside(&[left.clone(), right.clone()]);
        assert_eq!((both.row(0), both.row(1)), ([1.0, 2.0, 5.0].as_slice(), [3.0, 4.0, 6.0].as_slice()));
        assert_eq!((both.columns(0..2), both.columns(2..3)), (left, right));
    }

    proptest! {
        #[test]
        fn a_product_is_what_the_sums_say(
            (m, k, n) in (1..9_usize, 1..40_usize, 1..20_usize),
            seed in prop::collection::vec(-2.0_f32..2.0, 1200),
        ) {
            let left = Matrix::new(k, seed[..m * k].to_vec()).unwrap();
            let right = Matrix::new(n, seed[400..400 + k * n].to_vec()).unwrap();
            let product = left.times(&right);
            for row in 0..m {
                for column in 0..n {
                    let want: f32 = (0..k).map(|at| left.row(row)[at] * right.row(at)[column]).sum();
                    prop_assert!((product.row(row)[column] - want).abs() < 1e-4);
                }
            }
        }
    }
}
