//! The documents that the agent may read: what the settings name, kept in the index and brought up to date.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::embeddings::EmbeddingSettings;
use anyhow::{Result, bail};
use serde::Deserialize;
use waggle_agent_core::ports::Knowledge;
use waggle_knowledge::{
    NoKnowledge, Shelf,
    documents::{DocumentId, Reason, Skipped},
    index::{Index, IndexPlace},
    shelve::LIBRARIES,
    sources::{FolderSource, GitSource, UrlSettings, UrlSource, Validators},
    sync::{Collection, Source, Synced, sync},
};

/// Name of the index's folder in Waggle's.
const FOLDER: &str = "knowledge";

/// `[knowledge]` in the settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeSettings {
    /// A folder, or `s3://bucket/path`; a folder beside the other stores when left out.
    place: Option<String>,
    /// For S3: `endpoint`, `region`, `allow_http`, …. Keys come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    #[serde(default)]
    options: HashMap<String, String>,
    /// The embedding model. Words alone are searched when left out and the local one does not lie in the usual place.
    embeddings: Option<EmbeddingSettings>,
    /// Labels that askers hold.
    #[serde(default)]
    labels: BTreeSet<String>,
    #[serde(default)]
    collections: Vec<CollectionSettings>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CollectionSettings {
    name: String,
    #[serde(default)]
    folders: Vec<PathBuf>,
    #[serde(default)]
    git: Vec<GitSettings>,
    #[serde(default)]
    urls: Vec<String>,
    /// Hosts that URLs may be on or lead to, besides their own.
    #[serde(default)]
    hosts: Vec<String>,
    /// Whether addresses of the inner network may be read.
    #[serde(default)]
    private: bool,
    /// Only who holds one of these may read it.
    #[serde(default)]
    labels: BTreeSet<String>,
    /// Services that all of it is about.
    #[serde(default)]
    services: BTreeSet<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GitSettings {
    path: PathBuf,
    #[serde(default = "head")]
    revision: String,
}

fn head() -> String {
    "HEAD".to_owned()
}

impl KnowledgeSettings {
    /// Checks what can be checked without opening anything.
    ///
    /// # Errors
    ///
    /// When two collections have one name, or one has nothing in it or a name that cannot be one.
    pub fn check(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        for CollectionSettings { name, folders, git, urls, .. } in &self.collections {
            if name.is_empty() || name.contains(':') {
                bail!("`knowledge.collections`: `{name}` is no name; letters without `:`");
            }
            if name == LIBRARIES {
                bail!("`knowledge.collections`: `{name}` is what `waggle docs add` keeps; take another name");
            }
            if !names.insert(name) {
                bail!("`knowledge.collections`: two are named `{name}`");
            }
            if folders.is_empty() && git.is_empty() && urls.is_empty() {
                bail!("`knowledge.collections`: `{name}` names no `folders`, `git` or `urls`");
            }
        }
        Ok(())
    }

    /// Returns the names of the collections.
    pub fn collections(&self) -> impl Iterator<Item = &str> {
        self.collections.iter().map(|collection| collection.name.as_str())
    }
}

/// The index with what the settings say of it.
#[derive(Clone)]
pub struct Shelves {
    settings: KnowledgeSettings,
    index: Index,
    /// What servers said of pages that were read while this runs. Held for a line at a time.
    validators: Arc<Mutex<HashMap<DocumentId, Validators>>>,
}

impl Shelves {
    /// Opens the index; `None` when the settings name no collection and none was ever kept.
    ///
    /// # Errors
    ///
    /// When the index cannot be opened, or the model that is named is not the right one.
    pub async fn open(settings: &KnowledgeSettings, dir: &Path) -> Result<Option<Self>> {
        let folder = dir.join(FOLDER);
        if settings.collections.is_empty() && settings.place.is_none() && !folder.exists() {
            return Ok(None);
        }
        Self::made(settings, dir).await.map(Some)
    }

    /// Opens the index, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn made(settings: &KnowledgeSettings, dir: &Path) -> Result<Self> {
        let folder = dir.join(FOLDER);
        let uri = settings.place.clone().unwrap_or_else(|| folder.display().to_string());
        let place = IndexPlace { uri, options: settings.options.clone() };
        let index = Index::open(&place, EmbeddingSettings::open(settings.embeddings.as_ref())?).await?;
        Ok(Self { settings: settings.clone(), index, validators: Arc::default() })
    }

    /// Returns the documents as askers may read them.
    pub fn reader(shelves: Option<&Self>) -> Arc<dyn Knowledge> {
        match shelves {
            Some(Self { settings, index, .. }) => {
                Arc::new(Shelf::new(index.clone(), settings.labels.iter().cloned()))
            }
            None => Arc::new(NoKnowledge),
        }
    }

    /// Returns the model whose vectors are kept; `None` when only words are searched.
    pub fn model(&self) -> Option<&str> {
        self.index.model()
    }

    /// Returns the index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Brings every collection up to date, forgets those that are named no more, and returns what was done by their names.
    ///
    /// # Errors
    ///
    /// When a source cannot be opened or the index not be written; collections before it are up to date then.
    pub async fn sync(&self) -> Result<Vec<(String, Synced)>> {
        let mut done = Vec::new();
        for collection in &self.settings.collections {
            let name = collection.name.clone();
            let validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let opened = match opened(collection, validators) {
                Ok(opened) => opened,
                // What is known of it stays, and the others go on.
                Err(error) => {
                    let reason = Reason::Unavailable(format!("{error:#}"));
                    let skipped = vec![Skipped { source: name.clone(), reason }];
                    done.push((name, Synced { skipped, ..Synced::default() }));
                    continue;
                }
            };
            let synced = sync(&self.index, opened).await?;
            let said = synced.validators.clone();
            self.validators.lock().unwrap_or_else(PoisonError::into_inner).extend(said);
            done.push((name, synced));
        }
        // What is no longer named must not be found, all the less since nobody says any more who may.
        let named: Vec<&str> = self.settings.collections().chain([LIBRARIES]).collect();
        self.index.forget_all_but(&named).await?;
        Ok(done)
    }
}

fn opened(settings: &CollectionSettings, validators: HashMap<DocumentId, Validators>) -> Result<Collection> {
    let CollectionSettings { name, folders, git, urls, hosts, private, labels, services } = settings;
    let mut sources = Vec::new();
    for folder in folders {
        sources.push(Source::Folder(FolderSource::open(name, folder)?));
    }
    for GitSettings { path, revision } in git {
        // Opened to see whether it can be; the reading itself happens elsewhere.
        GitSource::open(name, path, revision)?;
        sources.push(Source::Git { path: path.clone(), revision: revision.clone() });
    }
    if !urls.is_empty() {
        let settings =
            UrlSettings { hosts: hosts.clone(), allow_private: *private, ..UrlSettings::default() };
        let urls = UrlSource::new(name, urls.iter().cloned(), validators, settings)?;
        sources.push(Source::Urls(Box::new(urls)));
    }
    Ok(Collection { name: name.clone(), sources, gate: labels.clone(), services: services.clone() })
}
