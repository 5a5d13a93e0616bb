//! Suites as they lie on disk, run by an agent that is made up, up to the report.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod agent;
mod layouts;
mod real_data;
mod reports;
mod resume;
mod schema;
