//! What `/proc` tells about processes and their sockets.
//!
//! Everything is read below one root, so that a test hands in a directory of its own.
//! A process may end between two reads: each answer is an `Option` or may be empty, and none is an error.

mod process;
mod sockets;

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::Read,
    path::PathBuf,
};

pub use process::{Environment, Stat};
pub use sockets::SocketRow;

/// The most that is read of one small file. Environments may be larger; the variables we look for stand early or not at all.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// The most that is read of a socket table: about 100,000 sockets.
const MAX_TABLE_BYTES: u64 = 16 * 1024 * 1024;

/// A `/proc` file system.
#[derive(Clone, Debug)]
pub struct Procfs {
    root: PathBuf,
}

impl Default for Procfs {
    fn default() -> Self {
        Self::at("/proc")
    }
}

impl Procfs {
    /// Reads below `root` instead of `/proc`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns all processes, in no order.
    pub fn pids(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// Returns the name of the host.
    pub fn host_name(&self) -> Option<String> {
        let name = self.text("sys/kernel/hostname")?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    }

    /// Returns the numbers of `stat`.
    pub fn stat(&self, pid: u32) -> Option<Stat> {
        Stat::parse(&self.text(&format!("{pid}/stat"))?)
    }

    /// Returns the short command name, as the kernel keeps it: at most 15 bytes.
    pub fn command(&self, pid: u32) -> Option<String> {
        Some(self.text(&format!("{pid}/comm"))?.trim_end().to_owned())
    }

    /// Returns the path of the program file.
    pub fn executable(&self, pid: u32) -> Option<String> {
        let path = self.link(&format!("{pid}/exe"))?;
        let path = path.to_string_lossy();
        // A program that was replaced on disk: proc(5).
        Some(path.strip_suffix(" (deleted)").unwrap_or(&path).to_owned())
    }

    /// Returns the variables that name a process, as they were when its program was executed.
    pub fn environment(&self, pid: u32) -> Option<Environment> {
        Some(Environment::parse(&self.bytes(&format!("{pid}/environ"), MAX_FILE_BYTES)?))
    }

    /// Returns the id of the container that a process runs in.
    pub fn container(&self, pid: u32) -> Option<String> {
        process::container_id(&self.text(&format!("{pid}/cgroup"))?).map(str::to_owned)
    }

    /// Returns the inode of a process's network namespace.
    pub fn network(&self, pid: u32) -> Option<u64> {
        bracketed(&self.link(&format!("{pid}/ns/net"))?, "net:")
    }

    /// Returns the CPUs that a process may run on, as the kernel lists them: `0-3,7`.
    pub fn cpus_allowed(&self, pid: u32) -> Option<String> {
        let status = self.text(&format!("{pid}/status"))?;
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        Some(list.trim().to_owned())
    }

    /// Returns for each thread of a process how many nanoseconds it has waited for a CPU since it started.
    pub fn cpu_waits(&self, pid: u32) -> Vec<(u32, u64)> {
        let Ok(tasks) = fs::read_dir(self.root.join(format!("{pid}/task"))) else { return Vec::new() };
        tasks
            .flatten()
            .filter_map(|task| {
                let tid = task.file_name().to_str()?.parse().ok()?;
                let text = self.text(&format!("{pid}/task/{tid}/schedstat"))?;
                Some((tid, process::run_queue_wait_ns(&text)?))
            })
            .collect()
    }

    /// Returns the inode of the socket behind a descriptor; `None` when it is something else.
    pub fn socket_inode(&self, pid: u32, fd: i32) -> Option<u64> {
        bracketed(&self.link(&format!("{pid}/fd/{fd}"))?, "socket:")
    }

    /// Returns the inodes of all sockets that a process holds.
    pub fn socket_inodes(&self, pid: u32) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(self.root.join(format!("{pid}/fd"))) else { return Vec::new() };
        entries
            .flatten()
            .filter_map(|entry| bracketed(&fs::read_link(entry.path()).ok()?.into_os_string(), "socket:"))
            .collect()
    }

    /// Returns all TCP sockets of a process's network namespace.
    pub fn sockets(&self, pid: u32) -> Vec<SocketRow> {
        ["tcp", "tcp6"]
            .iter()
            .filter_map(|table| self.bytes(&format!("{pid}/net/{table}"), MAX_TABLE_BYTES))
            .flat_map(|bytes| sockets::parse(&String::from_utf8_lossy(&bytes)))
            .collect()
    }

    /// Returns the addresses of a process's network namespace, IPv4 as IPv4-mapped IPv6, without loopback.
    pub fn local_addresses(&self, pid: u32) -> Vec<[u8; 16]> {
        let v4 = self.text(&format!("{pid}/net/fib_trie")).unwrap_or_default();
        let v6 = self.text(&format!("{pid}/net/if_inet6")).unwrap_or_default();
        let mut addresses = sockets::local_ipv4(&v4);
        addresses.extend(sockets::local_ipv6(&v6));
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    fn link(&self, path: &str) -> Option<OsString> {
        fs::read_link(self.root.join(path)).ok().map(PathBuf::into_os_string)
    }

    fn text(&self, path: &str) -> Option<String> {
        self.bytes(path, MAX_FILE_BYTES).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn bytes(&self, path: &str, limit: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.root.join(path)).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// Reads the number of `socket:[1234]`.
fn bracketed(link: &OsStr, kind: &str) -> Option<u64> {
    link.to_str()?.strip_prefix(kind)?.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}
