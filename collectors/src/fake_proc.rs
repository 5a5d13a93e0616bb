//! A `/proc` of our own for tests: a directory with the few files that are read.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use waggle_collectors_ebpf::event::Ends;

use crate::procfs::Procfs;

pub(crate) struct FakeProc(TempDir);

impl FakeProc {
    /// The network namespace of every process that asks for no other.
    pub(crate) const NETWORK: u64 = 4_026_531_833;

    /// A host named `node-1` with no processes.
    pub(crate) fn new() -> Self {
        let proc = Self(tempfile::tempdir().unwrap());
        proc.write("sys/kernel/hostname", "node-1\n");
        proc
    }

    pub(crate) fn procfs(&self) -> Procfs {
        Procfs::at(self.0.path())
    }

    /// A process that runs `/app/<program>`; replaces one of the same id.
    pub(crate) fn process(&self, pid: u32, program: &str, environment: &[(&str, &str)]) {
        self.end(pid);
        let command = &program[..program.len().min(15)];
        self.write(&format!("{pid}/comm"), &format!("{command}\n"));
        self.cpu(pid, command, 0);
        let environ: String = environment.iter().map(|(name, value)| format!("{name}={value}\0")).collect();
        self.write(&format!("{pid}/environ"), &environ);
        self.write(&format!("{pid}/cgroup"), "0::/\n");
        self.write(&format!("{pid}/status"), "Name:\tx\nCpus_allowed_list:\t0-1\n");
        self.write(&format!("{pid}/net/tcp"), "header\n");
        self.write(&format!("{pid}/fd/.keep"), "");
        self.link(&format!("{pid}/exe"), &format!("/app/{program}"));
        self.link(&format!("{pid}/ns/net"), &format!("net:[{}]", Self::NETWORK));
    }

    /// Sets the CPU time that a process has used, in ticks.
    pub(crate) fn cpu(&self, pid: u32, command: &str, ticks: u64) {
        let stat =
            format!("{pid} ({command}) S 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 1 0 {} 4096 10", pid + 1000);
        self.write(&format!("{pid}/stat"), &stat);
    }

    /// Sets how long a thread has waited for a CPU.
    pub(crate) fn cpu_wait(&self, pid: u32, tid: u32, wait_ns: u64) {
        self.write(&format!("{pid}/task/{tid}/schedstat"), &format!("5 {wait_ns} 1\n"));
    }

    /// Gives a process a socket, also in its own table.
    pub(crate) fn socket(&self, pid: u32, fd: i32, inode: u64, state: u8, ends: Ends) {
        self.link(&format!("{pid}/fd/{fd}"), &format!("socket:[{inode}]"));
        let table = self.path(&format!("{pid}/net/tcp6"));
        let mut text = fs::read_to_string(&table).unwrap_or_else(|_| "header\n".to_owned());
        let end = |address: waggle_collectors_ebpf::event::Address| {
            let words = address.ip.chunks(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
            let digits: String = words.map(|word| format!("{word:08X}")).collect();
            format!("{digits}:{:04X}", address.port)
        };
        let (local, remote) = (end(ends.local), end(ends.remote));
        text.push_str(&format!("   0: {local} {remote} {state:02X} 0:0 00:0 0 0 0 {inode} 1 0\n"));
        fs::write(table, text).unwrap();
    }

    pub(crate) fn end(&self, pid: u32) {
        let _ = fs::remove_dir_all(self.path(&pid.to_string()));
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        let _ = fs::remove_file(self.path(path));
        symlink(Path::new(target), self.path(path)).unwrap();
    }
}
