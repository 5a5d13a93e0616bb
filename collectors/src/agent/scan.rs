//! The thread that reads `/proc`.

use std::{
    collections::BTreeSet,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender},
    time::{Duration, Instant},
};

use super::monotonic_ns;
use crate::{
    process_metrics::{Reading, read},
    procfs::Procfs,
};

/// How often processes are read.
const EVERY: Duration = Duration::from_secs(1);

/// A host so large that reading it takes long is read less often: at most a fiftieth of one CPU.
const MAX_SHARE: u32 = 50;

/// Reads all processes again and again, until nobody says any more which are worth measuring.
pub(super) fn run(procfs: &Procfs, worth: &Receiver<BTreeSet<u32>>, readings: &SyncSender<Reading>) {
    let mut in_full = BTreeSet::new();
    let mut next = Instant::now();
    loop {
        match worth.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(newest) => {
                in_full = newest;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let started = Instant::now();
        let reading = read(procfs, &in_full, monotonic_ns());
        // When the last ones were not looked at yet, this one is not missed.
        let _ = readings.try_send(reading);
        next = started + EVERY.max(started.elapsed() * MAX_SHARE);
    }
}
