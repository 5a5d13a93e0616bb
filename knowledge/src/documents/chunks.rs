//! Cutting a document by its structure into pieces that a search can find.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BlockKind, ContentHash, Document, DocumentId, Place, Section, document::write_block};

mod cut;

pub use cut::{is_wide, weight};

/// What a chunk weighs when it is full. Small embedding models read 256 to 512 tokens; this is about 300 of English text, and 400 to 500 of Chinese, where a letter weighs two.
pub const TARGET: usize = 1_200;

/// What a chunk weighs at most, so that a code block, a row or a sentence may stay whole. What weighs more is cut.
pub const BOUND: usize = 2_000;

/// A section that weighs less is put together with its neighbour: a heading over one line finds little by itself.
const SMALL: usize = 300;

/// A chunk's name: its document, its number in it, and the hash of its text. The same document gives the same names again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChunkId(String);

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its name.
    pub id: ChunkId,
    /// The document it is a piece of.
    pub document: DocumentId,
    /// Headings down to it joined by ` › `; the document's title where it stands before all headings. Never empty.
    pub heading: String,
    /// Its text; not the heading, but those of sections that were put together. Never blank. Untrusted.
    pub text: String,
    /// Where it stands.
    pub place: Place,
    /// Its number in the document, counted from 0 without gaps.
    pub ordinal: u32,
}

impl ChunkId {
    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Cuts a document into chunks, in order, without overlap. At least one; all text is in exactly one of them.
pub fn chunks(document: &Document) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for group in groups(&document.parsed.sections) {
        for piece in pieces(&group) {
            let ordinal = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
            chunks.push(chunk(document, &group, piece, ordinal));
        }
    }
    chunks
}

/// Sections that are cut as one, below the headings that all of them share.
struct Group<'a> {
    heading: &'a [String],
    sections: Vec<&'a Section>,
    weight: usize,
}

/// A piece of a group.
struct Piece {
    text: String,
    place: Place,
    weight: usize,
    before: Option<BlockKind>,
}

fn chunk(document: &Document, group: &Group<'_>, piece: Piece, ordinal: u32) -> Chunk {
    let heading = match group.heading {
        [] => document.parsed.title.clone(),
        heading => heading.join(" › "),
    };
    let hash = ContentHash::of(piece.text.as_bytes()).to_string();
    let id = ChunkId(format!("{}#{ordinal}-{}", document.id, hash.get(..16).unwrap_or_default()));
    Chunk { id, document: document.id.clone(), heading, text: piece.text, place: piece.place, ordinal }
}

/// Puts small neighbours below the same heading together.
fn groups(sections: &[Section]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for section in sections {
        let weight = section.blocks.iter().map(|block| cut::weight(&block.text)).sum();
        let last = groups.last_mut();
        let joined = last.and_then(|group| {
            let is_small = group.weight < SMALL || weight < SMALL;
            let fits = group.weight + weight <= TARGET;
            let heading = shared(group, &section.heading).filter(|_| is_small && fits)?;
            group.heading = heading;
            group.weight += weight;
            Some(group)
        });
        match joined {
            Some(group) => group.sections.push(section),
            None => groups.push(Group { heading: &section.heading, sections: vec![section], weight }),
        }
    }
    groups
}

/// Returns the headings under which a section may join a group: its own if they are the group's, or those above both, if there are any.
fn shared<'a>(group: &Group<'a>, heading: &[String]) -> Option<&'a [String]> {
    if group.heading == heading {
        return Some(group.heading);
    }
    let (_, above) = heading.split_last()?;
    if above.is_empty() {
        return None;
    }
    if group.heading == above {
        return Some(group.heading);
    }
    let (_, group_above) = group.heading.split_last()?;
    (group.sections.len() == 1 && group_above == above).then_some(group_above)
}

fn pieces(group: &Group<'_>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open: Option<Piece> = None;
    for section in &group.sections {
        // The headings that the group does not share are text of it.
        let own = section.heading.get(group.heading.len()..).unwrap_or_default();
        for heading in own {
            add(&mut open, &mut pieces, BlockKind::Prose, heading, &section.place);
        }
        for block in &section.blocks {
            for part in cut::parts(block.kind, &block.text) {
                add(&mut open, &mut pieces, block.kind, part, &block.place);
            }
        }
    }
    pieces.extend(open);
    pieces
}

/// Adds a part to the open piece, or opens the next when it would be too full.
fn add(open: &mut Option<Piece>, done: &mut Vec<Piece>, kind: BlockKind, part: &str, place: &Place) {
    if part.trim().is_empty() {
        return;
    }
    let weight = cut::weight(part);
    match open {
        Some(piece) if piece.weight + weight <= TARGET => {
            write_block(&mut piece.text, piece.before, kind, part);
            piece.place = piece.place.to(place);
            piece.weight += weight;
            piece.before = Some(kind);
        }
        _ => {
            done.extend(open.take());
            let mut text = String::new();
            write_block(&mut text, None, kind, part);
            *open = Some(Piece { text, place: place.clone(), weight, before: Some(kind) });
        }
    }
}
