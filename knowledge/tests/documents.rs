//! Documents of every format become sections that a person can check, and no bytes whatever do harm.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "documents/bad.rs"]
mod bad;
#[path = "documents/cutting.rs"]
mod cutting;
#[path = "documents/formats.rs"]
mod formats;
#[path = "documents/samples.rs"]
mod samples;
