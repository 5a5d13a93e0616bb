//! The file of finished runs: one JSON line each, so that a run that was stopped goes on where it was.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use waggle_agent_core::{Finding, ports::Usage};

use super::grounding::Grounding;

/// What makes runs comparable: the same cases, the same model, the same options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Layout, and a hash over what the agent sees of the cases.
    pub suite: String,
    /// The model that is asked first.
    pub model: String,
    /// Everything else that may change an answer, by name.
    pub options: BTreeMap<String, String>,
}

/// One finished run. The truth is not in it: a corrected truth is scored without running again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What it is comparable with. First in the line.
    pub fingerprint: Fingerprint,
    /// Id of the case.
    pub case: String,
    /// From 0.
    pub repeat: u32,
    /// What was posted.
    pub finding: Finding,
    /// How its claims stand in its evidence, which is not kept here.
    pub grounding: Grounding,
    /// What it cost.
    pub usage: Usage,
    /// Replies of models.
    pub steps: u32,
    /// Calls of tools.
    pub n_tool_calls: u32,
    /// Milliseconds from the first tool call to the verified finding.
    pub took_ms: f64,
    /// The model that submitted the finding.
    pub model: String,
    /// Whether that was not the model that was asked first.
    pub fell_back: bool,
}

/// The results file, open for more. One process at a time.
#[derive(Debug)]
pub struct Results {
    file: File,
    path: PathBuf,
}

/// Some 100 000 runs.
const MAX_BYTES: u64 = 512 << 20;

/// Opens a results file, or begins one, and returns the runs that are in it.
///
/// A last line that was not written to its end is cut off; it has no acknowledged run in it.
///
/// # Errors
///
/// When another process writes to it, when a line is no run, and when its runs are of another suite, model or options.
pub fn open(path: &Path, fingerprint: &Fingerprint) -> Result<(Results, Vec<Record>)> {
    let name = || format!("`{}`", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("create `{}`", folder.display()))?;
    }
    let file = OpenOptions::new().read(true).append(true).create(true).open(path);
    let mut file = file.with_context(|| format!("open {}", name()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!("{} is in use by another evaluation\nhint: wait for it, or give another file", name())
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("lock {}", name())),
    }
    let n_bytes = file.metadata().with_context(|| format!("open {}", name()))?.len();
    if n_bytes > MAX_BYTES {
        bail!("{} has {n_bytes} bytes, more than any evaluation writes", name());
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).with_context(|| format!("read {}", name()))?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let (lines, torn) = bytes.split_at(whole);
    let records = read(lines, path, fingerprint)?;
    if !torn.is_empty() {
        refuse_foreign(torn, path, fingerprint)?;
        file.set_len(whole as u64).with_context(|| format!("cut the torn end of {}", name()))?;
        file.seek(SeekFrom::End(0)).with_context(|| format!("cut the torn end of {}", name()))?;
    }
    Ok((Results { file, path: path.to_owned() }, records))
}

impl Results {
    /// Writes one run and waits until it is on the disk.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        let failed = || format!("write to `{}`", self.path.display());
        let mut line = serde_json::to_vec(record).with_context(failed)?;
        line.push(b'\n');
        self.file.write_all(&line).with_context(failed)?;
        self.file.sync_data().with_context(failed)
    }
}

fn read(lines: &[u8], path: &Path, fingerprint: &Fingerprint) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let lines =
        lines.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    for (index, line) in lines {
        let record: Record = serde_json::from_slice(line).with_context(|| {
            format!(
                "`{}`, line {}, is no run of an evaluation\nhint: give another file, or delete the line",
                path.display(),
                index + 1
            )
        })?;
        if let Some((part, there, asked)) = difference(&record.fingerprint, fingerprint) {
            bail!(
                "`{}` holds runs of another {part}: `{there}`, not `{asked}`\nhint: give another file, or delete this one",
                path.display()
            );
        }
        records.push(record);
    }
    Ok(records)
}

/// Says what the first part is in which two fingerprints differ, and both of its values.
fn difference(there: &Fingerprint, asked: &Fingerprint) -> Option<(&'static str, String, String)> {
    let options = |options: &BTreeMap<String, String>| {
        options.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    [
        ("suite", there.suite.clone(), asked.suite.clone()),
        ("model", there.model.clone(), asked.model.clone()),
        ("set of options", options(&there.options), options(&asked.options)),
    ]
    .into_iter()
    .find(|(_, there, asked)| there != asked)
}

/// A torn line is cut off only when it is the beginning of one of ours: any other file is left as it is.
fn refuse_foreign(torn: &[u8], path: &Path, fingerprint: &Fingerprint) -> Result<()> {
    let own =
        format!("{{\"fingerprint\":{}", serde_json::to_string(fingerprint).context("write a fingerprint")?);
    if torn.iter().zip(own.as_bytes()).any(|(there, own)| there != own) {
        bail!(
            "`{}` ends in something else than a run of this evaluation\nhint: give another file",
            path.display()
        );
    }
    Ok(())
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.suite, self.model)?;
        self.options.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}
