//! The layout for incidents of one's own: a folder of files, and `truth.toml` beside them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{Found, Layout, each, folders, last_part, no_categories, truth_text};
use crate::eval::{
    case::{Case, Truth, What},
    measures::cause,
};

/// Passes when everything that the truth states about the cause is right.
pub(super) const LAYOUT: Layout = Layout {
    name: "waggle",
    text: "a case is a folder with `truth.toml` and an incident as files, there or in `data`; see docs/eval.md",
    read,
    wants_folder: true,
    category: no_categories,
    pass: |truth, answer| cause(truth, answer) == Some(1.0),
    pass_means: "all that is known of the cause, or a rightful all-clear",
    own: &[],
};

const TRUTH: &str = "truth.toml";

fn read(folder: &Path) -> Result<Found> {
    let cases = folders(folder)?.into_iter().map(|path| (last_part(&path), path));
    Ok(each(cases.collect(), case))
}

fn case(id: &str, folder: &Path) -> Result<Case> {
    let file = folder.join(TRUTH);
    if !file.is_file() {
        bail!("no `{TRUTH}` in `{}`", folder.display());
    }
    let truth: Truth =
        toml::from_str(&truth_text(&file)?).with_context(|| format!("read `{}`", file.display()))?;
    if let Some(fault) = why_not(&truth) {
        bail!("`{}`: {fault}", file.display());
    }
    let data = folder.join("data");
    let path = if data.is_dir() { data } else { folder.to_owned() };
    Ok(Case { id: id.to_owned(), what: What::Folder { path, borrowed: Vec::new() }, truth, meta: [].into() })
}

/// Says why a truth cannot be scored.
fn why_not(truth: &Truth) -> Option<&'static str> {
    let Truth { services, fault_classes, category, change, .. } = truth;
    let names_a_cause = !services.is_empty() || !fault_classes.is_empty() || !category.is_empty();
    match truth.healthy {
        true if names_a_cause || change.is_some() => {
            Some("`healthy = true` goes with no cause and no change")
        }
        false if !names_a_cause && change.is_none() => {
            Some("nothing to score: state `healthy`, `services`, `fault_classes`, `category` or `change`")
        }
        _ => None,
    }
}
