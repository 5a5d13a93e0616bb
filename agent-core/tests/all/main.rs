//! The loop and everything it is made of, against toy tools and models that play a script.
//!
//! # Layout
//!
//! - [`shop`]: the story that all tests tell: a small shop, its tools, and a bench to run investigations on.
//! - [`toolbox`], [`the_loop`], [`checks`], [`offline`], [`answers`], [`cards`], [`guided`], [`schema`], [`openai`]: one part each.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test, in its helpers too")]

mod answers;
mod cards;
mod checks;
mod guided;
mod offline;
#[cfg(feature = "openai")]
mod openai;
mod schema;
mod shop;
mod the_loop;
mod toolbox;
