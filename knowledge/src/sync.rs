//! Bringing a collection of the index up to date with its sources.
//!
//! Only what is new or was changed is read, cut, embedded and written; what is gone is forgotten. A run that is cut off loses nothing:
//! the next one finds by the hashes what is left to do.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    path::PathBuf,
};

use tokio::{sync::mpsc, task};
use waggle_agent_core::{Kind, Result};

use crate::{
    documents::{ContentHash, DocumentId, Reason, Skipped, chunks, read_document},
    index::{Index, Kept, MAX_CHUNKS_AT_ONCE},
    sources::{Census, FolderSource, Found, GitSource, Step, UrlSource, Validators, plan},
};

/// Steps that a source may be ahead of the index.
const AHEAD: usize = 16;

/// A collection and where its documents come from.
pub struct Collection {
    /// Its name: `runbooks`.
    pub name: String,
    /// Where its documents are. Of two with one name, the one of the first source counts.
    pub sources: Vec<Source>,
    /// Only who holds one of these may read it; everybody when empty. A document may narrow that by labels of its own, never widen it.
    pub gate: BTreeSet<String>,
    /// Services that all of it is about; of no service in particular when empty.
    pub services: BTreeSet<String>,
}

/// Where documents come from.
pub enum Source {
    /// A folder.
    Folder(FolderSource),
    /// A revision of a repository on this machine.
    Git {
        /// Where it lies.
        path: PathBuf,
        /// A commit, branch or tag.
        revision: String,
    },
    /// Pages.
    Urls(Box<UrlSource>),
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// Documents that are new.
    pub n_added: usize,
    /// Documents that were changed.
    pub n_changed: usize,
    /// Documents that are as they were.
    pub n_unchanged: usize,
    /// Documents that are gone.
    pub n_removed: usize,
    /// Chunks that were written.
    pub n_chunks: usize,
    /// What was left out, in order. What is known of a document that could not be had this time stays.
    pub skipped: Vec<Skipped>,
    /// Documents that were read in part, each with what is missing.
    pub notes: Vec<String>,
    /// What servers said of the versions that are kept now, for asking the next time whether they are still right.
    pub validators: HashMap<DocumentId, Validators>,
}

/// Brings a collection up to date. Documents of other collections are not touched.
///
/// # Errors
///
/// What the index answers; what was written until then stays.
pub async fn sync(index: &Index, collection: Collection) -> Result<Synced> {
    let prefix = DocumentId::new(&collection.name, "");
    let known = index.known_under(&prefix).await?;
    let Collection { name, sources, gate, services } = collection;
    let mut synced = Synced::default();
    let mut census = Census::default();
    let mut taken = HashSet::new();
    let mut waiting = Waiting::default();
    let mut closed = Vec::new();
    let mut steps = all_steps(name.clone(), sources);
    while let Some(step) = steps.recv().await {
        let step = with_marks(step, &gate, &services);
        census.add(&step);
        match step {
            Step::Found(found) if taken.insert(found.id.clone()) => {
                let before = known.get(&found.id);
                let (id, validators) = (found.id.clone(), found.validators.clone());
                if before == Some(&found.content_hash) {
                    synced.n_unchanged += 1;
                    synced.validators.insert(id, validators);
                    continue;
                }
                match read(found, &name, &gate, &services).await? {
                    Ok(kept) => {
                        if before.is_some() {
                            synced.n_changed += 1
                        } else {
                            synced.n_added += 1
                        }
                        synced.validators.insert(id, validators);
                        synced.notes.extend(
                            kept.document
                                .parsed
                                .notes
                                .iter()
                                .map(|note| format!("{}: {note}", kept.document.source)),
                        );
                        waiting.add(kept);
                    }
                    Err(skipped) => {
                        // Who may read the new version is not known, and so nobody may read the old one.
                        if matches!(skipped.reason, Reason::UnknownAccess(_)) {
                            closed.push(id);
                        }
                        synced.skipped.push(skipped);
                    }
                }
                if waiting.n_chunks >= MAX_CHUNKS_AT_ONCE {
                    synced.n_chunks += waiting.keep(index).await?;
                }
            }
            Step::Found(found) => {
                synced.skipped.push(Skipped { source: found.source, reason: Reason::SameName });
            }
            Step::Same(_) => synced.n_unchanged += 1,
            Step::Unread(_, skipped) | Step::Skipped(skipped) | Step::Stopped(skipped) => {
                synced.skipped.push(skipped);
            }
        }
    }
    synced.n_chunks += waiting.keep(index).await?;
    let plan = plan(&known, &census);
    closed.extend(plan.removed);
    index.forget(&closed).await?;
    synced.n_removed = closed.iter().filter(|id| known.contains_key(id)).count();
    if synced.n_added + synced.n_changed + synced.n_removed > 0 || !index.is_settled().await? {
        index.settle().await?;
    }
    Ok(synced)
}

