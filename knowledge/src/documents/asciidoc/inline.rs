//! Marks within a line of AsciiDoc.

use std::collections::HashMap;

/// Longest target or text of a macro in bytes; what has no end is no macro.
const MAX_MACRO: usize = 1_000;

/// Longest name of a macro in bytes.
const MAX_NAME: usize = 10;

/// Returns text by what a reader sees: attributes by their values, links with their address behind their text, references by their text, footnotes in brackets. Stars, lines and backticks of emphasis stay.
pub fn plain(text: &str, attributes: &HashMap<&str, &str>) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '<', '[', ':']) {
        plain.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let taken = take_mark(rest, &mut plain, attributes);
        rest = rest.get(taken..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// Writes what a mark means, and returns how many bytes it takes; at least one.
fn take_mark(text: &str, plain: &mut String, attributes: &HashMap<&str, &str>) -> usize {
    let inner = |start: &str, end: &str| within(text.strip_prefix(start)?, end);
    if let Some(name) = inner("{", "}")
        && let Some(value) = attributes.get(name)
    {
        plain.push_str(value);
        return name.len() + 2;
    }
    // A reference to a section: `<<id,text>>`.
    if let Some(reference) = inner("<<", ">>") {
        plain.push_str(reference.split_once(',').map_or(reference, |(_, shown)| shown.trim()));
        return reference.len() + 4;
    }
    // An anchor: `[[id]]`.
    if let Some(anchor) = inner("[[", "]]") {
        return anchor.len() + 4;
    }
    if text.starts_with(':')
        && let Some(taken) = take_macro(text, plain)
    {
        return taken;
    }
    let letter = text.chars().next().unwrap_or(' ');
    plain.push(letter);
    letter.len_utf8()
}

/// Takes `name:target[text]` from its colon; the name is the last word that was written.
fn take_macro(text: &str, plain: &mut String) -> Option<usize> {
    // Names are short, and looking further back would cost time in the square of the text.
    let length = plain.bytes().rev().take(MAX_NAME).take_while(u8::is_ascii_alphanumeric).count();
    let name_at = plain.len() - length;
    let name = plain.get(name_at..)?.to_owned();
    let target = within(text.strip_prefix(':')?, "[")?;
    let shown = within(text.get(target.len() + 2..)?, "]")?;
    if target.contains(char::is_whitespace) {
        return None;
    }
    let label =
        shown.split_once(",window=").map_or(shown, |(label, _)| label).trim_matches('^').trim_matches('"');
    let written = match name.as_str() {
        "http" | "https" if target.starts_with("//") => web(label, &format!("{name}:{target}")),
        "link" if target.starts_with("http") => web(label, target),
        "link" | "xref" | "image" | "mailto" => {
            if label.is_empty() {
                target.to_owned()
            } else {
                label.to_owned()
            }
        }
        "kbd" | "btn" | "menu" | "pass" | "stem" | "term" => [target, label].concat(),
        "footnote" => format!(" [{label}]"),
        _ => return None,
    };
    plain.truncate(name_at);
    plain.push_str(&written);
    Some(target.len() + shown.len() + 3)
}

fn web(label: &str, address: &str) -> String {
    if label.is_empty() { address.to_owned() } else { format!("{label} <{address}>") }
}

/// Returns what stands before `end`, if that is on the same line and near.
fn within<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let mut bound = text.len().min(MAX_MACRO);
    while !text.is_char_boundary(bound) {
        bound -= 1;
    }
    let near = text.get(..bound)?;
    let inner = near.get(..near.find(end)?)?;
    (!inner.contains('\n')).then_some(inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_become_what_a_reader_sees() {
        let attributes = HashMap::from([("product", "Shop")]);
        let cases = [
            ("Restart {product}, not {other}.", "Restart Shop, not {other}."),
            ("See https://docs.example/a[the docs^] now", "See the docs <https://docs.example/a> now"),
            ("https://docs.example/b[] and link:guide.html[guide]", "https://docs.example/b and guide"),
            ("<<steps,the steps>> [[anchor]]here, xref:a.adoc#b[there]", "the steps here, there"),
            ("Press kbd:[Ctrl+C] at 12:30", "Press Ctrl+C at 12:30"),
            ("磁盘footnote:[已满]。", "磁盘 [已满]。"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text, &attributes), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_reads(text in "([a-z长 \n]|[{}<>:,\\[\\]]|link:|http){0,80}") {
            let plain = plain(&text, &HashMap::new());
            prop_assert!(plain.len() <= 2 * text.len() + 10);
        }
    }
}
