//! Docstrings and signatures out of Python source, by indentation alone.

use std::collections::HashMap;

use super::lines::{Line, lines};
use crate::library::pages::Drawn;

/// What a module says of itself and of what it defines, in the order of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Module {
    text: String,
    items: Vec<Item>,
}

/// A class or a function, not one within a function.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    /// `Session.request`.
    path: String,
    signatures: Vec<String>,
    text: String,
    is_class: bool,
}

/// Items of one module, signatures of one item.
const MAX_ITEMS: usize = 5_000;
const MAX_SIGNATURES: usize = 12;

/// Reads a source file or a stub.
pub(super) fn module(source: &str) -> Module {
    let mut module = Module::default();
    // What is open: its indentation, its path, and whether it is a class.
    let mut open: Vec<(usize, String, bool)> = Vec::new();
    let mut decorators: Vec<String> = Vec::new();
    let mut is_first = true;
    let mut waits: Option<(usize, usize)> = None;
    for Line { indent, text, string } in lines(source) {
        if let Some((item, above)) = waits.take()
            && let Some(string) = string.as_ref().filter(|_| indent > above)
        {
            if let Some(item) = module.items.get_mut(item) {
                item.text = trimmed(string);
            }
            continue;
        }
        if std::mem::take(&mut is_first)
            && let Some(string) = &string
        {
            module.text = trimmed(string);
            continue;
        }
        while open.last().is_some_and(|(above, ..)| *above >= indent) {
            open.pop();
        }
        if text.starts_with('@') {
            decorators.push(text);
            continue;
        }
        let above = std::mem::take(&mut decorators);
        let Some((name, is_class)) = defined(&text) else { continue };
        if open.last().is_some_and(|(.., is_class)| !is_class) || module.items.len() >= MAX_ITEMS {
            // What a function defines is its own matter.
            open.push((indent, String::new(), false));
            continue;
        }
        let path = open.last().map_or(name.to_owned(), |(_, path, _)| format!("{path}.{name}"));
        let (signature, after) = head(&text);
        let shown = above
            .into_iter()
            .filter(|it| matches!(it.as_str(), "@property" | "@staticmethod" | "@classmethod" | "@overload"));
        // Lines that were joined leave blanks at brackets.
        let signature = signature.replace("( ", "(").replace(", )", ")");
        let signature = shown.chain([signature]).collect::<Vec<_>>().join("\n");
        module.items.push(Item {
            path: path.clone(),
            signatures: vec![signature],
            text: String::new(),
            is_class,
        });
        // A body on the same line has no docstring that matters.
        waits = after.is_empty().then_some((module.items.len() - 1, indent));
        open.push((indent, path, is_class));
    }
    module
}

/// Returns the name that a line defines, and whether it is a class.
fn defined(text: &str) -> Option<(&str, bool)> {
    let text = text.strip_prefix("async ").unwrap_or(text);
    let (rest, is_class) = match text.strip_prefix("def ") {
        Some(rest) => (rest, false),
        None => (text.strip_prefix("class ")?, true),
    };
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    rest.get(..end).filter(|it| !it.is_empty()).map(|name| (name, is_class))
}

/// Divides `def f(x: int) -> str: ...` at the colon that ends the head.
fn head(text: &str) -> (&str, &str) {
    let mut n_open = 0_i32;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(c),
            ('(' | '[' | '{', None) => n_open += 1,
            (')' | ']' | '}', None) => n_open -= 1,
            (':', None) if n_open == 0 => {
                return (text.get(..at).unwrap_or(text), text.get(at + 1..).unwrap_or_default().trim());
            }
            _ => {}
        }
    }
    (text, "")
}

/// Takes off the indentation that all lines but the first share. Source: PEP 257, "Handling Docstring Indentation".
fn trimmed(text: &str) -> String {
    let text = text.replace('\t', "        ");
    let indent = |line: &str| line.len() - line.trim_start().len();
    let shared = text.lines().skip(1).filter(|it| !it.trim().is_empty()).map(indent).min().unwrap_or(0);
    let first = text.lines().next().unwrap_or_default().trim();
    let rest = text.lines().skip(1).map(|line| line.get(shared..).unwrap_or_default().trim_end());
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n").trim().to_owned()
}

