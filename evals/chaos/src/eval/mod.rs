//! How good the whole agent is on incidents with known answers, by arithmetic alone.
//!
//! [`layouts::suite`] reads a folder of incidents, [`evaluate`] runs the agent on every one of them, [`report`] sums up.
//! Unlike the rest of this crate, [`evaluate`] is asynchronous.
//!
//! # Layout
//!
//! - [`case`]: suites, cases, truths. [`layouts`]: how sets keep them, one a file.
//! - [`run`]: the agent as a trait. [`stage`]: what it may see of a case. [`work`]: many runs at a time. [`results`]: the file they are kept in.
//! - [`answer`]: what was said. [`measures`]: what it is worth. [`floors`]: what trivial rules would have said.
//! - [`grounding`]: whether what was posted is proven. [`calibration`]: whether confidence means something.
//! - [`interval`]: what chance may do. [`repeats`]: several runs of the same cases. [`effort`]: what it took.
//! - [`report`](mod@report): JSON and Markdown. [`published`]: the numbers of others. [`gate`]: a line and an exit code. [`compare`](mod@compare): two reports.

pub mod answer;
pub mod calibration;
pub mod case;
pub mod compare;
pub mod effort;
pub mod floors;
pub mod gate;
pub mod grounding;
pub mod interval;
pub mod layouts;
pub mod measures;
pub mod published;
pub mod repeats;
pub mod report;
pub mod results;
pub mod run;
pub mod stage;
pub mod work;

pub use case::{Case, NotRun, Suite, TrueChange, Truth, What};
pub use compare::compare;
pub use gate::judge;
pub use layouts::{LAYOUTS, suite};
pub use report::{Report, report};
pub use run::{Run, Runner};
pub use stage::stage;
pub use work::{Evaluated, Options, Progress, evaluate};
