//! Which rule of a `CODEOWNERS` file decides for a path, as GitHub or as GitLab reads the file.
//!
//! The file is the same by name and not by meaning. Its place tells whose it is: `.github/` is GitHub's, `.gitlab/` is GitLab's,
//! and in the root or in `docs/` it is as configured, GitHub's when nothing is.
//!
//! # Layout
//!
//! - [`github`]: the last line that fits decides. `pattern`: its patterns, as in a gitignore file.
//! - [`gitlab`]: sections, each with its own last line. `glob`: its patterns, as in Ruby's `File.fnmatch`.

mod github;
mod gitlab;
mod glob;
pub(crate) mod pattern;

use serde::{Deserialize, Serialize};
use waggle_agent_core::finding::Owner;

/// Where the file may lie when nothing is configured; the first that exists is the one.
pub const PLACES: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// GitHub's order: <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-file-location>.
const PLACES_GITHUB: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// GitLab's order: <https://docs.gitlab.com/user/project/codeowners/#codeowners-file>.
const PLACES_GITLAB: [&str; 3] = ["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Greatest size of a file in bytes; GitHub does not load greater ones.
///
/// <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-file-size>
pub const MAX_BYTES: u64 = 3 * 1024 * 1024;

/// Whose rules a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>
    GitHub,
    /// <https://docs.gitlab.com/user/project/codeowners/reference/>
    GitLab,
}

/// The rules of one file.
#[derive(Clone, Debug)]
pub struct CodeOwners {
    rules: Rules,
    /// Path of the file.
    place: String,
}

#[derive(Clone, Debug)]
enum Rules {
    GitHub(Vec<github::Rule>),
    GitLab(Vec<gitlab::Section>),
}

impl Dialect {
    /// Decides whose rules the file at path `place` follows.
    pub fn of(place: &str, configured: Option<Self>) -> Self {
        match place.split_once('/') {
            Some((".github", _)) => Self::GitHub,
            Some((".gitlab", _)) => Self::GitLab,
            _ => configured.unwrap_or(Self::GitHub),
        }
    }

    /// Returns where a file is looked for; the first that exists is the one.
    pub fn places(configured: Option<Self>) -> &'static [&'static str] {
        match configured {
            None => &PLACES,
            Some(Self::GitHub) => &PLACES_GITHUB,
            Some(Self::GitLab) => &PLACES_GITLAB,
        }
    }
}

impl CodeOwners {
    /// Reads the rules out of the text of the file at path `place`, in the dialect of that place. Lines that are not rules have no effect.
    pub fn read(place: impl Into<String>, text: &str) -> Self {
        let place = place.into();
        Self::read_as(Dialect::of(&place, None), place, text)
    }

    /// Reads the rules in a dialect.
    pub fn read_as(dialect: Dialect, place: impl Into<String>, text: &str) -> Self {
        let rules = match dialect {
            Dialect::GitHub => Rules::GitHub(github::rules(text)),
            Dialect::GitLab => Rules::GitLab(gitlab::sections(text)),
        };
        Self { rules, place: place.into() }
    }

    /// Returns who answers for a path, each with the rule that names them. Empty when no rule fits, or those that do name nobody.
    ///
    /// `path` has `/` between its folders and none in front. By GitHub's rules one line decides, by GitLab's one of each section.
    pub fn owners(&self, path: &str) -> Vec<Owner> {
        match &self.rules {
            Rules::GitHub(rules) => {
                let deciding = rules.iter().rfind(|rule| rule.pattern.fits(path));
                deciding.map(|rule| rule.owners(&self.place)).unwrap_or_default()
            }
            Rules::GitLab(sections) => {
                sections.iter().flat_map(|section| section.owners(&self.place, path)).collect()
            }
        }
    }
}

/// Splits a line at spaces and tabs. A space with a backslash before it belongs to the word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&' ') => {
                letters.next();
                word.push(' ');
            }
            ' ' | '\t' | '\r' if !word.is_empty() => words.push(std::mem::take(&mut word)),
            ' ' | '\t' | '\r' => {}
            _ => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Tells whether a word is `@user`, `@organisation/team` or an e-mail address.
fn is_owner(word: &str) -> bool {
    match word.split_once('@') {
        Some(("", name)) => !name.is_empty() && !name.contains('@'),
        Some((name, host)) => !name.is_empty() && host.contains('.') && !host.contains(['@', '/']),
        None => false,
    }
}
