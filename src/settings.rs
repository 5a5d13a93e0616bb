//! The settings file, `waggle.toml` in Waggle's folder: what a line of the shell is too short for.

use std::{fs, io, path::Path, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use waggle_agent_core::{
    investigation::Budget,
    redact::{RedactionPolicy, Redactor},
};
use waggle_knowledge::{HostsConfig, OwnerSettings};
use waggle_mcp::McpServerConfig;

use crate::shelves::KnowledgeSettings;

/// Its name in the folder.
pub const FILE: &str = "waggle.toml";

/// A day: nobody waits longer for a finding.
const MAX_SECONDS: u64 = 86_400;

/// Less than this does not hold the instructions.
const MIN_TOKENS: u64 = 1_000;

/// Everything that it may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What an investigation may cost.
    #[serde(default)]
    budget: BudgetSettings,
    #[serde(default)]
    mcp: Mcp,
    #[serde(default)]
    knowledge: KnowledgeSettings,
    /// Hosts of code that may be asked.
    #[serde(default)]
    changes: HostsConfig,
    /// Who answers for what.
    #[serde(default)]
    owners: OwnerSettings,
    /// What else must not leave, and what may.
    #[serde(default)]
    redaction: RedactionPolicy,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetSettings {
    steps: Option<u32>,
    tokens: Option<u64>,
    usd: Option<f64>,
    seconds: Option<u64>,
    context_tokens: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mcp {
    #[serde(default)]
    servers: Vec<McpServerConfig>,
}

impl Settings {
    /// Reads the file of a folder; what is not there is as by default.
    ///
    /// # Errors
    ///
    /// When it does not read, or says what nobody understands.
    pub fn read(dir: &Path) -> Result<Self> {
        let file = dir.join(FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("read `{}`", file.display())),
        };
        // The error shows the line, and in that line may be a secret that somebody wrote where only its variable belongs.
        let told = |error: toml::de::Error| anyhow!("{}", Redactor::default().redact(&error.to_string()));
        let settings: Self =
            toml::from_str(&text).map_err(told).with_context(|| format!("read `{}`", file.display()))?;
        if settings.budget.usd.is_some_and(|usd| !usd.is_finite() || usd < 0.0) {
            bail!("`{}`: `budget.usd` must be a sum of money", file.display());
        }
        let least = [
            ("steps", settings.budget.steps.map(u64::from), 1),
            ("tokens", settings.budget.tokens, MIN_TOKENS),
            ("context_tokens", settings.budget.context_tokens, MIN_TOKENS),
        ];
        for (name, value, least) in least {
            if value.is_some_and(|value| value < least) {
                bail!("`{}`: `budget.{name}` must be at least {least}", file.display());
            }
        }
        if settings.budget.seconds.is_some_and(|seconds| !(1..=MAX_SECONDS).contains(&seconds)) {
            bail!("`{}`: `budget.seconds` must be from 1 to {MAX_SECONDS}", file.display());
        }
        settings.redaction.compile().with_context(|| format!("read `{}`", file.display()))?;
        settings.knowledge.check().with_context(|| format!("read `{}`", file.display()))?;
        Ok(settings)
    }

    /// Returns what an investigation may cost.
    pub fn budget(&self) -> Budget {
        let BudgetSettings { steps, tokens, usd, seconds, context_tokens } = self.budget;
        let usual = Budget::default();
        Budget {
            steps: steps.unwrap_or(usual.steps),
            tokens: tokens.unwrap_or(usual.tokens),
            // At most as many as fit; nobody has so much to spend.
            cost_micro_usd: usd.map(|usd| (usd * 1e6) as u64),
            time: seconds.map_or(usual.time, Duration::from_secs),
            model_timeout: seconds.map_or(usual.model_timeout, |seconds| {
                usual.model_timeout.max(Duration::from_secs(seconds) / 2)
            }),
            context_tokens: context_tokens.unwrap_or(usual.context_tokens),
            ..usual
        }
    }

    /// Returns what else must not leave, and what may.
    pub fn redaction(&self) -> &RedactionPolicy {
        &self.redaction
    }

    /// Returns the documents that the agent may read.
    pub fn knowledge(&self) -> &KnowledgeSettings {
        &self.knowledge
    }

    /// Returns the hosts of code that may be asked.
    pub fn changes(&self) -> &HostsConfig {
        &self.changes
    }

    /// Returns who answers for what, besides labels and `CODEOWNERS`.
    pub fn owners(&self) -> &OwnerSettings {
        &self.owners
    }

    /// Returns the servers whose tools the agent may use.
    pub fn mcp_servers(&self) -> &[McpServerConfig] {
        &self.mcp.servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), text).unwrap();
        Settings::read(dir.path())
    }

    #[test]
    fn what_is_left_out_is_as_usual() {
        let none = Settings::read(tempfile::tempdir().unwrap().path()).unwrap();
        assert_eq!(none.budget(), Budget::default());
        assert!(none.mcp_servers().is_empty());
        let some = read("[budget]\nusd = 0.25\nsteps = 5\n").unwrap().budget();
        assert_eq!((some.cost_micro_usd, some.steps), (Some(250_000), 5));
        assert_eq!(some.tokens, Budget::default().tokens);
    }

    #[test]
    fn servers_are_named_with_what_they_may_do() {
        let text =
            "[[mcp.servers]]\nname = \"wiki\"\nurl = \"https://wiki.example/mcp\"\nallow = [\"search_*\"]\n";
        assert_eq!(read(text).unwrap().mcp_servers()[0].name, "wiki");
    }

    #[test]
    fn what_nobody_understands_is_refused_by_name() {
        for (text, said) in [
            ("[budget]\nsteps = 0\n", "`budget.steps` must be at least 1"),
            ("[budget]\ncontext_tokens = 10\n", "at least 1000"),
            ("[[knowledge.collections]]\nname = \"runbooks\"\n", "`runbooks` names no `folders`"),
            (
                "[[knowledge.collections]]\nname = \"a:b\"\nurls = [\"https://wiki.example\"]\n",
                "`a:b` is no name",
            ),
            ("[budgt]\nsteps = 1\n", "unknown field `budgt`"),
            ("[budget]\nusd = -1.0\n", "must be a sum of money"),
            ("[budget]\nseconds = 9223372036854775807\n", "from 1 to 86400"),
            ("[budget]\nsteps = \"many\"\n", "invalid type"),
            ("budget", "waggle.toml"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }
}
