//! One file, followed over growth, truncation and rotation.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Longest line that is kept; the rest of it is cut and counted.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Most that is read of one file at a time, so that a chatty file does not starve the others.
const MAX_READ_BYTES: usize = 4 * 1024 * 1024;

/// After this long, a last line without a line end is taken as it is.
const UNFINISHED_AFTER: Duration = Duration::from_secs(5);

/// One line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text without its line end; bytes that are no UTF-8 are replaced by `�`.
    pub text: String,
    /// How many bytes were cut off.
    pub cut_bytes: usize,
}

/// Follows one file.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    starts_at_end: bool,
    open: Option<Open>,
    unfinished: Vec<u8>,
    cut_bytes: usize,
    last_growth: Instant,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Device and inode: tells a file that was put in this one's place.
    identity: (u64, u64),
    offset: u64,
}

impl Tail {
    /// Follows the file at `path`. Unless `reads_existing`, a file that is there already is followed from its end.
    pub fn new(path: PathBuf, reads_existing: bool) -> Self {
        let mut tail = Self {
            path,
            starts_at_end: !reads_existing,
            open: None,
            unfinished: Vec::new(),
            cut_bytes: 0,
            last_growth: Instant::now(),
        };
        tail.open();
        tail.starts_at_end = false;
        tail
    }

    /// Returns the lines that were completed since the last time.
    pub fn read(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        if self.open.is_none() {
            self.open();
        }
        let has_read_all = self.read_open(&mut lines);
        if has_read_all && self.is_replaced() {
            // What is left without a line end will not get one any more.
            self.finish_line(&mut lines);
            self.open = None;
            self.open();
            self.read_open(&mut lines);
        }
        if self.last_growth.elapsed() >= UNFINISHED_AFTER {
            self.finish_line(&mut lines);
        }
        lines
    }

    /// Returns all that is left, a last line without a line end included.
    pub fn read_to_the_end(&mut self) -> Vec<Line> {
        let mut lines = self.read();
        while !self.read_open(&mut lines) {}
        self.finish_line(&mut lines);
        lines
    }

    fn open(&mut self) {
        let Ok(mut file) = File::open(&self.path) else { return };
        let Ok(metadata) = file.metadata() else { return };
        if !metadata.is_file() {
            return;
        }
        let from = if self.starts_at_end { SeekFrom::End(0) } else { SeekFrom::Start(0) };
        let Ok(offset) = file.seek(from) else { return };
        self.open = Some(Open { file, identity: (metadata.dev(), metadata.ino()), offset });
    }

    /// Reads what is there, up to the limit; returns whether that was all.
    fn read_open(&mut self, lines: &mut Vec<Line>) -> bool {
        let Some(open) = &mut self.open else { return true };
        let is_truncated = open.file.metadata().is_ok_and(|metadata| metadata.len() < open.offset);
        if is_truncated {
            if open.file.seek(SeekFrom::Start(0)).is_err() {
                self.open = None;
                return true;
            }
            open.offset = 0;
            self.unfinished.clear();
            self.cut_bytes = 0;
        }
        let mut total = 0;
        let mut buffer = vec![0; 64 * 1024];
        while total < MAX_READ_BYTES {
            let Some(open) = &mut self.open else { return true };
            let n = match open.file.read(&mut buffer) {
                Ok(0) => return true,
                Ok(n) => n,
                Err(error) => {
                    tracing::warn!(path = %self.path.display(), %error, "log file not read");
                    self.open = None;
                    return true;
                }
            };
            open.offset += n as u64;
            total += n;
            self.last_growth = Instant::now();
            self.take(buffer.get(..n).unwrap_or_default(), lines);
        }
        false
    }

    fn take(&mut self, bytes: &[u8], lines: &mut Vec<Line>) {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = MAX_LINE_BYTES - self.unfinished.len();
            let (kept, cut) = part.split_at(part.len().min(room));
            self.unfinished.extend_from_slice(kept);
            self.cut_bytes += cut.len();
            if parts.peek().is_some() {
                self.finish_line(lines);
            }
        }
    }

    fn finish_line(&mut self, lines: &mut Vec<Line>) {
        let text = String::from_utf8_lossy(&self.unfinished);
        let text = text.trim_end_matches('\r');
        if !text.trim().is_empty() {
            lines.push(Line { text: text.to_owned(), cut_bytes: self.cut_bytes });
        }
        self.unfinished.clear();
        self.cut_bytes = 0;
    }

    fn is_replaced(&self) -> bool {
        let Some(open) = &self.open else { return false };
        fs::metadata(&self.path).is_ok_and(|there| (there.dev(), there.ino()) != open.identity)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write as _};

    use super::*;

    fn texts(lines: Vec<Line>) -> Vec<String> {
        lines.into_iter().map(|line| line.text).collect()
    }

    fn append(path: &PathBuf, bytes: &[u8]) {
        OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(bytes).unwrap();
    }

    #[test]
    fn a_file_is_followed_from_where_it_ends_or_from_its_start_when_it_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        append(&old, b"before\n");
        let (mut old_tail, mut new_tail) = (Tail::new(old.clone(), false), Tail::new(new.clone(), false));
        assert!(old_tail.read().is_empty() && new_tail.read().is_empty());
        append(&old, b"after\n");
        append(&new, b"first\n");
        assert_eq!(
            (texts(old_tail.read()), texts(new_tail.read())),
            (vec!["after".into()], vec!["first".into()])
        );
    }

    #[test]
    fn a_line_in_two_writes_is_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut tail = Tail::new(path.clone(), true);
        append(&path, b"one\r\n\ntw");
        assert_eq!(texts(tail.read()), ["one"]);
        append(&path, b"o\xff\nthree");
        assert_eq!(texts(tail.read()), ["two\u{fffd}"]);
        assert_eq!(texts(tail.read_to_the_end()), ["three"]);
    }

    #[test]
    fn rotation_and_truncation_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut tail = Tail::new(path.clone(), true);
        append(&path, b"one\n");
        assert_eq!(texts(tail.read()), ["one"]);
        append(&path, b"two\nunfinished");
        fs::rename(&path, dir.path().join("log.1")).unwrap();
        append(&path, b"three\n");
        assert_eq!(texts(tail.read()), ["two", "unfinished", "three"]);
        fs::write(&path, "4\n").unwrap();
        assert_eq!(texts(tail.read()), ["4"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        append(&path, &[b'x'; MAX_LINE_BYTES + 10]);
        append(&path, b"\nnext\n");
        let lines = Tail::new(path, true).read();
        assert_eq!((lines[0].text.len(), lines[0].cut_bytes), (MAX_LINE_BYTES, 10));
        assert_eq!(lines[1], Line { text: "next".into(), cut_bytes: 0 });
    }
}
