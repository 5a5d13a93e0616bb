//! The arithmetic of the encoder: words, then windows of two, three and five words, then the sum of a text, then four
//! layers on it.
//!
//! The architecture is that of the convolutional encoder in Yang et al., "Multilingual Universal Sentence Encoder for
//! Semantic Retrieval", 2019, section 2 (<https://arxiv.org/abs/1907.04307>), trained as in Chidambaram et al., "Learning
//! Cross-Lingual Sentence Representations via a Multi-task Dual-Encoder Model", 2018 (<https://arxiv.org/abs/1810.12836>).

use std::ops::Range;

use super::{
    batch::Batch,
    convolution::Convolution,
    matrix::{Matrix, add, rectify},
    tokens::TokenId,
    words::Words,
};
use crate::embeddings::unit::to_unit_length;

/// All weights, checked to fit.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) words: Words,
    /// From a word to what the branches begin with, side by side.
    pub(super) projection: Dense,
    /// Over the beginnings of all branches together.
    pub(super) projection_norm: Norm,
    pub(super) branches: Vec<Branch>,
    /// Over the word and all branches, side by side.
    pub(super) norm: Norm,
    /// From there to a vector that may be summed.
    pub(super) mixing: Dense,
    pub(super) head: Head,
}

/// What windows of one width see.
#[derive(Debug)]
pub(super) struct Branch {
    /// Which columns of the projection it begins with.
    pub(super) columns: Range<usize>,
    pub(super) first: Convolution,
    pub(super) second: Convolution,
}

/// A product and a sum.
#[derive(Debug)]
pub(super) struct Dense {
    pub(super) weights: Matrix,
    pub(super) bias: Vec<f32>,
}

/// Makes the numbers of a row comparable: Ba, Kiros and Hinton, "Layer Normalization", 2016, equations 3 and 4.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) gain: Vec<f32>,
    pub(super) bias: Vec<f32>,
    /// Keeps rows that do not vary from a division by zero.
    pub(super) epsilon: f32,
}

/// Two residual blocks on the sum of a text. Each adds what two layers make of a row to what one makes of it.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) first: Residual,
    pub(super) second: Residual,
}

/// Layers of one block.
#[derive(Debug)]
pub(super) struct Residual {
    pub(super) inner: Matrix,
    pub(super) outer: Matrix,
    pub(super) shortcut: Matrix,
}

impl Network {
    /// Returns a vector of length one for each text, in order; zeros for a text without tokens.
    pub(super) fn embed(&self, texts: &[Vec<TokenId>]) -> Vec<Vec<f32>> {
        let batch = Batch::of(texts);
        let mut features = self.features(&batch);
        self.norm.apply(&mut features);
        let mut sums = Matrix::zeros(texts.len(), features.n_columns());
        for (text, sum) in batch.texts.iter().zip(sums.rows_mut()) {
            text.clone().for_each(|place| add(sum, features.row(place)));
        }
        // The mixing is linear: once for the sum of a text is the same as the sum over its tokens.
        let mut mixed = sums.times(&self.mixing.weights);
        for (text, row) in batch.texts.iter().zip(mixed.rows_mut()) {
            let n_tokens = text.len() as f32;
            row.iter_mut().zip(&self.mixing.bias).for_each(|(value, bias)| *value += n_tokens * bias);
            // Divided by the square root and not by the number: long texts stay longer than short ones, as they were trained.
            row.iter_mut().for_each(|value| *value /= n_tokens.max(1.0).sqrt());
        }
        let vectors = self.head.apply(&mixed);
        let vectors = vectors.rows().zip(texts).map(|(row, text)| {
            let mut vector = row.to_vec();
            if text.is_empty() {
                vector.fill(0.0);
            }
            to_unit_length(&mut vector);
            vector
        });
        vectors.collect()
    }

    /// Puts the word and what each branch sees there side by side, a row for each place.
    fn features(&self, batch: &Batch) -> Matrix {
        let words = self.words.rows(&batch.distinct);
        let everywhere: Vec<usize> = (0..batch.places.len()).collect();
        let mut beginnings = self.projection.apply(&words);
        self.projection_norm.apply(&mut beginnings);
        let mut parts = Vec::with_capacity(self.branches.len());
        for branch in &self.branches {
            let projected = beginnings.columns(branch.columns.clone());
            let mut seen = branch.first.over(&projected, &batch.places, &batch.texts);
            for (place, row) in batch.places.iter().zip(seen.rows_mut()) {
                add(row, projected.row(*place));
            }
            let mut part = branch.second.over(&seen, &everywhere, &batch.texts);
            part.rows_mut().zip(seen.rows()).for_each(|(row, seen)| add(row, seen));
            parts.push(part);
        }
        let n_columns = words.n_columns() + parts.iter().map(Matrix::n_columns).sum::<usize>();
        let mut features = Matrix::zeros(batch.places.len(), n_columns);
        for (at, (place, row)) in batch.places.iter().zip(features.rows_mut()).enumerate() {
            let sources = std::iter::once(words.row(*place)).chain(parts.iter().map(|part| part.row(at)));
            row.iter_mut().zip(sources.flatten()).for_each(|(to, from)| *to = *from);
        }
        features
    }
}

impl Dense {
    fn apply(&self, rows: &Matrix) -> Matrix {
        let mut product = rows.times(&self.weights);
        product.rows_mut().for_each(|row| add(row, &self.bias));
        product
    }
}

impl Norm {
    fn apply(&self, table: &mut Matrix) {
        let n = table.n_columns() as f32;
        for row in table.rows_mut() {
            let mean = row.iter().sum::<f32>() / n;
            let variance = row.iter().map(|value| (value - mean) * (value - mean)).sum::<f32>() / n;
            let scale = 1.0 / (variance + self.epsilon).sqrt();
            for ((value, gain), bias) in row.iter_mut().zip(&self.gain).zip(&self.bias) {
                *value = (*value - mean) * scale * gain + bias;
            }
        }
    }
}

impl Head {
    fn apply(&self, sums: &Matrix) -> Matrix {
        let mut between = self.first.apply(sums);
        rectify(between.values_mut());
        let mut vectors = self.second.apply(&between);
        vectors.values_mut().iter_mut().for_each(|value| *value = value.tanh());
        vectors
    }
}

impl Residual {
    fn apply(&self, rows: &Matrix) -> Matrix {
        let mut inner = rows.times(&self.inner);
        rectify(inner.values_mut());
        let mut sum = rows.times(&self.shortcut);
        let outer = inner.times(&self.outer);
        add(sum.values_mut(), outer.values());
        sum
    }
}
