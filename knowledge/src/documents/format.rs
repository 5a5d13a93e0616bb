//! Which format a text is in: by what it says first, by its name second.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many lines are looked at.
const PROBED_LINES: usize = 200;

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// CommonMark with tables, footnotes and front matter.
    Markdown,
    /// HTML of any age.
    Html,
    /// PDF with text in it.
    Pdf,
    /// Docutils and Sphinx.
    ReStructuredText,
    /// AsciiDoc as Asciidoctor reads it.
    AsciiDoc,
    /// OpenAPI 2 and 3, JSON or YAML.
    OpenApi,
    /// Manual pages: man and mdoc.
    Man,
    /// Anything else that is text.
    Plain,
}

impl Format {
    /// Tells the format of a text; `None` for structured text that is no document, such as a configuration.
    pub fn of(name: &str, text: &str) -> Option<Self> {
        let by_name = Self::by_name(name);
        let start = text.trim_start();
        if start.starts_with('{') || is_yaml_name(name) {
            if is_openapi(text) {
                return Some(Self::OpenApi);
            }
            if is_yaml_name(name) || name_ends(name, &[".json", ".ipynb"]) {
                return None;
            }
        }
        if is_manual(text) {
            return Some(Self::Man);
        }
        let head: String = start.chars().take(200).flat_map(char::to_lowercase).collect();
        let is_page = ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| head.starts_with(tag))
            || (head.starts_with("<?xml") || head.starts_with("<!--")) && head.contains("<html");
        if is_page {
            return Some(Self::Html);
        }
        match by_name {
            // A page of a manual without its macros is plain text.
            Some(Self::Pdf | Self::Man) | None => Some(Self::Plain),
            by_name => by_name,
        }
    }

    /// Tells the format that a path or URL promises; `None` where it promises none.
    pub fn by_name(name: &str) -> Option<Self> {
        const NAMES: &[(Format, &[&str])] = &[
            (Format::Markdown, &[".md", ".markdown", ".mdown", ".mkd", ".mdx"]),
            (Format::Html, &[".html", ".htm", ".xhtml"]),
            (Format::Pdf, &[".pdf"]),
            (Format::ReStructuredText, &[".rst", ".rst.txt", ".rest"]),
            (Format::AsciiDoc, &[".adoc", ".asciidoc", ".asc"]),
            (Format::Plain, &[".txt", ".text"]),
        ];
        let name = without_query(name);
        let found = NAMES.iter().find(|(_, ends)| name_ends(name, ends)).map(|(format, _)| *format);
        found.or_else(|| is_manual_name(name).then_some(Self::Man))
    }

    /// Tells whether a file of this name may be a document, so that folders of code are not read whole.
    pub fn may_be_document(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.strip_suffix(".gz").unwrap_or(name);
        let is_known_without_end =
            ["readme", "runbook", "changelog", "news", "changes", "notes", "architecture"]
                .contains(&name.to_lowercase().as_str());
        Self::by_name(name).is_some() || is_known_without_end || name_ends(name, &[".json", ".yaml", ".yml"])
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Markdown => "Markdown",
            Self::Html => "HTML",
            Self::Pdf => "PDF",
            Self::ReStructuredText => "reStructuredText",
            Self::AsciiDoc => "AsciiDoc",
            Self::OpenApi => "OpenAPI",
            Self::Man => "manual page",
            Self::Plain => "plain text",
        })
    }
}

fn without_query(name: &str) -> &str {
    if !name.contains("://") {
        return name;
    }
    name.split(['?', '#']).next().unwrap_or(name)
}

fn name_ends(name: &str, ends: &[&str]) -> bool {
    let name = name.to_lowercase();
    ends.iter().any(|end| name.ends_with(end))
}

fn is_yaml_name(name: &str) -> bool {
    name_ends(without_query(name), &[".yaml", ".yml"])
}

