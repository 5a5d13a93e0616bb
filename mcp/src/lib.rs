//! The Model Context Protocol, both ways: the toolbox served to any client, and any server's tools given to the agent.
//!
//! What comes from outside stays data here too: results leave between marks that they cannot close, and what another
//! server says is cut, cleaned, marked as its words, and kept apart from what Waggle's own tools state.
//!
//! # Layout
//!
//! - [`host`]: what this crate asks of the program that it serves for. [`limits`]: how much one client may have.
//! - [`server`]: the toolbox over stdio and over streamable HTTP.
//! - [`client`]: another server's tools as tools of the agent.
//! - [`recorded`]: answers that were written down before, as tools and as a server.
//! - `arguments`: calls held to their schemas, for all of them. `clean`: text from outside, cut and without controls.

mod arguments;
mod clean;
pub mod client;
pub mod host;
pub mod limits;
pub mod recorded;
pub mod server;

pub use client::{McpServer, McpServerConfig, connect, connect_all};
pub use host::{Ask, Host, Investigate, LookAt};
pub use limits::Limits;
pub use recorded::Recorded;
pub use server::{CallerOf, router, serve_over, serve_stdio};
