//! What Waggle itself remembers: incidents, what was said, evidence, investigations, ratings, past cases, and the audit log.
//!
//! Implements [`Memory`](waggle_agent_core::ports::Memory) so that what was acknowledged survives a crash of the program and of the machine.
//! Structs of the domain are kept whole, as JSON; only what is asked for has a column of its own.
//!
//! # Layout
//!
//! - [`sqlite`]: the adapter over one SQLite file; another database is a file beside it.
//! - [`audit`]: walks the hash chain of the audit log and names the first link that does not hold.
//! - `json`: structs as text, refused when they would not read back.

pub mod audit;
mod json;
pub mod sqlite;

pub use audit::{AuditFault, AuditVerdict};
pub use sqlite::SqliteMemory;
