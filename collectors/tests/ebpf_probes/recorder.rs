//! Attached probes, and what they told so far.

use std::time::{Duration, Instant};

use waggle_collectors::ebpf::{EbpfConfig, EbpfError, Probes};
use waggle_collectors_ebpf::{Body, Direction, KernelEvent};

/// How long an event may take before a test gives up on it. Machines that run tests are slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// Attached probes, and what they told so far.
pub struct Recorder {
    pub probes: Probes,
    seen: Vec<Event>,
}

/// What was told, in order.
#[derive(Clone, Debug)]
pub struct Seen(pub Vec<Event>);

/// An event that outlives the ring buffer.
#[derive(Clone, Debug)]
pub struct Event {
    pub pid: u32,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Data { direction: Direction, size: u32, bytes: Vec<u8> },
    Sample(Vec<u64>),
    Plain(Body<'static>),
}

impl Recorder {
    /// Attaches. None, and a line that says why, when that is not allowed here.
    pub fn start(config: &EbpfConfig) -> Option<Self> {
        match Probes::attach(config) {
            Ok(probes) => Some(Self { probes, seen: Vec::new() }),
            Err(error @ (EbpfError::NotPrivileged { .. } | EbpfError::NoTracefs { .. })) => {
                eprintln!("skipped: {error}; hint: {}", error.hint());
                None
            }
            Err(error) => panic!("{error}; hint: {}", error.hint()),
        }
    }

    /// Reads until what was told satisfies.
    pub fn until(&mut self, is_enough: impl Fn(&Self) -> bool) {
        self.until_within(Duration::from_millis(200), is_enough);
    }

    /// The same, with another timeout for each time it waits.
    pub fn until_within(&mut self, timeout: Duration, is_enough: impl Fn(&Self) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !is_enough(self) {
            assert!(Instant::now() < give_up, "told so far: {:?}", self.seen.len());
            self.read(timeout);
        }
    }

    /// Reads what has happened until now.
    pub fn rest(&mut self) {
        self.read(Duration::from_millis(200));
        self.read(Duration::from_millis(200));
    }

    pub fn has_exited(&self, wanted: u32) -> bool {
        self.seen.iter().any(|event| event.pid == wanted && matches!(event.what, What::Plain(Body::Exit)))
    }

    /// What was told of one process.
    pub fn of(&self, pid: u32) -> Seen {
        Seen(self.seen.iter().filter(|event| event.pid == pid).cloned().collect())
    }

    /// What was told of all.
    pub fn all(&self) -> Seen {
        Seen(self.seen.clone())
    }

    fn read(&mut self, timeout: Duration) {
        let Self { probes, seen } = self;
        probes.read(timeout, |event| seen.push(Event::from(event))).unwrap();
    }
}

impl Seen {
    pub fn has(&self, is_wanted: impl Fn(&What) -> bool) -> bool {
        self.0.iter().any(|event| is_wanted(&event.what))
    }

    pub fn count(&self, is_wanted: impl Fn(&Event) -> bool) -> usize {
        self.0.iter().filter(|event| is_wanted(event)).count()
    }

    pub fn find<T>(&self, wanted: impl FnMut(&What) -> Option<T>) -> Option<T> {
        self.map(wanted).next()
    }

    pub fn map<T>(&self, mut wanted: impl FnMut(&What) -> Option<T>) -> impl Iterator<Item = T> {
        self.0.iter().filter_map(move |event| wanted(&event.what))
    }
}

impl From<KernelEvent<'_>> for Event {
    fn from(event: KernelEvent<'_>) -> Self {
        let what = match event.body {
            Body::Data(data) => {
                assert!(data.entered_ns <= event.time_ns);
                What::Data { direction: data.direction, size: data.size, bytes: data.bytes.to_vec() }
            }
            Body::Sample(stack) => What::Sample(stack.addresses().collect()),
            Body::Connect(connect) => What::Plain(Body::Connect(connect)),
            Body::Accept(accept) => What::Plain(Body::Accept(accept)),
            Body::Close { fd } => What::Plain(Body::Close { fd }),
            Body::Exec => What::Plain(Body::Exec),
            Body::Exit => What::Plain(Body::Exit),
            Body::Socket { fd, sock } => What::Plain(Body::Socket { fd, sock }),
            Body::Tcp { sock, old_state, new_state, ends } => {
                What::Plain(Body::Tcp { sock, old_state, new_state, ends })
            }
            Body::Retransmit { sock, ends } => What::Plain(Body::Retransmit { sock, ends }),
        };
        Self { pid: event.pid, what }
    }
}
