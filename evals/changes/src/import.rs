//! From commits that were drawn to a repository of git's own.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::writer::Writer;

/// Who commits: name and mailbox.
pub const AUTHORS: [(&str, &str); 7] = [
    ("Li Na", "li.na"),
    ("Omar Haddad", "omar"),
    ("Ana Souza", "ana"),
    ("Jonas Weber", "jonas"),
    ("Mei Tanaka", "mei"),
    ("Priya Nair", "priya"),
    ("Tom Okafor", "tom"),
];
/// A commit before git has it.
pub struct Written {
    /// What its author says.
    pub message: String,
    /// When, in seconds.
    pub at: i64,
    /// Place in [`AUTHORS`].
    pub author: usize,
    /// Files that differ from the commit before; `None` was removed.
    pub files: BTreeMap<String, Option<String>>,
    /// The tip of a branch that is merged.
    pub merges: Option<usize>,
    /// Where the branch left, when not at the commit before.
    pub parent: Option<usize>,
}

impl Writer {
    /// Lets git write it all, and returns the ids of the commits in their order.
    pub fn import(&self, at: &Path) -> Result<Vec<String>> {
        run(at, &["init", "--quiet", "--initial-branch=main"])?;
        // Reverts name ids that exist only after the import of what they revert, so the history is written in parts.
        let mut ids: Vec<String> = Vec::new();
        let mut from = 0;
        while from < self.commits.len() {
            let is_revert = |place: usize| self.commits[place].message.starts_with("Revert");
            let to =
                (from + 1..self.commits.len()).find(|place| is_revert(*place)).unwrap_or(self.commits.len());
            ids.extend(self.import_part(at, from..to, &ids)?);
            from = to;
        }
        Ok(ids)
    }

    fn import_part(&self, at: &Path, part: std::ops::Range<usize>, ids: &[String]) -> Result<Vec<String>> {
        let mut stream = Vec::new();
        let first = part.start;
        let refer =
            |place: usize| if place < first { ids[place].clone() } else { format!(":{}", place - first + 1) };
        for place in part.clone() {
            let Written { message, at, author, files, merges, parent } = &self.commits[place];
            let mut message = message.clone();
            if let Some((before, rest)) = message.clone().split_once('{')
                && let Some((number, after)) = rest.split_once('}')
                && let Some(id) = number.parse::<usize>().ok().and_then(|number| ids.get(number))
            {
                message = format!("{before}{id}{after}");
            }
            let (name, mail) = AUTHORS[*author];
            writeln!(stream, "commit refs/heads/main\nmark :{}", place - first + 1)?;
            writeln!(stream, "committer {name} <{mail}@acme.example> {at} +0000")?;
            writeln!(stream, "data {}\n{message}", message.len())?;
            if place > 0 {
                writeln!(stream, "from {}", refer(parent.unwrap_or(place - 1)))?;
            }
            if let Some(tip) = merges {
                writeln!(stream, "merge {}", refer(*tip))?;
            }
            for (path, text) in files {
                match text {
                    Some(text) => writeln!(stream, "M 100644 inline {path}\ndata {}\n{text}", text.len())?,
                    None => writeln!(stream, "D {path}")?,
                }
            }
        }
        let mut import = Command::new("git")
            .current_dir(at)
            .args(["fast-import", "--quiet", "--force", "--export-marks=marks"])
            .stdin(Stdio::piped())
            .spawn()
            .context("run `git fast-import`")?;
        import.stdin.take().context("write to `git fast-import`")?.write_all(&stream)?;
        if !import.wait()?.success() {
            bail!("`git fast-import` refused the history");
        }
        let marks = std::fs::read_to_string(at.join("marks"))?;
        let mut known: Vec<(usize, String)> = Vec::new();
        for line in marks.lines() {
            let (mark, id) = line.trim_start_matches(':').split_once(' ').context("read marks")?;
            known.push((mark.parse()?, id.to_owned()));
        }
        known.sort();
        Ok(known.into_iter().map(|(_, id)| id).collect())
    }
}

fn run(at: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("git").current_dir(at).args(arguments).status().context("run `git`")?;
    if status.success() { Ok(()) } else { bail!("`git {}` failed", arguments.join(" ")) }
}
