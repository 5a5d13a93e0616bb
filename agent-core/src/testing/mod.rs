//! Fakes of the ports, and the suites that every adapter of a port passes.
//!
//! Part of the library so that the crates with the real adapters can run the same suites. Suites panic when an adapter breaks its contract: that is how a test fails.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a suite fails by panicking, as any test does")]

pub mod changes;
pub mod chat;
pub mod fake_changes;
pub mod fake_chat;
pub mod fake_knowledge;
pub mod fake_memory;
pub mod fake_ownership;
pub mod fake_telemetry;
pub mod fakes;
pub mod knowledge;
pub mod memory;
pub mod ownership;
pub mod telemetry;
