//! GitHub's `CODEOWNERS`: the last line that fits a path decides.
//!
//! <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-syntax>

use waggle_agent_core::finding::Owner;

use super::{is_owner, pattern::Pattern, words};

/// One line that is a rule.
#[derive(Clone, Debug)]
pub struct Rule {
    line: usize,
    text: String,
    pub(super) pattern: Pattern,
    /// Empty where nobody is to answer.
    owners: Vec<String>,
}

/// Reads the rules, in order of the file.
pub fn rules(text: &str) -> Vec<Rule> {
    text.lines().enumerate().filter_map(|(index, line)| Rule::read(index + 1, line)).collect()
}

impl Rule {
    /// Reads one line; `None` when it is empty, a comment, or not a rule. GitHub skips a line that it does not understand.
    fn read(line: usize, text: &str) -> Option<Self> {
        // A comment may follow a rule; a backslash does not make it a pattern.
        let mut words = words(text).into_iter().take_while(|word| !word.starts_with('#'));
        let pattern = words.next()?;
        let owners: Vec<String> = words.collect();
        let are_owners = owners.iter().all(|owner| is_owner(owner));
        if !are_owners {
            return None;
        }
        Some(Self { line, pattern: Pattern::read(&pattern)?, text: pattern, owners })
    }

    /// Returns the owners with this rule of the file at `place`.
    pub(super) fn owners(&self, place: &str) -> Vec<Owner> {
        let rule = format!("{place} line {} `{}`", self.line, self.text);
        let owner = |name: &String| Owner { name: name.clone(), rule: rule.clone(), contact: name.clone() };
        self.owners.iter().map(owner).collect()
    }
}
