//! Where a repository is, however telemetry spells it: one spelling for all, and no credentials in it.

use std::{fmt, str::FromStr};

use waggle_agent_core::{Error, Kind};

/// Longest address that is read, bytes.
const MAX_BYTES: usize = 2_048;

/// Most parts of a path. GitLab nests groups 20 deep: <https://docs.gitlab.com/user/group/subgroups/>.
const MAX_PARTS: usize = 21;

/// The ports of the web. Either is left out behind either protocol: nobody has two hosts of code on these two.
const USUAL_PORTS: [&str; 2] = ["80", "443"];

/// A repository on a host of the web, such as `git.example/acme/shop`.
///
/// It reads what git takes for a remote: `https://`, `http://`, `ssh://` and `git://` URLs, those with `git+` in front, and
/// `user@host:path`. Credentials, default ports, the port of ssh, `.git` and slashes at the end, and what stands behind `?` or
/// `#` are left out; the host is in lower case. Writes itself as `https://host/path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryAddress {
    /// With the port of the web when it is not the usual one.
    host: String,
    /// At least two parts.
    path: String,
}

impl RepositoryAddress {
    /// Returns the host in lower case, with `:port` behind it when that is not the usual one of the web.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns `owner/name`; GitLab's groups may have more parts.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for RepositoryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}/{}", self.host, self.path)
    }
}

impl FromStr for RepositoryAddress {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid` for everything else: local paths, hosts without a repository, other protocols.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let whole = if text.len() <= MAX_BYTES { split(text) } else { None };
        let read = whole.and_then(|(authority, path, ports)| {
            Some(Self { host: host(authority, ports)?, path: plain_path(path)? })
        });
        read.ok_or_else(|| {
            Kind::Invalid
                .error(format!("`{}` is not the address of a repository", shown(text)))
                .with_hint("such as `https://git.example/acme/shop` or `git@git.example:acme/shop.git`")
        })
    }
}

/// What becomes of the port behind a host.
#[derive(Clone, Copy)]
enum Ports {
    /// It tells hosts apart, but for the usual ones.
    Web,
    /// It leads to another door of the same host.
    Door,
    /// There is none: what stands behind the colon is the path.
    None,
}

/// Splits an address into host with credentials and port, and path.
fn split(text: &str) -> Option<(&str, &str, Ports)> {
    if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return None;
    }
    // As pip and npm write it: https://pip.pypa.io/en/stable/topics/vcs-support/.
    let text = text.strip_prefix("git+").unwrap_or(text);
    if let Some((scheme, rest)) = text.split_once("://") {
        let ports = match scheme.to_ascii_lowercase().as_str() {
            "https" | "http" => Ports::Web,
            "ssh" | "git" => Ports::Door,
            _ => return None,
        };
        let (authority, path) = rest.split_once('/')?;
        return Some((authority, path, ports));
    }
    // `user@host:path`, "scp-like" in https://git-scm.com/docs/git-clone#_git_urls: no slash before the first colon.
    let (authority, path) = text.split_once(':')?;
    let has_user = authority.contains('@') && !authority.contains('/');
    has_user.then_some((authority, path, Ports::None))
}

/// Returns the host without credentials, in lower case.
fn host(authority: &str, ports: Ports) -> Option<String> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (name, port) = match (host.split_once(':'), ports) {
        (None, _) => (host, None),
        (Some(_), Ports::None) => return None,
        (Some((name, port)), _) => (name, Some(port)),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    if port.is_some_and(|port| !is_port(port)) {
        return None;
    }
    // RFC 1123 §2.1: letters, digits, hyphens, dots.
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(is_name) {
        return None;
    }
    let name = name.to_ascii_lowercase();
    Some(match (port, ports) {
        (Some(port), Ports::Web) if !USUAL_PORTS.contains(&port) => format!("{name}:{port}"),
        _ => name,
    })
}

/// Returns the path without what does not change the place; `None` when it cannot be that of a repository.
fn plain_path(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut plain = path.trim_matches('/');
    while let Some(shorter) = plain.strip_suffix(".git") {
        plain = shorter.trim_end_matches('/');
    }
    let parts: Vec<_> = plain.split('/').collect();
    // GitLab: "letters, digits, emojis, underscores, dots, dashes"; GitHub and Gitee allow less.
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let is_part = |part: &&str| !part.is_empty() && !part.chars().all(|letter| letter == '.');
    let is_path = (2..=MAX_PARTS).contains(&parts.len())
        && parts.iter().all(is_part)
        && plain.chars().all(|letter| is_letter(letter) || letter == '/');
    is_path.then(|| plain.to_owned())
}

