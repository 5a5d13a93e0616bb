//! The places in the code that a finding holds responsible, out of the diff that was read.

use serde::Deserialize;

use crate::{
    Evidence, EvidenceId, Finding,
    ports::{Commit, CommitDiff, FileDiff, Hunk},
    verify::DIFF_TOOL,
};

/// The commit that the first root cause blames, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlamedCode {
    /// The commit.
    pub commit: Commit,
    /// What it changed.
    pub files: Vec<FileDiff>,
    /// The places that fit what is seen, best first; empty when none does.
    pub places: Vec<BlamedPlace>,
    /// The diff that it is from.
    pub evidence: EvidenceId,
}

/// A changed place.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BlamedPlace {
    /// The file, after the change.
    pub path: String,
    /// First changed line after the change; zero when the diff does not say.
    pub line: u32,
    /// The function that it is in; empty when unknown.
    #[serde(default)]
    pub function: String,
}

#[derive(Deserialize)]
struct Read {
    #[serde(flatten)]
    diff: CommitDiff,
    #[serde(default)]
    hunks: Vec<BlamedPlace>,
}

impl BlamedCode {
    /// Finds it; `None` when no commit is blamed or its diff was not read.
    pub fn of(finding: &Finding, evidence: &[Evidence]) -> Option<Self> {
        let blamed = finding.root_causes.first()?.change.as_ref()?;
        let read = evidence.iter().filter(|evidence| evidence.tool == DIFF_TOOL);
        let mut read =
            read.filter_map(|evidence| Some((evidence.id, Read::deserialize(&evidence.data).ok()?)));
        let (evidence, Read { diff, hunks }) = read.find(|(_, read)| read.diff.commit.id == blamed.id)?;
        Some(Self { commit: diff.commit, files: diff.files, places: hunks, evidence })
    }

    /// Returns the hunk to show with its file: the one that fits best, else the one that adds the most lines. `None` for a commit without text.
    pub fn hunk(&self) -> Option<(&FileDiff, &Hunk)> {
        let hunks = || self.files.iter().flat_map(|file| file.hunks.iter().map(move |hunk| (file, hunk)));
        let fits = |place: &BlamedPlace| {
            hunks().find(|(file, hunk)| file.path == place.path && holds(hunk, place.line))
        };
        let n_added = |hunk: &Hunk| hunk.lines.iter().filter(|line| line.starts_with('+')).count();
        self.places.iter().find_map(fits).or_else(|| hunks().max_by_key(|(_, hunk)| n_added(hunk)))
    }
}

/// Tells whether a line after the change lies in the hunk; where only lines were removed, the place is the line that follows.
fn holds(hunk: &Hunk, line: u32) -> bool {
    let n_after = hunk.lines.iter().filter(|line| !line.starts_with('-')).count();
    let end = hunk.new_start.saturating_add(u32::try_from(n_after).unwrap_or(u32::MAX));
    (hunk.new_start..=end).contains(&line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waggle_signals::Timestamp;

    use super::*;

    fn blamed(hunks: serde_json::Value) -> BlamedCode {
        let hunk = |start: u32, lines: &[&str]| json!({ "old_start": start, "new_start": start, "context": "", "lines": lines });
        let file = |path: &str, hunk: serde_json::Value| json!({ "path": path, "added": 1, "removed": 0, "hunks": [hunk] });
        let data = json!({
            "files": [file("docs.md", hunk(1, &["+a", "+b", "+c"])), file("reserve.rs", hunk(80, &[" x", "+y", " z"]))],
            "hunks": hunks,
        });
        BlamedCode {
            commit: Commit {
                id: "9f3c1e2".into(),
                author: "Li Na".into(),
                email: String::new(),
                at: Timestamp::from_secs(0),
                summary: "look up all SKUs".into(),
                body: String::new(),
            },
            files: Vec::deserialize(&data["files"]).unwrap(),
            places: Vec::deserialize(&data["hunks"]).unwrap(),
            evidence: EvidenceId(1),
        }
    }

    #[test]
    fn the_place_that_fits_is_shown_before_the_longest() {
        let shown = |hunks| blamed(hunks).hunk().map(|(file, _)| file.path.clone());
        assert_eq!(shown(json!([])).as_deref(), Some("docs.md"));
        let fits = json!([{ "path": "reserve.rs", "line": 81, "function": "reserve" }]);
        assert_eq!(shown(fits).as_deref(), Some("reserve.rs"));
        let elsewhere = json!([{ "path": "reserve.rs", "line": 300 }]);
        assert_eq!(shown(elsewhere).as_deref(), Some("docs.md"));
    }
}
