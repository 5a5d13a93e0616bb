//! Hosts of code, played by servers that keep the rules of the real ones.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod answers;
mod forges;
mod limits;
mod posting;
mod routing;
