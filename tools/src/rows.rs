//! Writes lists of rows within a budget, and says what was left out.

use std::fmt::{self, Display};

use waggle_agent_core::Language;

/// Writes a count; `at least` before it when not all was read.
pub(crate) fn at_least(n: u64, is_cut: bool, language: Language) -> String {
    match is_cut {
        true => language.pick(format!("at least {n}"), format!("至少 {n}")),
        false => n.to_string(),
    }
}

/// Writes up to `limit` rows, one a line, and how many more there were.
pub(crate) fn write_rows<T: Display>(
    f: &mut fmt::Formatter<'_>,
    rows: impl ExactSizeIterator<Item = T>,
    limit: usize,
) -> fmt::Result {
    let n_rows = rows.len();
    for row in rows.take(limit) {
        writeln!(f, "- {row}")?;
    }
    if n_rows > limit {
        writeln!(f, "… {} more", n_rows - limit)?;
    }
    Ok(())
}
