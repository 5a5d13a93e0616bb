//! Logical lines of Python: what brackets, backslashes and triple quotes join is one. Source: "The Python Language Reference", section 2.1.

/// One logical line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Columns before it; a tab goes to the next multiple of eight.
    pub(super) indent: usize,
    /// Its text without comments. Long strings that do not begin it are cut to `"…"`.
    pub(super) text: String,
    /// The value of a string that begins it, and its end.
    pub(super) string: Option<String>,
}

/// Bytes of a line, lines of a file.
const MAX_LINE: usize = 4_000;
const MAX_LINES: usize = 200_000;

/// Divides a file into logical lines; empty ones and comments are left out.
pub(super) fn lines(source: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut rest = source.trim_start_matches('\u{feff}');
    while !rest.is_empty() && lines.len() < MAX_LINES {
        let (line, after) = line(rest);
        lines.extend(line);
        rest = after;
    }
    lines
}

fn line(source: &str) -> (Option<Line>, &str) {
    let mut rest = source;
    let mut indent = 0;
    while let Some(c) = rest.chars().next() {
        match c {
            ' ' => indent += 1,
            '\t' => indent = (indent / 8 + 1) * 8,
            '\u{c}' => indent = 0,
            _ => break,
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    let mut line = Line { indent, text: String::new(), string: None };
    let mut n_open = 0_usize;
    while let Some(c) = rest.chars().next() {
        let push = |line: &mut Line, text: &str| {
            if line.text.len() + text.len() <= MAX_LINE {
                line.text.push_str(text);
            }
        };
        let mut length = c.len_utf8();
        match c {
            '\n' if n_open == 0 => {
                rest = rest.get(1..).unwrap_or_default();
                break;
            }
            '\n' | '\r' => push(&mut line, " "),
            '\\' if rest.starts_with("\\\n") => length = 2,
            '\\' if rest.starts_with("\\\r\n") => length = 3,
            '#' => length = rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => {
                let before = line.text.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
                let prefix =
                    line.text.get(line.text.len() - before..).unwrap_or_default().to_ascii_lowercase();
                let is_prefix = before <= 2 && prefix.chars().all(|it| "rbuf".contains(it));
                let (value, n_bytes) = string(rest);
                let is_first = is_prefix && line.text.len() == before && line.string.is_none();
                // Bytes and formatted strings are no docstrings.
                if is_first && !prefix.contains(['b', 'f']) {
                    line.string =
                        Some(if prefix.contains('r') { value.to_owned() } else { unescaped(value) });
                }
                let taken = rest.get(..n_bytes).unwrap_or(rest);
                push(&mut line, if taken.len() <= 60 && !taken.contains('\n') { taken } else { "\"…\"" });
                length = n_bytes;
            }
            '(' | '[' | '{' => {
                n_open += 1;
                push(&mut line, rest.get(..1).unwrap_or_default());
            }
            ')' | ']' | '}' => {
                n_open = n_open.saturating_sub(1);
                push(&mut line, rest.get(..1).unwrap_or_default());
            }
            _ => push(&mut line, rest.get(..length).unwrap_or_default()),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    line.text = line.text.split_whitespace().collect::<Vec<_>>().join(" ");
    ((!line.text.is_empty()).then_some(line), rest)
}

/// Returns the value of the string that a text begins with, and its length with quotes. One that does not end, ends with its line, or with the file when it is triple.
fn string(text: &str) -> (&str, usize) {
    let quote = text.get(..1).unwrap_or_default();
    let triple = quote.repeat(3);
    let (mark, is_triple) = if text.starts_with(&triple) { (triple.as_str(), true) } else { (quote, false) };
    let body = text.get(mark.len()..).unwrap_or_default();
    let mut is_escaped = false;
    for (at, c) in body.char_indices() {
        if is_escaped {
            is_escaped = false;
            continue;
        }
        if c == '\\' {
            is_escaped = true;
        } else if body.get(at..).is_some_and(|it| it.starts_with(mark)) {
            return (body.get(..at).unwrap_or_default(), at + mark.len() * 2);
        } else if c == '\n' && !is_triple {
            return (body.get(..at).unwrap_or_default(), at + mark.len());
        }
    }
    (body, text.len())
}

/// Resolves the escapes that documents have; others stay as they are written.
fn unescaped(value: &str) -> String {
    if !value.contains('\\') {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('\n') => {}
            Some(c @ ('\\' | '\'' | '"')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_joined_by_brackets_backslashes_and_quotes() {
        let source = "# a comment\n\"\"\"Doc \\\"x\\\"\n  more\"\"\"\ndef f(a, # why\n      b='):'):\n\tr'raw\\n'\nx = 1 + \\\n  2\nb'bytes'\n";
        let read: Vec<_> = lines(source).into_iter().map(|it| (it.indent, it.text, it.string)).collect();
        let wanted = [
            (0, "\"…\"", Some("Doc \"x\"\n  more")),
            (0, "def f(a, b='):'):", None),
            (8, "r'raw\\n'", Some("raw\\n")),
            (0, "x = 1 + 2", None),
            (0, "b'bytes'", None),
        ];
        assert_eq!(
            read,
            wanted.map(|(indent, text, string)| (indent, text.to_owned(), string.map(str::to_owned)))
        );
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "(?s).{0,120}", signs in "[\"'\\\\\n\t #(){}rbfé]{0,80}") {
            lines(&text);
            lines(&signs);
        }

        #[test]
        fn a_string_that_is_written_is_read(value in "[a-z \n\\\\\"]{0,40}") {
            let written = value.replace('\\', "\\\\").replace('"', "\\\"");
            let read = lines(&format!("\"\"\"{written}\"\"\""));
            prop_assert_eq!(read.first().unwrap().string.as_deref(), Some(value.as_str()));
        }
    }
}
