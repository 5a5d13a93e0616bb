//! A changed place of a file: its lines, its line numbers, and the functions that stand there.

use std::collections::BTreeSet;

use super::definition::definition;
use crate::blame::candidate::ChangedFile;

/// One changed place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// First changed line: after the change, or before it where lines were only taken away. Zero when the diff does not say.
    pub line: u32,
    /// Functions and types in which lines were changed, outermost first and as written; empty when none is known.
    pub functions: Vec<String>,
    /// All lines with their sign.
    pub lines: Vec<String>,
    /// The line behind `@@`; empty when there is none.
    pub context: String,
}

/// Cuts a changed file into its hunks. Lines before any `@@` are a hunk of their own.
pub fn hunks(file: &ChangedFile) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let mut header = "";
    let mut lines: Vec<String> = Vec::new();
    let mut close = |header: &str, lines: &mut Vec<String>| {
        if lines.iter().any(|line| line.starts_with(['+', '-'])) {
            hunks.push(Hunk::of(header, std::mem::take(lines)));
        }
        lines.clear();
    };
    for line in &file.lines {
        if line.starts_with("@@") {
            close(header, &mut lines);
            header = line;
        } else {
            lines.push(line.clone());
        }
    }
    close(header, &mut lines);
    hunks
}

impl Hunk {
    fn of(header: &str, lines: Vec<String>) -> Self {
        let (start, context) = header_of(header);
        let before_change = lines.iter().take_while(|line| line.starts_with(' ')).count();
        let line =
            start.map_or(0, |start| start.saturating_add(u32::try_from(before_change).unwrap_or(0)).max(1));
        let mut functions: Vec<String> = Vec::new();
        let mut current = definition(context, true);
        for text in &lines {
            let code = text.get(1..).unwrap_or_default();
            if let Some(name) = definition(code, false) {
                current = Some(name);
            }
            let is_changed = text.starts_with(['+', '-']) && !code.trim().is_empty();
            if let Some(name) = current.as_ref().filter(|name| is_changed && !functions.contains(*name)) {
                functions.push(name.clone());
            }
        }
        Self { line, functions, lines, context: context.to_owned() }
    }

    /// Returns the lines of one side without their sign.
    pub fn side(&self, sign: char) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(move |line| line.strip_prefix(sign))
    }

    /// Returns lines of one side that the other side does not have, blanks at their ends aside.
    pub fn only(&self, sign: char) -> Vec<&str> {
        let other = if sign == '+' { '-' } else { '+' };
        let known: BTreeSet<&str> = self.side(other).map(str::trim).collect();
        self.side(sign).map(str::trim).filter(|line| !line.is_empty() && !known.contains(line)).collect()
    }

    /// Tells whether only blanks differ; where indentation is part of the language, only those at the ends of lines count as blanks.
    pub fn is_blank(&self, is_indentation_code: bool) -> bool {
        let text = |sign: char| -> String {
            let lines = self
                .lines
                .iter()
                .filter(|line| line.starts_with([' ', sign]))
                .filter_map(|line| line.get(1..));
            if is_indentation_code {
                let lines: Vec<&str> = lines.map(str::trim_end).filter(|line| !line.is_empty()).collect();
                return lines.join("\n");
            }
            lines.flat_map(|line| line.chars().filter(|c| !c.is_whitespace())).collect()
        };
        text('+') == text('-')
    }
}

/// Reads the first line after the change and the context of `@@ -1,2 +3,4 @@ context`; the short form has only the context.
fn header_of(header: &str) -> (Option<u32>, &str) {
    let Some(inside) = header.strip_prefix("@@") else { return (None, "") };
    let (numbers, context) = inside.split_once("@@").unwrap_or((inside, ""));
    let start = numbers.split_whitespace().find_map(|part| part.strip_prefix('+'));
    let start = start.and_then(|start| start.split(',').next()?.parse().ok());
    let context = if start.is_none() && context.trim().is_empty() { numbers } else { context };
    (start, context.trim())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &str) -> Vec<Hunk> {
        hunks(&ChangedFile { path: "a.rs".to_owned(), lines: lines.lines().map(str::to_owned).collect() })
    }

    #[test]
    fn a_hunk_knows_its_line_and_its_functions() {
        let found = of(
            "@@ -5,3 +5,4 @@ fn reserve() {\n     a();\n+    b();\n@@ -20,2 +21,9 @@\n }\n+fn other() {\n+    c();\n+}\n",
        );
        let told: Vec<_> = found.iter().map(|hunk| (hunk.line, hunk.functions.join(","))).collect();
        assert_eq!(told, [(6, "reserve".to_owned()), (22, "other".to_owned())]);
        assert_eq!(of("@@ fn a() { @@\n-x\n")[0].functions, ["a"]);
        assert!(of("-  a b\n+a  b\n")[0].is_blank(false));
        assert!(!of("-  a b\n+a b\n")[0].is_blank(true));
        assert!(!of("+lock();\n x();\n-lock();\n")[0].is_blank(false));
    }

    proptest! {
        #[test]
        fn any_lines_are_cut(lines in prop::collection::vec("(@@ ?-?\\+?[0-9]{0,12}|[ +-])[ -~]{0,30}", 0..12)) {
            hunks(&ChangedFile { path: String::new(), lines });
        }
    }
}
