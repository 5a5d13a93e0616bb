//! What was changed, and when it went live.

use serde::{Deserialize, Serialize};
use waggle_signals::Timestamp;

/// A change that may be to blame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Commit id, flag name, or whatever names it.
    pub id: String,
    /// What kind of change.
    pub kind: Kind,
    /// When it was made: of a commit, when it was committed.
    pub at: Timestamp,
    /// What its author says of it. Untrusted text.
    pub message: String,
    /// The service that it was made to, where the change says so; empty when its files have to tell.
    pub service: String,
    /// What it did; empty when that is not known.
    pub files: Vec<ChangedFile>,
}

impl Candidate {
    /// Makes an unnamed commit of files, for questions about the files alone.
    pub(super) fn of_files(files: Vec<ChangedFile>) -> Self {
        Self {
            id: String::new(),
            kind: Kind::Commit,
            at: Timestamp::from_secs(0),
            message: String::new(),
            service: String::new(),
            files,
        }
    }
}

/// Kinds of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Code.
    Commit,
    /// Configuration.
    Config,
    /// A feature flag.
    Flag,
    /// The number or size of copies.
    Scale,
}

/// One file of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Its path inside the repository.
    pub path: String,
    /// Lines as a unified diff has them, with ` `, `+`, `-` or `@@` in front. Empty when the diff is not known.
    pub lines: Vec<String>,
}

/// A version of a service that went live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Which service.
    pub service: String,
    /// When.
    pub at: Timestamp,
    /// The commit that it was built from; empty when unknown.
    pub commit: String,
    /// Commits that it newly brought, itself among them; empty when that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brought: Vec<String>,
}

impl ChangedFile {
    /// Cuts the text of a diff into its files.
    ///
    /// Reads unified diffs with `---`/`+++` headers, `diff --git` lines, and the short form whose hunk headers name the file.
    /// `paths` are the files that the change says it touched: lines before any header belong to the first of them, and those without lines are kept.
    pub fn from_diff(diff: &str, paths: &[String]) -> Vec<Self> {
        let mut files: Vec<Self> =
            paths.iter().map(|path| Self { path: path.clone(), lines: Vec::new() }).collect();
        let mut current = 0;
        let mut before = "";
        let mut in_hunk = false;
        for line in diff.lines() {
            // Inside of a hunk, a removed `-- comment` and an added `++ n` look like headers.
            let is_old = |line: &str| is_old_path(line) || (!in_hunk && line.starts_with("--- "));
            let header = line
                .strip_prefix("+++ ")
                .filter(|_| is_old(before))
                .map(|path| path.strip_prefix("b/").unwrap_or(path))
                .or_else(|| line.strip_prefix("diff --git ").and_then(|rest| rest.split(" b/").nth(1)));
            let is_header = header.is_some() || is_old(line) || (!in_hunk && line.starts_with("index "));
            before = line;
            let named = header.map(str::to_owned).or_else(|| path_in_hunk_header(line, paths));
            if let Some(path) = named.filter(|path| path != "/dev/null") {
                current = place_of(&mut files, path.trim());
            }
            in_hunk = if is_header { false } else { in_hunk || line.starts_with("@@") };
            if is_header {
                continue;
            }
            if files.is_empty() {
                files.push(Self::default());
            }
            if let Some(file) = files.get_mut(current) {
                file.lines.push(line.to_owned());
            }
        }
        files
    }
}

/// Tells whether a line is the first of a file's two headers: `--- a/path` or `--- /dev/null`.
fn is_old_path(line: &str) -> bool {
    line.starts_with("--- a/")
        || line.starts_with("--- /dev/null")
        || (line.starts_with("--- ") && line.contains('\t'))
}

fn place_of(files: &mut Vec<ChangedFile>, path: &str) -> usize {
    if let Some(place) = files.iter().position(|file| file.path == path) {
        return place;
    }
    files.push(ChangedFile { path: path.to_owned(), lines: Vec::new() });
    files.len() - 1
}

/// Finds which of the known paths a hunk header names.
fn path_in_hunk_header(line: &str, paths: &[String]) -> Option<String> {
    let header = line.strip_prefix("@@")?;
    let named = paths.iter().filter(|path| header.contains(path.as_str()));
    named.max_by_key(|path| path.len()).cloned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(diff: &str, paths: &[&str], wanted: &[(&str, usize)]) {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let files = ChangedFile::from_diff(diff, &paths);
        let found: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.lines.len())).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn every_usual_form_of_a_diff_is_cut_into_files() {
        check("--- a/x.go\n+++ b/x.go\n@@ -1 +1 @@\n-a\n+b\n", &["x.go"], &[("x.go", 3)]);
        check("@@ x.go @@ func a\n-a\n@@ y/z.go @@\n+b", &["x.go", "y/z.go"], &[("x.go", 2), ("y/z.go", 2)]);
        check("diff --git a/q.rs b/q.rs\nindex 1..2\n+b", &[], &[("q.rs", 1)]);
        check("-a\n+b", &["x.go", "y.go"], &[("x.go", 2), ("y.go", 0)]);
        check("-a", &[], &[("", 1)]);
        check("", &["x.go"], &[("x.go", 0)]);
        check("--- a/q.sql\n+++ b/q.sql\n@@ -1 +1 @@\n--- a comment\n+++ n;\n", &[], &[("q.sql", 3)]);
    }

    proptest! {
        #[test]
        fn any_text_is_cut(diff in "(?s).{0,200}", paths in prop::collection::vec(".{0,9}", 0..3)) {
            ChangedFile::from_diff(&diff, &paths);
        }
    }
}
