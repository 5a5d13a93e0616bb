//! What the agent may see of a case: its telemetry, under a name that tells nothing.
//!
//! The folder of a case often carries the answer beside the telemetry, or in its own name.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use super::case::{Case, What};
use crate::recordings;

/// What holds telemetry, by the end of its name. Truths, notes and prompts are kept in other formats.
const TELEMETRY: &[&str] = &[".json", ".ndjson", ".jsonl", ".csv", ".ndjson.gz", ".jsonl.gz", ".csv.gz"];

/// Files that tell the answer although their format is one of telemetry.
const ANSWERS: &[&str] = &["ground_truth.json", "answer.json", "truth.json"];

/// More files than this are no incident.
const MAX_FILES: usize = 1_000;

/// Puts the files of a case into a new folder below `parent`, and returns it. `None` for a case that has no files.
///
/// Files are copied, so that nothing done there reaches the suite. The folder is called by [`alias`].
///
/// # Errors
///
/// When a file cannot be read or written, when there are more than 1000 of them, and when the case is there already.
pub fn stage(case: &Case, parent: &Path) -> Result<Option<PathBuf>> {
    let What::Folder { path, borrowed } = &case.what else { return Ok(None) };
    let staged = parent.join(alias(case));
    fs::create_dir(&staged).with_context(|| format!("create `{}`", staged.display()))?;
    for (name, from) in files(path, borrowed)? {
        let to = staged.join(name);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).with_context(|| format!("create `{}`", folder.display()))?;
        }
        copy(&from, &to).with_context(|| format!("copy `{}`", from.display()))?;
    }
    Ok(Some(staged))
}

fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    let mut to = OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut to)
}

/// Returns a name for a case that tells nothing of its answer: `case-` and eight digits of its hash.
pub fn alias(case: &Case) -> String {
    format!("case-{}", short(&Sha256::digest(case.id.as_bytes()), 4))
}

/// Returns a hash over the names and bytes of all that the agent may see of the cases, carried recordings among them, in
/// hexadecimal.
///
/// # Errors
///
/// When a file cannot be read.
pub fn fingerprint(cases: &[Case]) -> Result<String> {
    fingerprint_with(cases, recordings::file)
}

fn fingerprint_with(cases: &[Case], carried: fn(&str) -> Option<Cow<'static, [u8]>>) -> Result<String> {
    let mut hash = Sha256::new();
    // Lengths go first, so that no two lists of texts read alike.
    let mut add = |text: &[u8]| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    for case in cases {
        add(case.id.as_bytes());
        match &case.what {
            What::Fault(name) => {
                add(name.as_bytes());
                for end in [".json", ".otlp.jsonl.gz"] {
                    let recorded = carried(&format!("{name}{end}")).unwrap_or_default();
                    add(&Sha256::digest(&*recorded));
                }
            }
            What::Folder { path, borrowed } => {
                for (name, from) in files(path, borrowed)? {
                    add(name.to_string_lossy().as_bytes());
                    add(&digest(&from)?);
                }
            }
        }
    }
    Ok(short(&hash.finalize(), 8))
}

/// Returns the telemetry of a folder and of the folders in it, with the name that each file has there, by name; borrowed files come last, and only those whose names are free.
fn files(folder: &Path, borrowed: &[PathBuf]) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    for entry in entries(folder)? {
        let name = PathBuf::from(entry.file_name().unwrap_or_default());
        if !entry.is_dir() {
            found.push((name, entry));
            continue;
        }
        for inner in entries(&entry)?.into_iter().filter(|inner| inner.is_file()) {
            found.push((name.join(inner.file_name().unwrap_or_default()), inner));
        }
    }
    found.extend(
        borrowed.iter().map(|from| (PathBuf::from(from.file_name().unwrap_or_default()), from.clone())),
    );
    let mut taken = BTreeSet::new();
    found.retain(|(name, _)| is_telemetry(name) && taken.insert(name.clone()));
    if found.len() > MAX_FILES {
        bail!("`{}` has more than {MAX_FILES} files, which is no single incident", folder.display());
    }
    Ok(found)
}

