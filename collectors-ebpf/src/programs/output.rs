//! The ring buffer, its counters, and what every event begins with.

use aya_ebpf::{
    Global,
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns},
    macros::map,
    maps::{PerCpuArray, RingBuf},
};
use waggle_collectors_ebpf::wire::{Header, counter};

/// The process that is never observed: Waggle. Set by the loader; zero means none.
#[unsafe(no_mangle)]
static IGNORED_PID: Global<u32> = Global::new(0);

/// The reader is woken when this many bytes wait for it; less than that waits for its next look. Set by the loader.
#[unsafe(no_mangle)]
static WAKEUP_BYTES: Global<u64> = Global::new(64 * 1024);

/// The size is set by the loader.
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(16 * 1024 * 1024, 0);

#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(counter::SLOTS, 0);

/// A thread and its process, in the host's view.
#[derive(Clone, Copy)]
pub struct Task {
    pub pid: u32,
    pub tid: u32,
}

/// Returns who is running.
#[inline(always)]
pub fn current() -> Task {
    let both = bpf_get_current_pid_tgid();
    Task { pid: (both >> 32) as u32, tid: both as u32 }
}

/// Returns nanoseconds of `CLOCK_MONOTONIC`.
#[inline(always)]
pub fn now_ns() -> u64 {
    // SAFETY: the helper takes nothing and may be called anywhere.
    unsafe { bpf_ktime_get_ns() }
}

impl Task {
    /// Tells whether nothing of this task may be observed.
    #[inline(always)]
    pub fn is_ignored(self) -> bool {
        self.pid == IGNORED_PID.load()
    }

    /// Makes the beginning of an event.
    #[inline(always)]
    pub fn header(self, time_ns: u64, kind: u32, length: u32) -> Header {
        Header { time_ns, pid: self.pid, tid: self.tid, kind, length }
    }
}

/// Sends one event of a fixed size.
#[inline(always)]
pub fn emit<T>(event: &T) {
    let flags = wakeup(size_of::<T>() as u64);
    count(EVENTS.output::<T>(event, flags));
}

/// Sends one event of a varying size.
#[inline(always)]
pub fn emit_bytes(bytes: &[u8]) {
    let flags = wakeup(bytes.len() as u64);
    count(EVENTS.output::<[u8]>(bytes, flags));
}

/// Waking the reader for each event would cost more than the event: it is woken when the level passes a mark.
#[inline(always)]
fn wakeup(len: u64) -> u64 {
    let waiting = EVENTS.query(u64::from(BPF_RB_AVAIL_DATA));
    let mark = WAKEUP_BYTES.load();
    let passes = waiting < mark && waiting + len >= mark;
    u64::from(if passes { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP })
}

#[inline(always)]
fn count(outcome: Result<(), i32>) {
    let slot = if outcome.is_ok() { counter::EMITTED } else { counter::LOST };
    if let Some(value) = COUNTERS.get_ptr_mut(slot) {
        // SAFETY: the pointer is into this CPU's slot, and an interrupted increment at worst miscounts by one.
        unsafe { *value += 1 };
    }
}
