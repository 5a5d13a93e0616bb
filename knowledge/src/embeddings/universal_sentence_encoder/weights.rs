//! The network out of its file: which array is what, and whether they fit together.

use std::ops::Range;

use waggle_agent_core::{Error, Kind, Result};

use super::{
    convolution::Convolution,
    matrix::Matrix,
    network::{Branch, Dense, Head, Network, Norm, Residual},
    npz::Npz,
    words::{Share, Words},
};

/// Widths of the windows, and how many places of each are left of the token. The paper names a window of one word too; the
/// words themselves stand in for it.
const WINDOWS: [(usize, usize); 3] = [(2, 0), (3, 1), (5, 2)];

/// Shares of the table of words; the model has 17.
const MAX_SHARES: usize = 64;

/// Reads all weights.
///
/// # Errors
///
/// `Invalid` when an array is missing, or two do not fit together.
pub(super) fn network(npz: &[u8]) -> Result<Network> {
    let mut npz = Npz::read(npz)?;
    let words = words(&mut npz)?;
    let epsilon = npz.number("eps")? as f32;
    let mut beginnings = Beginnings::default();
    let mut branches = Vec::with_capacity(WINDOWS.len());
    for (width, n_left) in WINDOWS {
        let columns = beginnings.read(&mut npz, width, words.n_columns)?;
        branches.push(branch(&mut npz, width, n_left, columns)?);
    }
    let n_features = words.n_columns + beginnings.bias.len();
    let (projection, projection_norm) = beginnings.joined(epsilon);
    let norm = norm(&mut npz, "ln_g", "ln_b", n_features, epsilon)?;
    let mixing = dense(&mut npz, "cnn_W", "cnn_b", n_features)?;
    let head = head(&mut npz, mixing.bias.len())?;
    Ok(Network { words, projection, projection_norm, branches, norm, mixing, head })
}

fn words(npz: &mut Npz<'_>) -> Result<Words> {
    let (scales, lowest) = (npz.row("scale")?, npz.row("lo")?);
    if scales.len() != lowest.len() || scales.is_empty() || scales.len() > MAX_SHARES {
        return Err(misfit("scale"));
    }
    let mut shares = Vec::with_capacity(scales.len());
    let mut n_columns = None;
    for (at, (scale, lowest)) in scales.into_iter().zip(lowest).enumerate() {
        let name = format!("q{}", at + 1);
        let (n, steps) = npz.bytes(&name)?;
        if n == 0 || *n_columns.get_or_insert(n) != n {
            return Err(misfit(&name));
        }
        shares.push(Share { steps, scale, lowest });
    }
    Ok(Words { shares, n_columns: n_columns.unwrap_or_default() })
}

/// What the branches begin with: apart in the file, but one layer, under one norm.
#[derive(Default)]
struct Beginnings {
    weights: Vec<Matrix>,
    bias: Vec<f32>,
    norm_gain: Vec<f32>,
    norm_bias: Vec<f32>,
}

impl Beginnings {
    /// Reads those of one branch and returns their columns.
    fn read(&mut self, npz: &mut Npz<'_>, width: usize, n_rows: usize) -> Result<Range<usize>> {
        let part = dense(npz, &format!("proj{width}"), &format!("proj_b{width}"), n_rows)?;
        let (start, n) = (self.bias.len(), part.bias.len());
        self.weights.push(part.weights);
        self.bias.extend(part.bias);
        self.norm_gain.extend(row(npz, &format!("ln_g{width}"), n)?);
        self.norm_bias.extend(row(npz, &format!("ln_b{width}"), n)?);
        Ok(start..start + n)
    }

    fn joined(self, epsilon: f32) -> (Dense, Norm) {
        let dense = Dense { weights: Matrix::beside(&self.weights), bias: self.bias };
        (dense, Norm { gain: self.norm_gain, bias: self.norm_bias, epsilon })
    }
}

fn branch(npz: &mut Npz<'_>, width: usize, n_left: usize, columns: Range<usize>) -> Result<Branch> {
    let n = columns.len();
    Ok(Branch {
        columns,
        first: convolution(npz, &format!("w1_{width}"), &format!("b1_{width}"), width, n_left, n)?,
        second: convolution(npz, &format!("w2_{width}"), &format!("b2_{width}"), width, n_left, n)?,
    })
}

/// The file has the places of a window below each other in one table.
fn convolution(
    npz: &mut Npz<'_>,
    weights: &str,
    bias: &str,
    width: usize,
    n_left: usize,
    n: usize,
) -> Result<Convolution> {
    let stacked = table(npz, weights, n.saturating_mul(width), n)?;
    let bias = row(npz, bias, n)?;
    let slots = stacked.values().chunks_exact(n.saturating_mul(n)).map(|slot| Matrix::new(n, slot.to_vec()));
    let slots: Option<Vec<_>> = slots.collect();
    Ok(Convolution { slots: slots.ok_or_else(|| misfit(weights))?, bias, n_left })
}

fn head(npz: &mut Npz<'_>, n: usize) -> Result<Head> {
    let first = residual(npz, ["d0", "d1", "p1"], n)?;
    let second = residual(npz, ["d2", "d3", "p3"], first.outer.n_columns())?;
    Ok(Head { first, second })
}

fn residual(npz: &mut Npz<'_>, [inner, outer, shortcut]: [&str; 3], n: usize) -> Result<Residual> {
    let block =
        Residual { inner: npz.table(inner)?, outer: npz.table(outer)?, shortcut: npz.table(shortcut)? };
    if block.inner.n_rows() != n || block.outer.n_rows() != block.inner.n_columns() {
        return Err(misfit(inner));
    }
    if block.shortcut.n_rows() != n || block.shortcut.n_columns() != block.outer.n_columns() {
        return Err(misfit(shortcut));
    }
    Ok(block)
}

fn dense(npz: &mut Npz<'_>, weights: &str, bias: &str, n_rows: usize) -> Result<Dense> {
    let table = npz.table(weights)?;
    if table.n_rows() != n_rows {
        return Err(misfit(weights));
    }
    let bias = row(npz, bias, table.n_columns())?;
    Ok(Dense { weights: table, bias })
}

fn norm(npz: &mut Npz<'_>, gain: &str, bias: &str, n: usize, epsilon: f32) -> Result<Norm> {
    Ok(Norm { gain: row(npz, gain, n)?, bias: row(npz, bias, n)?, epsilon })
}

fn table(npz: &mut Npz<'_>, name: &str, n_rows: usize, n_columns: usize) -> Result<Matrix> {
    let table = npz.table(name)?;
    let fits = table.n_rows() == n_rows && table.n_columns() == n_columns;
    if fits { Ok(table) } else { Err(misfit(name)) }
}

fn row(npz: &mut Npz<'_>, name: &str, n: usize) -> Result<Vec<f32>> {
    let row = npz.row(name)?;
    if row.len() == n { Ok(row) } else { Err(misfit(name)) }
}

fn misfit(name: &str) -> Error {
    Kind::Invalid.error(format!("array `{name}` of the weights does not fit to the others"))
}
