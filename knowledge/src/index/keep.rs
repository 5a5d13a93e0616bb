//! Bringing the table up to date.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures::TryStreamExt as _;
use lancedb::{
    index::{
        Index as Kind,
        scalar::{BTreeIndexBuilder, FtsIndexBuilder},
        vector::IvfHnswSqIndexBuilder,
    },
    query::{ExecutableQuery as _, QueryBase as _, Select},
    table::OptimizeAction,
};
use waggle_agent_core::{Result, ports::Library};

use super::{
    Index, fault,
    filter::quoted,
    rows::{Row, batch, number_at, text_at},
};
use crate::{
    documents::{Chunk, ContentHash, Document, DocumentId},
    terms::terms,
};

/// Chunks that are embedded and written at once.
pub const MAX_CHUNKS_AT_ONCE: usize = 2_000;

/// Documents that one statement removes.
const REMOVED_AT_ONCE: usize = 200;

/// Rows from which a graph over the vectors pays: below it, comparing all of them takes a few milliseconds and misses none.
const ROWS_FOR_VECTOR_INDEX: usize = 20_000;

/// A document with its chunks, ready to be kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The document.
    pub document: Document,
    /// Of its bytes.
    pub hash: ContentHash,
    /// Only who holds one of these may read it; everybody when empty.
    pub gate: BTreeSet<String>,
    /// Its pieces.
    pub chunks: Vec<Chunk>,
}

impl Index {
    /// Returns every document that is kept, with the hash of its bytes; `None` for one whose writing was cut off.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the table cannot be read.
    pub async fn known(&self) -> Result<HashMap<DocumentId, Option<ContentHash>>> {
        let fault = |error| fault("list what is indexed", error);
        let query = self.table.query().select(Select::columns(&["document", "hash", "ordinal"]));
        let mut batches = query.execute().await.map_err(fault)?;
        let mut all: HashMap<String, Written> = HashMap::new();
        while let Some(batch) = batches.try_next().await.map_err(fault)? {
            for row in 0..batch.num_rows() {
                let written = all.entry(text_at(&batch, "document", row)).or_default();
                written.add(text_at(&batch, "hash", row), number_at(&batch, "ordinal", row) == Some(0));
            }
        }
        let hash = |written: Written| ContentHash::parse(&written.whole()?);
        Ok(all.into_iter().map(|(document, written)| (DocumentId::named(document), hash(written))).collect())
    }

    /// As [`known`](Self::known), of the documents whose names begin so. One whose writing was cut off has the hash of nothing, which no
    /// document has, and so differs from whatever it is compared with.
    ///
    /// # Errors
    ///
    /// As [`known`](Self::known).
    pub async fn known_under(&self, prefix: &DocumentId) -> Result<HashMap<DocumentId, ContentHash>> {
        let known = self.known().await?.into_iter();
        let known = known.filter(|(id, _)| id.as_str().starts_with(prefix.as_str()));
        Ok(known.map(|(id, hash)| (id, hash.unwrap_or_else(|| ContentHash::of(&[])))).collect())
    }

    /// Keeps documents in place of what is kept of them. When it fails, or the program ends in the middle, parts of both versions may
    /// be there until it is called again, and [`known`](Self::known) gives no hash of such a document.
    ///
    /// # Errors
    ///
    /// What the embeddings answer; `Unavailable` when the table cannot be written.
    pub async fn keep(&self, all: &[Kept]) -> Result<()> {
        let fault = |error| fault("write to the knowledge index", error);
        // What a document begins with is written last: where it is there with the new hash alone, all of it is.
        let rest = all.iter().flat_map(|kept| kept.chunks.iter().skip(1).map(move |chunk| (kept, chunk)));
        let beginnings = all.iter().filter_map(|kept| Some((kept, kept.chunks.first()?)));
        let pairs: Vec<(&Kept, &Chunk)> = rest.chain(beginnings).collect();
        for pairs in pairs.chunks(MAX_CHUNKS_AT_ONCE) {
            let rows = self.rows(pairs).await?;
            let batch = batch(&rows, self.dimensions()).map_err(|error| fault(error.into()))?;
            // Equal chunks have equal names, so that doing it twice does no harm.
            let mut merge = self.table.merge_insert(&["id"]);
            merge.when_matched_update_all(None).when_not_matched_insert_all();
            let schema = batch.schema();
            let reader = lancedb::arrow::arrow_array::RecordBatchIterator::new([Ok(batch)], schema);
            merge.execute(Box::new(reader)).await.map_err(fault)?;
        }
        for some in all.chunks(REMOVED_AT_ONCE) {
            let older = some.iter().map(|kept| {
                let (document, hash) = (quoted(kept.document.id.as_str()), quoted(&kept.hash.to_string()));
                format!("(document = {document} AND hash <> {hash})")
            });
            let older: Vec<String> = older.collect();
            self.table.delete(older.join(" OR ").as_str()).await.map_err(fault)?;
        }
        Ok(())
    }

