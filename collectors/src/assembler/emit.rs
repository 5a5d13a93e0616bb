//! Rows on their way out: the batch under way and the clock that stamps them.

use std::{collections::HashMap, sync::Arc};

use waggle_signals::{Batch, Event, MetricPoint, ResourceId, Timestamp};

use crate::{deployments::Occurrence, process_metrics::Measure, processes::Process};

/// Which wall-clock time a time of the monotonic clock is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timebase {
    /// Wall-clock nanoseconds since the epoch at monotonic zero.
    offset_ns: i64,
}

impl Timebase {
    /// Two readings that were taken at the same time.
    pub fn new(wall: Timestamp, monotonic_ns: u64) -> Self {
        let monotonic_ns = i64::try_from(monotonic_ns).unwrap_or(i64::MAX);
        Self { offset_ns: wall.nanos().saturating_sub(monotonic_ns) }
    }

    /// Returns the wall-clock time.
    pub fn wall(&self, monotonic_ns: u64) -> Timestamp {
        let monotonic_ns = i64::try_from(monotonic_ns).unwrap_or(i64::MAX);
        Timestamp::from_nanos(self.offset_ns.saturating_add(monotonic_ns))
    }
}

/// The batch under way.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) timebase: Timebase,
    pub(super) batch: Batch,
    /// The resource of each process in the batch. Two descriptions of one process are two resources.
    ids: HashMap<*const Process, ResourceId>,
    /// Keeps the addresses above from being given to somebody else.
    kept: Vec<Arc<Process>>,
}

impl Outbox {
    /// Returns the id of a process in the batch.
    pub(super) fn resource(&mut self, process: &Arc<Process>) -> ResourceId {
        let key = Arc::as_ptr(process);
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = self.batch.resource(&process.resource);
        self.ids.insert(key, id);
        self.kept.push(Arc::clone(process));
        id
    }

    pub(super) fn measure(&mut self, process: &Arc<Process>, time_ns: u64, measure: Measure) {
        let resource = self.resource(process);
        self.batch.metrics.push(MetricPoint {
            resource,
            time: self.timebase.wall(time_ns),
            name: measure.name.to_owned(),
            unit: measure.unit.to_owned(),
            kind: measure.kind,
            value: measure.value,
            attributes: measure.attributes,
        });
    }

    pub(super) fn occurrence(&mut self, occurrence: Occurrence) {
        let resource = self.resource(&occurrence.process);
        self.batch.events.push(Event {
            resource,
            time: self.timebase.wall(occurrence.time_ns),
            name: occurrence.name.to_owned(),
            body: occurrence.body,
            attributes: occurrence.attributes,
        });
    }

    pub(super) fn take(&mut self) -> Batch {
        self.ids.clear();
        self.kept.clear();
        std::mem::take(&mut self.batch)
    }
}
