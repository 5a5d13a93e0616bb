//! From kernel events to signals: the state machine in the middle.
//!
//! One thread feeds it and nobody else touches it, so it has no locks and, given the same events and the same `/proc`, always says the same.
//! Times inside are nanoseconds of the monotonic clock, as the kernel stamps them; they become wall-clock times on the way out.

mod emit;
mod network;
mod requests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use waggle_collectors_ebpf::event::{Address, Body, KernelEvent};
use waggle_signals::Batch;

use crate::{
    connections::{ConnectionId, Connections},
    deployments::Deployments,
    flows::Flows,
    listeners::Listeners,
    process_metrics::{Measures, Reading},
    processes::{Process, Processes},
    procfs::Procfs,
    profiles::{StackCount, Stacks},
    spans::Patience,
    traces::{Ids, Traces},
    wires::Wires,
};

use self::{emit::Outbox, requests::Draft};

pub use self::emit::Timebase;

/// How often open exchanges are looked at. A response of unknown length is over at most this much later than it could be.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often flows, failures and processes are told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How often the addresses of network namespaces are read again.
const ADDRESSES_EVERY: Duration = Duration::from_secs(30);

/// What the assembler is told.
#[derive(Clone, Debug)]
pub struct AssemblerConfig {
    /// Processes that are not observed.
    pub ignored: BTreeSet<u32>,
    /// When exchanges count as over although nobody said so.
    pub patience: Patience,
    /// Where trace and span ids come from.
    pub seed: u64,
}

/// What the assembler lost, by reason; each only grows.
pub type Losses = BTreeMap<&'static str, u64>;

/// The state machine.
pub struct Assembler {
    config: AssemblerConfig,
    processes: Processes,
    connections: Connections,
    /// Connections with exchanges that are not over.
    busy: HashSet<ConnectionId>,
    traces: Traces<Draft>,
    next_exchange: u64,
    wires: Wires,
    listeners: Listeners,
    flows: Flows,
    deployments: Deployments,
    measures: Measures,
    stacks: Stacks,
    outbox: Outbox,
    /// Sockets that were refused while their `connect` had not returned yet: process, far end, time.
    refused_early: HashMap<(u32, Address), u64>,
    /// Segments sent again on sockets that belong to nobody we know.
    unowned_retransmits: u64,
    /// Processes that were there before us and were not looked at yet.
    undiscovered: Vec<u32>,
    /// Connections whose ends `/proc` is to be asked for.
    nameless: Vec<ConnectionId>,
    looked_up_ns: u64,
    looked_ns: u64,
    told_ns: u64,
    addresses_ns: u64,
    now_ns: u64,
}

impl Assembler {
    /// Knows nothing yet; asks `procfs` about processes.
    pub fn new(config: AssemblerConfig, procfs: Procfs) -> Self {
        let ids = Ids::seeded(config.seed);
        Self {
            processes: Processes::new(procfs),
            connections: Connections::default(),
            busy: HashSet::new(),
            traces: Traces::new(ids),
            next_exchange: 0,
            wires: Wires::default(),
            listeners: Listeners::default(),
            flows: Flows::default(),
            deployments: Deployments::default(),
            measures: Measures::default(),
            stacks: Stacks::default(),
            outbox: Outbox::default(),
            refused_early: HashMap::new(),
            unowned_retransmits: 0,
            undiscovered: Vec::new(),
            nameless: Vec::new(),
            looked_up_ns: 0,
            looked_ns: 0,
            told_ns: 0,
            addresses_ns: 0,
            now_ns: 0,
            config,
        }
    }

    /// Says which wall-clock time a time of the monotonic clock is.
    pub fn set_timebase(&mut self, timebase: Timebase) {
        self.outbox.timebase = timebase;
    }

    /// Notes who is there already, to be looked at by [`discover_some`](Self::discover_some).
    pub fn discover(&mut self) {
        let pids = self.processes.procfs().pids().into_iter();
        self.undiscovered = pids.filter(|pid| !self.config.ignored.contains(pid)).collect();
        // Those started last may be gone soonest.
        self.undiscovered.sort_unstable();
    }

    /// Looks at some of those who were there already: named processes, and everybody who listens. Returns whether any are left.
    ///
    /// Events go first: a process that is described late may be gone.
    pub fn discover_some(&mut self, at_most: usize) -> bool {
        let from = self.undiscovered.len().saturating_sub(at_most);
        let pids = self.undiscovered.split_off(from);
        let processes: Vec<_> = pids.into_iter().map(|pid| self.processes.describe(pid)).collect();
        for process in &processes {
            let parent = self.parent(process);
            self.deployments.found(process, parent.as_deref());
        }
        let procfs = self.processes.procfs().clone();
        self.listeners.find(&procfs, &processes);
        for process in processes {
            if self.listeners.is_listening(process.pid) {
                self.processes.mark_interesting(process.pid);
            }
        }
        !self.undiscovered.is_empty()
    }

