//! Where things are kept, and which model reasons. All environment variables that Waggle reads are here or on the command line.

use std::{env, path::PathBuf};

use anyhow::{Context, Result, bail};
use waggle_agent_core::models::OpenAiConfig;

/// Base URL of an OpenAI-compatible endpoint, such as `http://127.0.0.1:8000/v1`. Without it the offline model reasons.
pub const MODEL_URL: &str = "WAGGLE_MODEL_URL";
/// Key for the endpoint; may be left out for local servers.
pub const MODEL_KEY: &str = "WAGGLE_MODEL_KEY";
/// Name of the model at the endpoint.
pub const MODEL_NAME: &str = "WAGGLE_MODEL_NAME";

/// What the parts are built from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Everything is kept below.
    pub dir: PathBuf,
    /// A model at an endpoint, when one is configured.
    pub model: Option<OpenAiConfig>,
    /// Repositories that may be read.
    pub repositories: Vec<PathBuf>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// When no folder can be named, or the model is half configured.
    pub fn from_env(dir: Option<PathBuf>) -> Result<Self> {
        let dir =
            dir.or_else(default_dir).context("no folder to keep things in: set `WAGGLE_DIR` or `HOME`")?;
        Ok(Self { dir, model: model()?, repositories: Vec::new() })
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

fn model() -> Result<Option<OpenAiConfig>> {
    let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
    match (set(MODEL_URL), set(MODEL_NAME)) {
        (None, None) => Ok(None),
        (Some(url), Some(model)) => {
            Ok(Some(OpenAiConfig { url, model, key: set(MODEL_KEY).unwrap_or_default().into() }))
        }
        (Some(_), None) => {
            bail!("`{MODEL_URL}` is set, but not `{MODEL_NAME}`\nhint: name the model, such as `qwen2.5`")
        }
        (None, Some(_)) => {
            bail!("`{MODEL_NAME}` is set, but not `{MODEL_URL}`\nhint: such as `https://api.openai.com/v1`")
        }
    }
}
