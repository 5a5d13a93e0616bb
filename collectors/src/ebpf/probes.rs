//! What a collector holds: the attached programs, and the ring buffer they write to.

use std::{
    io,
    time::{Duration, Instant},
};

use aya::maps::{MapData, PerCpuArray, RingBuf};
use nix::{
    errno::Errno,
    sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
};
use waggle_collectors_ebpf::{KernelEvent, decode, wire::counter};

use super::{
    attach::{Attached, attach_all},
    config::EbpfConfig,
    error::EbpfError,
    privilege,
    tracefs::Tracefs,
};

/// The attached programs, and the ring buffer they write to.
///
/// Reading waits, so it belongs on a thread of its own.
/// Dropping it detaches the programs, which takes two or three seconds: the kernel waits, probe by probe, until no CPU is inside of one.
pub struct Probes {
    /// Holds the programs in the kernel: they go when it is dropped.
    attached: Attached,
    events: RingBuf<MapData>,
    counters: PerCpuArray<MapData, u64>,
    /// Watches `events`, and reports a wake-up once (edge-triggered), rather than as long as there is something to read.
    epoll: Epoll,
    latency: Duration,
    undecodable: u64,
}

/// One probe: where it is, and whether it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeStatus {
    /// Where it is attached, such as `sock:inet_sock_set_state`.
    pub name: String,
    /// Why it is not attached; none when it is.
    pub missing: Option<String>,
}

impl ProbeStatus {
    /// Tells whether the probe runs.
    pub fn is_attached(&self) -> bool {
        self.missing.is_none()
    }
}

impl Probes {
    /// Loads the programs and attaches each on its own.
    ///
    /// A probe that cannot be attached is noted in [`running`](Self::running), and what depends on it is not observed.
    /// Fails when the process may not do this, when there is no tracefs and it cannot be mounted, or when no probe at all can be attached.
    pub fn attach(config: &EbpfConfig) -> Result<Self, EbpfError> {
        privilege::check()?;
        let tracefs = Tracefs::open()?;
        let mut attached = attach_all(config, &tracefs)?;

        let events = attached.take_map("EVENTS")?;
        let counters = attached.take_map("COUNTERS")?;
        let events = RingBuf::try_from(events).map_err(not_loaded)?;
        let counters = PerCpuArray::try_from(counters).map_err(not_loaded)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(cannot_wait)?;
        epoll
            .add(&events, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0))
            .map_err(cannot_wait)?;
        Ok(Self { attached, events, counters, epoll, latency: config.latency, undecodable: 0 })
    }

    /// Returns every probe there is, attached or not.
    pub fn running(&self) -> &[ProbeStatus] {
        self.attached.running()
    }

    /// Hands over the events there are, in the order in which they were written, and returns how many.
    ///
    /// Waits for the first for at most `timeout`; returns as soon as the buffer is empty, or `timeout` has passed.
    /// Events arrive up to [`EbpfConfig::latency`] after they happened.
    pub fn read(
        &mut self,
        timeout: Duration,
        mut observe: impl FnMut(KernelEvent<'_>),
    ) -> Result<usize, EbpfError> {
        let deadline = Instant::now() + timeout;
        loop {
            let n = self.drain(deadline, &mut observe);
            let left = deadline.saturating_duration_since(Instant::now());
            if n > 0 || left.is_zero() {
                return Ok(n);
            }
            self.wait(left.min(self.latency))?;
        }
    }

    /// Returns how many events were lost because the ring buffer was full, since the probes were attached.
    pub fn lost(&self) -> u64 {
        self.counter(counter::LOST)
    }

    /// Returns how many events were written to the ring buffer, since the probes were attached.
    pub fn emitted(&self) -> u64 {
        self.counter(counter::EMITTED)
    }

    /// Returns how often a program was not run because it interrupted another one on the same CPU: each is an event not seen.
    ///
    /// The kernel lets programs on tracepoints and perf events not interrupt each other. Nearly all misses are samples. Reads some files of `/proc`.
    pub fn missed(&self) -> u64 {
        self.attached.missed()
    }

    /// Returns how many events could not be decoded. Anything but zero is a bug.
    pub fn undecodable(&self) -> u64 {
        self.undecodable
    }

    /// Hands over events until there are none, or until the deadline when they come faster than they are handled.
    fn drain(&mut self, deadline: Instant, observe: &mut impl FnMut(KernelEvent<'_>)) -> usize {
        /// The clock is looked at once in so many events.
        const CLOCK_EVERY: usize = 1024;

        let mut n = 0;
        while let Some(record) = self.events.next() {
            match decode(&record) {
                Ok(event) => observe(event),
                Err(error) => {
                    self.undecodable += 1;
                    tracing::warn!(%error, "event from the kernel not understood");
                }
            }
            n += 1;
            if n % CLOCK_EVERY == 0 && Instant::now() >= deadline {
                break;
            }
        }
        n
    }

    /// Sleeps until the programs say that much has gathered, or until the time is up.
    fn wait(&self, timeout: Duration) -> Result<(), EbpfError> {
        let at_least_a_tick = timeout.max(Duration::from_millis(1));
        let timeout = EpollTimeout::try_from(at_least_a_tick).unwrap_or(EpollTimeout::MAX);
        match self.epoll.wait(&mut [EpollEvent::empty()], timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(cannot_wait(errno)),
        }
    }

    fn counter(&self, slot: u32) -> u64 {
        self.counters.get(&slot, 0).map(|values| values.iter().sum()).unwrap_or(0)
    }
}

fn not_loaded(error: impl std::error::Error) -> EbpfError {
    EbpfError::NotLoaded { reason: error.to_string() }
}

fn cannot_wait(errno: Errno) -> EbpfError {
    EbpfError::Wait { source: io::Error::from(errno) }
}
