//! The thread that names stacks.

use std::sync::{Arc, mpsc::Receiver};

use waggle_signals::{Batch, ProfileSample};

use crate::{
    assembler::Timebase,
    delivery::Outlet,
    processes::Process,
    profiles::{StackCount, Symbols},
};

/// Pieces of work that may wait.
pub(super) const QUEUE: usize = 64;

const NANOS_PER_S: u64 = 1_000_000_000;

/// What there is to do.
pub(super) enum Work {
    /// Read a process's memory maps while it lives.
    Prepare(Arc<Process>),
    /// Name the stacks of a second and hand them on.
    Name { stacks: Vec<StackCount>, timebase: Timebase },
}

/// Names stacks until there is no more work. One sample stands for the time between two samples.
pub(super) fn run(work: &Receiver<Work>, outlet: &Outlet, samples_per_s: u64) {
    let mut symbols = Symbols::default();
    let nanos_per_sample = NANOS_PER_S / samples_per_s.max(1);
    while let Ok(work) = work.recv() {
        match work {
            Work::Prepare(process) => symbols.prepare(&process),
            Work::Name { stacks, timebase } => {
                outlet.offer(named(&mut symbols, &stacks, timebase, nanos_per_sample));
            }
        }
    }
}

fn named(symbols: &mut Symbols, stacks: &[StackCount], timebase: Timebase, nanos_per_sample: u64) -> Batch {
    symbols.begin_round();
    let mut batch = Batch::default();
    for stack in stacks {
        let name = symbols.name(stack);
        let resource = batch.resource(&stack.process.resource);
        batch.samples.push(ProfileSample {
            resource,
            time: timebase.wall(stack.first_ns),
            frames: name.frames,
            location: name.location,
            count: stack.count,
            cpu_nanos: u64::from(stack.count) * nanos_per_sample,
        });
    }
    batch
}
