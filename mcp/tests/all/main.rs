//! The server asked by a client, the client given a server with bad habits, and both together.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../../examples/shop/host.rs"]
mod host;

mod bad_server;
mod client;
mod recorded;
mod served;
mod served_http;
mod the_loop;
mod wire;
