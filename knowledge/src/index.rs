//! Chunks of documents in LanceDB: kept, brought up to date, and found by words and by meaning.
//!
//! The index lies in a folder or in an S3 bucket. It can always be made again from the documents: nothing is kept only here.
//!
//! Vectors of two models must not be compared, so each model has a table of its own; without a model there is one for words alone.
//!
//! # Layout
//!
//! - [`rows`]: chunks as rows. [`filter`]: which rows somebody may see.
//! - `keep`: bringing the table up to date. `search`: finding.
//! - `s3`: a bucket as the place.

mod filter;
mod keep;
mod rows;
mod s3;
mod search;

use std::{collections::HashMap, sync::Arc};

use lancedb::{ObjectStoreRegistry, Session, Table, connection::Connection};
use tokio::sync::OnceCell;
use waggle_agent_core::{Error, Kind, Result};

use crate::embeddings::{Embeddings, Scale};

pub use keep::{Kept, MAX_CHUNKS_AT_ONCE};
pub use rows::Stored;
pub use search::{Halves, Hit};

/// Cache for parts of indices, and for what is known of files. Small beside the telemetry store: a few hundred thousand chunks.
const INDEX_CACHE_BYTES: usize = 256 << 20;
const METADATA_CACHE_BYTES: usize = 64 << 20;

/// Where an index lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexPlace {
    /// A folder, or `s3://bucket/path`.
    pub uri: String,
    /// For S3, beside the `AWS_*` variables: `endpoint`, `region`, `allow_http`, ….
    pub options: HashMap<String, String>,
}

/// The index, open. Cheap to share; several processes may read, and writers do not harm each other.
#[derive(Clone)]
pub struct Index {
    table: Table,
    embeddings: Option<Arc<dyn Embeddings>>,
    /// What cosines mean to the model; empty until something is searched.
    scale: Arc<OnceCell<Scale>>,
}

impl Index {
    /// Opens the index for a model, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// `Invalid` for an option that there is not; `Unavailable` when the place cannot be read or written, or holds something else.
    pub async fn open(place: &IndexPlace, embeddings: Option<Arc<dyn Embeddings>>) -> Result<Self> {
        let fault = |error| fault("open the knowledge index", error);
        if let Some(key) = place.options.keys().find(|key| s3::option(key).is_err()) {
            return Err(Kind::Invalid
                .error(format!("`{key}` is no option of a bucket"))
                .with_hint("`endpoint`, `region` and `allow_http` are usual"));
        }
        let registry = Arc::new(ObjectStoreRegistry::default());
        registry.insert("s3", Arc::new(s3::S3));
        let session = Arc::new(Session::new(INDEX_CACHE_BYTES, METADATA_CACHE_BYTES, registry));
        let connect = lancedb::connect(&place.uri).session(session).storage_options(place.options.clone());
        let database = connect.execute().await.map_err(fault)?;
        let name = table_name(embeddings.as_deref());
        let table = open_or_create(&database, &name, embeddings.as_deref()).await.map_err(fault)?;
        Ok(Self { table, embeddings, scale: Arc::default() })
    }

    /// Returns the model whose vectors are kept; `None` when there are only words.
    pub fn model(&self) -> Option<&str> {
        self.embeddings.as_deref().map(Embeddings::name)
    }

    fn dimensions(&self) -> Option<usize> {
        self.embeddings.as_deref().map(Embeddings::dimensions)
    }
}

async fn open_or_create(
    database: &Connection,
    name: &str,
    embeddings: Option<&dyn Embeddings>,
) -> lancedb::Result<Table> {
    match database.open_table(name).execute().await {
        Err(lancedb::Error::TableNotFound { .. }) => {}
        opened => return opened,
    }
    let schema = rows::schema(embeddings.map(Embeddings::dimensions));
    match database.create_empty_table(name, schema).execute().await {
        // Another process was quicker.
        Err(lancedb::Error::TableAlreadyExists { .. }) => database.open_table(name).execute().await,
        created => created,
    }
}

/// Names the table by the model, with only the letters that a name may have.
fn table_name(embeddings: Option<&dyn Embeddings>) -> String {
    let Some(embeddings) = embeddings else { return "passages".to_owned() };
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let name: String = embeddings.name().chars().map(letter).collect();
    format!("passages_{name}_{}", embeddings.dimensions())
}

/// Says what could not be done.
fn fault(what: &str, error: lancedb::Error) -> Error {
    Kind::Unavailable
        .because(what.to_owned(), error)
        .with_hint("can its folder or bucket be read and written? it can be removed, and is made again from the documents")
}
