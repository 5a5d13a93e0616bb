//! Worlds, faults and their known root causes: what Waggle is shown, and what it is measured against.
//!
//! A world is a small company's shop: real processes that know nothing of Waggle, real traffic, and a real git repository whose commits they are deployed from.
//! A fault is one thing that goes wrong in it, together with the truth about it.
//! The demo and the evaluation both stand on this crate, so what the demo shows is what the evaluation measures.
//!
//! Worlds and faults block: call them from a thread that may wait (`spawn_blocking`), never from an async task.
//!
//! # Layout
//!
//! - [`fault`]: what a fault is; the list of all; `none`.
//! - `faults`: one fault a file.
//! - [`recordings`]: one run of every fault, carried in the program.
//! - [`truth`]: the known root cause, and whether an answer named it.
//! - [`worlds`]: the shop, its history and its neighbours.
//! - [`eval`]: how good the whole agent is on incidents with known answers.
//! - `command`: outside programs, each with a time limit and a hint.

mod command;
pub mod eval;
pub mod fault;
mod faults;
pub mod recordings;
pub mod truth;
pub mod worlds;

pub use fault::{Decoy, Fault, Injected, NO_FAULT, decoy, fault_named, faults};
pub use truth::{Truth, named_right};
