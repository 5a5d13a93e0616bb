//! Where documents come from: a folder, a git repository, a list of URLs.
//!
//! Each source tells one [`Step`] at a time, so that a hundred thousand documents need the memory of one.
//! What is left out is a step as well. A [`Census`] of all steps says what is new and what is gone ([`plan`]).
//!
//! # Layout
//!
//! - [`step`]: what a source tells.
//! - [`mod@plan`]: what is new, what changed, what is gone.
//! - [`folder`], [`git`], [`urls`]: the sources.

pub mod folder;
pub mod git;
pub mod plan;
pub mod step;
pub mod urls;

pub use folder::FolderSource;
pub use git::GitSource;
pub use plan::{Census, Plan, plan};
pub use step::{Found, Step, Validators};
pub use urls::{UrlSettings, UrlSource};

/// Documents of one run, unless set.
pub const MAX_DOCUMENTS: usize = 200_000;
