//! Which models reason, by environment. Without any the offline model does.

use std::{env, fmt, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use secrecy::SecretString;
use waggle_agent_core::{
    models::{
        Chain, Guided, OpenAi, OpenAiConfig, Priced, Retrying, Rig, RigConfig, Routed,
        priced::Price,
        quirks::{Quirks, quirks_named},
        retrying::Retries,
    },
    ports::Model,
    redact::Redacted,
};

/// The model that reasons: `WAGGLE_MODEL_URL`, `_NAME`, `_KEY`, `_PROVIDER`, `_PRICE`, `_QUIRKS`, `_SIZE`.
const MAIN: &str = "WAGGLE_MODEL";
/// A smaller one, for doubts and summaries, by the same endings.
const SMALL: &str = "WAGGLE_SMALL_MODEL";
/// Asked when the first one fails, by the same endings.
const FALLBACK: &str = "WAGGLE_FALLBACK_MODEL";
/// Set to `1`, a second model doubts each finding: the small one, else the same again.
const REVIEW: &str = "WAGGLE_REVIEW";

/// Which models reason.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Nobody but the offline model when there is none.
    main: Option<Endpoint>,
    small: Option<Endpoint>,
    fallback: Option<Endpoint>,
    is_reviewed: bool,
    /// Reasons in place of all of them.
    given: Option<Given>,
}

/// A model that was made by hand.
#[derive(Clone)]
struct Given(Arc<dyn Model>);

/// Where one model is.
#[derive(Clone, Debug)]
struct Endpoint {
    /// How its variables begin.
    prefix: &'static str,
    /// A provider's own wire; an OpenAI-compatible endpoint when left out.
    provider: Option<String>,
    url: Option<String>,
    name: String,
    key: SecretString,
    price: Option<Price>,
    quirks: Option<Quirks>,
    /// True for one that is led by the offline model.
    is_small: bool,
    /// How long such a one may take; as usual when left out.
    patience: Option<Duration>,
}

/// Models, ready to be asked.
pub struct Reasoning {
    /// `None` for the offline model.
    pub model: Option<Arc<dyn Model>>,
    pub reviewer: Option<Arc<dyn Model>>,
}

impl Models {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// When a model is half configured.
    pub fn from_env() -> Result<Self> {
        let models = Self {
            main: Endpoint::from_env(MAIN)?,
            small: Endpoint::from_env(SMALL)?,
            fallback: Endpoint::from_env(FALLBACK)?,
            is_reviewed: set(REVIEW).is_some_and(|value| value != "0"),
            given: None,
        };
        if let (None, Some(other)) = (&models.main, models.small.as_ref().or(models.fallback.as_ref())) {
            bail!(
                "`{}_NAME` is set, but no `{MAIN}_NAME`\nhint: the first model is `{MAIN}_…`; the others stand beside it",
                other.prefix
            );
        }
        Ok(models)
    }

    /// Lets one model reason in place of all.
    pub fn given(model: Arc<dyn Model>) -> Self {
        Self { given: Some(Given(model)), ..Self::default() }
    }

    /// Tells whether any model besides the offline one is configured.
    pub fn is_configured(&self) -> bool {
        self.main.is_some()
    }

    /// Prepares the models; nothing is sent yet. The seed decides how long retries wait.
    ///
    /// # Errors
    ///
    /// When an address is none, a key cannot be sent, or a provider is not known.
    pub fn reasoning(&self, seed: u64) -> Result<Reasoning> {
        if let Some(Given(model)) = &self.given {
            return Ok(Reasoning { model: Some(model.clone()), reviewer: None });
        }
        let Some(main) = &self.main else { return Ok(Reasoning { model: None, reviewer: None }) };
        let mut model = main.model(seed)?;
        if let Some(fallback) = &self.fallback {
            model = Arc::new(Chain::new([model, fallback.model(seed)?])?);
        }
        let small = self.small.as_ref().map(|small| small.model(seed)).transpose()?;
        if let Some(small) = &small {
            model = Arc::new(Routed::by_size(model, small.clone()));
        }
        let reviewer = self.is_reviewed.then(|| small.unwrap_or_else(|| model.clone()));
        Ok(Reasoning { model: Some(model), reviewer })
    }
}