/// Returns the part of an address that may be told: nothing before the last `@`, where a password may stand.
pub(crate) fn shown(text: &str) -> String {
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_repository_is_one_address() {
        for spelling in [
            "https://git.example/acme/shop",
            "https://git.example/acme/shop.git",
            "https://git.example/acme/shop.git/",
            "https://git.example//acme/shop/",
            "https://Git.Example:443/acme/shop",
            "HTTPS://git.example/acme/shop",
            "http://git.example:80/acme/shop",
            "https://bee:honey@git.example/acme/shop",
            "https://honey@git.example/acme/shop",
            "https://bee:ho@ney@git.example/acme/shop",
            "https://git.example/acme/shop?tab=readme#top",
            "ssh://git@git.example/acme/shop.git",
            "ssh://git@git.example:2222/acme/shop.git",
            "git+ssh://git@git.example/acme/shop.git",
            "git+https://git.example/acme/shop.git",
            "git://git.example/acme/shop.git",
            "git@git.example:acme/shop.git",
            "git@git.example:/acme/shop/",
            "bee@git.example:acme/shop",
            " https://git.example/acme/shop\n",
        ] {
            let address: RepositoryAddress = spelling.parse().unwrap();
            assert_eq!(address.to_string(), "https://git.example/acme/shop", "{spelling}");
        }
    }

    #[test]
    fn ports_of_the_web_and_nested_groups_are_kept() {
        for (spelling, host, path) in [
            ("https://git.example:8443/acme/shop", "git.example:8443", "acme/shop"),
            ("http://127.0.0.1:3000/acme/shop.git", "127.0.0.1:3000", "acme/shop"),
            ("https://git.example/acme/web/shop.js", "git.example", "acme/web/shop.js"),
            ("git@git.example:acme/web/Shop_2.git", "git.example", "acme/web/Shop_2"),
        ] {
            let address: RepositoryAddress = spelling.parse().unwrap();
            assert_eq!((address.host(), address.path()), (host, path), "{spelling}");
        }
    }

    #[test]
    fn what_is_no_repository_of_the_web_is_refused() {
        let long = format!("https://git.example/acme/{}", "a".repeat(MAX_BYTES));
        for text in [
            "",
            "shop",
            "/srv/git/shop",
            "./acme/shop",
            "file:///srv/git/shop",
            "ext::sh -c id",
            "https://git.example",
            "https://git.example/",
            "https://git.example/shop",
            "https://git.example/acme/.git",
            "https://git.example/acme/../shop",
            "https://git.example/acme/%2e%2e",
            "https://git.example/acme/a b",
            "https://git.example/acme/shop\0",
            "https:///acme/shop",
            "https://git.example:port/acme/shop",
            "https://git.example:99999/acme/shop",
            "https://git.example:/acme/shop",
            "https://bee:ho/ney@git.example/acme/shop",
            "C:/acme/shop",
            "git.example:acme/shop",
            "git@-o:acme/shop",
            &long,
        ] {
            let read = text.parse::<RepositoryAddress>();
            assert_eq!(read.unwrap_err().kind(), Kind::Invalid, "{text:?}");
        }
    }

    #[test]
    fn a_refusal_does_not_tell_the_password() {
        for text in ["ftp://bee:honey@git.example/acme/shop", "https://bee:ho/honey@git.example/a/b"] {
            let error = text.parse::<RepositoryAddress>().unwrap_err();
            assert!(!error.to_string().contains("honey"), "{error}");
            assert!(error.to_string().contains("git.example"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_reads_back(text in any::<String>()) {
            if let Ok(address) = text.parse::<RepositoryAddress>() {
                prop_assert_eq!(address.to_string().parse::<RepositoryAddress>().unwrap(), address);
            }
        }

        #[test]
        fn what_looks_like_an_address_reads_back(
            text in "(git\\+)?(https?|ssh|git)://([a-z:@]{0,6}@)?[a-zA-Z.:0-9-]{0,12}(/[a-z.]{0,5}){0,4}(\\.git){0,2}/?"
        ) {
            if let Ok(address) = text.parse::<RepositoryAddress>() {
                prop_assert_eq!(address.to_string().parse::<RepositoryAddress>().unwrap(), address);
            }
        }

        #[test]
        fn credentials_are_never_kept(user in "[a-z]{8}", password in "[A-Z0-9@:]{8,20}") {
            let text = format!("https://{user}:{password}@git.example/acme/shop");
            let address: RepositoryAddress = text.parse().unwrap();
            prop_assert_eq!(address.to_string(), "https://git.example/acme/shop");
        }
    }
}
