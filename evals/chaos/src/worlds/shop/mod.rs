//! The shop: five services, a datastore and their customers, deployed from a repository of their own.
//!
//! The programs are plain: they speak HTTP to each other, write log lines and know nothing of who watches.
//! Their only labels are two environment variables that OpenTelemetry defines, which they do not read.
//!
//! # Layout
//!
//! - [`world`]: [`World`], which is started, deployed to, harmed and stopped.
//! - [`services`]: names, owners, ports, calls.
//! - `repository`: the git repository and its history; `sources`: the files it is made from.
//! - `builds`: commits to programs, cached.
//! - `ground`: the thread with a network of its own; `processes` that it starts; `placement` on CPUs.
//! - [`labels`]: what the environment tells about a process.
//! - [`traffic`]: what the customers met.

mod builds;
mod ground;
pub mod labels;
mod placement;
mod processes;
mod progress;
mod repository;
pub mod services;
mod sources;
pub mod traffic;
pub mod world;

pub use progress::Progress;
pub use repository::{BAD, BASELINE, CART_DECOY, NamedCommit, PAYMENT_DECOY, make_repository};
pub use services::{CUSTOMERS, SERVICES, Service};
pub use traffic::TrafficSecond;
pub use world::{Deployed, LogFile, World, WorldConfig, build};
