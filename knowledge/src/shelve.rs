//! Putting the documents of an installed library into the index, as the collection [`LIBRARIES`].

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs::File,
    io::Read as _,
    path::Path,
};

use tokio::{sync::mpsc, task};
use waggle_agent_core::{Kind, Result};

use crate::{
    documents::{
        ContentHash, DocumentId, MAX_BYTES, Parsed, Skipped, chunks, read_document, skipped::Reason,
    },
    index::{Index, Kept, MAX_CHUNKS_AT_ONCE},
    library::{Body, LibraryRef, Page, Roots, library_pages},
    sync::Synced,
};

/// Name of the collection.
pub const LIBRARIES: &str = "library";

/// Pages that the reader may be ahead of the index.
const AHEAD: usize = 64;

/// Reads what an installed library says of itself into the index, in place of what was there of the same version. Returns the
/// library with the version that is installed, and what was done.
///
/// # Errors
///
/// `NotFound` when it is not installed below the roots; what the index answers.
pub async fn shelve(index: &Index, reference: &LibraryRef, roots: &Roots) -> Result<(LibraryRef, Synced)> {
    let (asked, roots) = (reference.clone(), roots.clone());
    let opened = task::spawn_blocking(move || library_pages(&asked, &roots)).await;
    let pages = opened.map_err(|error| Kind::Internal.because("look for a library", error))??;
    let found = LibraryRef { version: pages.version().map(str::to_owned), ..reference.clone() };
    let prefix = DocumentId::new(LIBRARIES, &format!("{found}/"));
    let known = index.known_under(&prefix).await?;

    let (sender, mut receiver) = mpsc::channel(AHEAD);
    let named = found.clone();
    let reading = task::spawn_blocking(move || {
        let mut taken: HashMap<String, usize> = HashMap::new();
        for page in pages {
            let step = match page {
                Ok(page) => read(page, &named, &mut taken),
                Err(left_out) => {
                    Err(Skipped { source: left_out.name, reason: Reason::Broken(left_out.reason) })
                }
            };
            // Nobody listens any more when the index failed.
            if sender.blocking_send(step).is_err() {
                return;
            }
        }
    });
    let mut synced = Synced::default();
    let mut seen = HashSet::new();
    let (mut waiting, mut n_waiting): (Vec<Kept>, usize) = (Vec::new(), 0);
    while let Some(step) = receiver.recv().await {
        let kept = match step {
            Ok(kept) => kept,
            Err(skipped) => {
                synced.skipped.push(skipped);
                continue;
            }
        };
        seen.insert(kept.document.id.clone());
        match known.get(&kept.document.id) {
            Some(hash) if *hash == kept.hash => {
                synced.n_unchanged += 1;
                continue;
            }
            Some(_) => synced.n_changed += 1,
            None => synced.n_added += 1,
        }
        synced.n_chunks += kept.chunks.len();
        n_waiting += kept.chunks.len();
        waiting.push(kept);
        if n_waiting >= MAX_CHUNKS_AT_ONCE {
            index.keep(&std::mem::take(&mut waiting)).await?;
            n_waiting = 0;
        }
    }
    reading.await.map_err(|error| Kind::Internal.because("read a library", error))?;
    index.keep(&waiting).await?;
    let gone: Vec<DocumentId> = known.into_keys().filter(|id| !seen.contains(id)).collect();
    synced.n_removed = gone.len();
    index.forget(&gone).await?;
    index.settle().await?;
    Ok((found, synced))
}

/// Reads one page. Of pages with one path, such as overloads, the later ones get a number.
fn read(page: Page, library: &LibraryRef, taken: &mut HashMap<String, usize>) -> Result<Kept, Skipped> {
    let Page { path, title, body, .. } = page;
    let n = taken.entry(path.clone()).or_default();
    *n += 1;
    let source = if *n == 1 { format!("{library}/{path}") } else { format!("{library}/{path}#{n}") };
    let (bytes, hint) = match body {
        Body::Markdown(text) => (text.into_bytes(), format!("{source}.md")),
        Body::File(file) => (file_bytes(&file, &source)?, file.display().to_string()),
    };
    let hash = ContentHash::of(&bytes);
    let mut parsed: Parsed = read_document(&hint, &bytes)
        .map_err(|Skipped { reason, .. }| Skipped { source: source.clone(), reason })?;
    parsed.title = title;
    // The package says which library it is, whatever a page of it claims to be about or open to.
    parsed.front.library = Some(format!("{}:{}", library.ecosystem, library.name));
    parsed.front.version = library.version.clone();
    parsed.front.labels = Vec::new();
    let document = parsed.into_document(DocumentId::new(LIBRARIES, &source), LIBRARIES, &source);
    let chunks = chunks(&document);
    Ok(Kept { document, hash, gate: BTreeSet::new(), chunks })
}

fn file_bytes(file: &Path, source: &str) -> Result<Vec<u8>, Skipped> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => {
            Err(Skipped { source: source.to_owned(), reason: Reason::Unavailable(error.to_string()) })
        }
    }
}