    /// Takes one event of the kernel.
    pub fn event(&mut self, event: &KernelEvent<'_>) {
        let KernelEvent { time_ns, pid, tid, body } = *event;
        self.now_ns = self.now_ns.max(time_ns);
        let has_process = !matches!(body, Body::Tcp { .. } | Body::Retransmit { .. });
        if has_process && self.config.ignored.contains(&pid) {
            return;
        }
        match body {
            Body::Data(data) => self.data(time_ns, pid, tid, &data),
            Body::Connect(connect) => self.connect(time_ns, pid, &connect),
            Body::Accept(accept) => self.accept(time_ns, pid, &accept),
            Body::Close { fd } => self.close(time_ns, pid, fd),
            Body::Exec => {
                let process = self.processes.executed(pid, time_ns);
                let parent = self.parent(&process);
                self.deployments.started(&process, parent.as_deref(), time_ns);
            }
            Body::Exit => self.exit(time_ns, pid),
            Body::Socket { fd, sock } => self.socket(time_ns, pid, fd, sock),
            Body::Tcp { sock, old_state, new_state, ends } => {
                self.tcp_state(time_ns, pid, sock, (old_state, new_state), ends);
            }
            Body::Retransmit { sock, ends } => self.retransmit(sock, ends),
            Body::Sample(stack) => {
                let is_worth = self.processes.is_interesting(pid) || self.measures.hungriest().contains(&pid);
                if is_worth {
                    let process = self.processes.describe(pid);
                    self.stacks.count(&process, stack.addresses(), time_ns);
                }
            }
        }
    }

    /// Returns who started a process, when somebody with a name did.
    fn parent(&mut self, process: &Process) -> Option<Arc<Process>> {
        (process.is_explicit && process.parent > 1).then(|| self.processes.describe(process.parent))
    }

    /// Takes a reading of all processes.
    pub fn reading(&mut self, reading: Reading) {
        let running: BTreeSet<u32> = reading.processes.iter().map(|process| process.pid).collect();
        for process in reading.processes.iter().filter(|process| !self.config.ignored.contains(&process.pid))
        {
            // Whoever was forked without executing anything is noticed here.
            self.processes.confirm(process.pid, process.start_ticks);
        }
        for pid in self.processes.vanished(&running, reading.time_ns) {
            self.exit(reading.time_ns, pid);
        }
        let time_ns = reading.time_ns;
        let processes = &self.processes;
        let measures = self.measures.take(reading, |pid| processes.is_interesting(pid));
        for measure in measures {
            let process = self.processes.describe(measure.pid);
            self.outbox.measure(&process, time_ns, measure);
        }
    }

    /// Returns the processes that the next reading should look at in full.
    pub fn worth_measuring(&self) -> BTreeSet<u32> {
        self.processes.interesting().union(self.measures.hungriest()).copied().collect()
    }

    /// Does what is due at `now_ns`: gives up what nobody finishes, settles spans, tells the second's flows.
    pub fn tick(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        if is_due(&mut self.looked_ns, now_ns, LOOK_EVERY) {
            self.look_at_requests(now_ns);
        }
        if is_due(&mut self.told_ns, now_ns, TELL_EVERY) {
            self.tell_flows(now_ns);
            self.wires.forget(now_ns);
            self.processes.forget(now_ns);
        }
        if is_due(&mut self.addresses_ns, now_ns, ADDRESSES_EVERY) {
            self.listeners.forget_addresses();
            let procfs = self.processes.procfs().clone();
            for process in self.listeners.one_of_each_network() {
                self.listeners.learn_addresses(&procfs, &process);
            }
        }
        for occurrence in self.deployments.take() {
            self.outbox.occurrence(occurrence);
        }
    }

    /// Takes the rows that are ready.
    pub fn take_batch(&mut self) -> Batch {
        self.outbox.take()
    }

    /// Takes the stacks of the second, to be named elsewhere.
    pub fn take_stacks(&mut self) -> Vec<StackCount> {
        self.stacks.take()
    }

    /// Takes the processes that were sampled for the first time, so that their memory maps can be read while they live.
    pub fn take_newcomers(&mut self) -> Vec<Arc<Process>> {
        self.stacks.take_newcomers()
    }

    /// Lets go of everything at once, because no more events are coming. Requests without an answer are not told: their end was not seen.
    pub fn finish(&mut self, now_ns: u64) {
        self.settle_everything(now_ns);
        self.tell_flows(now_ns);
        self.tell_flows(now_ns);
        for occurrence in self.deployments.take() {
            self.outbox.occurrence(occurrence);
        }
    }

    /// Returns what was lost so far for lack of room.
    pub fn losses(&self) -> Losses {
        BTreeMap::from([
            ("connections_evicted", self.connections.evicted()),
            ("flows_uncounted", self.flows.uncounted()),
            ("stacks_dropped", self.stacks.dropped()),
        ])
    }
}

/// Tells whether it is time again, and if so notes that it was done.
fn is_due(last_ns: &mut u64, now_ns: u64, every: Duration) -> bool {
    let is_due = now_ns.saturating_sub(*last_ns) >= nanos(every);
    if is_due {
        *last_ns = now_ns;
    }
    is_due
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