impl Module {
    /// Adds what another file says of the same module: a stub's signatures to what the source documents.
    pub(super) fn add(&mut self, other: Self) {
        if self.text.is_empty() {
            self.text = other.text;
        }
        let known = self.items.iter().enumerate().map(|(at, item)| (item.path.clone(), at));
        let mut places: HashMap<String, usize> = known.collect();
        for item in other.items {
            // Overloads, and definitions under conditions, are one thing.
            if let Some(known) = places.get(&item.path).and_then(|at| self.items.get_mut(*at)) {
                if known.text.is_empty() {
                    known.text = item.text;
                }
                for signature in item.signatures {
                    if known.signatures.len() < MAX_SIGNATURES && !known.signatures.contains(&signature) {
                        known.signatures.push(signature);
                    }
                }
                continue;
            }
            places.insert(item.path.clone(), self.items.len());
            self.items.push(item);
        }
    }

    /// Makes a page of the module and of each class and function that says something; what says nothing is named with its signature on the page that it is in.
    pub(super) fn pages(&self, name: &str) -> Vec<Drawn> {
        let silent = |within: &str| {
            let is_in = |item: &&Item| {
                let parent = item.path.rsplit_once('.').map_or("", |(parent, _)| parent);
                parent == within && item.text.is_empty() && !item.is_class
            };
            let signatures = self.items.iter().filter(is_in).flat_map(|item| &item.signatures);
            let list: Vec<&str> = signatures.map(String::as_str).collect();
            if list.is_empty() {
                String::new()
            } else {
                format!("\n\n```python\n{}\n```", list.join("\n").replace("```", "'''"))
            }
        };
        let mut pages = Vec::new();
        let text = format!("{}{}", self.text, silent(""));
        if !text.is_empty() {
            pages.push(Drawn::of(name, "", "", &text));
        }
        for item in &self.items {
            let listed = if item.is_class { silent(&item.path) } else { String::new() };
            if item.text.is_empty() && listed.is_empty() {
                continue;
            }
            let text = format!("{}{listed}", item.text);
            pages.push(Drawn::of(
                format!("{name}.{}", item.path),
                "python",
                &item.signatures.join("\n"),
                &text,
            ));
        }
        pages
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOURCE: &str = r#"#!/usr/bin/env python
"""Sessions keep
    what is shared."""
import os

class Session(Base):
    """A session.

        indented
    """
    __attrs__ = ["a"]

    def __init__(self, size: int = 10): self.size = size

    @property
    def open(self):
        """Tells whether it is open."""
        def inner():
            """not told"""

    async def request(
        self, method, url,  # comment
        timeout=None):
        r'''Sends a \d request.'''

def get(url): return 1
if True:
    def patch(url):
        """Patches."""
"#;
    const STUB: &str = "class Session:\n    def request(self, method: str) -> Response: ...\n    @overload\n    def close(self) -> None: ...\ndef get(url: str) -> str: ...\n";

    #[test]
    fn classes_methods_and_functions_have_pages_with_signature_and_text() {
        let mut read = Module::default();
        read.add(module(SOURCE));
        read.add(module(STUB));
        let pages: Vec<String> =
            read.pages("a.sessions").iter().map(|page| format!("# {}\n{:?}", page.path, page.body)).collect();
        let wanted = [
            (
                "a.sessions",
                "Sessions keep\nwhat is shared.\n\n```python\ndef get(url)\ndef get(url: str) -> str\n```",
            ),
            (
                "a.sessions.Session",
                "```python\nclass Session(Base)\nclass Session\n```\n\nA session.\n\nindented\n\n```python\ndef __init__(self, size: int = 10)\n@overload\ndef close(self) -> None\n```",
            ),
            (
                "a.sessions.Session.open",
                "```python\n@property\ndef open(self)\n```\n\nTells whether it is open.",
            ),
            (
                "a.sessions.Session.request",
                "```python\nasync def request(self, method, url, timeout=None)\ndef request(self, method: str) -> Response\n```\n\nSends a \\d request.",
            ),
            ("a.sessions.patch", "```python\ndef patch(url)\n```\n\nPatches."),
        ];
        let wanted = wanted
            .map(|(path, text)| format!("# {path}\n{:?}", crate::library::Body::Markdown(text.to_owned())));
        assert_eq!(pages, wanted);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s)([ \t]{0,4}(def |class |@|\"\"\"|'|#|[a-z(:)]{1,4}|\n)){0,40}") {
            let mut read = Module::default();
            read.add(module(&text));
            read.pages("m");
        }
    }
}
