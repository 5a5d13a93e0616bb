//! What a folder says to ignore. <https://git-scm.com/docs/gitignore>

use std::{fs::File, io::Read as _, path::Path};

use crate::codeowners::pattern::Pattern;

/// Files of rules; the later one decides.
const FILES: [&str; 2] = [".gitignore", ".waggleignore"];

/// Greatest file of rules, bytes. What comes after is not read.
const MAX_BYTES: u64 = 64 * 1024;

/// Rules of one folder, in their order.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    not_understood: Vec<String>,
}

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    /// Whether it takes back what others ignore.
    is_exception: bool,
    is_for_folders: bool,
}

impl Rules {
    /// Reads the rules of a folder; none where there are no files of rules.
    pub fn read(folder: &Path) -> Self {
        let mut rules = Self::default();
        for name in FILES {
            let mut text = Vec::new();
            let path = folder.join(name);
            let is_file = path.symlink_metadata().is_ok_and(|about| about.is_file());
            let Some(file) = is_file.then(|| File::open(path).ok()).flatten() else { continue };
            if file.take(MAX_BYTES).read_to_end(&mut text).is_ok() {
                rules.add(&String::from_utf8_lossy(&text));
            }
        }
        rules
    }

    /// Returns lines that were not understood, with the names of their files left out.
    pub fn not_understood(&self) -> &[String] {
        &self.not_understood
    }

    /// Says whether a path below the folder is ignored; `None` where no rule fits.
    pub fn decide(&self, path: &str, is_folder: bool) -> Option<bool> {
        let inside = format!("{path}/_");
        let fits = |rule: &&Rule| {
            if rule.is_for_folders {
                is_folder && rule.pattern.fits(&inside)
            } else {
                rule.pattern.fits(path)
            }
        };
        self.rules.iter().rev().find(fits).map(|rule| !rule.is_exception)
    }

    fn add(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (is_exception, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, line),
            };
            match Pattern::read(pattern) {
                Some(read) => {
                    self.rules.push(Rule {
                        pattern: read,
                        is_exception,
                        is_for_folders: pattern.ends_with('/'),
                    });
                }
                None => self.not_understood.push(line.chars().take(100).collect()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_fits_decides() {
        let mut rules = Rules::default();
        rules.add("# comment\n*.txt\n!keep.txt\nbuild/\n/top.md\nold/*\n!old/new.md\n[ab].md\n");
        let cases = [
            ("a.txt", false, Some(true)),
            ("deep/a.txt", false, Some(true)),
            ("deep/keep.txt", false, Some(false)),
            ("build", true, Some(true)),
            ("build", false, None),
            ("top.md", false, Some(true)),
            ("deep/top.md", false, None),
            ("old", true, None),
            ("old/a.md", false, Some(true)),
            ("old/new.md", false, Some(false)),
            ("a.md", false, None),
        ];
        for (path, is_folder, expected) in cases {
            assert_eq!(rules.decide(path, is_folder), expected, "{path}");
        }
        assert_eq!(rules.not_understood(), ["[ab].md"]);
    }
}