fn is_telemetry(name: &Path) -> bool {
    let last = name.file_name().unwrap_or_default().to_string_lossy();
    TELEMETRY.iter().any(|end| last.ends_with(end)) && !ANSWERS.contains(&last.as_ref())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = fs::read_dir(folder).with_context(|| format!("list `{}`", folder.display()))?;
    let mut entries: Vec<_> =
        listed.filter_map(|entry| Some(entry.ok()?.path())).take(MAX_FILES * 10).collect();
    entries.sort();
    Ok(entries)
}

fn digest(path: &Path) -> Result<Vec<u8>> {
    let reading = || format!("read `{}`", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let (mut hash, mut part) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let n = file.read(&mut part).with_context(reading)?;
        if n == 0 {
            return Ok(hash.finalize().to_vec());
        }
        hash.update(part.get(..n).unwrap_or_default());
    }
}

fn short(hash: &[u8], n_bytes: usize) -> String {
    hash.iter().take(n_bytes).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::case::Truth;

    fn write(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, *name).unwrap();
        }
    }

    fn case(path: &Path, borrowed: Vec<PathBuf>) -> Case {
        let what = What::Folder { path: path.to_owned(), borrowed };
        Case { id: "disk-full-on-stock".to_owned(), what, truth: Truth::default(), meta: [].into() }
    }

    #[test]
    fn the_answer_does_not_reach_the_agent() {
        let (from, base, to) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(from.path(), &["alert.json", "logs.ndjson", "context/commits.json"]);
        write(from.path(), &["truth.toml", "answer.yml", "ground_truth.json", "scenario.yml", "NOTES.md"]);
        write(base.path(), &["pods.json", "alert.json"]);
        fs::write(base.path().join("alert.json"), "of another").unwrap();
        let case = case(from.path(), ["pods.json", "alert.json"].map(|name| base.path().join(name)).into());
        let staged = stage(&case, to.path()).unwrap().unwrap();
        let mut names: Vec<_> = files(&staged, &[]).unwrap().into_iter().map(|(name, _)| name).collect();
        names.sort();
        assert_eq!(
            names,
            ["alert.json", "context/commits.json", "logs.ndjson", "pods.json"].map(PathBuf::from)
        );
        assert_eq!(entries(&staged).unwrap().len(), 4, "nothing else is there");
        assert!(stage(&case, to.path()).is_err(), "it is there already");
        for folder in [staged.as_path(), from.path()] {
            assert_eq!(
                fs::read_to_string(folder.join("alert.json")).unwrap(),
                "alert.json",
                "its own stands"
            );
        }
        let name = staged.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.starts_with("case-") && !name.contains("disk"), "{name}");
    }

    #[test]
    fn a_fingerprint_changes_with_what_the_agent_sees_and_with_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &["alert.json", "truth.toml"]);
        let first = fingerprint(&[case(folder.path(), Vec::new())]).unwrap();
        fs::write(folder.path().join("truth.toml"), "another").unwrap();
        assert_eq!(fingerprint(&[case(folder.path(), Vec::new())]).unwrap(), first);
        fs::write(folder.path().join("alert.json"), "another!!!").unwrap();
        assert_ne!(fingerprint(&[case(folder.path(), Vec::new())]).unwrap(), first);
    }
    #[test]
    fn a_fingerprint_changes_with_the_carried_recordings() {
        let demo = Case { what: What::Fault("none".to_owned()), ..case(Path::new(""), Vec::new()) };
        let of = |carried| fingerprint_with(std::slice::from_ref(&demo), carried).unwrap();
        let first = of(|name| name.ends_with(".gz").then(|| b"recorded".as_slice().into()));
        assert_ne!(of(|name| name.ends_with(".gz").then(|| b"again".as_slice().into())), first);
        assert_ne!(of(|name| name.ends_with(".json").then(|| b"recorded".as_slice().into())), first);
        assert_eq!(of(recordings::file), fingerprint(std::slice::from_ref(&demo)).unwrap());
    }
}
