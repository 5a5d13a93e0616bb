//! How sets of incidents are kept; each layout has a file of its own and one line in this list.

mod demo;
pub mod opensre;
mod rootcausebench;
mod waggle;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};

use super::{
    answer::Answer,
    case::{Case, NotRun, Suite, Truth},
    measures::Measure,
};

/// How a set is kept, and when a case of it passes.
#[derive(Debug)]
pub struct Layout {
    /// Name on the command line.
    pub name: &'static str,
    /// What a case is, in one sentence.
    pub text: &'static str,
    /// Reads the cases of a folder.
    pub read: fn(&Path) -> Result<Found>,
    /// Whether it wants a folder.
    pub wants_folder: bool,
    /// Puts a fault class of ours into the set's categories; the class itself where the set has none.
    pub category: fn(&str) -> &str,
    /// Tells whether an answer passes.
    pub pass: fn(&Truth, &Answer) -> bool,
    /// The same rule in words.
    pub pass_means: &'static str,
    /// Measures that the set's authors publish, besides the common ones.
    pub own: &'static [Measure],
}

/// What a folder holds.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What reads.
    pub cases: Vec<Case>,
    /// What looks like a case and does not read.
    pub not_run: Vec<NotRun>,
}

/// All layouts.
pub const LAYOUTS: &[&Layout] = &[&waggle::LAYOUT, &rootcausebench::LAYOUT, &opensre::LAYOUT, &demo::LAYOUT];

/// More files in a folder than this are no set of incidents.
const MAX_CASES: usize = 10_000;

/// Truths are small.
const MAX_TRUTH: u64 = 1 << 20;

/// Reads a suite: `which` is a folder together with a layout, or the name of a layout that needs no folder, such as `demo`.
///
/// Cases that do not read are named in [`Suite::not_run`].
///
/// # Errors
///
/// When the layout is not known or is missing, and when the folder cannot be listed or holds no case.
pub fn suite(which: &str, layout: Option<&str>) -> Result<Suite> {
    let Some(name) = layout else {
        let carried = LAYOUTS.iter().find(|known| known.name == which && !known.wants_folder);
        let layout = carried.ok_or_else(|| {
            anyhow!("`--suite {which}` wants a layout\nhint: `--layout` with one of {}", names())
        })?;
        return filled(which.to_owned(), layout, (layout.read)(Path::new(""))?);
    };
    let layout = LAYOUTS
        .iter()
        .find(|known| known.name == name)
        .ok_or_else(|| anyhow!("unknown layout `{name}`\nhint: one of {}", names()))?;
    let folder = Path::new(which);
    if layout.wants_folder && !folder.is_dir() {
        bail!("`{which}` is no folder\nhint: `--suite` wants the folder that holds the incidents");
    }
    let found = (layout.read)(folder)?;
    let name = fs::canonicalize(folder).ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
    filled(name.unwrap_or_else(|| which.to_owned()), layout, found)
}

fn filled(name: String, layout: &'static Layout, found: Found) -> Result<Suite> {
    let Found { mut cases, mut not_run } = found;
    if cases.is_empty() && not_run.is_empty() {
        bail!("no case of the layout `{}` in `{name}`\nhint: {}", layout.name, layout.text);
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    not_run.sort_by(|a, b| a.case.cmp(&b.case));
    Ok(Suite { name, layout, cases, not_run })
}

fn names() -> String {
    let names: Vec<String> = LAYOUTS.iter().map(|layout| format!("`{}`", layout.name)).collect();
    names.join(", ")
}

/// Returns the folders in a folder by name, without hidden ones.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list `{}`", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir() && !last_part(path).starts_with('.'))
        .take(MAX_CASES + 1)
        .collect();
    if folders.len() > MAX_CASES {
        bail!("more than {MAX_CASES} folders in `{}`\nhint: hand in a part of them", folder.display());
    }
    folders.sort();
    Ok(folders)
}

/// Returns the last part of a path; empty when there is none.
fn last_part(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads the file that holds a truth.
fn truth_text(path: &Path) -> Result<String> {
    let file = || format!("`{}`", path.display());
    let n_bytes = fs::metadata(path).with_context(|| format!("open {}", file()))?.len();
    if n_bytes > MAX_TRUTH {
        bail!("{} has {n_bytes} bytes, which is no truth of one incident", file());
    }
    fs::read_to_string(path).with_context(|| format!("read {}", file()))
}

/// Reads each folder as a case, and keeps the reason of those that do not read.
fn each(folders: Vec<(String, PathBuf)>, read: impl Fn(&str, &Path) -> Result<Case>) -> Found {
    let mut found = Found::default();
    for (id, path) in folders {
        match read(&id, &path) {
            Ok(case) => found.cases.push(case),
            Err(error) => found.not_run.push(NotRun { case: id, why: format!("{error:#}") }),
        }
    }
    found
}

/// Returns the class as it is: for sets without categories of their own.
fn no_categories(class: &str) -> &str {
    class
}
