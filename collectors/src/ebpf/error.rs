//! What can go wrong with the probes.

use std::io;

/// Why no probe runs, or why reading stopped. Each has a [`hint`](EbpfError::hint).
#[derive(Debug, thiserror::Error)]
pub enum EbpfError {
    /// The process may not load programs into the kernel.
    #[error("not allowed to load eBPF programs: `{missing}` is missing")]
    NotPrivileged {
        /// The capabilities that are missing, by name.
        missing: String,
    },
    /// There is no tracefs that can be read, and none could be mounted.
    #[error("there is no readable tracefs, and it cannot be mounted on `{path}`")]
    NoTracefs {
        /// Where it should be.
        path: &'static str,
        /// Why it could not be mounted.
        #[source]
        source: io::Error,
    },
    /// The kernel does not take the object: its maps or its data.
    #[error("cannot load the eBPF object: {reason}")]
    NotLoaded {
        /// What the loader says.
        reason: String,
    },
    /// No probe could be attached.
    #[error("none of {tried} probes can be attached; the first one, `{name}`: {reason}")]
    NothingAttached {
        /// How many were tried.
        tried: usize,
        /// The first one.
        name: String,
        /// Why it could not be attached.
        reason: String,
    },
    /// Waiting for events failed.
    #[error("cannot wait for events")]
    Wait {
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
}

impl EbpfError {
    /// Returns what a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotPrivileged { .. } => {
                "run the node agent as root, or give it CAP_BPF, CAP_PERFMON and CAP_DAC_READ_SEARCH (to read tracefs); in a container it needs the host's PIDs as well"
            }
            Self::NoTracefs { .. } => {
                "run `mount -t tracefs nodev /sys/kernel/tracing` on the host, and mount that directory into the container if there is one; if it is mounted, CAP_DAC_READ_SEARCH is needed to read it"
            }
            Self::NotLoaded { .. } => {
                "the kernel must be Linux 5.8 or later with CONFIG_BPF_SYSCALL; on kernels before 5.11 `ulimit -l unlimited` may be needed"
            }
            Self::NothingAttached { .. } => {
                "the kernel needs CONFIG_FTRACE_SYSCALLS and CONFIG_BPF_EVENTS; a lockdown mode or a security module may forbid tracing"
            }
            Self::Wait { .. } => "this is not expected; attach the probes again",
        }
    }
}
