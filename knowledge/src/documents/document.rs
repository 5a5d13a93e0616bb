//! What is read: a document in sections, a section in blocks, and where each stands.

use std::{fmt, fmt::Write as _, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Format, FrontMatter};

/// A document's name for life: its collection and its path or URL, such as `runbooks:alerts/disk-full.md`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentId(String);

/// SHA-256 of a document's bytes as they were found; shown and kept as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash([u8; 32]);

/// A document with its place in a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its name for life.
    pub id: DocumentId,
    /// The collection it belongs to: runbooks, library docs, architecture notes.
    pub collection: String,
    /// Its path or URL as people read it.
    pub source: String,
    /// What it says.
    pub parsed: Parsed,
}

/// What a document says, wherever it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parsed {
    /// Its title; the name of its file where it states none. Never empty.
    pub title: String,
    /// The format it was read as.
    pub format: Format,
    /// What it says of itself.
    pub front: FrontMatter,
    /// Its sections in order; never empty.
    pub sections: Vec<Section>,
    /// What was not read of it and why, for people. Empty when it was read whole.
    pub notes: Vec<String>,
}

/// What stands below one heading and above the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Headings down to it, outermost first. Empty before the first heading.
    pub heading: Vec<String>,
    /// Its blocks in order; never empty.
    pub blocks: Vec<Block>,
    /// Where it stands.
    pub place: Place,
}

/// A part of a section that is better not cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Its text without marks: no indent, no cell borders but ` | `. Never blank.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A paragraph.
    Prose,
    /// An item of a list, its mark in front.
    Item,
    /// Text whose lines and spaces matter.
    Code,
    /// A row of a table, cells joined by ` | `.
    Row,
}

/// Where something stands, in the words of its format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The beginning, where the format has neither lines nor pages nor an anchor before it.
    Start,
    /// Lines counted from 1, both included.
    Lines {
        /// First line.
        first: u32,
        /// Last line.
        last: u32,
    },
    /// Pages counted from 1, both included.
    Pages {
        /// First page.
        first: u32,
        /// Last page.
        last: u32,
    },
    /// What follows `#` in a URL: an `id` of HTML, or a JSON pointer.
    Anchor(String),
}

// === impl DocumentId ===

impl DocumentId {
    /// Names the document at `path` of a collection.
    pub fn new(collection: &str, path: &str) -> Self {
        Self(format!("{collection}:{path}"))
    }

    /// Takes a name that [`new`](Self::new) made, as it was stored.
    pub fn named(name: String) -> Self {
        Self(name)
    }

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl ContentHash ===

impl ContentHash {
    /// Reads what `Display` wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.get(..64).filter(|digits| digits.len() == text.len())?;
        let mut hash = [0; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(hash))
    }

    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ContentHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{}` is not 64 hexadecimal digits", text.chars().take(80).collect::<String>());
        let digits: Vec<u8> = text.chars().map_while(|digit| digit.to_digit(16)?.try_into().ok()).collect();
        if text.len() != 64 || digits.len() != 64 {
            return Err(wrong());
        }
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        Ok(Self(bytes.try_into().map_err(|_| wrong())?))
    }
}

impl TryFrom<String> for ContentHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

// === impl Parsed ===

impl Parsed {
    /// Places it in a collection.
    pub fn into_document(self, id: DocumentId, collection: &str, source: &str) -> Document {
        Document { id, collection: collection.to_owned(), source: source.to_owned(), parsed: self }
    }
}

// === impl Section ===

impl Section {
    /// Returns its text: paragraphs apart, items and rows below each other, code indented by four spaces.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut before = None;
        for block in &self.blocks {
            write_block(&mut text, before, block.kind, &block.text);
            before = Some(block.kind);
        }
        text
    }
}

/// Writes a block behind another one.
pub(super) fn write_block(text: &mut String, before: Option<BlockKind>, kind: BlockKind, block: &str) {
    match before {
        None => {}
        Some(before) if before == kind && matches!(kind, BlockKind::Item | BlockKind::Row) => text.push('\n'),
        Some(_) => text.push_str("\n\n"),
    }
    if kind != BlockKind::Code {
        text.push_str(block);
        return;
    }
    for (index, line) in block.lines().enumerate() {
        let line_break = if index > 0 { "\n" } else { "" };
        let indent = if line.trim().is_empty() { "" } else { "    " };
        // Writing to a string does not fail.
        let _ = write!(text, "{line_break}{indent}{line}");
    }
}

// === impl Place ===

impl Place {
    /// Returns the place from the first of this one to the last of `later`; this one where they cannot be joined.
    #[must_use]
    pub fn to(&self, later: &Self) -> Self {
        match (self, later) {
            (&Self::Lines { first, last }, &Self::Lines { last: later, .. }) => {
                Self::Lines { first, last: last.max(later) }
            }
            (&Self::Pages { first, last }, &Self::Pages { last: later, .. }) => {
                Self::Pages { first, last: last.max(later) }
            }
            _ => self.clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the beginning"),
            Self::Lines { first, last } if first == last => write!(f, "line {first}"),
            Self::Lines { first, last } => write!(f, "lines {first}-{last}"),
            Self::Pages { first, last } if first == last => write!(f, "page {first}"),
            Self::Pages { first, last } => write!(f, "pages {first}-{last}"),
            Self::Anchor(anchor) => write!(f, "#{anchor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back_and_nothing_else_does() {
        let hash = ContentHash::of(b"disk full");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        let kept = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<ContentHash>(&kept).unwrap(), hash);
        for wrong in ["", "ab", &"g".repeat(64), &"a".repeat(63), &"ä".repeat(32), &"a".repeat(66)] {
            assert!(wrong.parse::<ContentHash>().is_err(), "{wrong}");
        }
    }
}