impl Endpoint {
    fn from_env(prefix: &'static str) -> Result<Option<Self>> {
        let read = |ending: &str| set(&format!("{prefix}_{ending}"));
        let (provider, url, name) = (read("PROVIDER"), read("URL"), read("NAME"));
        let Some(name) = name else {
            if url.is_none() && provider.is_none() {
                return Ok(None);
            }
            let given = if url.is_some() { "URL" } else { "PROVIDER" };
            bail!(
                "`{prefix}_{given}` is set, but not `{prefix}_NAME`\nhint: name the model, such as `qwen2.5`"
            );
        };
        if url.is_none() && provider.is_none() {
            bail!(
                "`{prefix}_NAME` is set, but not `{prefix}_URL`\nhint: such as `https://api.openai.com/v1`, or a `{prefix}_PROVIDER` such as `anthropic`"
            );
        }
        let needs_key = provider.as_deref().is_some_and(|provider| provider != "ollama") && url.is_none();
        if needs_key && read("KEY").is_none() {
            bail!(
                "`{prefix}_PROVIDER` is set, but not `{prefix}_KEY`\nhint: the provider asks for one; `{prefix}_URL` names a server that does not"
            );
        }
        let price =
            read("PRICE").map(|price| price.parse().map_err(|error| anyhow!("`{prefix}_PRICE`: {error}")));
        let quirks = read("QUIRKS").map(|quirks| quirks_of(prefix, &quirks));
        let is_small = match read("SIZE").as_deref() {
            None | Some("large") => false,
            Some("small") => true,
            Some(other) => bail!("`{prefix}_SIZE` is `{other}`\nhint: `small` or `large`"),
        };
        let patience = read("PATIENCE").map(|seconds| match seconds.parse() {
            Ok(seconds @ 1..=600) => Ok(Duration::from_secs(seconds)),
            _ => Err(anyhow!("`{prefix}_PATIENCE` is `{seconds}`\nhint: seconds, from 1 to 600")),
        });
        Ok(Some(Self {
            patience: patience.transpose()?,
            prefix,
            provider,
            url,
            name,
            key: read("KEY").unwrap_or_default().into(),
            price: price.transpose()?,
            quirks: quirks.transpose()?,
            is_small,
        }))
    }

    fn model(&self, seed: u64) -> Result<Arc<dyn Model>> {
        let (model, key, url) = (self.name.clone(), self.key.clone(), self.url.clone());
        let asked = match &self.provider {
            Some(provider) => {
                let config = RigConfig { provider: provider.clone(), model, key, url };
                self.dressed(
                    Rig::new(&config).with_context(|| format!("prepare `{}_PROVIDER`", self.prefix))?,
                    seed,
                )
            }
            None => {
                let config =
                    OpenAiConfig { url: url.unwrap_or_default(), key, model, quirks: self.quirks.clone() };
                self.dressed(OpenAi::new(&config)?, seed)
            }
        };
        // Led by the offline model, which reads what never leaves: so it stands outside of the redactor.
        if !self.is_small {
            return Ok(asked);
        }
        let guided = Guided::new(asked);
        Ok(Arc::new(match self.patience {
            Some(patience) => guided.with_patience(patience),
            None => guided,
        }))
    }

    /// Puts the redactor before a model, asks it again when it is busy, and counts what it costs.
    fn dressed(&self, model: impl Model + 'static, seed: u64) -> Arc<dyn Model> {
        let model = Retrying::new(Redacted(model), Retries::default(), seed);
        match self.price {
            Some(price) => Arc::new(Priced { model, price }),
            None => Arc::new(model),
        }
    }
}

/// Reads a variable; an empty one is not set.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn quirks_of(prefix: &str, text: &str) -> Result<Quirks> {
    if text.starts_with('{') {
        return serde_json::from_str(text).with_context(|| format!("read `{prefix}_QUIRKS`"));
    }
    quirks_named(text).ok_or_else(|| {
        anyhow!("`{prefix}_QUIRKS`: no known endpoint is called `{text}`\nhint: `docs/models.md` lists them")
    })
}

impl fmt::Display for Models {
    /// Names each model and its server, without its key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(given) = &self.given {
            return write!(f, "{given:?}");
        }
        let Some(main) = &self.main else { return f.write_str("offline") };
        write!(f, "{main}")?;
        for (what, endpoint) in [("small", &self.small), ("fallback", &self.fallback)] {
            if let Some(endpoint) = endpoint {
                write!(f, "; {what}: {endpoint}")?;
            }
        }
        if self.is_reviewed { f.write_str("; with a second reader") } else { Ok(()) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let at = [self.provider.as_deref(), self.url.as_deref()];
        at.into_iter().flatten().try_for_each(|at| write!(f, " at {at}"))?;
        if self.is_small {
            f.write_str(", led by the offline model")?;
        }
        match self.patience {
            Some(patience) => write!(f, ", {} s each time", patience.as_secs()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}
