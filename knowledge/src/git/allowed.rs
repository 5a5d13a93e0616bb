//! Which repositories may be read.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use waggle_agent_core::{Error, Kind, Result};

use crate::hosts::shown;

/// Spellings of repositories, and where each lies. Asking touches no file.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    paths: BTreeMap<PathBuf, PathBuf>,
    urls: BTreeMap<String, PathBuf>,
}

impl Allowed {
    /// Allows the repository at `path`, as it is spelled and as the file system knows it now.
    pub fn add(&mut self, path: PathBuf) {
        let path = std::path::absolute(&path).unwrap_or(path);
        let known = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        self.paths.insert(plain_path(&known), known.clone());
        self.paths.insert(plain_path(&path), known);
    }

    /// Allows the repository at `path` under the name `url`.
    pub fn add_clone(&mut self, url: &str, path: PathBuf) {
        let path = std::path::absolute(&path).unwrap_or(path);
        self.urls.insert(plain_url(url).to_owned(), path);
    }

    /// Returns where every repository lies.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        self.paths.values().chain(self.urls.values()).map(PathBuf::as_path)
    }

    /// Returns where a repository lies.
    ///
    /// # Errors
    ///
    /// `Denied` for one that is not allowed, whether or not it exists.
    pub fn path(&self, repository: &str) -> Result<PathBuf> {
        if let Some(path) = self.urls.get(plain_url(repository)) {
            return Ok(path.clone());
        }
        let path =
            local_path(repository).and_then(|path| self.paths.get(&plain_path(Path::new(&path))).cloned());
        path.ok_or_else(|| denied(repository))
    }
}

fn denied(repository: &str) -> Error {
    // A name from telemetry can be of any length, and a URL can have a password in it.
    let plain = if repository.contains("://") { shown(repository) } else { repository.to_owned() };
    let shown: String = plain.chars().take(200).collect();
    Kind::Denied
        .error(format!("repository `{shown}` is not one of those that may be read"))
        .with_hint("name a local clone with `--repository URL=PATH`")
}

/// Returns the path that a name stands for: an absolute path, or a `file://` URL of this machine, <https://www.rfc-editor.org/rfc/rfc8089>.
fn local_path(repository: &str) -> Option<String> {
    let Some(rest) = repository.strip_prefix("file://") else {
        return repository.starts_with('/').then(|| repository.to_owned());
    };
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if path.starts_with('/') { unescaped(path) } else { None }
}

/// Undoes percent-encoding; `None` when it is broken or not UTF-8.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Drops what does not change the place: doubled slashes, `.`, a slash or `.git` at the end. `..` stays, and so never matches.
fn plain_path(path: &Path) -> PathBuf {
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    match plain.parent() {
        Some(parent) if plain.ends_with(".git") => parent.to_owned(),
        _ => plain,
    }
}

fn plain_url(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_found() {
        let mut allowed = Allowed::default();
        allowed.add("/srv/git/shop".into());
        allowed.add("/srv/git/a b.git".into());
        allowed.add_clone("https://git.example/acme/shop.git", "/srv/clones/shop".into());
        let cases = [
            ("/srv/git/shop", Some("/srv/git/shop")),
            ("/srv/git/shop/", Some("/srv/git/shop")),
            ("/srv//git/./shop/.git", Some("/srv/git/shop")),
            ("file:///srv/git/shop", Some("/srv/git/shop")),
            ("file://localhost/srv/git/shop", Some("/srv/git/shop")),
            ("file:///srv/git/a%20b.git", Some("/srv/git/a b.git")),
            ("/srv/git/a b.git", Some("/srv/git/a b.git")),
            ("https://git.example/acme/shop", Some("/srv/clones/shop")),
            ("https://git.example/acme/shop.git/", Some("/srv/clones/shop")),
            ("", None),
            ("/", None),
            ("/srv/git", None),
            ("/srv/git/shop/src", None),
            ("/srv/git/shop2", None),
            ("/srv/git/other/../shop", None),
            ("/srv/git/shop/../../../etc", None),
            ("srv/git/shop", None),
            ("./shop", None),
            ("file://srv/git/shop", None),
            ("file://elsewhere/srv/git/shop", None),
            ("file:///srv/git/shop%2", None),
            ("file:///srv/git/shop%2f%2e%2e", None),
            ("file:///srv/git/%ff", None),
            ("/srv/git/shop\0", None),
            ("https://git.example/acme/shop2", None),
            ("git@git.example:acme/shop", None),
            ("ext::sh -c id", None),
        ];
        for (repository, expected) in cases {
            let path = allowed.path(repository);
            let denied = path.as_ref().err().map(Error::kind);
            assert_eq!(path.ok(), expected.map(PathBuf::from), "{repository:?}");
            assert_eq!(denied, expected.is_none().then_some(Kind::Denied), "{repository:?}");
        }
    }

    #[test]
    fn a_link_that_was_listed_is_known_by_both_names() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("real");
        let link = real.with_file_name("link");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut allowed = Allowed::default();
        allowed.add(link.clone());
        for spelling in [&real, &link] {
            assert_eq!(allowed.path(spelling.to_str().unwrap()).unwrap(), real);
        }
    }
}
