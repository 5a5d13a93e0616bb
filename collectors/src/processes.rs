//! Who a process is: its tags, read once and kept.
//!
//! A process is described when it is first heard of, because many live only for milliseconds.
//! An executed program is described anew; a process that ended keeps its description for a while, because its last events are still under way.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use waggle_signals::{Resource, semconv};

use crate::procfs::Procfs;

/// How long a process that ended is remembered.
const GRACE: Duration = Duration::from_secs(30);

/// Most processes that are kept described at a time.
const MAX_PROCESSES: usize = 32_768;

/// What OpenTelemetry calls a service without a name.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// One process, as it was when it was described.
#[derive(Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id, in the host's view.
    pub pid: u32,
    /// The parent's process id; zero when unknown.
    pub parent: u32,
    /// When it started, in clock ticks since boot; zero when unknown.
    pub start_ticks: u64,
    /// Inode of its network namespace, or of ours when unknown. Addresses are unique only within one.
    pub network: u64,
    /// Somebody named it on purpose, by an OpenTelemetry variable of its environment.
    pub is_explicit: bool,
    /// Its tags.
    pub resource: Resource,
}

impl Process {
    /// Returns the name of its service; `unknown_service` when it was gone before it was asked.
    pub fn service(&self) -> &str {
        self.resource.service()
    }

    /// Returns the name of its service for those who meet it; empty when it is unknown.
    pub fn peer_name(&self) -> String {
        let name = self.service();
        if name == UNKNOWN_SERVICE { String::new() } else { name.to_owned() }
    }
}

/// All processes that were heard of.
#[derive(Debug)]
pub struct Processes {
    procfs: Procfs,
    host: Option<String>,
    /// Our own network namespace, which a process is taken to be in when it is gone before it was asked.
    own_network: u64,
    known: HashMap<u32, Known>,
    interesting: BTreeSet<u32>,
}

#[derive(Debug)]
struct Known {
    process: Arc<Process>,
    /// When its program was executed, as far as we know; zero for those we only came across.
    executed_ns: u64,
    ended_ns: Option<u64>,
}

impl Processes {
    /// Knows nobody yet.
    pub fn new(procfs: Procfs) -> Self {
        let host = procfs.host_name();
        let own_network = procfs.network(std::process::id()).unwrap_or(0);
        Self { procfs, host, own_network, known: HashMap::new(), interesting: BTreeSet::new() }
    }

    /// Returns the `/proc` that descriptions come from.
    pub fn procfs(&self) -> &Procfs {
        &self.procfs
    }

    /// Returns the host itself as a resource.
    pub fn host(&self) -> Resource {
        Resource::new(self.host.as_ref().map(|name| (semconv::HOST_NAME, name)))
    }

    /// Returns who a process is, asking `/proc` when it is new.
    pub fn describe(&mut self, pid: u32) -> Arc<Process> {
        if let Some(known) = self.known.get(&pid) {
            // After its end, an id may be given to somebody else, who may not have executed anything.
            let is_same = known.ended_ns.is_none()
                || self.procfs.stat(pid).is_none_or(|stat| stat.start_ticks == known.process.start_ticks);
            if is_same {
                return Arc::clone(&known.process);
            }
        }
        self.read(pid)
    }

    /// Returns who a process is, and where: it may have moved to another network namespace since it was described.
    pub fn locate(&mut self, pid: u32) -> Arc<Process> {
        let process = self.describe(pid);
        match self.procfs.network(pid) {
            Some(network) if network != process.network => self.read(pid),
            _ => process,
        }
    }

    /// Describes a process anew, because it executed a program.
    pub fn executed(&mut self, pid: u32, time_ns: u64) -> Arc<Process> {
        let process = self.read(pid);
        if let Some(known) = self.known.get_mut(&pid) {
            known.executed_ns = time_ns;
        }
        process
    }

    /// Notes that a process ended; returns who it was, when it was known.
    pub fn ended(&mut self, pid: u32, time_ns: u64) -> Option<Arc<Process>> {
        self.interesting.remove(&pid);
        let known = self.known.get_mut(&pid)?;
        known.ended_ns = Some(time_ns);
        Some(Arc::clone(&known.process))
    }

    /// Marks a process as worth measuring.
    pub fn mark_interesting(&mut self, pid: u32) {
        let is_alive = self.known.get(&pid).is_none_or(|known| known.ended_ns.is_none());
        if is_alive {
            self.interesting.insert(pid);
        }
    }

    /// Returns the processes that are worth measuring: those with a name given on purpose, a span, or a listener.
    pub fn interesting(&self) -> &BTreeSet<u32> {
        &self.interesting
    }

    /// Tells whether a process is worth measuring.
    pub fn is_interesting(&self, pid: u32) -> bool {
        self.interesting.contains(&pid)
    }

    /// Returns a process that is known and, as far as we know, alive.
    pub fn alive(&self, pid: u32) -> Option<&Arc<Process>> {
        self.known.get(&pid).filter(|known| known.ended_ns.is_none()).map(|known| &known.process)
    }

    /// Returns all processes that are known and, as far as we know, alive.
    pub fn all_alive(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.known.values().filter(|known| known.ended_ns.is_none()).map(|known| &known.process)
    }

    /// Describes a process anew if its id was given to another, who started at another time.
    pub fn confirm(&mut self, pid: u32, start_ticks: u64) {
        let is_other = self.known.get(&pid).is_none_or(|known| known.process.start_ticks != start_ticks);
        if is_other {
            self.read(pid);
        }
    }

