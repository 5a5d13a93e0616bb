//! Documents of many formats, read into sections and cut into chunks that a search can find and an answer can cite.
//!
//! [`read_document`] takes bytes from anywhere and trusts none of them: sizes, nesting and time are bounded, and what cannot be read is [`Skipped`] with its reason.
//! Text stays as it was written, also where it reads like an instruction to a model: whoever shows it fences it.
//! What people cannot see is taken out before anything is parsed (see [`text::visible`]).
//!
//! # Layout
//!
//! - [`document`]: what is read: documents, sections, blocks, places.
//! - [`skipped`]: why something was left out.
//! - [`format`]: which format some bytes are in.
//! - [`text`]: from bytes to text that people can see; [`gzip`] before it.
//! - [`front`]: what a document says of itself before it begins.
//! - [`draft`]: what every parser writes into.
//! - [`markdown`], [`html`], [`pdf`], [`restructured`], [`asciidoc`], [`openapi`], [`man`], [`plain`]: a format each.
//! - [`chunks`](mod@chunks): cutting by structure.

use std::panic::{AssertUnwindSafe, catch_unwind};

pub mod asciidoc;
pub mod chunks;
pub mod document;
pub mod draft;
pub mod format;
pub mod front;
pub mod gzip;
pub mod html;
pub mod man;
pub mod markdown;
pub mod openapi;
pub mod pdf;
pub mod plain;
pub mod restructured;
pub mod skipped;
pub mod text;
pub mod yaml;

pub use chunks::{Chunk, ChunkId, chunks};
pub use document::{Block, BlockKind, ContentHash, Document, DocumentId, Parsed, Place, Section};
pub use format::Format;
pub use front::FrontMatter;
pub use skipped::{Reason, Skipped};

use draft::Draft;

/// Greatest document in bytes, packed and unpacked. The longest manuals on one page are about half of it.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads a document; `name_hint` is its path or URL, and decides only where the bytes leave the format open.
///
/// What could be read only in part says so in the notes. Costs time linear in the size, for PDF at most [`pdf::PATIENCE`]; blocks, so call it where blocking is allowed.
///
/// # Errors
///
/// What was left out as a whole, and why.
pub fn read_document(name_hint: &str, bytes: &[u8]) -> Result<Parsed, Skipped> {
    // The libraries below are fuzzed, and still: one document must not end the program.
    let read = catch_unwind(AssertUnwindSafe(|| read(name_hint, bytes)));
    let read = read.unwrap_or_else(|_| Err(Reason::Broken("its parser gave up".into())));
    read.map_err(|reason| Skipped { source: name_hint.to_owned(), reason })
}

fn read(name_hint: &str, bytes: &[u8]) -> Result<Parsed, Reason> {
    within_bounds(bytes)?;
    if bytes.is_empty() {
        return Err(Reason::Empty);
    }
    if gzip::is_gzip(bytes) {
        let name = name_hint.strip_suffix(".gz").unwrap_or(name_hint);
        let unpacked = gzip::unpacked(bytes, MAX_BYTES)?;
        if gzip::is_gzip(&unpacked) {
            return Err(Reason::TooDeep("packed more than once".into()));
        }
        return read_plain(name, &unpacked);
    }
    read_plain(name_hint, bytes)
}

fn read_plain(name: &str, bytes: &[u8]) -> Result<Parsed, Reason> {
    if pdf::is_pdf(bytes) {
        let mut draft = Draft::default();
        pdf::read(bytes, &mut draft)?;
        return draft.finish(Format::Pdf, name);
    }
    let text = text::decoded(bytes)?;
    let (text, n_removed) = text::visible(&text);
    if text.trim().is_empty() {
        return Err(Reason::Empty);
    }
    let format = Format::of(name, &text).ok_or(Reason::NotADocument)?;
    let mut draft = Draft::default();
    if n_removed > 0 {
        draft.note(format!("{n_removed} characters that nobody can see were taken out"));
    }
    match format {
        Format::Markdown => markdown::read(&text, &mut draft)?,
        Format::Html => html::read(&text, &mut draft)?,
        Format::ReStructuredText => restructured::read(&text, &mut draft),
        Format::AsciiDoc => asciidoc::read(&text, &mut draft)?,
        Format::OpenApi => openapi::read(&text, &mut draft)?,
        Format::Man => man::read(&text, &mut draft)?,
        Format::Plain | Format::Pdf => plain::read(&text, &mut draft)?,
    }
    draft.finish(format, name)
}

fn within_bounds(bytes: &[u8]) -> Result<(), Reason> {
    if bytes.len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Reason::TooLarge { bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX), limit: MAX_BYTES as u64 })
}
