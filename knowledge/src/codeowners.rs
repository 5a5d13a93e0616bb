//! Which rule of a `CODEOWNERS` file decides for a path.
//!
//! The rules are GitHub's: <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>.

mod pattern;

use pattern::Pattern;
use waggle_agent_core::finding::Owner;

/// Where the file may lie; the first that exists is the one.
///
/// GitHub searches `.github/`, the root and `docs/` in this order; `.gitlab/` is GitLab's.
pub const PLACES: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Greatest size of a file in bytes; GitHub does not load greater ones.
pub const MAX_BYTES: u64 = 3 * 1024 * 1024;

/// The rules of one file.
#[derive(Clone, Debug)]
pub struct CodeOwners {
    /// In order of the file.
    rules: Vec<Rule>,
    /// Path of the file.
    place: String,
}

#[derive(Clone, Debug)]
struct Rule {
    line: usize,
    text: String,
    pattern: Pattern,
    /// Empty where nobody is to answer.
    owners: Vec<String>,
}

impl CodeOwners {
    /// Reads the rules out of the text of the file at path `place`. Lines that are not rules have no effect.
    ///
    /// GitLab's sections are not rules: a `[Section]` line is left out, and the lines below it count as any other.
    pub fn read(place: impl Into<String>, text: &str) -> Self {
        let rule = |(index, line)| Rule::read(index + 1, line);
        Self { rules: text.lines().enumerate().filter_map(rule).collect(), place: place.into() }
    }

    /// Returns who answers for a path, with the rule that names them. Empty when no rule fits, or the last that fits names nobody.
    ///
    /// `path` has `/` between its folders and none in front.
    pub fn owners(&self, path: &str) -> Vec<Owner> {
        let Some(rule) = self.rules.iter().rfind(|rule| rule.pattern.fits(path)) else {
            return Vec::new();
        };
        let stated = format!("{} line {} `{}`", self.place, rule.line, rule.text);
        let owner = |name: &String| Owner { name: name.clone(), rule: stated.clone(), contact: name.clone() };
        rule.owners.iter().map(owner).collect()
    }
}

impl Rule {
    /// Reads one line; `None` when it is empty, a comment, or not a rule.
    fn read(line: usize, text: &str) -> Option<Self> {
        let mut words = words(text).into_iter();
        let pattern = words.next()?;
        let owners: Vec<String> = words.collect();
        let are_owners = owners.iter().all(|owner| is_owner(owner));
        if !are_owners {
            return None;
        }
        Some(Self { line, pattern: Pattern::read(&pattern)?, text: pattern, owners })
    }
}

/// Splits a line at spaces and tabs, up to a comment. A space with a backslash before it belongs to the word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // GitHub: a comment may follow a rule; a backslash does not make it a pattern.
            '#' if word.is_empty() => break,
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
