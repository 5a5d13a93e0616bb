//! Where the kernel describes its tracepoints.

use std::{fs, io, path::Path};

use nix::mount::{MsFlags, mount};

use super::{error::EbpfError, format::Format};

/// Where tracefs belongs (`Documentation/trace/ftrace.rst`); the loader library looks in the same two places.
const MOUNT_POINT: &str = "/sys/kernel/tracing";
/// Where it was before Linux 4.1.
const OLD_MOUNT_POINT: &str = "/sys/kernel/debug/tracing";

/// A mounted tracefs.
#[derive(Clone, Copy, Debug)]
pub struct Tracefs {
    root: &'static Path,
}

impl Tracefs {
    /// Finds tracefs, or mounts it. It stays mounted: other programs may find it useful, and may have begun to use it.
    pub fn open() -> Result<Self, EbpfError> {
        for root in [MOUNT_POINT, OLD_MOUNT_POINT].map(Path::new) {
            if root.join("events").is_dir() {
                return Ok(Self { root });
            }
        }
        let no_data: Option<&str> = None;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("nodev"), MOUNT_POINT, Some("tracefs"), flags, no_data)
            .map_err(|errno| EbpfError::NoTracefs { path: MOUNT_POINT, source: errno.into() })?;
        Ok(Self { root: Path::new(MOUNT_POINT) })
    }

    /// Returns how a tracepoint's fields lie in memory.
    pub fn format(&self, category: &str, event: &str) -> io::Result<Format> {
        let path = self.root.join("events").join(category).join(event).join("format");
        Ok(Format::parse(&fs::read_to_string(path)?))
    }
}
