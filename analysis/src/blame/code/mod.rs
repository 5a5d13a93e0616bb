//! Which hunk explains what is seen: changed lines held against the routes, functions, calls, words and numbers of an incident.
//!
//! [`rank_hunks`] is a pure function over changes and [`Signs`](super::Signs). A hunk is worth what it does (a comment is worth nothing), times how surely its file
//! is part of what fails, times the grounds that it is met by. Grounds are independent: the chance that none is right is the product of their doubts.
//!
//! # Layout
//!
//! - [`signs`]: what requests and profiles show. [`requests`], [`observe`]: from spans and profiles to these signs.
//! - [`symbol`]: from a frame to a function. [`definition`]: from a line to the function that it begins. [`file_kind`]: what a file is for.
//! - [`hunk`]: a changed place and the functions in it. [`construct`]: what its lines do. [`fit`]: how well two names agree.
//! - [`grounds`], [`rank`]: the score. [`net`]: merges and reverts.

pub mod construct;
pub mod definition;
pub mod file_kind;
pub mod fit;
mod grounds;
pub mod hunk;
pub mod net;
pub mod observe;
pub mod rank;
pub mod requests;
pub mod signs;
pub mod symbol;

pub use file_kind::{FileKind, file_kind};
pub use net::{Net, net};
pub use rank::{RankedHunk, rank_hunks};
pub use requests::{Call, Request};
pub use signs::{CallSign, CodeSigns, FrameSign, Onset, RouteSign, Why};

#[cfg(test)]
mod tests;
