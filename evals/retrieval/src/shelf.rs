//! An index over texts, in a folder that is removed with it.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Result;
use tempfile::TempDir;
use waggle_knowledge::{
    documents::{ContentHash, DocumentId, chunks, read_document},
    embeddings::Embeddings,
    index::{Index, IndexPlace, Kept},
};

/// Documents that are written at once.
const AT_ONCE: usize = 500;

pub struct Shelf {
    pub index: Index,
    pub folder: TempDir,
}

impl Shelf {
    /// Keeps texts by their names, as the program does.
    pub async fn of(documents: &[(String, String)], model: Option<Arc<dyn Embeddings>>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let place = IndexPlace { uri: folder.path().display().to_string(), ..IndexPlace::default() };
        let index = Index::open(&place, model).await?;
        for some in documents.chunks(AT_ONCE) {
            // What has no text, such as the list of a folder, is left out as the program leaves it out.
            let kept: Vec<Kept> = some.iter().filter_map(|(name, text)| kept(name, text)).collect();
            index.keep(&kept).await?;
        }
        index.settle().await?;
        Ok(Self { index, folder })
    }
}

/// Collection of all documents.
const COLLECTION: &str = "eval";

/// Returns a document's name without its collection.
pub fn name_of(document: &str) -> &str {
    document.split_once(':').map_or(document, |(_, name)| name)
}

fn kept(name: &str, text: &str) -> Option<Kept> {
    let parsed = read_document(name, text.as_bytes()).ok()?;
    let document = parsed.into_document(DocumentId::new(COLLECTION, name), COLLECTION, name);
    let chunks = chunks(&document);
    Some(Kept { document, hash: ContentHash::of(text.as_bytes()), gate: BTreeSet::new(), chunks })
}
