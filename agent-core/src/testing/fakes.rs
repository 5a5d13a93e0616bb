//! All the world, made of fakes.

use std::sync::Arc;

use waggle_signals::{Batch, ManualClock, Timestamp};

use super::{fake_changes::FakeChanges, fake_knowledge::FakeKnowledge, fake_telemetry::FakeTelemetry};
use crate::{
    Ports,
    ports::{LabelsAndCode, NoPast},
};

/// A fake of every port that a tool may ask. Each may be kept hold of: to append, or to move the clock.
#[derive(Clone, Debug, Default)]
pub struct Fakes {
    /// Holds nothing by default.
    pub telemetry: Arc<FakeTelemetry>,
    /// Knows no repository by default.
    pub changes: Arc<FakeChanges>,
    /// Has no documents by default.
    pub knowledge: Arc<FakeKnowledge>,
    /// Shows the epoch by default.
    pub clock: Arc<ManualClock>,
}

/// Returns ports over what a batch holds, at a time that stands still; nothing was changed and nothing written down.
///
/// # Panics
///
/// When the batch contradicts itself.
pub fn fake_ports(batch: Batch, now: Timestamp) -> Ports {
    let telemetry = Arc::new(FakeTelemetry::of(batch).unwrap());
    Fakes { telemetry, clock: Arc::new(ManualClock::at(now)), ..Fakes::default() }.ports()
}

impl Fakes {
    /// Returns the ports.
    pub fn ports(&self) -> Ports {
        Ports {
            telemetry: self.telemetry.clone(),
            changes: self.changes.clone(),
            ownership: Arc::new(LabelsAndCode(self.changes.clone())),
            knowledge: self.knowledge.clone(),
            past: Arc::new(NoPast),
            clock: self.clock.clone(),
        }
    }
}
