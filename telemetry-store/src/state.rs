//! What the store holds at one moment.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use datafusion::arrow::array::RecordBatch;
use waggle_signals::{TimeRange, Timestamp};

use crate::{memtable::Memtable, segments::Segments};

/// The present state, replaced as a whole: whoever took it sees the same rows for as long as it likes.
#[derive(Debug)]
pub struct Present {
    /// Held for a few lines, never across an await.
    state: RwLock<Arc<State>>,
}

/// All rows, each in exactly one of three places.
#[derive(Clone, Debug)]
pub struct State {
    /// Rows of the log file that is being written.
    pub active: Memtable,
    /// Rows of full log files, oldest first, that wait to become segments.
    pub frozen: Vec<Arc<Frozen>>,
    /// Rows on the disk.
    pub segments: Arc<Segments>,
}

/// Rows of a log file that gets no more.
#[derive(Debug)]
pub struct Frozen {
    /// The rows.
    pub memtable: Memtable,
    /// The log file.
    pub log: PathBuf,
    /// True when parts of the log file did not read: it is set aside, not removed, when its rows are safe.
    pub is_damaged: bool,
}

impl Present {
    /// Starts from a state.
    pub fn new(state: State) -> Self {
        Self { state: RwLock::new(Arc::new(state)) }
    }

    /// Returns the state as it is now.
    pub fn now(&self) -> Arc<State> {
        // A change that panicked changed nothing: see `change`.
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the state by a changed one. `change` is quick: everybody waits for it.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut present = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = State::clone(&present);
        let result = change(&mut next);
        *present = Arc::new(next);
        result
    }
}

impl State {
    /// Returns the rows in memory of one table that may lie in `range`.
    pub fn hot(&self, table: crate::tables::Table, range: Option<TimeRange>) -> Vec<RecordBatch> {
        let memtables = self.frozen.iter().map(|frozen| &frozen.memtable).chain([&self.active]);
        let chunks = memtables.flat_map(|memtable| memtable.chunks(table));
        let is_inside = |first: Timestamp, last: Timestamp| {
            range.is_none_or(|range| first < range.to() && range.from() <= last)
        };
        let chunks = chunks.filter(|chunk| is_inside(chunk.first, chunk.last));
        chunks.map(|chunk| chunk.batch.clone()).collect()
    }

    /// Counts the rows in memory.
    pub fn n_hot_rows(&self) -> usize {
        self.active.n_rows() + self.frozen.iter().map(|frozen| frozen.memtable.n_rows()).sum::<usize>()
    }
}
