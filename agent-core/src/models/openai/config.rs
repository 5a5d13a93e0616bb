//! Where a model is, and with which key it is asked.

use std::fmt;

use async_openai::config::Config;
use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Kind, Result,
    models::{
        quirks::Quirks,
        wire::{Address, address},
    },
};

/// Where the model is.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// Base URL, up to and without `/chat/completions`: `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// Sent as bearer token; may be empty for local servers.
    pub key: SecretString,
    /// Name of the model.
    pub model: String,
    /// How the endpoint wants to be asked; `None` to know it by its host and the model's name.
    pub quirks: Option<Quirks>,
}

impl fmt::Debug for OpenAiConfig {
    /// Hides the key, and a password in the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = address(&self.url).map(|address| address.shown);
        f.debug_struct("OpenAiConfig")
            .field("url", &url.unwrap_or_else(|_| "not an address".to_owned()))
            .field("model", &self.model)
            .field("quirks", &self.quirks)
            .finish_non_exhaustive()
    }
}

/// An endpoint as the client library asks for one. Its own config panics on a key with a line break.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) address: Address,
    headers: HeaderMap,
    key: SecretString,
}

impl Endpoint {
    /// Checks the address and the key.
    pub(super) fn new(config: &OpenAiConfig) -> Result<Self> {
        let address = address(&config.url)?;
        let key = config.key.expose_secret().trim();
        let mut headers = HeaderMap::new();
        if !key.is_empty() {
            let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
                Kind::Invalid
                    .error("the model key has characters that cannot be sent")
                    .with_hint("check `WAGGLE_MODEL_KEY` for line breaks")
            })?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        Ok(Self { address, headers, key: key.to_owned().into() })
    }

    /// Returns the host in lower case, with its port where one is given: `127.0.0.1:11434`.
    pub(super) fn host(&self) -> String {
        let Ok(url) = reqwest::Url::parse(&self.address.url) else { return String::new() };
        let host = url.host_str().unwrap_or_default().to_lowercase();
        url.port().map(|port| format!("{host}:{port}")).unwrap_or(host)
    }

    /// Returns the key, to hide it where an endpoint repeats it.
    pub(super) fn key(&self) -> &str {
        self.key.expose_secret()
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address.url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.address.url
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}
