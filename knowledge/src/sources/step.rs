//! What a source tells, one at a time.

use serde::{Deserialize, Serialize};

use crate::documents::{ContentHash, DocumentId, Reason, Skipped};

/// A document as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name for life.
    pub id: DocumentId,
    /// Its path or URL as people read it; also the hint for its format.
    pub source: String,
    /// Its bytes, bounded by [`MAX_BYTES`](crate::documents::MAX_BYTES).
    pub bytes: Vec<u8>,
    /// The hash of these.
    pub content_hash: ContentHash,
    /// What to ask with next time. Empty but for the web.
    pub validators: Validators,
}

/// What a server said of a version of a page, for asking whether there is a newer one. RFC 9110 §8.8
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag` as it came.
    pub etag: Option<String>,
    /// `Last-Modified` as it came.
    pub last_modified: Option<String>,
}

/// What a source came across.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A document.
    Found(Found),
    /// A document that is as it was, by its server's word.
    Same(DocumentId),
    /// A document that is there and could not be had this time; what is known of it stays.
    Unread(DocumentId, Skipped),
    /// Something that is no document, or that may not be read.
    Skipped(Skipped),
    /// The end before the end: what comes after was not looked at.
    Stopped(Skipped),
}

impl Found {
    /// Names and hashes a document.
    pub fn new(id: DocumentId, source: String, bytes: Vec<u8>) -> Self {
        let content_hash = ContentHash::of(&bytes);
        Self { id, source, bytes, content_hash, validators: Validators::default() }
    }
}

impl Step {
    /// Leaves something out.
    pub fn skipped(source: impl Into<String>, reason: Reason) -> Self {
        Self::Skipped(Skipped { source: source.into(), reason })
    }

    /// Tells of a document that is there and could not be had.
    pub fn unread(id: DocumentId, source: impl Into<String>, reason: Reason) -> Self {
        Self::Unread(id, Skipped { source: source.into(), reason })
    }

    /// Ends before the end.
    pub fn stopped(source: impl Into<String>, reason: Reason) -> Self {
        Self::Stopped(Skipped { source: source.into(), reason })
    }
}
