//! Whether a deploy made a service worse: pass, fail, or not enough data.
//!
//! Reads stored telemetry of two versions of one service, gives it to [`waggle_analysis::deploy`], which may be asked any number of
//! times, and reports what it says. What changed beside that (log lines, calls, functions) is told as a clue and decides nothing.
//!
//! # Layout
//!
//! - [`question`]: which service, before and after a deploy or a canary beside the stable version.
//! - [`check`](mod@check): one look; whoever watches asks again.
//! - `windows`: which time is read. `requests`, `amounts`: spans and series to blocks. `clues`: what is new.
//! - [`report`]: the answer. [`suspect`]: what an investigation of a failure found.
//! - [`markdown`](mod@markdown), [`junit`](mod@junit), [`sarif`](mod@sarif): the answer for people, for test reports and for code scanning.

mod amounts;
pub mod check;
mod clues;
pub mod junit;
pub mod markdown;
pub mod question;
pub mod report;
mod requests;
pub mod sarif;
mod select;
pub mod suspect;
mod windows;
mod words;

pub use check::check;
pub use junit::junit;
pub use markdown::markdown;
pub use question::{Comparison, Matched, Question, Tag};
pub use report::Report;
pub use sarif::sarif;
pub use suspect::{Investigated, Suspect};
