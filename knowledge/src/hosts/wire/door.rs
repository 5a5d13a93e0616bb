//! Where a host is asked, and the token that opens it.

use std::fmt;

use http::{HeaderName, HeaderValue, header};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use waggle_agent_core::{Error, Kind, Result};

use crate::{hosts::shown, this_machine::is_this_machine};

/// The base of a host's API and the header that carries the token.
#[derive(Clone)]
pub struct Door {
    name: &'static str,
    base: Url,
    token: Option<Token>,
}

#[derive(Clone)]
struct Token {
    header: HeaderName,
    /// Marked as sensitive, so that no log below shows it.
    value: HeaderValue,
    secret: SecretString,
}

/// How a host wants its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHeader {
    /// `Authorization: Bearer TOKEN`.
    Bearer,
    /// `PRIVATE-TOKEN: TOKEN`, GitLab's own.
    Private,
}

impl Door {
    /// Reads the base address of an API. Without a token, or with an empty one, the host is asked anonymously.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is no address of the web, has a user or password in it, or would send the token unencrypted to another
    /// machine; and when the token cannot be sent.
    pub fn new(name: &'static str, base: &str, token: Option<(TokenHeader, SecretString)>) -> Result<Self> {
        let no_address = || {
            Kind::Invalid
                .error(format!("`{}` is no address of {name}", shown(base)))
                .with_hint("give the base of its API, without a user or password: `https://api.git.example`")
        };
        let url = Url::parse(base.trim().trim_end_matches('/')).map_err(|_| no_address())?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !(matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain) {
            return Err(no_address());
        }
        let token = token.filter(|(_, token)| !token.expose_secret().trim().is_empty());
        if token.is_some() && url.scheme() == "http" && !is_this_machine(&url) {
            return Err(Kind::Invalid
                .error(format!("the token for {name} would be sent unencrypted to `{}`", shown(base)))
                .with_hint("use an `https` address"));
        }
        let token = token.map(|(header, token)| Token::new(name, header, token)).transpose()?;
        Ok(Self { name, base: url, token })
    }

    /// Returns what people call the host.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the host of the API with its port, if that is not the usual one.
    pub fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Tells whether questions come with a token.
    pub fn is_anonymous(&self) -> bool {
        self.token.is_none()
    }

    /// Returns the address of a route below the base.
    pub fn url(&self, route: &str) -> Result<Url> {
        let base = self.base.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}/{}", route.trim_start_matches('/')));
        let url =
            url.map_err(|error| Kind::Internal.because(format!("make an address of `{route}`"), error))?;
        // What is asked for must not step out of the API.
        let below = format!("{}/", self.base.path().trim_end_matches('/'));
        if url.origin() == self.base.origin() && url.path().starts_with(&below) {
            return Ok(url);
        }
        Err(Kind::Internal.error(format!("`{route}` leads out of {}", self.name)))
    }

    /// Returns the header with the token.
    pub fn token(&self) -> Option<(HeaderName, HeaderValue)> {
        self.token.as_ref().map(|token| (token.header.clone(), token.value.clone()))
    }

    /// Returns a text without the token, should a host have repeated it.
    pub fn hidden(&self, text: &str) -> String {
        match &self.token {
            Some(token) => text.replace(token.secret.expose_secret(), "<token>"),
            None => text.to_owned(),
        }
    }
}

impl Token {
    fn new(name: &str, header: TokenHeader, token: SecretString) -> Result<Self, Error> {
        let secret = SecretString::from(token.expose_secret().trim());
        let (header, text) = match header {
            TokenHeader::Bearer => (header::AUTHORIZATION, format!("Bearer {}", secret.expose_secret())),
            TokenHeader::Private => {
                (HeaderName::from_static("private-token"), secret.expose_secret().to_owned())
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            Kind::Invalid
                .error(format!("the token for {name} has characters that cannot be sent"))
                .with_hint("check the variable that `token_env` names for line breaks")
        })?;
        value.set_sensitive(true);
        Ok(Self { header, value, secret })
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = if self.is_anonymous() { "none" } else { "hidden" };
        f.debug_struct("Door").field("base", &self.base.as_str()).field("token", &token).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(base: &str, token: &str) -> Result<Door> {
        Door::new("GitHub", base, Some((TokenHeader::Bearer, token.into())))
    }

    #[test]
    fn a_token_goes_only_where_nobody_listens() {
        for (base, is_good) in [
            ("https://api.github.com", true),
            ("https://github.acme.example/api/v3/", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://github.acme.example/api/v3", false),
            ("http://127.0.0.1.example", false),
            ("https://bee:honey@github.acme.example", false),
            ("ftp://github.acme.example", false),
            ("github.acme.example", false),
            ("", false),
        ] {
            let door = door(base, "token");
            assert_eq!(door.is_ok(), is_good, "{base}");
            if let Err(error) = door {
                assert_eq!(error.kind(), Kind::Invalid);
                assert!(!error.to_string().contains("honey"), "{error}");
            }
        }
        assert!(Door::new("GitHub", "http://github.acme.example", None).is_ok(), "there is no token to hear");
    }

    #[test]
    fn the_token_is_neither_shown_nor_told() {
        let door = door("https://api.github.com", "  s3cret-t0ken\n").unwrap();
        assert!(!format!("{door:?}").contains("s3cret"));
        let (_, value) = door.token().unwrap();
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert_eq!(door.hidden("bad token s3cret-t0ken"), "bad token <token>");
        let error = self::door("https://api.github.com", "s3cret\nt0ken").unwrap_err();
        assert!(!format!("{error:?}{}", error.chain()).contains("s3cret"));
        assert!(self::door("https://api.github.com", " ").unwrap().is_anonymous());
    }

    #[test]
    fn a_route_stays_below_the_base() {
        let door = door("https://github.acme.example/api/v3/", "token").unwrap();
        let url = door.url("/repos/acme/shop").unwrap();
        assert_eq!(url.as_str(), "https://github.acme.example/api/v3/repos/acme/shop");
        for route in ["/../../admin", "/repos/../../../x"] {
            assert!(door.url(route).is_err(), "{route}");
        }
    }
}
