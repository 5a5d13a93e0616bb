//! AsciiDoc, as Asciidoctor reads it: <https://docs.asciidoctor.org/asciidoc/latest/>.

use std::collections::HashMap;

use super::{
    Reason,
    draft::{Draft, lines},
    front,
};

mod inline;

/// Attributes of one document.
const MAX_ATTRIBUTES: usize = 500;

/// Longest value of an attribute that is put in its place, bytes; so text cannot grow by much.
const MAX_VALUE: usize = 200;

/// Reads AsciiDoc into the draft.
///
/// Headings by `=`, listings and literals as code, tables as rows, attributes in their places. Attributes at the top named as front matter is count as such. Comments are left out, includes are noted, and both branches of a condition are kept.
///
/// # Errors
///
/// `UnknownAccess` for front matter as [`front::split`] says.
pub fn read(text: &str, draft: &mut Draft) -> Result<(), Reason> {
    let body = front::split(text, draft)?;
    let source: Vec<&str> = body.text.lines().collect();
    let mut reading =
        Reading { draft, source: &source, base: body.first_line, at: 0, attributes: HashMap::new() };
    while reading.at < source.len() && !reading.draft.is_full() {
        let before = reading.at;
        reading.step();
        reading.at = reading.at.max(before + 1);
    }
    Ok(())
}

/// Where in the lines reading stands.
struct Reading<'a> {
    draft: &'a mut Draft,
    source: &'a [&'a str],
    base: usize,
    at: usize,
    attributes: HashMap<&'a str, &'a str>,
}

impl<'a> Reading<'a> {
    fn line(&self, at: usize) -> &'a str {
        self.source.get(at).copied().unwrap_or_default().trim_end()
    }

    fn place(&self, from: usize, to: usize) -> super::Place {
        lines(self.base + from, self.base + to.saturating_sub(1).max(from))
    }

    fn step(&mut self) {
        let at = self.at;
        let line = self.line(at);
        let is_aside =
            line.is_empty() || line == "+" || line == "'''" || line == "<<<" || is_conditional(line);
        if is_aside || (line.starts_with("//") && !is_fence(line, '/')) {
            return;
        }
        if let Some((level, title)) = heading(line) {
            let title = self.plain(title);
            let place = self.place(at, at + 1);
            return self.draft.heading(level, &title, place);
        }
        if let Some((name, value)) = attribute(line) {
            return self.attribute(name, value);
        }
        if line.starts_with("|===") || line.starts_with("!===") || line == ",===" {
            return self.table(line);
        }
        if self.delimited(line) || self.block_line(line) {
            return;
        }
        self.paragraph();
    }

    fn attribute(&mut self, name: &'a str, value: &'a str) {
        if name.starts_with('!') || name.ends_with('!') {
            self.attributes.remove(name.trim_matches('!'));
            return;
        }
        if name == "title" {
            self.draft.title = Some(value.to_owned());
        }
        self.draft.front.take(name, front::listed(value));
        if self.attributes.len() < MAX_ATTRIBUTES && value.len() <= MAX_VALUE {
            self.attributes.insert(name, value);
        }
    }

    /// Takes what stands between two equal lines.
    fn delimited(&mut self, line: &str) -> bool {
        let is_markdown = line.starts_with("```");
        let Some(mark) = ['-', '.', '/', '+']
            .into_iter()
            .find(|&mark| is_fence(line, mark))
            .or(is_markdown.then_some('`'))
        else {
            // Other blocks hold text like any other; their borders say nothing.
            return ['=', '*', '_'].into_iter().any(|mark| is_fence(line, mark)) || line == "--";
        };
        let end_line = if is_markdown { "```" } else { line };
        let start = self.at + 1;
        let end =
            (start..self.source.len()).find(|&at| self.line(at) == end_line).unwrap_or(self.source.len());
        let block = self.source.get(start..end).unwrap_or_default().join("\n");
        let place = self.place(start, end);
        match mark {
            '/' => {}
            // Passed through as HTML.
            '+' => super::html::read_fragment(&block, place, self.draft),
            _ => self.draft.code(&block, place),
        }
        self.at = end + 1;
        true
    }

    /// Takes a line that is a block by itself: attributes of the next block, its title, a macro.
    fn block_line(&mut self, line: &str) -> bool {
        let place = self.place(self.at, self.at + 1);
        if line.starts_with('[') && line.ends_with(']') {
            let inner = line.trim_matches(['[', ']']);
            let name = inner.split([',', '.', '#', '%']).next().unwrap_or_default();
            if ["NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION"].contains(&name) {
                self.draft.prose(&format!("{name}:"), place);
            }
            return true;
        }
        if let Some(title) = line
            .strip_prefix('.')
            .filter(|rest| rest.starts_with(|letter: char| !letter.is_whitespace() && letter != '.'))
        {
            let title = self.plain(title);
            self.draft.prose(&title, place);
            return true;
        }
        let Some((name, rest)) = line.split_once("::").filter(|(_, rest)| rest.ends_with(']')) else {
            return false;
        };
        let (target, shown) = rest.split_once('[').unwrap_or((rest, ""));
        match name {
            "include" => {
                let target: String = target.chars().take(100).collect();
                self.draft.note(format!("`include` of `{}` was not followed", target.escape_debug()));
            }
            "image" | "video" | "audio" => {
                let shown = shown.split([',', ']']).next().unwrap_or_default();
                self.draft.prose(shown, place);
            }
            "toc" => {}
            _ => return false,
        }
        true
    }

    fn table(&mut self, border: &str) {
        let start = self.at + 1;
        let end = (start..self.source.len()).find(|&at| self.line(at) == border).unwrap_or(self.source.len());
        let separator = match border.chars().next() {
            Some('!') => '!',
            Some(',') => ',',
            _ => '|',
        };
        let (mut n_columns, mut cells, mut row_start) = (None, Vec::<String>::new(), start);
        for at in start..end {
            let line = self.line(at);
            if line.is_empty() {
                continue;
            }
            let mut parts = line.split(separator);
            // What stands before the first mark goes on from the line above, or says how cells are shown.
            let before = if separator == ',' { "" } else { parts.next().unwrap_or_default() };
            if let Some(last) =
                cells.last_mut().filter(|_| !before.trim().is_empty() && !is_cell_form(before))
            {
                last.push(' ');
                last.push_str(&inline::plain(before, &self.attributes));
            }
            let found: Vec<_> =
                parts.map(|part| inline::plain(without_form(part), &self.attributes)).collect();
            if found.is_empty() {
                continue;
            }
            // The first line with cells says how many there are in a row.
            let wanted = *n_columns.get_or_insert(found.len());
            for cell in found {
                if cells.len() >= wanted.max(1) {
                    let place = self.place(row_start, at);
                    self.draft.row(&cells, place);
                    cells.clear();
                }
                if cells.is_empty() {
                    row_start = at;
                }
                cells.push(cell);
            }
        }
        let place = self.place(row_start, end);
        self.draft.row(&cells, place);
        self.at = end + 1;
    }

    fn paragraph(&mut self) {
        let start = self.at;
        let first = self.line(start);
        let item = item(first);
        let is_literal = first.starts_with(' ') && item.is_none();
        let mut end = start + 1;
        while end < self.source.len() {
            let line = self.line(end);
            let is_next = line.is_empty()
                || line == "+"
                || starts_block(line)
                || (!is_literal && self::item(line).is_some());
            if is_next {
                break;
            }
            end += 1;
        }
        let block = self.source.get(start..end).unwrap_or_default();
        let place = self.place(start, end);
        self.at = end;
        if is_literal {
            return self.draft.code(&block.join("\n"), place);
        }
        let text = block.iter().map(|line| line.trim().trim_end_matches(" +")).collect::<Vec<_>>().join("\n");
        match item {
            Some((depth, mark)) => {
                let rest = text.get(mark.len()..).unwrap_or_default().trim_start();
                let shown = if mark.starts_with(|letter: char| letter.is_ascii_digit()) { mark } else { "-" };
                let text = format!("{}{shown} {}", "  ".repeat(depth.min(8)), self.plain(rest));
                self.draft.item(&text, place);
            }
            None => {
                let text = self.plain(&text.replace(":: ", ": "));
                self.draft.prose(text.strip_suffix("::").unwrap_or(&text), place);
            }
        }
    }

    fn plain(&self, text: &str) -> String {
        inline::plain(text, &self.attributes)
    }
}

