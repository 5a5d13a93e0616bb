//! The toolbox served to any client: over stdio to whoever started the program, over streamable HTTP behind its token.
//!
//! Files: `session` holds one client to its limits, `calls` answers it, `offer` lists what it may call, `look_at` reads which windows it means, `reply`
//! turns results into messages, `words` writes findings and answers, `steps` follows the work, `stdio` and `http` carry it.

mod calls;
mod http;
mod look_at;
mod offer;
mod reply;
mod session;
mod stdio;
mod steps;
mod words;

pub use http::{CallerOf, router};
pub use stdio::{serve_over, serve_stdio};

pub(crate) use http::routes;
pub(crate) use offer::as_listed;
pub(crate) use reply::refusal;
pub(crate) use stdio::carry;
