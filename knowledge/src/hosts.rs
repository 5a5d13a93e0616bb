//! Commits, diffs and owners from hosts of code: GitHub, GitLab and Gitee, and their servers at home.
//!
//! A host is asked about those repositories alone that the configuration names, and about none unless it names some. Tokens are
//! sent to the address that they were configured for and nowhere else, and no error, log or `Debug` shows them.
//!
//! # Layout
//!
//! - [`address`]: where a repository is, however telemetry spells it. [`by_repository`]: who is asked about it.
//! - [`config`]: where the hosts are. [`allow`]: which repositories may be asked about.
//! - [`changes`]: the port over any host. [`host`]: what a host has to answer for it.
//! - [`github`], [`gitlab`], [`gitee`]: the hosts.
//! - [`wire`]: one question and its answer. [`revision`], [`patch`], [`commit`]: what is said in both.

mod address;
mod allow;
mod by_repository;
mod changes;
mod commit;
mod config;
mod gitee;
pub mod github;
mod gitlab;
mod host;
mod patch;
mod revision;
mod wire;

pub(crate) use address::shown;

pub use address::RepositoryAddress;
pub use allow::Allow;
pub use by_repository::ByRepository;
pub use changes::HostedChanges;
pub use config::{HostConfig, HostsConfig};
pub use wire::Patience;
