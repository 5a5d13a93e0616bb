//! The embedded store from outside.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod conformance;
mod damage;
mod life;
mod numbered;
mod shop;
mod sql;
mod typed;
