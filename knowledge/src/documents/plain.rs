//! Plain text: paragraphs between blank lines.

use super::{
    Reason,
    draft::{Draft, lines},
    front,
};

/// Spaces in front of every line of a paragraph that make it code, as in Markdown.
const CODE_INDENT: usize = 4;

/// Reads plain text into the draft: paragraphs, and indented ones as code.
///
/// # Errors
///
/// `UnknownAccess` when it begins with front matter that hides who may read it.
pub fn read(text: &str, draft: &mut Draft) -> Result<(), Reason> {
    let body = front::split(text, draft)?;
    let mut open: Vec<&str> = Vec::new();
    let mut first = body.first_line;
    for (index, line) in body.text.lines().chain([""]).enumerate() {
        let index = index + body.first_line - 1;
        if !line.trim().is_empty() {
            if open.is_empty() {
                first = index + 1;
            }
            open.push(line);
            continue;
        }
        if open.is_empty() {
            continue;
        }
        let place = lines(first, index);
        let is_code = open.iter().all(|line| line.starts_with('\t') || line.starts_with("    "));
        if is_code {
            let text: Vec<_> = open.iter().map(|line| unindented(line, CODE_INDENT)).collect();
            draft.code(&text.join("\n"), place);
        } else {
            draft.prose(&open.join("\n"), place);
        }
        open.clear();
    }
    Ok(())
}

/// Takes at most `n` spaces, or one tab, from the front.
pub fn unindented(line: &str, n: usize) -> &str {
    if let Some(rest) = line.strip_prefix('\t') {
        return rest;
    }
    let n_spaces = line.bytes().take(n).take_while(|&byte| byte == b' ').count();
    line.get(n_spaces..).unwrap_or_default()
}

/// Returns how many columns stand before the text of a line; a tab is eight.
pub fn indent(line: &str) -> usize {
    line.chars()
        .take_while(|letter| letter.is_whitespace())
        .map(|space| if space == '\t' { 8 } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{BlockKind, Format};

    #[test]
    fn paragraphs_and_code_keep_their_lines() {
        let mut draft = Draft::default();
        read("One\ntwo.\n\n\n    $ df -h\n\n        deep\nLast", &mut draft).unwrap();
        let parsed = draft.finish(Format::Plain, "notes.txt").unwrap();
        let told: Vec<_> = parsed.sections[0]
            .blocks
            .iter()
            .map(|block| (block.kind, block.text.as_str(), block.place.to_string()))
            .collect();
        let expected = [
            (BlockKind::Prose, "One\ntwo.", "lines 1-2".to_owned()),
            (BlockKind::Code, "$ df -h", "line 5".to_owned()),
            (BlockKind::Prose, "deep\nLast", "lines 7-8".to_owned()),
        ];
        assert_eq!(told, expected);
    }
}