/// Tells whether a name ends in a section of the manual, such as `tar.1` or `SSL_read.3ssl`; `release-1.2` and `libc.so.6` do not.
fn is_manual_name(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some((stem, end)) = file.rsplit_once('.') else {
        return false;
    };
    let mut letters = end.chars();
    let is_section = letters.next().is_some_and(|digit| ('1'..='9').contains(&digit))
        && letters.all(|letter| letter.is_ascii_alphabetic());
    let is_version = stem.ends_with(|letter: char| letter.is_ascii_digit()) && stem.contains(['.', '-']);
    let is_library = stem.ends_with(".so") || stem.contains(".so.");
    is_section && !stem.is_empty() && !is_version && !is_library
}

/// Tells whether text has the first macro of a manual page before any prose: `.TH`, `.Dd`, `.so`.
fn is_manual(text: &str) -> bool {
    for line in text.lines().take(PROBED_LINES) {
        let is_first = [".TH ", ".Dd ", ".so ", ".Dd\t", ".TH\t"].iter().any(|start| line.starts_with(start));
        if is_first || line == ".Dd" {
            return true;
        }
        // Requests and comments may stand before it, also those of macros that are defined there.
        let is_request =
            line.starts_with(['.', '\'', '\\']) || line.contains("\\\"") || line.trim().is_empty();
        let is_within = line.starts_with([' ', '\t', '}']) || line.starts_with("\\}");
        if !is_request && !is_within {
            return false;
        }
    }
    false
}

/// Tells whether a text has the key that every OpenAPI description has, <https://spec.openapis.org/oas/v3.1.1.html#fixed-fields>.
fn is_openapi(text: &str) -> bool {
    let start = text.trim_start();
    if start.starts_with('{') {
        let head: String = text.chars().take(4_000).collect();
        let tail_start = text.len().saturating_sub(1_000);
        let tail = (tail_start..text.len()).find_map(|at| text.get(at..)).unwrap_or_default();
        return ["\"openapi\"", "\"swagger\""].iter().any(|key| head.contains(key) || tail.contains(key));
    }
    let is_key = |line: &str| {
        ["openapi:", "swagger:", "\"openapi\":", "\"swagger\":"].iter().any(|key| line.starts_with(key))
    };
    text.lines().take(PROBED_LINES).any(is_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_before_the_name() {
        let cases = [
            ("disk.md", "# Disk full\n", Some(Format::Markdown)),
            ("disk.md", "<!DOCTYPE html><html>", Some(Format::Html)),
            ("index", "\n<HTML><body>", Some(Format::Html)),
            ("guide.rst", "Guide\n=====\n", Some(Format::ReStructuredText)),
            ("_sources/guide.rst.txt", "Guide\n=====\n", Some(Format::ReStructuredText)),
            ("guide.adoc", "= Guide\n", Some(Format::AsciiDoc)),
            ("api.json", "{\"openapi\": \"3.1.0\"}", Some(Format::OpenApi)),
            ("api.yaml", "# ours\nswagger: '2.0'\n", Some(Format::OpenApi)),
            ("values.yaml", "replicas: 2\n", None),
            ("package.json", "{\"name\": \"shop\"}", None),
            ("tar.1", ".\\\" comment\n.TH TAR 1\n", Some(Format::Man)),
            ("tar.1", "no macros at all", Some(Format::Plain)),
            ("page", ".Dd $Mdocdate$\n.Dt LS 1\n", Some(Format::Man)),
            ("https://docs.example/guide.html?v=2#top", "<p>Hi", Some(Format::Html)),
            ("README", "Hello.", Some(Format::Plain)),
        ];
        for (name, text, expected) in cases {
            assert_eq!(Format::of(name, text), expected, "{name}: {text}");
        }
    }

    #[test]
    fn names_of_code_are_no_documents() {
        let documents = ["a/disk.md", "tar.1.gz", "SSL_read.3ssl", "README", "api.yaml", "b.PDF", "x.txt.gz"];
        let others =
            ["main.rs", "logo.png", "Makefile", "release-1.2", "libc.so.6", "data.csv", ".1", "v1.2.3"];
        for path in documents {
            assert!(Format::may_be_document(path), "{path}");
        }
        for path in others {
            assert!(!Format::may_be_document(path), "{path}");
        }
    }
}
