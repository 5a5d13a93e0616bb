//! reStructuredText, as Docutils and Sphinx read it: <https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html>.

use super::{
    draft::{Draft, lines},
    front,
    plain::{indent, unindented},
};

mod inline;
mod table;

use inline::plain;

/// Directives whose content is code.
const CODE: &[&str] = &[
    "code",
    "code-block",
    "sourcecode",
    "parsed-literal",
    "doctest",
    "testcode",
    "testoutput",
    "prompt",
    "math",
    "productionlist",
    "highlight-block",
    "ipython",
    "console",
];

/// Directives that say nothing to a reader of text, with their content.
const SILENT: &[&str] = &[
    "raw",
    "toctree",
    "contents",
    "sectnum",
    "index",
    "highlight",
    "meta",
    "default-role",
    "role",
    "currentmodule",
    "module",
    "testsetup",
    "testcleanup",
    "graphviz",
    "plot",
    "tabularcolumns",
    "target-notes",
    "header",
    "footer",
    "spelling",
    "py:currentmodule",
];

/// Directives that take in another file; those of Sphinx that begin with `auto` take in code.
const INCLUDES: &[&str] = &["include", "literalinclude"];

/// Reads reStructuredText into the draft.
///
/// Sections by their adornment, directives and roles by their text, literal blocks as code, tables as rows. Fields at the top named as front matter is count as such. Comments and targets are left out; what would be taken in from another file is noted.
pub fn read(text: &str, draft: &mut Draft) {
    let source: Vec<&str> = text.lines().collect();
    let mut reading = Reading { draft, source: &source, adornments: Vec::new(), at: 0 };
    while reading.at < source.len() && !reading.draft.is_full() {
        let before = reading.at;
        reading.step();
        // Every step takes a line, or there would be no end.
        reading.at = reading.at.max(before + 1);
    }
}

/// Where in the lines reading stands.
struct Reading<'a> {
    draft: &'a mut Draft,
    source: &'a [&'a str],
    /// Adornments in the order in which they came: that is what makes levels.
    adornments: Vec<(char, bool)>,
    at: usize,
}