    /// Forgets the documents of all other collections.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the table cannot be written.
    pub async fn forget_all_but(&self, collections: &[&str]) -> Result<()> {
        let names: Vec<String> = collections.iter().map(|name| quoted(name)).collect();
        let others = if names.is_empty() {
            "true".to_owned()
        } else {
            format!("collection NOT IN ({})", names.join(", "))
        };
        let fault = |error| fault("remove from the knowledge index", error);
        if self.table.count_rows(Some(others.clone())).await.map_err(fault)? > 0 {
            self.table.delete(others.as_str()).await.map_err(fault)?;
        }
        Ok(())
    }

    /// Tells whether the indices over the table are there, though rows may have come since.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the table cannot be read.
    pub async fn is_settled(&self) -> Result<bool> {
        let fault = |error| fault("look at the knowledge index", error);
        let there = self.table.list_indices().await.map_err(fault)?;
        let has_words = there.iter().any(|index| index.columns.iter().any(|column| column == "terms"));
        Ok(has_words || self.table.count_rows(None).await.map_err(fault)? == 0)
    }

    async fn rows<'a>(&self, pairs: &[(&'a Kept, &'a Chunk)]) -> Result<Vec<Row<'a>>> {
        let vectors = match &self.embeddings {
            Some(embeddings) => {
                let texts: Vec<String> =
                    pairs.iter().map(|(_, chunk)| format!("{}\n{}", chunk.heading, chunk.text)).collect();
                embeddings.embed(&texts).await?.into_iter().map(Some).collect()
            }
            None => vec![None; pairs.len()],
        };
        let rows = pairs.iter().zip(vectors).map(|((kept, chunk), vector)| Row {
            document: &kept.document,
            hash: kept.hash,
            gate: &kept.gate,
            chunk,
            terms: found_by(&kept.document, chunk),
            vector,
        });
        Ok(rows.collect())
    }

    /// Forgets documents. One that is not kept is no error.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the table cannot be written.
    pub async fn forget(&self, documents: &[DocumentId]) -> Result<()> {
        for some in documents.chunks(REMOVED_AT_ONCE) {
            let names: Vec<String> = some.iter().map(|id| quoted(id.as_str())).collect();
            let these = format!("document IN ({})", names.join(", "));
            self.table
                .delete(these.as_str())
                .await
                .map_err(|error| fault("remove from the knowledge index", error))?;
        }
        Ok(())
    }

    /// Brings the indices over the table up to date and joins small files. What was kept is found before too, only slower.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the table cannot be written.
    pub async fn settle(&self) -> Result<()> {
        let fault = |error| fault("bring the knowledge index up to date", error);
        let there = self.table.list_indices().await.map_err(fault)?;
        let there: HashSet<&str> =
            there.iter().flat_map(|index| &index.columns).map(String::as_str).collect();
        let n_rows = self.table.count_rows(None).await.map_err(fault)?;
        if n_rows == 0 {
            return Ok(());
        }
        if !there.contains("terms") {
            let words = Kind::FTS(by_our_terms());
            self.table.create_index(&["terms"], words).execute().await.map_err(fault)?;
        }
        if !there.contains("document") {
            let tree = Kind::BTree(BTreeIndexBuilder::default());
            self.table.create_index(&["document"], tree).execute().await.map_err(fault)?;
        }
        let wants_graph = self.embeddings.is_some() && n_rows >= ROWS_FOR_VECTOR_INDEX;
        if wants_graph && !there.contains("vector") {
            let graph = IvfHnswSqIndexBuilder::default().distance_type(lancedb::DistanceType::Dot);
            self.table.create_index(&["vector"], Kind::IvfHnswSq(graph)).execute().await.map_err(fault)?;
        }
        self.table.optimize(OptimizeAction::All).await.map_err(fault)?;
        Ok(())
    }
}

/// What is there of a document.
#[derive(Default)]
struct Written {
    hash: String,
    has_beginning: bool,
    /// Whether there are chunks of more than one version.
    is_mixed: bool,
}

impl Written {
    fn add(&mut self, hash: String, is_beginning: bool) {
        self.is_mixed |= !self.hash.is_empty() && self.hash != hash;
        self.has_beginning |= is_beginning;
        self.hash = hash;
    }

    fn whole(self) -> Option<String> {
        (self.has_beginning && !self.is_mixed).then_some(self.hash)
    }
}

/// Returns the terms by which a chunk is found: those of its title and headings count twice.
fn found_by(document: &Document, chunk: &Chunk) -> String {
    let front = &document.parsed.front;
    let library = front.library.as_deref().map(|library| Library::named(library).name);
    let names = front.service.iter().chain(&front.fault_class).chain(&library).map(String::as_str);
    let texts = [document.parsed.title.as_str(), &chunk.heading, &chunk.heading, &chunk.text];
    let all: Vec<String> = texts.into_iter().chain(names).flat_map(terms).collect();
    all.join(" ")
}

/// Our terms are cut already, so that the index must only split them at spaces.
fn by_our_terms() -> FtsIndexBuilder {
    FtsIndexBuilder::default()
        .base_tokenizer("whitespace".to_owned())
        .lower_case(false)
        .stem(false)
        .remove_stop_words(false)
        .ascii_folding(false)
        .with_position(false)
}
