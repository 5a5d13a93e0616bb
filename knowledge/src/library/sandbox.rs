//! The only way to files: below the named folders, bounded in size, depth and number.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Greatest source file or document, bytes.
pub(super) const MAX_FILE: u64 = 4 * 1024 * 1024;
/// Files of one library.
pub(super) const MAX_FILES: usize = 20_000;
/// Entries of folders that are looked at in one walk.
const MAX_ENTRIES: usize = 200_000;
/// Folders below a folder.
const MAX_DEPTH: usize = 24;

/// Folders that may be read, with all links in their own paths resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct Sandbox {
    roots: Vec<PathBuf>,
}

impl Sandbox {
    /// Allows these folders; those that are not there are left out.
    pub(super) fn below(folders: &[PathBuf]) -> Self {
        Self { roots: folders.iter().filter_map(|it| it.canonicalize().ok()).collect() }
    }

    pub(super) fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Resolves all links of a path; an error when it leads out of the folders.
    pub(super) fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let real = path.canonicalize()?;
        match self.roots.iter().any(|root| real.starts_with(root)) {
            true => Ok(real),
            false => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it leads out of the folders that may be read",
            )),
        }
    }

    /// Opens a regular file of at most `max` bytes.
    pub(super) fn open(&self, path: &Path, max: u64) -> Result<File, String> {
        let real = self.resolve(path).map_err(|error| error.to_string())?;
        let metadata = fs::metadata(&real).map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("it is no regular file".to_owned());
        }
        if metadata.len() > max {
            return Err(format!("it is over {max} bytes"));
        }
        File::open(real).map_err(|error| error.to_string())
    }

    /// Reads a text; an error for what is too large or not UTF-8.
    pub(super) fn text(&self, path: &Path) -> Result<String, String> {
        let bytes = bounded(self.open(path, MAX_FILE)?, MAX_FILE)?;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
    }

    /// Returns names and paths in a folder, sorted by name. Empty when it cannot be read or may not be.
    pub(super) fn entries(&self, folder: &Path) -> Vec<(String, PathBuf)> {
        let Ok(real) = self.resolve(folder) else { return Vec::new() };
        let Ok(entries) = fs::read_dir(real) else { return Vec::new() };
        let entries = entries.flatten().take(MAX_ENTRIES);
        let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
        let mut named: Vec<_> = named.collect();
        named.sort();
        named
    }

    /// Returns the files below a folder that `is_wanted` by their path in it, sorted; links are not followed, hidden folders and those that `is_closed` not entered. Cut at [`MAX_FILES`].
    pub(super) fn files(
        &self,
        folder: &Path,
        is_closed: impl Fn(&str) -> bool,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Vec<(String, PathBuf)> {
        let mut files = Vec::new();
        let mut open = vec![(String::new(), folder.to_owned(), 0)];
        let mut n_seen = 0;
        'walk: while let Some((prefix, folder, depth)) = open.pop() {
            for (name, path) in self.entries(&folder) {
                n_seen += 1;
                if n_seen > MAX_ENTRIES || files.len() >= MAX_FILES {
                    break 'walk;
                }
                let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
                let inside = format!("{prefix}{name}");
                if metadata.is_dir() && depth < MAX_DEPTH && !name.starts_with('.') && !is_closed(&name) {
                    open.push((format!("{inside}/"), path, depth + 1));
                } else if metadata.is_file() && is_wanted(&inside) {
                    files.push((inside, path));
                }
            }
        }
        files.sort();
        files
    }
}

/// Reads to the end, but not more than `max` bytes: what is compressed may be larger than it says.
pub(super) fn bounded(from: impl Read, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(max + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() as u64 > max {
        true => Err(format!("it is over {max} bytes")),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_of_the_folders_is_read() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret.py"), "secret").unwrap();
        fs::write(inside.path().join("a.py"), "plain").unwrap();
        symlink(outside.path(), inside.path().join("out")).unwrap();
        symlink(outside.path().join("secret.py"), inside.path().join("b.py")).unwrap();
        let sandbox = Sandbox::below(&[inside.path().to_owned()]);
        assert_eq!(sandbox.text(&inside.path().join("a.py")).unwrap(), "plain");
        for path in ["b.py", "out/secret.py", "../../etc/passwd"] {
            let error = sandbox.text(&inside.path().join(path)).unwrap_err();
            assert!(error.contains("leads out") || error.contains("No such file"), "{path}: {error}");
        }
        let found = sandbox.files(inside.path(), |_| false, |_| true);
        assert_eq!(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a.py"]);
        assert!(sandbox.entries(&inside.path().join("out")).is_empty());
    }

    #[test]
    fn what_is_too_large_or_no_text_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), b"\xff").unwrap();
        let sandbox = Sandbox::below(&[folder.path().to_owned()]);
        assert_eq!(sandbox.text(&folder.path().join("a")).unwrap_err(), "it is not UTF-8");
        assert_eq!(bounded(&b"12345"[..], 4).unwrap_err(), "it is over 4 bytes");
        assert_eq!(sandbox.text(folder.path()).unwrap_err(), "it is no regular file");
    }
}
