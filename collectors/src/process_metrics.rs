//! CPU, memory and waiting of processes, once a second, from `/proc`.
//!
//! A reading is taken on a thread of its own, because a look at every process of a large host takes a while.
//! All processes are read, so that a hungry neighbour is seen; only those worth measuring are read in full.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use waggle_signals::{Attributes, MetricKind, semconv};

use crate::procfs::Procfs;

/// Attribute that says which CPUs a process may run on, as the kernel lists them. Waggle's own.
pub const CPUS_ALLOWED: &str = "process.cpu.allowed";

/// How many of the hungriest processes of the host are told of, of whatever kind they are.
const HUNGRIEST: usize = 5;

/// Below this many cores a process is not hungry.
const HUNGRY_CORES: f64 = 0.05;

/// `USER_HZ`: 100 on every architecture Linux runs on today (`include/asm-generic/param.h`).
const TICKS_PER_S: f64 = 100.0;

/// Size of a page where the system does not tell: that of x86-64.
const USUAL_PAGE_BYTES: i64 = 4096;

/// All processes of the host at one time.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// When, in nanoseconds of the monotonic clock.
    pub time_ns: u64,
    /// Who there was.
    pub processes: Vec<ProcessReading>,
}

/// One process at one time.
#[derive(Clone, Debug)]
pub struct ProcessReading {
    /// Process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot: tells two processes of one id apart.
    pub start_ticks: u64,
    /// CPU time so far, in clock ticks.
    pub cpu_ticks: u64,
    /// Resident memory, in pages.
    pub resident_pages: u64,
    /// Each thread's waiting so far, in nanoseconds; empty unless the process is worth measuring.
    pub cpu_waits: Vec<(u32, u64)>,
    /// The CPUs it may run on, when it is worth measuring.
    pub cpus_allowed: Option<String>,
}

/// One measured number of one process.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Process id.
    pub pid: u32,
    /// Standard name.
    pub name: &'static str,
    /// UCUM unit.
    pub unit: &'static str,
    /// How values combine.
    pub kind: MetricKind,
    /// The value.
    pub value: f64,
    /// Dimensions.
    pub attributes: Attributes,
}

/// Turns readings into numbers per second.
#[derive(Debug, Default)]
pub struct Measures {
    before: HashMap<u32, ProcessReading>,
    before_ns: u64,
    hungriest: BTreeSet<u32>,
}

/// Reads all processes; those in `worth` in full.
pub fn read(procfs: &Procfs, worth: &BTreeSet<u32>, time_ns: u64) -> Reading {
    let processes = procfs.pids().into_iter().filter_map(|pid| {
        let stat = procfs.stat(pid)?;
        let in_full = worth.contains(&pid);
        Some(ProcessReading {
            pid,
            start_ticks: stat.start_ticks,
            cpu_ticks: stat.cpu_ticks,
            resident_pages: stat.resident_pages,
            cpu_waits: if in_full { procfs.cpu_waits(pid) } else { Vec::new() },
            cpus_allowed: in_full.then(|| procfs.cpus_allowed(pid)).flatten(),
        })
    });
    Reading { time_ns, processes: processes.collect() }
}

impl Measures {
    /// Returns the processes that used most CPU in the last reading, whoever they are.
    pub fn hungriest(&self) -> &BTreeSet<u32> {
        &self.hungriest
    }

    /// Compares a reading with the one before. The first reading gives no numbers.
    ///
    /// The CPU time is exact to a hundredth of a second. Waiting of threads that ended between two readings is lost.
    pub fn take(&mut self, reading: Reading, is_worth: impl Fn(u32) -> bool) -> Vec<Measure> {
        let passed = Duration::from_nanos(reading.time_ns.saturating_sub(self.before_ns)).as_secs_f64();
        let is_first = self.before_ns == 0 || passed <= 0.0;
        let mut measures = Vec::new();
        let mut used: Vec<(f64, u32)> = Vec::new();
        for now in reading.processes.iter().filter(|_| !is_first) {
            let before = self.before.get(&now.pid).filter(|before| before.start_ticks == now.start_ticks);
            // A process that is new has used all it used since the last reading.
            let ticks = now.cpu_ticks.saturating_sub(before.map_or(0, |before| before.cpu_ticks));
            let cores = ticks as f64 / TICKS_PER_S / passed;
            if cores >= HUNGRY_CORES {
                used.push((cores, now.pid));
            }
        }
        used.sort_by(|a, b| b.0.total_cmp(&a.0));
        used.truncate(HUNGRIEST);
        if !is_first {
            self.hungriest = used.iter().map(|(_, pid)| *pid).collect();
        }
        for now in reading.processes.iter().filter(|_| !is_first) {
            if !is_worth(now.pid) && !self.hungriest.contains(&now.pid) {
                continue;
            }
            let before = self.before.get(&now.pid).filter(|before| before.start_ticks == now.start_ticks);
            measures.extend(measures_of(now, before, passed));
        }
        self.before_ns = reading.time_ns;
        self.before = reading.processes.into_iter().map(|process| (process.pid, process)).collect();
        measures
    }
}

