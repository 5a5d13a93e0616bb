//! The eBPF programs, loaded and attached, and what they tell.
//!
//! ```no_run
//! # use std::{thread, time::Duration};
//! # use waggle_collectors::ebpf::{EbpfConfig, EbpfError, Probes};
//! # fn example() -> Result<(), EbpfError> {
//! let mut probes = Probes::attach(&EbpfConfig::default())?;
//! for probe in probes.running().iter().filter(|probe| !probe.is_attached()) {
//!     eprintln!("running without {probe:?}");
//! }
//! thread::spawn(move || -> Result<(), EbpfError> {
//!     loop {
//!         probes.read(Duration::from_millis(500), |event| println!("{event:?}"))?;
//!     }
//! });
//! # Ok(())
//! # }
//! ```
//!
//! What is not seen: bytes of TLS, of `io_uring`, of `sendfile` and `splice`, and of `sendmmsg` and `recvmmsg`; callers in a stack, where programs are compiled without frame pointers.
//!
//! # Layout
//!
//! - [`probes`]: what a collector holds: attach, read, lost.
//! - [`config`], [`error`]: what it is told, and what can go wrong, each with a hint.
//! - [`privilege`]: whether the process may do this at all.
//! - [`tracefs`]: where the kernel describes its tracepoints.
//! - [`format`]: one such description.
//! - [`attach`]: loading the object, and attaching each program.
//! - [`catalogue`]: which program goes where, and which fields it needs.

mod attach;
mod catalogue;
pub mod config;
pub mod error;
mod format;
mod privilege;
pub mod probes;
mod tracefs;

pub use config::EbpfConfig;
pub use error::EbpfError;
pub use probes::{ProbeStatus, Probes};
