//! Questions about a cluster, its processes, what is written down, what was before and what comes next, over worlds that are told.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod ask;
mod cluster;
mod forecast;
mod frames;
mod knowledge;
mod owners;
mod past;
mod processes;
