//! Why something was left out. Nothing is left out without one of these.

use std::{error, fmt};

use serde::{Deserialize, Serialize};

/// Something that was left out as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its path or URL as people read it.
    pub source: String,
    /// Why.
    pub reason: Reason,
}

/// Why something was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It has more bytes than may be read.
    TooLarge {
        /// Its size as far as known.
        bytes: u64,
        /// What may be read.
        limit: u64,
    },
    /// It is not text.
    Binary,
    /// It is text in no encoding that is known.
    Encoding,
    /// It asks for a password.
    Encrypted,
    /// It is nested deeper than anybody writes; says what is.
    TooDeep(String),
    /// It has no text.
    Empty,
    /// It says only that another document is meant.
    PointsTo(String),
    /// It is damaged, or made to harm; says what is wrong.
    Broken(String),
    /// What it says of who may read it cannot be read, so nobody may.
    UnknownAccess(String),
    /// Reading it took too long.
    TooSlow,
    /// It is of a kind that is no document: code, an image, a configuration.
    NotADocument,
    /// It is hidden: its name begins with a dot.
    Hidden,
    /// A rule of the folder says to ignore it.
    Ignored,
    /// It is a symbolic link. What it points to inside of the folder is found by its own name.
    Link,
    /// It may not be read; says by whose decision.
    Denied(String),
    /// It cannot be had now; says why. Later may help.
    Unavailable(String),
    /// It is not there any more.
    Gone,
    /// A document of the same name in the collection was read before it.
    SameName,
    /// It, and all after it, is more than may be read in one run.
    TooMany {
        /// What may be read.
        limit: usize,
    },
}

impl Reason {
    /// Returns a word for counting: the same for all of a kind.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too large",
            Self::Binary => "binary",
            Self::Encoding => "unknown encoding",
            Self::Encrypted => "encrypted",
            Self::TooDeep(_) => "nested too deep",
            Self::Empty => "empty",
            Self::PointsTo(_) => "points elsewhere",
            Self::Broken(_) => "broken",
            Self::UnknownAccess(_) => "unknown access",
            Self::TooSlow => "too slow",
            Self::NotADocument => "not a document",
            Self::Hidden => "hidden",
            Self::Ignored => "ignored",
            Self::Link => "link",
            Self::Denied(_) => "denied",
            Self::Unavailable(_) => "unavailable",
            Self::Gone => "gone",
            Self::SameName => "same name",
            Self::TooMany { .. } => "too many",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::TooLarge { bytes, limit } => write!(f, ": {bytes} bytes, and {limit} may be read"),
            Self::TooMany { limit } => write!(f, ": {limit} may be read in one run"),
            Self::PointsTo(target) => write!(f, ": `{}`", target.escape_debug()),
            Self::TooDeep(what)
            | Self::Broken(what)
            | Self::UnknownAccess(what)
            | Self::Denied(what)
            | Self::Unavailable(what) => write!(f, ": {what}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` was left out: {}", self.source.escape_debug(), self.reason)
    }
}

impl error::Error for Skipped {}