impl<'a> Reading<'a> {
    fn line(&self, at: usize) -> &'a str {
        self.source.get(at).copied().unwrap_or_default()
    }

    fn step(&mut self) {
        let line = self.line(self.at);
        let bare = line.trim();
        if bare.is_empty() || self.heading() {
            return;
        }
        if let Some(rest) = bare.strip_prefix("..").filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
            return self.explicit(rest.trim());
        }
        if bare.starts_with("__ ")
            || (is_adornment(bare).is_some() && bare.len() >= 4 && !table::begins(bare))
        {
            return;
        }
        if let Some(end) = table::read(self.source, self.at, self.draft) {
            self.at = end;
            return;
        }
        if bare.starts_with(">>> ") {
            let end = self.end_of_paragraph();
            return self.code(self.at, end);
        }
        if let Some((name, value)) = field(bare) {
            return self.field(name, value);
        }
        self.paragraph();
    }

    /// Takes a title with a line below it, or one above it too.
    fn heading(&mut self) -> bool {
        let line = self.line(self.at);
        let (is_over, title_at) = match is_adornment(line.trim_end()) {
            Some(mark) if is_adornment(self.line(self.at + 2).trim_end()) == Some(mark) => {
                (true, self.at + 1)
            }
            _ => (false, self.at),
        };
        let title = self.line(title_at).trim_end();
        let below = self.line(title_at + 1).trim_end();
        let Some(mark) = is_adornment(below) else {
            return false;
        };
        let is_title = !title.trim().is_empty()
            && (is_over || !title.starts_with([' ', '\t']))
            && is_adornment(title).is_none()
            && (below.len() >= width(title) || below.len() >= 4)
            && (is_over
                || self.at == 0
                || self.line(self.at - 1).trim().is_empty()
                || is_adornment(self.line(self.at - 1)).is_some()
                || self.line(self.at - 1).starts_with(".. "));
        if !is_title {
            return false;
        }
        let adornment = (mark, is_over);
        let level = self.adornments.iter().position(|known| *known == adornment).unwrap_or_else(|| {
            self.adornments.push(adornment);
            self.adornments.len() - 1
        });
        let level = u32::try_from(level + 1).unwrap_or(u32::MAX);
        self.draft.heading(level, &plain(title), lines(self.at + 1, title_at + 2));
        self.at = title_at + 2;
        true
    }

    /// Takes what begins with two dots: a directive, a footnote, a target, a comment.
    fn explicit(&mut self, rest: &str) {
        let start = self.at;
        if let Some((name, argument)) = rest.split_once("::").filter(|(name, _)| is_directive(name)) {
            // `.. |name| image:: path`
            let name = name.rsplit(' ').next().unwrap_or(name).to_lowercase();
            return self.directive(&name, argument.trim());
        }
        if let Some((_, text)) = rest.strip_prefix('[').and_then(|note| note.split_once("] ")) {
            self.draft.item(
                &plain(&format!("{}: {text}", rest.split(' ').next().unwrap_or_default())),
                lines(start + 1, start + 1),
            );
            self.at += 1;
            return;
        }
        // Targets have one line; comments hold all that is indented below them.
        self.at += 1;
        if !rest.starts_with('_') {
            self.at = self.end_of_indented(start);
        }
    }

    fn directive(&mut self, name: &str, argument: &str) {
        let start = self.at;
        let place = lines(start + 1, start + 1);
        let is_include = INCLUDES.contains(&name) || name.starts_with("auto");
        if is_include {
            let argument: String = argument.chars().take(100).collect();
            self.draft.note(format!("`{name}` of `{}` was not followed", argument.escape_debug()));
        }
        if is_include || SILENT.contains(&name) {
            self.at = self.end_of_indented(start);
            return;
        }
        let mut content = start + 1;
        let mut alt = None;
        // Options stand directly below; a blank line ends them.
        while content < self.source.len() {
            let Some((option, value)) = field(self.line(content).trim()) else { break };
            if option == "alt" {
                alt = Some(value.to_owned());
            }
            content += 1;
        }
        if CODE.contains(&name) {
            if name == "math" || name == "parsed-literal" {
                self.draft.prose(argument, place);
            }
            return self.code(content, self.end_of_indented(start).max(content));
        }
        if ["image", "figure", "replace", "unicode", "date"].contains(&name) {
            self.draft.prose(alt.as_deref().unwrap_or_default(), place);
        } else {
            let label = match name {
                "note" | "warning" | "caution" | "danger" | "attention" | "error" | "hint" | "important"
                | "tip" | "seealso" | "todo" | "deprecated" | "versionadded" | "versionchanged" => {
                    format!("{name}: ")
                }
                _ => String::new(),
            };
            self.draft.prose(&format!("{label}{}", plain(argument)), place);
        }
        // Its content is text like any other, read on from here.
        self.at = content;
    }

    fn field(&mut self, name: &str, value: &str) {
        let place = lines(self.at + 1, self.at + 1);
        if !self.draft.front.take(name, front::listed(value)) {
            self.draft.item(&format!("- {name}: {}", plain(value)), place);
        }
        self.at += 1;
    }

    fn paragraph(&mut self) {
        let start = self.at;
        let mark = mark_length(self.line(start).trim());
        let mut end = start + 1;
        while end < self.source.len() {
            let line = self.line(end).trim();
            let is_next = line.is_empty()
                || mark_length(line) > 0
                || line.starts_with(".. ")
                || (field(line).is_some() && mark == 0)
                || (is_adornment(line).is_some() && line.len() >= 4);
            if is_next {
                break;
            }
            end += 1;
        }
        let text = self.source.get(start..end).unwrap_or_default();
        let text = text.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
        let is_before_code = text.ends_with("::");
        let text = match text.strip_suffix("::") {
            Some(text) if text.is_empty() || text.ends_with([' ', '\n']) => text.trim_end().to_owned(),
            Some(text) => format!("{text}:"),
            None => text,
        };
        let place = lines(start + 1, end);
        if mark > 0 {
            let depth = (indent(self.line(start)) / 2).min(8);
            self.draft.item(&format!("{}{}", "  ".repeat(depth), plain(&text)), place);
        } else {
            self.draft.prose(&plain(&text), place);
        }
        self.at = end;
        if is_before_code {
            let blank = (end..self.source.len()).take_while(|&at| self.line(at).trim().is_empty()).count();
            let begin = end + blank;
            if begin < self.source.len() && indent(self.line(begin)) > indent(self.line(start)) {
                let end = self.end_of_indented_by(begin, indent(self.line(start)));
                self.code(begin, end);
            }
        }
    }

    fn code(&mut self, start: usize, end: usize) {
        let block = self.source.get(start..end).unwrap_or_default();
        let shared =
            block.iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min().unwrap_or(0);
        let text: Vec<_> = block.iter().map(|line| unindented(line, shared)).collect();
        self.draft.code(&text.join("\n"), lines(start + 1, end));
        self.at = end;
    }

    fn end_of_paragraph(&self) -> usize {
        (self.at..self.source.len()).find(|&at| self.line(at).trim().is_empty()).unwrap_or(self.source.len())
    }

    /// Returns where what is indented below a line ends.
    fn end_of_indented(&self, at: usize) -> usize {
        self.end_of_indented_by(at + 1, indent(self.line(at)))
    }

    fn end_of_indented_by(&self, from: usize, outer: usize) -> usize {
        let mut end = from;
        for at in from..self.source.len() {
            let line = self.line(at);
            if line.trim().is_empty() {
                continue;
            }
            if indent(line) <= outer {
                break;
            }
            end = at + 1;
        }
        end
    }
}

/// Returns the mark of a line that consists of one mark, at least two of it.
fn is_adornment(line: &str) -> Option<char> {
    let mark = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() >= 2 && line.chars().all(|letter| letter == mark)).then_some(mark)
}

/// Returns how wide a title is shown: East Asian letters are two columns wide.
fn width(title: &str) -> usize {
    title.chars().map(|letter| if super::chunks::is_wide(letter) { 2 } else { 1 }).sum()
}

fn is_directive(name: &str) -> bool {
    let bare = name.rsplit(' ').next().unwrap_or(name);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.+:".contains(letter);
    !bare.is_empty() && bare.chars().all(is_name) && (bare == name || name.starts_with('|'))
}

/// Reads `:name: value`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix(':')?.split_once(':')?;
    let is_field = !name.is_empty() && !name.starts_with(' ') && (value.is_empty() || value.starts_with(' '));
    is_field.then(|| (name, value.trim()))
}

/// Returns the length of an item's mark in bytes; 0 for no item.
fn mark_length(line: &str) -> usize {
    if ["- ", "* ", "+ ", "• "].iter().any(|mark| line.starts_with(mark)) {
        return 2;
    }
    if line.starts_with("#. ") {
        return 3;
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let is_numbered = (1..=3).contains(&digits)
        && line.get(digits..).is_some_and(|rest| rest.starts_with(". ") || rest.starts_with(") "));
    if is_numbered { digits + 2 } else { 0 }
}