/// Reads `== Title`, and Markdown's `## Title`, which is read as well. The title of the document has level 1.
fn heading(line: &str) -> Option<(u32, &str)> {
    let mark = line.chars().next().filter(|mark| "=#".contains(*mark))?;
    let rest = line.trim_start_matches(mark);
    let level = line.len() - rest.len();
    let title = rest.strip_prefix(' ')?.trim();
    let is_heading = (1..=6).contains(&level) && !title.is_empty();
    is_heading.then(|| (u32::try_from(level).unwrap_or(1), title))
}

/// Reads `:name: value`.
fn attribute(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix(':')?.split_once(':')?;
    let is_name = |letter: char| letter.is_alphanumeric() || "-_!".contains(letter);
    let is_attribute =
        !name.is_empty() && name.chars().all(is_name) && (value.is_empty() || value.starts_with(' '));
    is_attribute.then(|| (name, value.trim()))
}

fn is_conditional(line: &str) -> bool {
    ["ifdef::", "ifndef::", "ifeval::", "endif::"].iter().any(|start| line.starts_with(start))
}

/// Tells whether a line is four or more of one mark.
fn is_fence(line: &str, mark: char) -> bool {
    line.len() >= 4 && line.chars().all(|letter| letter == mark)
}

fn starts_block(line: &str) -> bool {
    ['-', '.', '/', '+', '=', '*', '_'].into_iter().any(|mark| is_fence(line, mark))
        || line.starts_with("|===")
        || line.starts_with("```")
        || (line.starts_with('[') && line.ends_with(']'))
}

/// Returns the depth and the mark of an item of a list.
fn item(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start();
    let mark = line.split(' ').next().filter(|mark| mark.len() < line.len())?;
    let is_run =
        |letter: char| !mark.is_empty() && mark.len() <= 6 && mark.chars().all(|other| other == letter);
    if is_run('*') || is_run('.') || mark == "-" {
        return Some((mark.len() - 1, mark));
    }
    let is_numbered = mark.len() <= 4
        && mark
            .strip_suffix('.')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    is_numbered.then_some((0, mark))
}

/// Tells whether what stands before a cell says only how it is shown, such as `2+` or `a`.
fn is_cell_form(text: &str) -> bool {
    let text = text.trim();
    text.len() <= 8 && text.chars().all(|letter| letter.is_ascii_digit() || "+.*<>^aehlmsd".contains(letter))
}

/// Takes the form of the next cell from the end of this one: in `a 2+|b` it stands before the mark.
fn without_form(cell: &str) -> &str {
    let cell = cell.trim_end();
    match cell.rsplit_once(' ') {
        Some((text, form)) if form.ends_with(['+', '*', '^', '<', '>']) && is_cell_form(form) => text.trim(),
        _ => cell.trim(),
    }
}