fn measures_of(now: &ProcessReading, before: Option<&ProcessReading>, passed_s: f64) -> Vec<Measure> {
    let allowed = now.cpus_allowed.iter().map(|list| (CPUS_ALLOWED.to_owned(), list.clone()));
    let allowed: Attributes = allowed.collect();
    let gauge = |name, unit, value, attributes| Measure {
        pid: now.pid,
        name,
        unit,
        kind: MetricKind::Gauge,
        value,
        attributes,
    };
    let ticks = now.cpu_ticks.saturating_sub(before.map_or(0, |before| before.cpu_ticks));
    let cores = ticks as f64 / TICKS_PER_S / passed_s;
    let memory = now.resident_pages as f64 * page_bytes();
    let mut measures = vec![
        gauge(semconv::METRIC_CPU, "1", cores, allowed.clone()),
        gauge(semconv::METRIC_MEMORY, "By", memory, Attributes::new()),
    ];
    // The first full reading has nothing to be compared with.
    if let Some(before) = before.filter(|before| !before.cpu_waits.is_empty() && !now.cpu_waits.is_empty()) {
        let earlier: HashMap<u32, u64> = before.cpu_waits.iter().copied().collect();
        let waited_ns: u64 = now
            .cpu_waits
            .iter()
            .map(|(tid, wait_ns)| wait_ns.saturating_sub(earlier.get(tid).copied().unwrap_or(0)))
            .sum();
        let waited = Duration::from_nanos(waited_ns).as_secs_f64() / passed_s;
        measures.push(gauge(semconv::METRIC_CPU_WAIT, "1", waited, allowed));
    }
    measures
}

fn page_bytes() -> f64 {
    let told = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    told.ok().flatten().unwrap_or(USUAL_PAGE_BYTES) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_proc::FakeProc;

    const SECOND: u64 = 1_000_000_000;

    fn value(measures: &[Measure], pid: u32, name: &str) -> Option<f64> {
        measures
            .iter()
            .find(|measure| measure.pid == pid && measure.name == name)
            .map(|measure| measure.value)
    }

    #[test]
    fn numbers_are_per_second_and_a_hungry_stranger_is_seen() {
        let proc = FakeProc::new();
        let procfs = proc.procfs();
        for pid in [7, 8, 9] {
            proc.process(pid, "p", &[]);
        }
        proc.cpu_wait(7, 7, 5 * SECOND);
        let worth = BTreeSet::from([7]);
        let mut measures = Measures::default();
        assert!(measures.take(read(&procfs, &worth, SECOND), |pid| pid == 7).is_empty());
        proc.cpu(7, "p", 50);
        proc.cpu(8, "p", 180);
        proc.cpu_wait(7, 7, 6 * SECOND);
        proc.cpu_wait(7, 71, SECOND / 2);
        let taken = measures.take(read(&procfs, &worth, 3 * SECOND), |pid| pid == 7);
        assert_eq!(value(&taken, 7, semconv::METRIC_CPU), Some(0.25));
        assert_eq!(value(&taken, 7, semconv::METRIC_CPU_WAIT), Some(0.75));
        assert_eq!(value(&taken, 7, semconv::METRIC_MEMORY), Some(10.0 * page_bytes()));
        assert_eq!(value(&taken, 8, semconv::METRIC_CPU), Some(0.9));
        assert_eq!(value(&taken, 9, semconv::METRIC_CPU), None);
        let cpu =
            taken.iter().find(|measure| measure.pid == 7 && measure.name == semconv::METRIC_CPU).unwrap();
        assert_eq!(cpu.attributes, Attributes::from([(CPUS_ALLOWED.to_owned(), "0-1".to_owned())]));
        assert_eq!(measures.hungriest(), &BTreeSet::from([7, 8]));
    }
}
