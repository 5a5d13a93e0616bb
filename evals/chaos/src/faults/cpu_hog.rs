//! A neighbour that takes the CPU away.

use anyhow::Result;
use waggle_signals::{Clock, SystemClock};

use crate::{
    fault::{Fault, Injected},
    truth::{CPU_CONTENTION, Truth},
    worlds::shop::World,
};

const SERVICE: &str = "inventory";
const NEIGHBOUR: &str = "report-batch";
/// So many that a fair share of the CPU is less than inventory needs.
/// With few, Linux lets a thread that mostly sleeps go first, and inventory hardly waits.
const THREADS: u32 = 48;

/// Starts a program on inventory's CPU that never rests.
pub(crate) struct CpuHog;

impl Fault for CpuHog {
    fn name(&self) -> &'static str {
        "cpu-hog"
    }

    fn text(&self) -> &'static str {
        "a batch report starts on inventory's CPU and keeps it busy with many threads"
    }

    fn truth(&self) -> Truth {
        Truth {
            service: SERVICE.to_owned(),
            fault_class: CPU_CONTENTION.to_owned(),
            commit: None,
            neighbour: Some(NEIGHBOUR.to_owned()),
        }
    }

    fn inject(&self, world: &World) -> Result<Injected> {
        let at = SystemClock.now();
        world.start_neighbour(NEIGHBOUR, SERVICE, &[format!("threads={THREADS}")])?;
        Ok(Injected {
            at,
            text: format!("started `{NEIGHBOUR}` with {THREADS} threads on the CPU of {SERVICE}"),
        })
    }

    fn revert(&self, world: &World) -> Result<()> {
        world.kill(NEIGHBOUR)
    }
}
