//! GitLab's `CODEOWNERS`: sections, and in each the last line that fits a path.
//!
//! <https://docs.gitlab.com/user/project/codeowners/reference/>, and for combinations
//! <https://docs.gitlab.com/user/project/codeowners/advanced/>.

use waggle_agent_core::finding::Owner;

use super::{glob::Glob, is_owner, words};

/// The roles that may own: <https://docs.gitlab.com/user/project/codeowners/reference/#add-a-role-as-a-code-owner>.
const ROLES: [&str; 6] = ["developer", "developers", "maintainer", "maintainers", "owner", "owners"];

/// The lines under one name. Several headings of one name, however it is written, are one section.
#[derive(Clone, Debug)]
pub struct Section {
    /// As first written; empty for the lines before any heading.
    name: String,
    /// Whether every heading of it has `^` in front: nobody needs to approve.
    is_optional: bool,
    /// How many must approve, the most that a heading of it asks for; 1 when none does.
    approvals: u32,
    /// In order of the file.
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    line: usize,
    text: String,
    glob: Glob,
    /// Whether what it fits has no owner in this section.
    excludes: bool,
    owners: Vec<String>,
    /// The line of the heading that named the owners, where the line itself names none.
    by_heading: Option<usize>,
}

struct Heading {
    name: String,
    is_optional: bool,
    approvals: u32,
    owners: Vec<String>,
}

/// Reads the sections, in order of their first headings.
pub fn sections(text: &str) -> Vec<Section> {
    let mut sections =
        vec![Section { name: String::new(), is_optional: false, approvals: 1, entries: Vec::new() }];
    let mut current = 0;
    // The heading above, for lines without owners.
    let mut above = (0, Vec::new());
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = heading(line) {
            above = (number, heading.owners.clone());
            current = place_of(&mut sections, heading);
        } else if let Some(entry) = Entry::read(number, line, &above)
            && let Some(section) = sections.get_mut(current)
        {
            section.entries.push(entry);
        }
    }
    sections
}

/// Returns the place of the section of this name, which is made when it is new.
fn place_of(sections: &mut Vec<Section>, heading: Heading) -> usize {
    let Heading { name, is_optional, approvals, .. } = heading;
    let is_same = |section: &Section| section.name.to_lowercase() == name.to_lowercase();
    if let Some(place) = sections.iter().position(is_same) {
        if let Some(section) = sections.get_mut(place) {
            // One heading that asks for approval is enough.
            section.is_optional &= is_optional;
            section.approvals = section.approvals.max(approvals);
        }
        return place;
    }
    sections.push(Section { name, is_optional, approvals, entries: Vec::new() });
    sections.len() - 1
}

/// Reads `[Name]`, `^[Name]`, `[Name][2]`, each with owners behind. What is not quite a heading is a line like any other, as GitLab has it.
fn heading(line: &str) -> Option<Heading> {
    let (is_optional, rest) = match line.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (name, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    let (approvals, rest) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (number, rest) = rest.split_once(']')?;
            (number.trim().parse::<u32>().ok()?.max(1), rest)
        }
        None => (1, rest),
    };
    let is_apart = rest.is_empty() || rest.starts_with([' ', '\t']);
    let owners = owners(words(rest));
    is_apart.then(|| Heading { name: name.to_owned(), is_optional, approvals, owners })
}

/// Keeps what names owners. Other words are ignored; a comment behind a rule is not one, and owners in it count.
fn owners(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut owners = Vec::new();
    for word in words {
        let word = word.trim_matches(|letter: char| "(),;:\"'".contains(letter));
        let is_role = |role: &str| ROLES.contains(&role.to_lowercase().as_str());
        let counts = word.strip_prefix("@@").map_or_else(|| is_owner(word), is_role);
        if counts && !owners.iter().any(|owner| owner == word) {
            owners.push(word.to_owned());
        }
    }
    owners
}

impl Entry {
    /// Reads a pattern and its owners; those of the heading `above` where it names none.
    fn read(line: usize, text: &str, above: &(usize, Vec<String>)) -> Option<Self> {
        let (excludes, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut words = words(text).into_iter();
        let pattern = words.next()?;
        let rest: Vec<String> = words.collect();
        let (owners, by_heading) = match rest.is_empty() {
            true => (above.1.clone(), Some(above.0)),
            false => (owners(rest), None),
        };
        Some(Self { line, glob: Glob::read(&pattern), text: pattern, excludes, owners, by_heading })
    }
}

impl Section {
    /// Returns the owners of a path in this section, with the rule of the file at `place`.
    pub(super) fn owners(&self, place: &str, path: &str) -> Vec<Owner> {
        let mut fitting = self.entries.iter().filter(|entry| entry.glob.fits(path));
        // What is excluded cannot be taken in again in the same section, wherever the lines stand:
        // <https://docs.gitlab.com/user/project/codeowners/reference/#exclusion-patterns>.
        if fitting.clone().any(|entry| entry.excludes) {
            return Vec::new();
        }
        let Some(entry) = fitting.next_back() else { return Vec::new() };
        let rule = self.rule(place, entry);
        let owner = |name: &String| {
            // A role is nobody's address.
            let contact = if name.starts_with("@@") { String::new() } else { name.clone() };
            Owner { name: name.clone(), rule: rule.clone(), contact }
        };
        entry.owners.iter().map(owner).collect()
    }

    fn rule(&self, place: &str, entry: &Entry) -> String {
        let mut rule = format!("{place} line {} `{}`", entry.line, entry.text);
        if !self.name.is_empty() {
            rule += &format!(" in section `{}`", self.name);
        }
        let mut details = Vec::new();
        if let Some(line) = entry.by_heading {
            details.push(format!("owners of line {line}"));
        }
        if self.is_optional {
            details.push("optional".to_owned());
        }
        if self.approvals > 1 {
            details.push(format!("{} approvals", self.approvals));
        }
        if !details.is_empty() {
            rule += &format!(" ({})", details.join(", "));
        }
        rule
    }
}
