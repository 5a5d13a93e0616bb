//! Where a program was when it was looked at.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, resource::ResourceId};

/// One stack, seen `count` times within one second or less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSample {
    /// Whose stack.
    pub resource: ResourceId,
    /// When it was first seen.
    pub time: Timestamp,
    /// Function names from the outermost caller to the one that ran, as in collapsed stacks. Never empty; a frame without a symbol is `[module]` or `[unknown]`.
    pub frames: Vec<String>,
    /// Where the innermost frame is in the source, as `file.rs:88`, when line tables are there.
    pub location: Option<String>,
    /// How often it was seen.
    pub count: u32,
    /// CPU time that the count stands for, in nanoseconds.
    pub cpu_nanos: u64,
}
