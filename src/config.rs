//! Where things are kept. All environment variables that Waggle reads are here, in `models`, or on the command line.

use std::{env, path::PathBuf, str::FromStr};

use anyhow::{Context, Result};

use crate::{models::Models, settings::Settings};

/// What the parts are built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Everything is kept below.
    pub dir: PathBuf,
    /// Which models reason.
    pub models: Models,
    /// What the settings file says.
    pub settings: Settings,
    /// Repositories that may be read.
    pub repositories: Vec<Repository>,
}

/// A clone on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// What the label `vcs.repository.url.full` calls it; its path alone when left out.
    pub url: Option<String>,
    pub path: PathBuf,
}

impl Repository {
    /// Names a clone by its path alone.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { url: None, path: path.into() }
    }
}

impl FromStr for Repository {
    type Err = String;

    /// Reads `PATH` or `URL=PATH`. What stands before the first `=` is a URL when it has a `:` in it, as all of them do.
    fn from_str(text: &str) -> Result<Self, String> {
        let (url, path) = match text.split_once('=') {
            Some((url, path)) if url.contains(':') => (Some(url.to_owned()), path),
            _ => (None, text),
        };
        if path.is_empty() {
            return Err(format!("`{text}` names no path; write `PATH` or `URL=PATH`"));
        }
        Ok(Self { url, path: path.into() })
    }
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// When no folder can be named, a model is half configured, or the settings file does not read.
    pub fn from_env(dir: Option<PathBuf>) -> Result<Self> {
        let dir =
            dir.or_else(default_dir).context("no folder to keep things in: set `WAGGLE_DIR` or `HOME`")?;
        let settings = Settings::read(&dir)?;
        Ok(Self { dir, models: Models::from_env()?, settings, repositories: Vec::new() })
    }

    /// Returns the folder of the telemetry store.
    pub fn store_dir(&self) -> PathBuf {
        self.dir.join("telemetry")
    }

    /// Returns the file of the memory.
    pub fn memory_file(&self) -> PathBuf {
        self.dir.join("memory.sqlite")
    }

    /// Returns the file that tells where a running server listens.
    pub fn server_file(&self) -> PathBuf {
        self.dir.join("server.json")
    }

    /// Returns the file of the access token.
    pub fn token_file(&self) -> PathBuf {
        self.dir.join("token")
    }
}

fn default_dir() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(data.join("waggle"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_a_path_or_the_clone_of_a_url() {
        for (text, url, path) in [
            ("/srv/shop.git", None, "/srv/shop.git"),
            ("shop=old", None, "shop=old"),
            ("https://git.example/acme/shop=/srv/shop", Some("https://git.example/acme/shop"), "/srv/shop"),
            ("git@git.example:acme/shop=shop=2", Some("git@git.example:acme/shop"), "shop=2"),
        ] {
            let read: Repository = text.parse().unwrap();
            assert_eq!((read.url.as_deref(), read.path), (url, PathBuf::from(path)), "{text}");
        }
        for wrong in ["", "https://git.example/acme/shop="] {
            assert!(wrong.parse::<Repository>().is_err(), "{wrong}");
        }
    }
}
