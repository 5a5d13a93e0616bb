//! What was changed, who answers for it, and what was written down.
//!
//! Implements [`Changes`](waggle_agent_core::ports::Changes) over git repositories on this machine and over hosts of code,
//! [`Knowledge`](waggle_agent_core::ports::Knowledge) over an index of documents,
//! and [`Ownership`](waggle_agent_core::ports::Ownership) over every rule that names who answers for a service.
//! Nothing here runs a program or follows a path out of what the configuration allows.
//! Only [`hosts`], [`owners`], [`sources::urls`], [`embeddings::OpenAiEmbeddings`] and an index in a bucket speak to a network, each only when it is configured.
//!
//! # Layout
//!
//! - [`git`]: commits, diffs and owners out of local repositories.
//! - [`hosts`]: commits, diffs and owners from GitHub, GitLab and Gitee; what a check of a deploy posts.
//! - [`exported`]: commits of an incident that comes as files.
//! - [`codeowners`]: which rule of a `CODEOWNERS` file decides for a path.
//! - [`owners`]: who answers for a service, by every rule that is configured, and who is on call.
//! - [`sources`]: where documents come from: a folder, a git repository, a list of URLs.
//! - [`documents`]: documents of many formats, read into sections and cut into chunks.
//! - [`terms`]: the words of a text. [`embeddings`]: texts as vectors, by a small model on this machine or by an endpoint.
//! - [`index`] (feature `lance`): chunks in LanceDB. [`fusion`]: from two rankings to one.
//! - [`sync`](mod@sync) (feature `lance`): a collection and its sources. [`shelve`](mod@shelve) (feature `lance`): an installed library into the index. [`shelf`] (feature `lance`): the index as a reader may see it.
//! - [`library`]: what installed libraries say of themselves.
//! - [`markdown`]: runbooks in a folder, found by their words, without an index.
//! - [`nothing`]: for where nothing was written down.

pub mod codeowners;
pub mod documents;
pub mod embeddings;
pub mod exported;
pub mod fusion;
pub mod git;
pub mod hosts;
#[cfg(feature = "lance")]
pub mod index;
pub mod library;
pub mod markdown;
pub mod nothing;
pub mod owners;
#[cfg(feature = "lance")]
pub mod shelf;
#[cfg(feature = "lance")]
pub mod shelve;
pub mod sources;
#[cfg(feature = "lance")]
pub mod sync;
pub mod terms;
mod this_machine;

pub use codeowners::{CodeOwners, Dialect};
pub use embeddings::Embeddings;
pub use exported::ExportedCommits;
pub use git::GitChanges;
pub use hosts::{ByRepository, HostedChanges, HostsConfig};
pub use markdown::MarkdownFolder;
pub use nothing::NoKnowledge;
pub use owners::{ConfiguredOwners, OwnerSettings};
#[cfg(feature = "lance")]
pub use shelf::Shelf;
