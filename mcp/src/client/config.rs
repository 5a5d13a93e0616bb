//! Which server, and what of it may be used.

use std::{collections::BTreeMap, fmt, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use waggle_agent_core::{Kind, Result};

/// A server as the configuration names it: a command that speaks over its standard input and output, or a URL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpServerConfig {
    /// Stands before the names of its tools: 1 to 24 letters, digits, `-` and single `_`.
    pub name: String,
    /// The program to start.
    #[serde(default)]
    pub command: Option<String>,
    /// What it is started with.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its environment: this, `PATH` and `HOME`, and nothing else of Waggle's own.
    #[serde(default)]
    pub env: BTreeMap<String, Secret>,
    /// Where it is served over streamable HTTP.
    #[serde(default)]
    pub url: Option<String>,
    /// The token to send along.
    #[serde(default)]
    pub bearer: Option<Secret>,
    /// Names of tools that may be used; `*` stands for any characters. Empty allows nothing. A tool that does not say of
    /// itself that it only reads is meant by its full name alone.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Seconds for one call, and for connecting; 1 to 600.
    #[serde(default = "default_timeout_s")]
    pub timeout_s: u64,
    /// Bytes of one result; more is cut. 1,024 to 4,194,304.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: usize,
}

/// Text that is never shown.
#[derive(Clone)]
pub struct Secret(SecretString);

const fn default_timeout_s() -> u64 {
    30
}

const fn default_max_bytes() -> usize {
    65_536
}

impl McpServerConfig {
    /// Returns the time for one call.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s)
    }

    /// Tells what makes no sense.
    ///
    /// # Errors
    ///
    /// `Invalid` with the key and a hint.
    pub fn check(&self) -> Result<()> {
        let wrong = |fault: String, hint: &str| {
            Err(Kind::Invalid.error(format!("MCP server `{}`: {fault}", self.name)).with_hint(hint))
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let is_short = (1..=24).contains(&self.name.len());
        if !is_short
            || !self.name.chars().all(is_name)
            || self.name.contains("__")
            || self.name.ends_with('_')
        {
            let hint = "1 to 24 letters, digits, `-` and single `_`, such as `grafana`";
            return wrong("its `name` cannot stand in the name of a tool".to_owned(), hint);
        }
        match (&self.command, &self.url) {
            (Some(_), Some(_)) => {
                return wrong("it has both `command` and `url`".to_owned(), "give one of them");
            }
            (None, None) => {
                return wrong("it has neither `command` nor `url`".to_owned(), "give one of them");
            }
            (Some(command), None) if command.trim().is_empty() => {
                return wrong("its `command` is empty".to_owned(), "name a program");
            }
            (None, Some(url)) => {
                if !["http", "https"]
                    .iter()
                    .any(|scheme| reqwest::Url::parse(url).is_ok_and(|url| url.scheme() == *scheme))
                {
                    return wrong(format!("`{url}` is no URL of a server"), "such as `https://host/mcp`");
                }
                if !(self.args.is_empty() && self.env.is_empty()) {
                    return wrong("`args` and `env` go with `command`".to_owned(), "leave them out");
                }
            }
            (Some(_), None) if self.bearer.is_some() => {
                return wrong("`bearer` goes with `url`".to_owned(), "give a command its token in `env`");
            }
            (Some(_), None) => {}
        }
        let is_visible = |secret: &Secret| secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
        if self.bearer.as_ref().is_some_and(|bearer| !is_visible(bearer)) {
            return wrong("its `bearer` cannot be sent".to_owned(), "check it for spaces and line breaks");
        }
        if !(1..=600).contains(&self.timeout_s) {
            return wrong(format!("`timeout_s` is {}", self.timeout_s), "1 to 600 seconds");
        }
        if !(1_024..=4_194_304).contains(&self.max_bytes) {
            return wrong(format!("`max_bytes` is {}", self.max_bytes), "1024 to 4194304 bytes");
        }
        Ok(())
    }
}

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"…\"")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<McpServerConfig, String> {
        let config: McpServerConfig = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        config.check().map_err(|error| format!("{error}; hint: {}", error.hint().unwrap_or_default()))?;
        Ok(config)
    }

    #[test]
    fn a_server_is_a_command_or_a_url_and_allows_nothing_by_itself() {
        let config = read("name = 'grafana'\ncommand = 'mcp-grafana'\nenv = { TOKEN = 'hush' }").unwrap();
        assert!(config.allow.is_empty());
        assert_eq!((config.timeout_s, config.max_bytes), (30, 65_536));
        assert!(!format!("{config:?}").contains("hush"));
        let config = read("name = 'wiki'\nurl = 'https://wiki.example/mcp'\nbearer = 'hush'").unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn what_makes_no_sense_is_said_with_a_hint() {
        let cases = [
            "name = 'a__b'\ncommand = 'x'",
            "name = ''\ncommand = 'x'",
            "name = 'a'",
            "name = 'a'\ncommand = 'x'\nurl = 'http://b'",
            "name = 'a'\ncommand = ' '",
            "name = 'a'\nurl = 'ftp://b'",
            "name = 'a'\nurl = 'http://b'\nargs = ['x']",
            "name = 'a'\ncommand = 'x'\nbearer = 'y'",
            "name = 'a'\nurl = 'http://b'\nbearer = \"x\\ny\"",
            "name = 'a'\ncommand = 'x'\ntimeout_s = 0",
            "name = 'a'\ncommand = 'x'\nmax_bytes = 10",
            "name = 'a'\ncommand = 'x'\nallowed = ['*']",
        ];
        let faults: Vec<_> = cases.iter().map(|case| read(case).unwrap_err()).collect();
        insta::assert_snapshot!(faults.join("\n"));
    }
}
