//! Chat platforms over one conversation model.
//!
//! Each platform is an adapter of [`Chat`](waggle_agent_core::ports::Chat) and passes the one suite for it.
//! What people say comes back through a bounded channel that the program owns: an adapter never calls the loop.
//! Clients of [`openai`] wait for their answer within the request: they ask through a trait that the program implements.
//!
//! # Layout
//!
//! - [`web`]: the page that comes with the program, its HTTP API and its server-sent events.
//! - [`openai`]: any chat client that speaks OpenAI's API, as if Waggle were a model.
//! - `web-ui/`: that page, in TypeScript; built by `make web` and embedded when it is there.

pub mod openai;
pub mod web;