/// Documents that are read and not yet written.
#[derive(Default)]
struct Waiting {
    kept: Vec<Kept>,
    n_chunks: usize,
}

impl Waiting {
    fn add(&mut self, kept: Kept) {
        self.n_chunks += kept.chunks.len();
        self.kept.push(kept);
    }

    /// Writes them, and returns how many chunks that were.
    async fn keep(&mut self, index: &Index) -> Result<usize> {
        let Self { kept, n_chunks } = std::mem::take(self);
        index.keep(&kept).await?;
        Ok(n_chunks)
    }
}

/// Reads the sources one after the other, a few steps ahead of who listens.
fn all_steps(collection: String, sources: Vec<Source>) -> mpsc::Receiver<Step> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    task::spawn(async move {
        for source in sources {
            let sender = sender.clone();
            // Nobody listens any more when a send fails, so that the source ends too.
            match source {
                Source::Urls(mut urls) => {
                    while let Some(step) = urls.next().await {
                        if sender.send(step).await.is_err() {
                            return;
                        }
                    }
                }
                Source::Folder(folder) => {
                    let told = move || folder.steps().all(|step| sender.blocking_send(step).is_ok());
                    let _ = task::spawn_blocking(told).await;
                }
                Source::Git { path, revision } => {
                    let collection = collection.clone();
                    let told = move || match GitSource::open(&collection, &path, &revision) {
                        Ok(git) => git.steps().all(|step| sender.blocking_send(step).is_ok()),
                        Err(error) => {
                            let reason = Reason::Unavailable(error.chain());
                            sender.blocking_send(Step::stopped(path.display().to_string(), reason)).is_ok()
                        }
                    };
                    let _ = task::spawn_blocking(told).await;
                }
            }
        }
    });
    receiver
}

/// Hashes a document together with what the configuration says of it: who may read it must not lag behind.
fn with_marks(step: Step, gate: &BTreeSet<String>, services: &BTreeSet<String>) -> Step {
    let Step::Found(found) = step else { return step };
    if gate.is_empty() && services.is_empty() {
        return Step::Found(found);
    }
    let mut marked = found.content_hash.to_string();
    for (what, names) in [("gate", gate), ("service", services)] {
        for name in names {
            marked += &format!("\n{what} {name}");
        }
    }
    Step::Found(Found { content_hash: ContentHash::of(marked.as_bytes()), ..found })
}

/// Reads and cuts a document on a thread of its own.
async fn read(
    found: Found,
    collection: &str,
    gate: &BTreeSet<String>,
    services: &BTreeSet<String>,
) -> Result<std::result::Result<Kept, Skipped>> {
    let Found { id, source, bytes, content_hash, .. } = found;
    let collection = collection.to_owned();
    let (gate, services) = (gate.clone(), services.clone());
    let read = move || {
        let mut parsed = read_document(&source, &bytes)?;
        add(&mut parsed.front.service, services);
        let document = parsed.into_document(id, &collection, &source);
        let chunks = chunks(&document);
        Ok(Kept { document, hash: content_hash, gate, chunks })
    };
    task::spawn_blocking(read).await.map_err(|error| Kind::Internal.because("read a document", error))
}

fn add(names: &mut Vec<String>, more: BTreeSet<String>) {
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
    }
}

impl fmt::Display for Synced {
    /// Says what was done in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_added, n_changed, n_unchanged, n_removed, n_chunks, skipped, .. } = self;
        write!(
            f,
            "{n_added} new, {n_changed} changed, {n_unchanged} as they were, {n_removed} gone; {n_chunks} passages written; {} left out",
            skipped.len()
        )
    }
}
