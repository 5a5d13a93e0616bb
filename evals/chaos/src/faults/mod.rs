//! All faults; each has a file of its own and one line in this list.

mod cpu_hog;
mod dependency_down;
mod error_burst;
mod packet_loss;
mod slow_commit;

use crate::fault::Fault;

pub(crate) const ALL: &[&dyn Fault] = &[
    &slow_commit::SlowCommit,
    &error_burst::ErrorBurst,
    &cpu_hog::CpuHog,
    &packet_loss::PacketLoss,
    &dependency_down::DependencyDown,
];
