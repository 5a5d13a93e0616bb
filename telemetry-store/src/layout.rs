//! Where things are in the store's directory.

use std::path::{Path, PathBuf};

/// The directory of a store and the names inside it.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The store's directory.
    pub dir: PathBuf,
    /// The directory of log files.
    pub logs: PathBuf,
    /// The directory of segments.
    pub segments: PathBuf,
}

impl Layout {
    /// Names the places in `dir`.
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), logs: dir.join("wal"), segments: dir.join("segments") }
    }

    /// Returns the path of a log file.
    pub fn log(&self, generation: u64) -> PathBuf {
        self.logs.join(format!("{generation:010}.wal"))
    }

    /// Reads the number of a log file from its name, also of one that was set aside.
    pub fn log_generation(path: &Path) -> Option<u64> {
        path.file_name()?.to_str()?.split_once(".wal")?.0.parse().ok()
    }
}
