//! Who is asked: a provider by its name, a model, a key, and a URL where it is not the provider's own.

use std::fmt;

use http::HeaderValue;
use rig_core::{
    DynModel,
    operation::Completion,
    providers::{
        ollama::OllamaConfig,
        registry::{ProviderId, ProviderRef},
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::transport::Transport;
use crate::{
    Error, Kind, Result,
    models::wire::{self, address},
    nearest::nearest,
};

/// Ollama is asked by its own wire, since that alone takes the size of the context.
pub(super) const OLLAMA: &str = "ollama";
/// Names that people use for what the library calls otherwise.
const OTHER_NAMES: [(&str, &str); 2] = [("gemini", "gcp.gemini"), ("azure", "azure.openai")];
/// Providers that want more than a key: a sign-in of a person, or the name of a deployment.
const LEFT_OUT: [&str; 3] = ["azure.openai", "chatgpt", "copilot"];

/// Who is asked.
#[derive(Clone)]
pub struct RigConfig {
    /// Name of the provider: `anthropic`, `gemini`, `ollama`, `mistral`, …; `name/anthropic` or `name/openai` picks a wire
    /// where a provider has two. See [`provider_names`].
    pub provider: String,
    /// Name of the model.
    pub model: String,
    /// The key; may be empty for local servers.
    pub key: SecretString,
    /// Base URL, where it is not the provider's own.
    pub url: Option<String>,
}

impl fmt::Debug for RigConfig {
    /// Hides the key, and a password in the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.as_deref().map(|url| address(url).map(|address| address.shown));
        f.debug_struct("RigConfig")
            .field("provider", &self.provider)
            .field("model", &self.model)
            .field("url", &url.map(|url| url.unwrap_or_else(|_| "not an address".to_owned())))
            .finish_non_exhaustive()
    }
}

/// Lists the names of all providers, in alphabetical order.
pub fn provider_names() -> Vec<&'static str> {
    let mut names: Vec<_> = ProviderId::all().map(|id| id.vendor()).collect();
    names.retain(|name| !LEFT_OUT.contains(name));
    for name in &mut names {
        if let Some((used, _)) = OTHER_NAMES.iter().find(|(_, known)| known == name) {
            *name = used;
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Makes a model out of its config, and says whom messages name.
pub(super) fn connect(config: &RigConfig) -> Result<(DynModel<Completion>, String)> {
    let name = config.provider.trim().to_lowercase();
    let id = provider(&name)?;
    let key = config.key.expose_secret().trim();
    if HeaderValue::from_str(key).is_err() {
        return Err(Kind::Invalid
            .error("the model key has characters that cannot be sent")
            .with_hint("check it for line breaks"));
    }
    if config.model.trim().is_empty() {
        return Err(Kind::Invalid
            .error(format!("no model of `{name}` is named"))
            .with_hint("name one that the provider has"));
    }
    let own = config.url.as_deref().map(address).transpose()?;
    let transport = Transport::new(wire::http_client()?);
    if name == OLLAMA {
        let mut ollama = OllamaConfig::new().with_api_key(key);
        let mut shown = ollama.base_url.clone();
        if let Some(own) = own {
            // The address of its other wire ends in `/v1`.
            ollama = ollama.with_base_url(own.url.trim_end_matches("/v1"));
            shown = own.shown;
        }
        return Ok((ollama.connect(transport).native_completion(&config.model).erase(), shown));
    }
    let Some(mut preset) = id.config(key) else { return Err(unknown(&name)) };
    let mut shown = preset.base_url().to_owned();
    if let Some(own) = own {
        preset = preset.with_base_url(&own.url);
        shown = own.shown;
    }
    let reference = ProviderRef::configured(preset, &config.model)
        .map_err(|error| Kind::Invalid.because(format!("connect to `{name}`"), error))?;
    Ok((reference.completion_model_with(key, transport), shown))
}

fn provider(name: &str) -> Result<ProviderId> {
    let known = OTHER_NAMES.iter().find(|(used, _)| *used == name).map_or(name, |(_, known)| known);
    let vendor = known.split('/').next().unwrap_or(known);
    if LEFT_OUT.contains(&vendor) {
        return Err(Kind::Invalid
            .error(format!("the provider `{name}` is not supported: it wants more than a key"))
            .with_hint("its OpenAI-compatible endpoint may do: give its URL as `WAGGLE_MODEL_URL`"));
    }
    if name.contains('/') {
        return ProviderId::resolve(known).map_err(|error| match error {
            rig_core::providers::registry::SelectionError::Unknown { .. } => unknown(vendor),
            error => Kind::Invalid.because(format!("pick the provider `{name}`"), error),
        });
    }
    ProviderId::catalog(known).filter(ProviderId::is_registered).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    let names = provider_names();
    let nearest =
        nearest(name, &names).map(|nearest| format!("; nearest is `{nearest}`")).unwrap_or_default();
    Kind::Invalid
        .error(format!("unknown model provider `{name}`{nearest}"))
        .with_hint(format!("there are {}", names.join(", ")))
}
