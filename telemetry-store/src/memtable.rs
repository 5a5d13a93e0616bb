//! Rows that are in the log and not yet in segments.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array, AsArray, RecordBatch},
    compute::{concat_batches, max, min},
    datatypes::TimestampNanosecondType,
    error::ArrowError,
};
use waggle_signals::Timestamp;

use crate::tables::Table;

/// Rows that one chunk grows to. Appends are small, and a query pays for each chunk it reads.
const CHUNK_ROWS: usize = 32_768;

/// Some rows of one table, with the times between which they lie.
#[derive(Debug)]
pub struct Chunk {
    /// The rows; at least one.
    pub batch: RecordBatch,
    /// The earliest row's time.
    pub first: Timestamp,
    /// The latest row's time.
    pub last: Timestamp,
}

/// All rows of one log file, by table. Cheap to clone: chunks are shared and never change.
#[derive(Clone, Debug)]
pub struct Memtable {
    /// Number of the log file that holds the same rows.
    pub generation: u64,
    /// When the oldest row came, by the store's clock; `None` while there is none.
    pub since: Option<Timestamp>,
    chunks: [Vec<Arc<Chunk>>; 6],
    n_rows: usize,
    n_bytes: usize,
}

impl Chunk {
    /// Makes a chunk; `None` when there are no rows.
    pub fn of(table: Table, batch: RecordBatch) -> Option<Self> {
        let times = batch.column_by_name(table.time_column())?;
        let times = times.as_primitive_opt::<TimestampNanosecondType>()?;
        let (first, last) = (min(times)?, max(times)?);
        Some(Self { first: Timestamp::from_nanos(first), last: Timestamp::from_nanos(last), batch })
    }
}

impl Memtable {
    /// Makes the empty memtable of a log file.
    pub fn new(generation: u64) -> Self {
        Self { generation, since: None, chunks: Default::default(), n_rows: 0, n_bytes: 0 }
    }

    /// Adds rows that came at `now`.
    ///
    /// The last chunks are joined while they are of about the same size, so that a row is copied a few times at most and
    /// chunks stay few (as runs are merged in O'Neil et al., "The log-structured merge-tree", 1996).
    pub fn add(&mut self, table: Table, chunk: Arc<Chunk>, now: Timestamp) -> Result<(), ArrowError> {
        let n_rows = chunk.batch.num_rows();
        let chunks = &self.chunks[table as usize];
        let mut kept = chunks.len();
        let mut joined_rows = n_rows;
        while kept > 0 {
            let before = chunks[kept - 1].batch.num_rows();
            if before > joined_rows || before + joined_rows > CHUNK_ROWS {
                break;
            }
            joined_rows += before;
            kept -= 1;
        }
        let added = if kept == chunks.len() { chunk } else { joined(table, &chunks[kept..], &chunk)? };
        // From here on nothing fails: the rows are in, once.
        self.since.get_or_insert(now);
        self.n_rows += n_rows;
        let chunks = &mut self.chunks[table as usize];
        self.n_bytes -= chunks[kept..].iter().map(|chunk| n_bytes(chunk)).sum::<usize>();
        self.n_bytes += n_bytes(&added);
        chunks.truncate(kept);
        chunks.push(added);
        Ok(())
    }

    /// Returns the chunks of one table.
    pub fn chunks(&self, table: Table) -> &[Arc<Chunk>] {
        &self.chunks[table as usize]
    }

    /// Counts the rows of all tables.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns about how much memory they take.
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }
}

fn joined(table: Table, chunks: &[Arc<Chunk>], last: &Chunk) -> Result<Arc<Chunk>, ArrowError> {
    let all = || chunks.iter().map(Arc::as_ref).chain([last]);
    let batch = concat_batches(&table.schema(), all().map(|chunk| &chunk.batch))?;
    let first = all().map(|chunk| chunk.first).min().unwrap_or_default();
    let last = all().map(|chunk| chunk.last).max().unwrap_or_default();
    Ok(Arc::new(Chunk { batch, first, last }))
}

fn n_bytes(chunk: &Chunk) -> usize {
    chunk.batch.columns().iter().map(|column| column.get_array_memory_size()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        tables::{Row, to_columns},
        testing::one_of_each,
    };
    use waggle_signals::Event;

    #[test]
    fn many_small_appends_make_few_chunks_and_keep_their_order() {
        let mut memtable = Memtable::new(1);
        let n = 3000;
        for number in 0..n {
            let mut batch = one_of_each();
            batch.events[0].time = Timestamp::from_secs(number);
            for (table, columns) in to_columns(&batch).unwrap() {
                let chunk = Chunk::of(table, columns).unwrap();
                memtable.add(table, Arc::new(chunk), Timestamp::from_secs(number + 10)).unwrap();
            }
        }
        assert_eq!(memtable.n_rows(), n as usize * Table::ALL.len());
        assert_eq!(memtable.since, Some(Timestamp::from_secs(10)));
        let chunks = memtable.chunks(Table::Events);
        assert!(chunks.len() < 15, "{} chunks", chunks.len());
        let times: Vec<_> = chunks
            .iter()
            .flat_map(|chunk| Event::from_columns(&chunk.batch).unwrap())
            .map(|event| event.time)
            .collect();
        assert_eq!(times, (0..n).map(Timestamp::from_secs).collect::<Vec<_>>());
        assert!(chunks.iter().all(|chunk| chunk.first <= chunk.last));
    }
}
