//! Recorded tool answers of incidents, and of systems that are well: <https://github.com/Tracer-Cloud/opensre>.

mod answer;
mod category;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::{Found, Layout, each, folders, last_part, truth_text};
use crate::eval::{
    answer::HEALTHY,
    case::{Case, Truth, What},
    measures::category as category_right,
};

pub use answer::Answer;
pub use category::category;

/// Passes when the category is right, `healthy` among them.
pub(super) const LAYOUT: Layout = Layout {
    name: "opensre",
    text: "a case is a folder with `answer.yml` and recorded answers as JSON, by itself or in a folder of its kind",
    read,
    wants_folder: true,
    category,
    pass: |truth, answer| category_right(truth, answer) == Some(1.0),
    pass_means: "the right category, `healthy` where all is well",
    own: &[],
};

const ANSWER: &str = "answer.yml";

fn read(folder: &Path) -> Result<Found> {
    let mut all = Vec::new();
    for path in folders(folder)? {
        let name = last_part(&path);
        let inner = folders(&path)?;
        // What holds folders and no answer is a group; what holds neither is a case that does not read.
        if inner.is_empty() || path.join(ANSWER).is_file() {
            all.push((name, path));
            continue;
        }
        all.extend(inner.into_iter().map(|case| (format!("{name}/{}", last_part(&case)), case)));
    }
    Ok(each(all, case))
}

fn case(id: &str, folder: &Path) -> Result<Case> {
    let file = folder.join(ANSWER);
    if !file.is_file() {
        bail!("no `{ANSWER}` in `{}`", folder.display());
    }
    let stated = Answer::read(&truth_text(&file)?);
    if stated.category.is_empty() {
        bail!("`{}` has no `root_cause_category`", file.display());
    }
    let own = recorded(folder)?;
    if own.is_empty() {
        bail!("no recorded answer in `{}`", folder.display());
    }
    let group = id.split_once('/').map(|(group, _)| ("group".to_owned(), group.to_owned()));
    Ok(Case {
        id: id.to_owned(),
        what: What::Folder { path: folder.to_owned(), borrowed: borrowed(folder, &own)? },
        truth: Truth {
            healthy: stated.category == HEALTHY,
            category: stated.category,
            keywords: stated.keywords,
            forbidden_keywords: stated.forbidden_keywords,
            forbidden_categories: stated.forbidden,
            ..Truth::default()
        },
        meta: group.into_iter().collect(),
    })
}

/// Returns the recorded answers of a case: its own and, for what it has not recorded itself, those of the case that it is based on.
///
/// # Errors
///
/// When the folder cannot be listed, or names a base that is no folder beside it.
pub fn answers(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut own = recorded(folder)?;
    own.extend(borrowed(folder, &own)?);
    Ok(own)
}

fn borrowed(folder: &Path, own: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let scenario = fs::read_to_string(folder.join("scenario.yml")).unwrap_or_default();
    let base = scenario.lines().find_map(|line| line.strip_prefix("base:")).map(str::trim);
    let (Some(base), Some(suite)) = (base, folder.parent()) else { return Ok(Vec::new()) };
    if base.contains(['/', '\\']) || base.starts_with('.') {
        bail!("`{}` is based on `{base}`, which is no name of a folder beside it", folder.display());
    }
    let is_own = |path: &Path| own.iter().any(|own| stem(path).starts_with(&stem(own)));
    Ok(recorded(&suite.join(base))?.into_iter().filter(|path| !is_own(path)).collect())
}

fn recorded(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list `{}`", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_json =
        |path: &PathBuf| path.is_file() && path.extension().is_some_and(|extension| extension == "json");
    let mut files: Vec<_> = paths.filter(is_json).collect();
    files.sort();
    Ok(files)
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
