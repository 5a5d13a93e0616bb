//! Tables drawn with characters: grid tables and simple ones. <https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#tables>

use super::{
    super::draft::{Draft, lines},
    inline::plain,
};

/// Lines of one table.
const MAX_LINES: usize = 5_000;

/// Tells whether a line is the border of a table.
pub fn begins(line: &str) -> bool {
    is_grid_border(line) || is_simple_border(line)
}

/// Reads the table that begins at a line into the draft and returns the line behind it; `None` where there is none.
pub fn read(source: &[&str], at: usize, draft: &mut Draft) -> Option<usize> {
    let first = source.get(at)?.trim();
    if is_grid_border(first) {
        return read_grid(source, at, draft);
    }
    if is_simple_border(first) {
        return read_simple(source, at, draft);
    }
    None
}

fn is_grid_border(line: &str) -> bool {
    line.starts_with("+-") && line.ends_with('+') && line.chars().all(|letter| "+-=".contains(letter))
}

fn is_simple_border(line: &str) -> bool {
    line.starts_with("==") && line.contains(' ') && line.chars().all(|letter| "= ".contains(letter))
}

fn read_grid(source: &[&str], at: usize, draft: &mut Draft) -> Option<usize> {
    let mut cells: Vec<String> = Vec::new();
    let mut row_start = at + 1;
    let mut end = at + 1;
    for (index, line) in source.iter().enumerate().skip(at + 1).take(MAX_LINES) {
        let line = line.trim();
        if line.starts_with('+') {
            draft.row(&cells, lines(row_start + 1, index));
            cells.clear();
            row_start = index + 1;
        } else if let Some(inner) = line.strip_prefix('|') {
            let parts = inner.trim_end_matches('|').split('|');
            add_parts(&mut cells, parts.map(str::trim));
        } else {
            break;
        }
        end = index + 1;
    }
    draft.row(&cells, lines(row_start + 1, end));
    Some(end)
}

fn read_simple(source: &[&str], at: usize, draft: &mut Draft) -> Option<usize> {
    let border = source.get(at)?.trim_end();
    let mut columns = Vec::new();
    let mut before = ' ';
    for (column, letter) in border.chars().enumerate() {
        if letter == '=' && before != '=' {
            columns.push(column);
        }
        before = letter;
    }
    let last = last_border(source, at)?;
    let mut cells: Vec<String> = Vec::new();
    let mut row_start = at + 1;
    for (index, line) in source.iter().enumerate().take(last).skip(at + 1) {
        let is_border = line.trim().chars().all(|letter| "=- ".contains(letter));
        let parts = split_at_columns(line, &columns);
        // A row goes on below where its first cell is blank.
        let is_new = parts.first().is_some_and(|first| !first.is_empty());
        if is_border || is_new {
            draft.row(&cells, lines(row_start + 1, index));
            cells.clear();
            row_start = index;
        }
        if !is_border {
            add_parts(&mut cells, parts.iter().map(String::as_str));
        }
    }
    draft.row(&cells, lines(row_start + 1, last));
    Some(last + 1)
}

/// Returns the border that ends a simple table: the last one that no line of prose stands before.
fn last_border(source: &[&str], at: usize) -> Option<usize> {
    let mut last = None;
    let mut n_borders = 0;
    for (index, line) in source.iter().enumerate().skip(at + 1).take(MAX_LINES) {
        if is_simple_border(line.trim()) {
            last = Some(index);
            n_borders += 1;
            // Above the head, below it, at the end; without a head, above and at the end.
            let goes_on = source.get(index + 1).is_some_and(|next| !next.trim().is_empty());
            if n_borders == 2 || !goes_on {
                break;
            }
        }
    }
    last
}

fn split_at_columns(line: &str, columns: &[usize]) -> Vec<String> {
    let letters: Vec<char> = line.trim_end().chars().collect();
    let ends = columns.iter().skip(1).copied().chain([usize::MAX]);
    let cell = |(&start, end): (&usize, usize)| {
        let cell: String = letters.iter().take(end).skip(start).collect();
        cell.trim().to_owned()
    };
    columns.iter().zip(ends).map(cell).collect()
}

fn add_parts<'a>(cells: &mut Vec<String>, parts: impl Iterator<Item = &'a str>) {
    for (index, part) in parts.enumerate() {
        match cells.get_mut(index) {
            Some(cell) => {
                cell.push(' ');
                cell.push_str(&plain(part));
            }
            None => cells.push(plain(part)),
        }
    }
}
