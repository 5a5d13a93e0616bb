//! The loop and everything it is made of, against toy tools and models that play a script.
//!
//! # Layout
//!
//! - [`shop`]: the story that all tests tell: a small shop, its tools, and a bench to run investigations on.
//! - [`toolbox`], [`the_loop`], [`loop_life`], [`checks`], [`offline`], [`answers`], [`cards`], [`guided`], [`schema`], [`openai`]: one part each.
//! - [`provider`]: a server that models are asked at, good and bad. [`models`], [`models_quirks`], [`rig`]: the adapters.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test, in its helpers too")]

mod answers;
mod cards;
mod checks;
mod guided;
mod loop_life;
mod models;
#[cfg(feature = "openai")]
mod models_quirks;
mod offline;
#[cfg(feature = "openai")]
mod openai;
mod past;
#[cfg(feature = "openai")]
mod provider;
mod questions;
#[cfg(feature = "rig")]
mod rig;
mod schema;
mod shop;
mod the_loop;
mod toolbox;
