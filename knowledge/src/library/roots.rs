//! The folders that libraries are looked for in.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Ecosystem, sandbox::Sandbox};

/// Folders by ecosystem; nothing outside of them is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    folders: BTreeMap<Ecosystem, Vec<PathBuf>>,
}

/// Folders that a star in a well-known place may stand for.
const MAX_MATCHES: usize = 64;

impl Roots {
    /// Finds the places where languages install: what the environment names first, then the usual folders. Only those that are there.
    ///
    /// `environment` returns a variable's value, as `|name| std::env::var(name).ok()` does; no program is run to ask.
    pub fn well_known(environment: impl Fn(&str) -> Option<String>) -> Self {
        let home = environment("HOME").unwrap_or_default();
        let or_home =
            |name: &str, below: &str| environment(name).unwrap_or_else(|| format!("{home}/{below}"));
        let lists = |name: &str| {
            let list = environment(name).unwrap_or_default();
            list.split(':').filter(|it| it.starts_with('/')).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut roots = Self::default();
        let mut add = |ecosystem, patterns: Vec<String>| {
            for folder in patterns.iter().flat_map(|pattern| expanded(pattern)) {
                roots = std::mem::take(&mut roots).with(ecosystem, folder);
            }
        };
        let mut python = lists("PYTHONPATH");
        python.extend(environment("VIRTUAL_ENV").map(|it| format!("{it}/lib/python*/site-packages")));
        python.extend([
            "/usr/lib/python3/dist-packages".to_owned(),
            "/usr/lib/python3*/site-packages".to_owned(),
            "/usr/local/lib/python3*/site-packages".to_owned(),
            "/usr/local/lib/python3*/dist-packages".to_owned(),
            format!("{home}/.local/lib/python3*/site-packages"),
            format!("{}/versions/*/lib/python3*/site-packages", or_home("PYENV_ROOT", ".pyenv")),
        ]);
        add(Ecosystem::Python, python);
        let mut node = lists("NODE_PATH");
        node.extend(["/usr/lib/node_modules".to_owned(), "/usr/local/lib/node_modules".to_owned()]);
        add(Ecosystem::Node, node);
        add(Ecosystem::Rust, vec![format!("{}/registry/src/*", or_home("CARGO_HOME", ".cargo"))]);
        let go = environment("GOMODCACHE").unwrap_or_else(|| format!("{}/pkg/mod", or_home("GOPATH", "go")));
        add(Ecosystem::Go, vec![go]);
        add(
            Ecosystem::Java,
            vec![
                format!("{home}/.m2/repository"),
                "/usr/share/java".to_owned(),
                "/usr/share/maven-repo".to_owned(),
            ],
        );
        let mut manuals = lists("MANPATH");
        manuals.extend(["/usr/local/share/man".to_owned(), "/usr/share/man".to_owned()]);
        add(Ecosystem::C, manuals);
        roots
    }

    /// Adds a folder, after those that are there; one that is there already stays where it is.
    #[must_use]
    pub fn with(mut self, ecosystem: Ecosystem, folder: impl Into<PathBuf>) -> Self {
        let (folders, folder) = (self.folders.entry(ecosystem).or_default(), folder.into());
        if !folders.contains(&folder) {
            folders.push(folder);
        }
        self
    }

    /// Returns the folders of an ecosystem, in the order they are looked through; may be empty.
    pub fn of(&self, ecosystem: Ecosystem) -> &[PathBuf] {
        self.folders.get(&ecosystem).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Returns the folders that are there for an absolute path with stars in its parts, sorted.
fn expanded(pattern: &str) -> Vec<PathBuf> {
    if !pattern.starts_with('/') {
        return Vec::new();
    }
    let mut found = vec![PathBuf::from("/")];
    for part in pattern.split('/').filter(|it| !it.is_empty()) {
        found = match part.split_once('*') {
            None => found.into_iter().map(|it| it.join(part)).collect(),
            Some((begin, end)) => {
                found.iter().flat_map(|it| named(it, begin, end)).take(MAX_MATCHES).collect()
            }
        };
    }
    found.retain(|it| it.is_dir());
    found
}

fn named(folder: &Path, begin: &str, end: &str) -> Vec<PathBuf> {
    let entries = Sandbox::below(&[folder.to_owned()]).entries(folder).into_iter();
    let fits =
        |name: &str| name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end);
    entries.filter(|(name, _)| fits(name)).map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn well_known_places_are_found_by_the_environment_alone() {
        let home = tempfile::tempdir().unwrap();
        let at = |path: &str| home.path().join(path);
        for folder in [
            "venv/lib/python3.12/site-packages",
            ".cargo/registry/src/index.crates.io-1",
            "own",
            "go/pkg/mod",
        ] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let own = at("own").display().to_string();
        let roots = Roots::well_known(|name| match name {
            "HOME" => Some(home.path().display().to_string()),
            "VIRTUAL_ENV" => Some(at("venv").display().to_string()),
            "PYTHONPATH" => Some(format!("relative:{own}:/no/such/folder")),
            _ => None,
        });
        assert_eq!(
            roots.of(Ecosystem::Python).get(..2).unwrap(),
            [at("own"), at("venv/lib/python3.12/site-packages")]
        );
        assert_eq!(roots.of(Ecosystem::Rust), [at(".cargo/registry/src/index.crates.io-1")]);
        assert_eq!(roots.of(Ecosystem::Go), [at("go/pkg/mod")]);
    }
}
