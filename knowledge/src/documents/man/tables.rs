//! Tables of manual pages, as the preprocessor tbl reads them. <https://man7.org/linux/man-pages/man1/tbl.1.html>

use super::{
    super::draft::{Draft, lines},
    escapes::plain,
};

/// Lines of one table.
const MAX_LINES: usize = 5_000;

/// Reads the table that begins at a line into the draft, and returns the line behind it.
pub fn read(source: &[&str], at: usize, draft: &mut Draft) -> usize {
    let mut separator = '\t';
    let mut is_head = true;
    let mut cells: Vec<String> = Vec::new();
    let mut is_block = false;
    let mut row_start = at + 1;
    for (index, line) in source.iter().enumerate().skip(at + 1).take(MAX_LINES) {
        if line.starts_with(".TE") {
            return index + 1;
        }
        if is_head {
            // Options end in a semicolon, formats in a full stop.
            let option = line.split_once("tab(").and_then(|(_, rest)| rest.chars().next());
            separator = option.unwrap_or(separator);
            is_head = !line.trim_end().ends_with('.');
            continue;
        }
        if line.starts_with(".T&") {
            is_head = true;
            continue;
        }
        if cells.is_empty() {
            row_start = index;
        }
        let is_drawn = ["_", "="].contains(&line.trim());
        if is_drawn || (line.starts_with('.') && !is_block) {
            continue;
        }
        // A cell of several lines stands between `T{` and `T}`.
        if is_block {
            match line.strip_prefix("T}") {
                Some(rest) => {
                    is_block = add(&mut cells, rest.split(separator).skip(1));
                }
                None => {
                    let text = line
                        .strip_prefix('.')
                        .map_or(*line, |control| control.split_once(' ').map_or("", |(_, rest)| rest));
                    if let Some(cell) = cells.last_mut() {
                        cell.push(' ');
                        cell.push_str(&plain(text));
                    }
                }
            }
        } else {
            is_block = add(&mut cells, line.split(separator));
        }
        if !is_block {
            draft.row(&cells, lines(row_start + 1, index + 1));
            cells.clear();
        }
    }
    draft.row(&cells, lines(row_start + 1, source.len()));
    (at + 1 + MAX_LINES).min(source.len())
}

/// Adds cells; tells whether the last one goes on in the lines below.
fn add<'a>(cells: &mut Vec<String>, parts: impl Iterator<Item = &'a str>) -> bool {
    let mut is_block = false;
    for part in parts {
        is_block = part.trim() == "T{";
        cells.push(if is_block { String::new() } else { plain(part) });
    }
    is_block
}
