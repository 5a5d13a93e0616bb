//! How often the guilty commit and hunk are named, on a repository of several services with planted regressions.
//!
//! A history is written by `git` from a seed; each deploy has its telemetry, drawn from a model of the regression. The tool `change_suspects` is asked as an
//! investigation asks it, and scored beside simple rules. Seeds below 100 are for development, those from 100 on for the number that is reported.
//!
//! # Layout
//!
//! - [`run`]: the question and the score. [`history`]: commits and deploys. [`fault`]: the regressions. [`symptom`]: what telemetry shows of them.
//! - [`writer`], [`everyday`], [`import`], [`world`]: how a history is written. [`sent`]: what services send.
//! - [`code`]: programs in six languages. [`random`]: numbers from a seed. [`metric_names`]: the store that is asked.

#![expect(clippy::too_many_arguments, reason = "a span as a line of numbers")]

pub mod code;
pub mod everyday;
pub mod fault;
pub mod history;
pub mod import;
pub mod metric_names;
pub mod random;
pub mod run;
pub mod sent;
pub mod symptom;
pub mod world;
pub mod writer;
