//! Where the hosts are, as a settings file says it.

use secrecy::SecretString;
use serde::Deserialize;
use waggle_agent_core::Result;

use super::{
    HostedChanges,
    wire::{Door, TokenHeader},
};

/// The section `[changes]`: `[changes.github]`, `[changes.gitlab]` and `[changes.gitee]`. A host that is left out is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostsConfig {
    /// GitHub, or an Enterprise server.
    pub github: Option<HostConfig>,
    /// GitLab, or a server at home.
    pub gitlab: Option<HostConfig>,
    /// Gitee.
    pub gitee: Option<HostConfig>,
}

/// One host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostConfig {
    /// The base of its API; that of the public service when left out. GitHub: `https://api.github.com`,
    /// `https://github.acme.example/api/v3`. GitLab: `https://gitlab.com/api/v4`. Gitee: `https://gitee.com/api/v5`.
    pub url: Option<String>,
    /// The environment variable that holds the token. Without one the host is asked anonymously.
    pub token_env: Option<String>,
    /// Which repositories may be asked about: `owner/name`, `owner/*`. None when empty.
    pub allow: Vec<String>,
    /// Further names of the host in addresses of repositories, such as one that only ssh uses.
    pub also: Vec<String>,
}

impl HostsConfig {
    /// Prepares all hosts that are configured, in order of this struct; nothing is sent yet. `token` returns the value of an
    /// environment variable.
    ///
    /// # Errors
    ///
    /// `Invalid` when an address, a rule or a token is wrong; see [`HostedChanges::github`].
    pub fn connect(&self, token: impl Fn(&str) -> Option<SecretString>) -> Result<Vec<HostedChanges>> {
        let token = |host: &HostConfig| host.token_env.as_deref().and_then(&token);
        let mut hosts = Vec::new();
        if let Some(host) = &self.github {
            hosts.push(HostedChanges::github(host, token(host))?);
        }
        if let Some(host) = &self.gitlab {
            hosts.push(HostedChanges::gitlab(host, token(host))?);
        }
        if let Some(host) = &self.gitee {
            hosts.push(HostedChanges::gitee(host, token(host))?);
        }
        Ok(hosts)
    }
}

impl HostConfig {
    /// Makes the door to this host.
    pub(super) fn door(
        &self,
        name: &'static str,
        public: &str,
        header: TokenHeader,
        token: Option<SecretString>,
    ) -> Result<Door> {
        Door::new(name, self.url.as_deref().unwrap_or(public), token.map(|token| (header, token)))
    }

    /// Returns the names that addresses of repositories on this host have, in lower case.
    ///
    /// The API of a public service may have a host of its own: `api.github.com`, and `api.ACME.ghe.com` of GitHub's data residency.
    pub(super) fn names(&self, door: &Door) -> Vec<String> {
        let host = door.host();
        let name = host.strip_prefix("api.").unwrap_or(&host).to_owned();
        let also = self.also.iter().map(|name| name.to_ascii_lowercase());
        std::iter::once(name).chain(also).collect()
    }
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::Kind;

    use super::*;

    fn read(text: &str) -> Result<HostsConfig, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_settings_file_names_hosts_tokens_and_repositories() {
        let text = "[github]\nurl = 'https://github.acme.example/api/v3'\ntoken_env = 'GITHUB_TOKEN'\nallow = ['acme/*']\nalso = ['ssh.Acme.example']\n[gitee]\nallow = ['acme/shop']";
        let config = read(text).unwrap();
        let hosts = config.connect(|name| Some(format!("value of {name}").into())).unwrap();
        let names: Vec<_> = hosts.iter().map(HostedChanges::names).collect();
        assert_eq!(names, [&["github.acme.example", "ssh.acme.example"][..], &["gitee.com"]]);
        let public = read("[github]\n[gitlab]").unwrap().connect(|_| None).unwrap();
        let names: Vec<_> = public.iter().map(HostedChanges::names).collect();
        assert_eq!(names, [["github.com"], ["gitlab.com"]]);
    }

    #[test]
    fn what_is_misspelt_is_an_error_and_no_default() {
        for text in ["[github]\ntoken = 'secret'", "[bitbucket]", "[github]\nallow = 'acme/*'"] {
            assert!(read(text).is_err(), "{text}");
        }
        for text in ["[github]\nallow = ['*']", "[gitlab]\nurl = 'gitlab.acme.example'"] {
            let error = read(text).unwrap().connect(|_| None).unwrap_err();
            assert_eq!(error.kind(), Kind::Invalid, "{text}");
        }
    }
}