    /// Returns who is taken to be alive, but was not among those `running` at `time_ns`, and is really gone: their end was not seen.
    pub fn vanished(&self, running: &BTreeSet<u32>, time_ns: u64) -> Vec<u32> {
        let missing = self.known.iter().filter(|(pid, known)| {
            !running.contains(pid) && known.executed_ns < time_ns && known.ended_ns.is_none()
        });
        let gone = missing.filter(|(pid, known)| {
            self.procfs.stat(**pid).is_none_or(|stat| stat.start_ticks != known.process.start_ticks)
        });
        gone.map(|(pid, _)| *pid).collect()
    }

    /// Forgets processes that ended a while ago.
    pub fn forget(&mut self, now_ns: u64) {
        let grace = u64::try_from(GRACE.as_nanos()).unwrap_or(u64::MAX);
        self.known.retain(|_, known| known.ended_ns.is_none_or(|ended| now_ns.saturating_sub(ended) < grace));
    }

    fn read(&mut self, pid: u32) -> Arc<Process> {
        let (mut process, is_readable) = read(&self.procfs, self.host.as_deref(), pid);
        if process.network == 0 {
            process.network = self.own_network;
        }
        let process = Arc::new(process);
        if !is_readable {
            return process;
        }
        if self.known.len() >= MAX_PROCESSES {
            self.known.retain(|_, known| known.ended_ns.is_none());
        }
        if self.known.len() < MAX_PROCESSES {
            self.known.insert(pid, Known { process: Arc::clone(&process), executed_ns: 0, ended_ns: None });
        }
        if process.is_explicit {
            self.interesting.insert(pid);
        }
        process
    }
}

/// Reads who a process is; also tells whether it could be read at all.
fn read(procfs: &Procfs, host: Option<&str>, pid: u32) -> (Process, bool) {
    let stat = procfs.stat(pid);
    let environment = procfs.environment(pid).unwrap_or_default();
    let executable = procfs.executable(pid);
    let command = procfs.command(pid).or_else(|| stat.as_ref().map(|stat| stat.command.clone()));
    let is_explicit = environment.is_explicit();

    let mut tags = environment.resource_attributes;
    // OpenTelemetry: `OTEL_SERVICE_NAME` takes precedence over the attribute.
    if let Some(name) = environment.service_name {
        tags.insert(semconv::SERVICE_NAME.to_owned(), name);
    }
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            tags.entry(key.to_owned()).or_insert(value);
        }
    };
    let fallback = program_name(command.as_deref(), executable.as_deref());
    put(semconv::SERVICE_NAME, Some(fallback));
    put(semconv::HOST_NAME, host.map(str::to_owned));
    put(semconv::CONTAINER_ID, procfs.container(pid));
    put(semconv::PROCESS_EXECUTABLE, executable);
    put(semconv::PROCESS_COMMAND, command);
    tags.insert(semconv::PROCESS_PID.to_owned(), pid.to_string());

    let process = Process {
        pid,
        parent: stat.as_ref().map_or(0, |stat| stat.parent),
        start_ticks: stat.as_ref().map_or(0, |stat| stat.start_ticks),
        network: procfs.network(pid).unwrap_or(0),
        is_explicit,
        resource: Resource { attributes: tags },
    };
    (process, stat.is_some())
}

/// Returns the command name; in full when the kernel had to cut it and the program file still has it.
fn program_name(command: Option<&str>, executable: Option<&str>) -> String {
    let file = executable.and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    match command {
        Some(command) if !command.is_empty() && !file.starts_with(command) => command.to_owned(),
        _ if !file.is_empty() => file.to_owned(),
        Some(command) if !command.is_empty() => command.to_owned(),
        _ => UNKNOWN_SERVICE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_proc::FakeProc;

    #[test]
    fn tags_come_from_the_environment_first() {
        let proc = FakeProc::new();
        proc.process(
            7,
            "inventory-server-long",
            &[
                ("OTEL_SERVICE_NAME", "inventory"),
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,owner=li.na,vcs.ref.head.revision=9f3c"),
            ],
        );
        let process = Processes::new(proc.procfs()).describe(7);
        assert_eq!(process.service(), "inventory");
        assert_eq!((process.resource.owner(), process.resource.commit()), (Some("li.na"), Some("9f3c")));
        assert_eq!(process.resource.tag(semconv::HOST_NAME), Some("node-1"));
        assert_eq!(process.resource.tag(semconv::PROCESS_COMMAND), Some("inventory-serve"));
        assert!(process.is_explicit && process.network == FakeProc::NETWORK);
    }

    #[test]
    fn without_a_name_the_program_is_the_service() {
        let proc = FakeProc::new();
        proc.process(7, "a-rather-long-program-name", &[]);
        let mut processes = Processes::new(proc.procfs());
        assert_eq!(processes.describe(7).service(), "a-rather-long-program-name");
        assert!(!processes.is_interesting(7));
        assert_eq!(processes.describe(8).service(), UNKNOWN_SERVICE);
    }

    #[test]
    fn an_executed_program_is_described_anew_and_an_ended_one_is_remembered_for_a_while() {
        let proc = FakeProc::new();
        proc.process(7, "sh", &[]);
        let mut processes = Processes::new(proc.procfs());
        assert_eq!(processes.describe(7).service(), "sh");
        proc.process(7, "cart", &[("OTEL_SERVICE_NAME", "cart")]);
        assert_eq!(processes.describe(7).service(), "sh");
        assert_eq!(processes.executed(7, 1).service(), "cart");
        proc.end(7);
        assert_eq!(processes.ended(7, 1).unwrap().service(), "cart");
        assert_eq!(processes.describe(7).service(), "cart");
        processes.forget(60_000_000_000);
        assert_eq!(processes.describe(7).service(), UNKNOWN_SERVICE);
    }
}
