//! The model that turns texts into vectors, as the settings name it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use waggle_agent_core::models::Retries;
use waggle_knowledge::embeddings::{
    Embeddings, OpenAiEmbeddings, OpenAiEmbeddingsConfig, UniversalSentenceEncoder,
};

/// `embeddings` in `[knowledge]`: a folder, or an endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum EmbeddingSettings {
    /// The local model.
    Folder(PathBuf),
    /// Any endpoint that speaks OpenAI's `/v1/embeddings`.
    Endpoint(EndpointSettings),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointSettings {
    /// Up to and without `/embeddings`: `http://127.0.0.1:8000/v1`.
    url: String,
    model: String,
    /// How many numbers its vectors have.
    dimensions: usize,
    /// The variable that holds the key; none is sent when left out.
    key_env: Option<String>,
    /// Texts of one request.
    #[serde(default = "texts_at_once")]
    texts_at_once: usize,
}

const fn texts_at_once() -> usize {
    64
}

impl EmbeddingSettings {
    /// Opens the model that is named, else the local one where `make embeddings` puts it; `None` where none was named and none lies there.
    ///
    /// # Errors
    ///
    /// When what is named cannot be used.
    pub fn open(settings: Option<&Self>) -> Result<Option<Arc<dyn Embeddings>>> {
        match settings {
            Some(Self::Folder(folder)) => local(folder).map(Some),
            Some(Self::Endpoint(endpoint)) => Ok(Some(Arc::new(endpoint.open()?))),
            None => {
                let folder = usual_folder();
                if folder.is_dir() { local(&folder).map(Some) } else { Ok(None) }
            }
        }
    }
}

fn local(folder: &Path) -> Result<Arc<dyn Embeddings>> {
    Ok(Arc::new(UniversalSentenceEncoder::in_folder(folder)?))
}

impl EndpointSettings {
    fn open(&self) -> Result<OpenAiEmbeddings> {
        let key = match &self.key_env {
            None => String::new(),
            Some(name) => match std::env::var(name) {
                Ok(key) if !key.is_empty() => key,
                _ => bail!("`{name}` is not set\nhint: `key_env` in `[knowledge.embeddings]` names it"),
            },
        };
        let Self { url, model, dimensions, texts_at_once, .. } = self.clone();
        let config = OpenAiEmbeddingsConfig {
            url,
            key: key.into(),
            model,
            dimensions,
            texts_at_once,
            retries: Retries::default(),
        };
        OpenAiEmbeddings::new(&config).context("open the embeddings of `[knowledge.embeddings]`")
    }
}

/// Returns where `make embeddings` puts the model.
fn usual_folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let models = set("WAGGLE_MODELS");
    let models = models.unwrap_or_else(|| set("HOME").unwrap_or_default().join(".cache/waggle/models"));
    models.join("universal-sentence-encoder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Table {
        embeddings: EmbeddingSettings,
    }

    #[test]
    fn a_folder_or_an_endpoint_is_named() {
        let read = |text: &str| toml::from_str::<Table>(text).map(|table| table.embeddings);
        assert!(matches!(read("embeddings = '/srv/model'"), Ok(EmbeddingSettings::Folder(_))));
        let endpoint = "[embeddings]\nurl = 'http://127.0.0.1:9/v1'\nmodel = 'bge-m3'\ndimensions = 1024\n";
        let opened = EmbeddingSettings::open(Some(&read(endpoint).unwrap())).unwrap().unwrap();
        assert_eq!((opened.name(), opened.dimensions()), ("bge-m3:1024", 1024));
        assert!(
            read("[embeddings]\nurl = 'http://127.0.0.1:9/v1'\nmodel = 'x'\n").is_err(),
            "without its dimensions"
        );
        let keyed = format!("{endpoint}key_env = 'WAGGLE_NO_SUCH_KEY'\n");
        let refused = EmbeddingSettings::open(Some(&read(&keyed).unwrap())).err().unwrap().to_string();
        assert!(refused.contains("`WAGGLE_NO_SUCH_KEY` is not set"), "{refused}");
    }
}
