//! Python packages: the description in their metadata, docstrings of `.py` files, signatures of `.pyi` stubs. Nothing is imported or run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    pages::{Drawn, Installed, LeftOut},
    sandbox::Sandbox,
};

mod docstrings;
mod lines;
mod metadata;

use docstrings::{Module, module};
use metadata::Metadata;

/// Finds a distribution by its `name-version.dist-info`, names compared as PyPI does.
pub(super) fn installed(sandbox: &Sandbox, name: &str) -> Vec<Installed> {
    let wanted = normal(name);
    let mut found = Vec::new();
    for root in sandbox.roots() {
        for (folder, path) in sandbox.entries(root) {
            let stated = folder.strip_suffix(".dist-info").or_else(|| folder.strip_suffix(".egg-info"));
            let Some((dist, version)) = stated.and_then(|it| it.split_once('-')) else { continue };
            if normal(dist) == wanted {
                let version = version.split("-py").next().unwrap_or(version);
                found.push(distribution(sandbox, name, version, root, &path));
            }
        }
    }
    found
}

/// Writes a name as PyPI compares it. Source: PEP 503, normalized names.
fn normal(name: &str) -> String {
    let lower = name.to_lowercase().replace(['_', '.'], "-");
    lower.split('-').filter(|it| !it.is_empty()).collect::<Vec<_>>().join("-")
}

fn distribution(sandbox: &Sandbox, name: &str, version: &str, root: &Path, info: &Path) -> Installed {
    let about = ["METADATA", "PKG-INFO"].into_iter().find_map(|file| sandbox.text(&info.join(file)).ok());
    let first = match about {
        Some(text) => {
            let Metadata { summary, description } = Metadata::of(&text);
            let text = format!("{summary}\n\n{description}");
            (!text.trim().is_empty()).then(|| Ok(Drawn::of(name, "", "", &text)))
        }
        None => Some(Err(LeftOut::new(info.display().to_string(), "it has no metadata that reads"))),
    };
    let modules = modules(sandbox, name, root, info);
    let sandbox = sandbox.clone();
    let pages = modules.into_iter().map(move |(module, files)| read(&sandbox, &module, &files));
    let batches = Box::new(std::iter::once(first.into_iter().collect()).chain(pages));
    Installed { library: name.to_owned(), version: Some(version.to_owned()), batches }
}

/// Returns the modules of a distribution, each with its `.py` and `.pyi` files: those it recorded at its installation, else the package of its name.
fn modules(sandbox: &Sandbox, name: &str, root: &Path, info: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut modules: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut add = |inside: &str, path: PathBuf| {
        if let Some(module) = module_name(inside) {
            modules.entry(module).or_default().push(path);
        }
    };
    let record = sandbox.text(&info.join("RECORD")).unwrap_or_default();
    let recorded = metadata::recorded(&record);
    if !recorded.is_empty() {
        for inside in recorded.into_iter().take(super::sandbox::MAX_FILES) {
            let path = root.join(&inside);
            add(&inside, path);
        }
        return modules;
    }
    let top = sandbox.text(&info.join("top_level.txt")).unwrap_or_default();
    let top: Vec<String> = match top.trim().is_empty() {
        true => vec![name.replace(['-', '.'], "_")],
        false => top
            .lines()
            .map(|it| it.trim().to_owned())
            .filter(|it| !it.is_empty() && !it.contains(".."))
            .collect(),
    };
    for package in top.iter().take(32) {
        for (inside, path) in sandbox.files(&root.join(package), |_| false, |it| module_name(it).is_some()) {
            add(&format!("{package}/{inside}"), path);
        }
        let single = root.join(format!("{package}.py"));
        if single.is_file() {
            add(&format!("{package}.py"), single);
        }
    }
    modules
}

/// Writes a file as a module: `requests/sessions.py` is `requests.sessions`, `types-x-stubs/x.pyi` is `types-x.x`. `None` for what is no module, and for tests.
fn module_name(inside: &str) -> Option<String> {
    let path = inside.strip_suffix(".py").or_else(|| inside.strip_suffix(".pyi"))?;
    let parts: Vec<&str> = path.split('/').collect();
    let is_name =
        |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let is_test =
        |part: &&str| matches!(*part, "tests" | "test" | "testing" | "conftest" | "__pycache__" | "_vendor");
    if !parts.iter().all(is_name) || parts.iter().any(is_test) {
        return None;
    }
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    Some(path.replace("-stubs/", "/").replace('/', "."))
}

fn read(sandbox: &Sandbox, name: &str, files: &[PathBuf]) -> Vec<Result<Drawn, LeftOut>> {
    let mut left_out = Vec::new();
    let mut merged = Module::default();
    // Documents before types: `.py` sorts before `.pyi`.
    let mut files: Vec<&PathBuf> = files.iter().collect();
    files.sort();
    for path in files {
        match sandbox.text(path) {
            Ok(text) => merged.add(module(&text)),
            Err(reason) => left_out.push(Err(LeftOut::new(path.display().to_string(), reason))),
        }
    }
    merged.pages(name).into_iter().map(Ok).chain(left_out).collect()
}
