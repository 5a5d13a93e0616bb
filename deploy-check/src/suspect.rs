//! The change that may be to blame, as an investigation found it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A commit with the places in it that explain what got worse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// Full id of the commit.
    pub commit: String,
    /// First line of its message; empty when unknown. Untrusted text.
    pub title: String,
    /// The guilty lines, most telling first; empty when unknown.
    pub places: Vec<Place>,
    /// The functions that they are in; empty when unknown.
    pub functions: Vec<String>,
}

/// A line of a file in the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Path from the root of the repository.
    pub file: String,
    /// First line of the hunk, from 1.
    pub line: u32,
}
