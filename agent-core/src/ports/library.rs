//! Libraries, by whichever of their names they go.

use std::fmt;

/// A library that documents are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// As its package is called: `requests`, `com.google.guava:guava`.
    pub name: String,
    /// Where it comes from; anywhere when left out.
    pub ecosystem: Option<Ecosystem>,
    /// As it is installed; any when left out.
    pub version: Option<String>,
}

/// Where libraries come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// Python packages, by their names on PyPI.
    Python,
    /// npm packages.
    Node,
    /// Crates.
    Rust,
    /// Go modules.
    Go,
    /// Maven artifacts.
    Java,
    /// Libraries with manual pages.
    C,
}

impl Library {
    /// Reads a name, perhaps after its ecosystem: `PyYAML`, `python:PyYAML`, `com.google.guava:guava`. Of any version.
    pub fn named(text: &str) -> Self {
        let text = text.trim();
        let known = text.split_once(':').and_then(|(word, name)| Some((Ecosystem::called(word)?, name)));
        let (ecosystem, name) = known.map_or((None, text), |(ecosystem, name)| (Some(ecosystem), name));
        Self { name: name.to_owned(), ecosystem, version: None }
    }

    /// Returns the one spelling of a name: small letters with `-` for `_` and `.`, and of a Maven artifact what follows its group,
    /// since jars do not tell it. A scope of npm stays.
    ///
    /// The first is how PyPI compares names: <https://packaging.python.org/en/latest/specifications/name-normalization/>.
    pub fn normal(name: &str) -> String {
        let artifact = name.rsplit(':').map(str::trim).find(|part| !part.is_empty()).unwrap_or_default();
        let mut normal = String::with_capacity(artifact.len());
        for c in artifact.chars().flat_map(char::to_lowercase) {
            match c {
                '-' | '_' | '.' if normal.ends_with('-') => {}
                '-' | '_' | '.' => normal.push('-'),
                c => normal.push(c),
            }
        }
        normal
    }

    /// Returns the one spelling with the ecosystem, if it is known, before it: `python:pyyaml`. Documents are kept under it.
    pub fn key(&self) -> String {
        let name = Self::normal(&self.name);
        self.ecosystem.map_or_else(|| name.clone(), |ecosystem| format!("{ecosystem}:{name}"))
    }

    /// Returns the [`key`](Self::key)s of all documents that [are about](Self::is_about) this, whatever their version.
    pub fn keys(&self) -> Vec<String> {
        let of = |ecosystem| Self { ecosystem, ..self.clone() }.key();
        let known = Ecosystem::ALL.into_iter().map(|(_, ecosystem)| ecosystem);
        let fitting = known.filter(|known| self.ecosystem.is_none_or(|asked| asked == *known));
        std::iter::once(of(None)).chain(fitting.map(|ecosystem| of(Some(ecosystem)))).collect()
    }

    /// Tells whether a document about this library answers a question about another: names are one, and so are ecosystems and
    /// versions, unless an ecosystem is not known or no version is asked for.
    pub fn is_about(&self, asked: &Self) -> bool {
        asked.keys().contains(&self.key()) && (asked.version.is_none() || asked.version == self.version)
    }
}

impl Ecosystem {
    /// All of them, with the word before the colon.
    pub const ALL: [(&'static str, Self); 6] = [
        ("python", Self::Python),
        ("node", Self::Node),
        ("rust", Self::Rust),
        ("go", Self::Go),
        ("java", Self::Java),
        ("c", Self::C),
    ];

    /// Returns the one that a word stands for.
    pub fn called(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == word).map(|(_, ecosystem)| ecosystem)
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.into_iter().find(|(_, it)| it == self).map_or("", |(word, _)| word);
        f.write_str(word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_library_has_one_key_however_it_is_written() {
        for (text, key) in [
            ("PyYAML", "pyyaml"),
            ("python:PyYAML", "python:pyyaml"),
            ("python:ruamel.yaml_clib", "python:ruamel-yaml-clib"),
            ("Flask__SQL-._Alchemy", "flask-sql-alchemy"),
            ("com.google.guava:guava", "guava"),
            ("java:com.google.guava:guava", "java:guava"),
            ("node:@types/node", "node:@types/node"),
            ("go:github.com/jackc/pgx/v5", "go:github-com/jackc/pgx/v5"),
            ("ruby:rails", "rails"),
            (" c:libcurl ", "c:libcurl"),
            ("", ""),
        ] {
            assert_eq!(Library::named(text).key(), key, "{text}");
        }
    }

    #[test]
    fn a_document_answers_for_its_own_library() {
        let at = |text: &str, version: Option<&str>| Library {
            version: version.map(str::to_owned),
            ..Library::named(text)
        };
        for (document, asked, answers) in [
            (at("java:com.google.guava:guava", Some("33.0")), at("guava", None), true),
            (at("python:PyYAML", None), at("python:pyyaml", None), true),
            (at("PyYAML", None), at("python:pyyaml", None), true),
            (at("python:redis", None), at("node:redis", None), false),
            (at("python:redis", None), at("redis", None), true),
            (at("python:redis", Some("5.0")), at("redis", Some("5.0")), true),
            (at("python:redis", Some("5.0")), at("redis", Some("4.0")), false),
            (at("python:redis", None), at("redis", Some("4.0")), false),
        ] {
            assert_eq!(document.is_about(&asked), answers, "{document:?} {asked:?}");
        }
    }

    proptest! {
        #[test]
        fn the_spelling_of_any_name_is_its_own_spelling(name in ".{0,40}") {
            let normal = Library::normal(&name);
            prop_assert_eq!(&Library::normal(&normal), &normal);
            prop_assert!(!normal.contains(['_', '.', ':']), "{}", normal);
        }
    }
}
