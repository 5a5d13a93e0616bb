//! How people name a library: `python:requests@2.31`.

use std::{fmt, str::FromStr};

pub use waggle_agent_core::ports::Ecosystem;
use waggle_agent_core::{Error, Kind};

/// A library of one ecosystem, perhaps with a version. `Display` writes what `FromStr` reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibraryRef {
    /// Where it comes from.
    pub ecosystem: Ecosystem,
    /// Its name there: `requests`, `@types/node`, `github.com/jackc/pgx/v5`, `com.google.guava:guava`, `libcurl`.
    pub name: String,
    /// The version, or its beginning; any when `None`.
    pub version: Option<String>,
}

/// Characters of a name; longer than any registry allows.
const MAX_NAME: usize = 300;

/// Says what folder the libraries of an ecosystem are in, as advice.
pub(super) fn folder(ecosystem: Ecosystem) -> &'static str {
    match ecosystem {
        Ecosystem::Python => "a `site-packages`",
        Ecosystem::Node => "a `node_modules`",
        Ecosystem::Rust => "a `registry/src` of Cargo, or a folder of rustdoc JSON",
        Ecosystem::Go => "a `pkg/mod` of Go",
        Ecosystem::Java => "a folder of `-sources.jar` or `-javadoc.jar` files",
        Ecosystem::C => "a `man`, with packages of manuals for developers installed",
    }
}

impl LibraryRef {
    /// Tells whether an installed version is the one that is meant: equal, or the beginning by whole parts. An unknown version fits where none is asked for.
    pub fn is_version(&self, installed: Option<&str>) -> bool {
        let Some(wanted) = self.version.as_deref() else { return true };
        let plain = |version: &str| version.trim_start_matches(['v', '=']).to_owned();
        let (wanted, Some(installed)) = (plain(wanted), installed.map(plain)) else { return false };
        installed
            .strip_prefix(&wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '+']))
    }
}

impl FromStr for LibraryRef {
    type Err = Error;

    /// Reads `ecosystem:name` or `ecosystem:name@version`.
    ///
    /// # Errors
    ///
    /// `Invalid` with a hint for an unknown ecosystem, and for names and versions that could not be any.
    fn from_str(text: &str) -> Result<Self, Error> {
        let shown: String = text.chars().take(100).collect();
        let wrong = |what: &str| {
            let hint = "write `python:requests`, `node:express@4`, `rust:tokio@1.40`, `go:github.com/jackc/pgx/v5`, `java:com.google.guava:guava` or `c:libcurl`";
            Kind::Invalid.error(format!("`{shown}` {what}")).with_hint(hint)
        };
        let Some((word, rest)) = text.trim().split_once(':') else {
            return Err(wrong("names no ecosystem"));
        };
        let Some(ecosystem) = Ecosystem::called(word) else {
            return Err(wrong("names an unknown ecosystem"));
        };
        // The `@` of an npm scope stands first.
        let at = rest.char_indices().skip(1).find(|(_, c)| *c == '@').map(|(at, _)| at);
        let (name, version) = match at {
            Some(at) => (rest.get(..at).unwrap_or(rest), rest.get(at + 1..)),
            None => (rest, None),
        };
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(wrong("names no library"));
        }
        let is_plain =
            |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-+~!@/:".contains(c));
        // A name becomes part of a path.
        let is_path = name.split('/').any(|part| part.is_empty() || part == "." || part == "..");
        let has_slash = matches!(ecosystem, Ecosystem::Go | Ecosystem::Node);
        if !is_plain(name)
            || is_path
            || (name.contains('/') && !has_slash)
            || (name.contains(':') && ecosystem != Ecosystem::Java)
        {
            return Err(wrong("is no name of a library"));
        }
        if version.is_some_and(|it| {
            it.is_empty() || it.contains(['/', ':', '@']) || !is_plain(it) || it.len() > MAX_NAME
        }) {
            return Err(wrong("has no version after `@`"));
        }
        Ok(Self { ecosystem, name: name.to_owned(), version: version.map(str::to_owned) })
    }
}

impl fmt::Display for LibraryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ecosystem, self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reference_names_ecosystem_library_and_version() {
        for (text, ecosystem, name, version) in [
            ("python:requests@2.31", Ecosystem::Python, "requests", Some("2.31")),
            ("node:express", Ecosystem::Node, "express", None),
            ("node:@types/node@20", Ecosystem::Node, "@types/node", Some("20")),
            ("rust:tokio@1.40", Ecosystem::Rust, "tokio", Some("1.40")),
            ("go:github.com/jackc/pgx/v5@v5.5.0", Ecosystem::Go, "github.com/jackc/pgx/v5", Some("v5.5.0")),
            (
                "java:com.google.guava:guava@33.0.0-jre",
                Ecosystem::Java,
                "com.google.guava:guava",
                Some("33.0.0-jre"),
            ),
            ("c:libcurl", Ecosystem::C, "libcurl", None),
        ] {
            let read: LibraryRef = text.parse().unwrap();
            assert_eq!(
                (read.ecosystem, read.name.as_str(), read.version.as_deref()),
                (ecosystem, name, version)
            );
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_told_with_a_hint() {
        for (text, message) in [
            ("requests", "`requests` names no ecosystem"),
            ("ruby:rails", "`ruby:rails` names an unknown ecosystem"),
            ("python:", "`python:` names no library"),
            ("python:requests@", "`python:requests@` has no version after `@`"),
            ("python:../../etc", "`python:../../etc` is no name of a library"),
            ("go:a/../../b", "`go:a/../../b` is no name of a library"),
            ("node:/etc", "`node:/etc` is no name of a library"),
            ("rust:a b", "`rust:a b` is no name of a library"),
            ("rust:tokio@../1", "`rust:tokio@../1` has no version after `@`"),
        ] {
            let error = text.parse::<LibraryRef>().unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn a_version_fits_by_whole_parts() {
        let at = |version: &str| format!("python:requests@{version}").parse::<LibraryRef>().unwrap();
        for (wanted, installed, fits) in [
            ("2.31", Some("2.31.0"), true),
            ("2.3", Some("2.31.0"), false),
            ("2.31.0", Some("2.31.0"), true),
            ("v1", Some("1.2"), true),
            ("2", None, false),
        ] {
            assert_eq!(at(wanted).is_version(installed), fits, "{wanted} {installed:?}");
        }
        assert!("python:requests".parse::<LibraryRef>().unwrap().is_version(None));
    }

    proptest! {
        #[test]
        fn what_reads_is_written_back(text in "(python|node|rust|go|java|c):[a-z@./:-]{0,20}(@[0-9.]{0,6})?", any in ".{0,40}") {
            let _ = any.parse::<LibraryRef>();
            if let Ok(read) = text.parse::<LibraryRef>() {
                prop_assert_eq!(read.to_string(), text);
                prop_assert!(read.name.split('/').all(|part| part != ".."));
            }
        }
    }
}
