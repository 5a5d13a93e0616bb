//! Files that are taken only when they are byte for byte the ones that this was written for.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    path::Path,
};

use sha2::{Digest, Sha256};
use waggle_agent_core::{Error, Kind, Result};

/// How to get them.
const HINT: &str = "fetch it: `make embeddings`";

/// One file as it has to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pinned {
    /// Name in the folder.
    pub(super) name: &'static str,
    pub(super) n_bytes: u64,
    /// SHA-256 in hex.
    pub(super) sha256: &'static str,
}

impl Pinned {
    /// Looks whether a file of that size is there, without reading it.
    ///
    /// # Errors
    ///
    /// `NotFound` when it is not, `Invalid` when it has another size, `Unavailable` when the folder cannot be read.
    pub(super) fn find(&self, folder: &Path) -> Result<()> {
        let path = folder.join(self.name);
        let found = fs::metadata(&path).map_err(|error| self.failed(folder, error))?;
        if !found.is_file() || found.len() != self.n_bytes {
            let text = format!("`{}` has {} bytes in place of {}", path.display(), found.len(), self.n_bytes);
            return Err(Kind::Invalid.error(text).with_hint(HINT));
        }
        Ok(())
    }

    /// Reads the file and checks its sum.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find), and `Invalid` when the sum is another.
    pub(super) fn read(&self, folder: &Path) -> Result<Vec<u8>> {
        self.find(folder)?;
        let path = folder.join(self.name);
        let file = File::open(&path).map_err(|error| self.failed(folder, error))?;
        let mut bytes = Vec::new();
        // It may have grown since.
        let read = file.take(self.n_bytes.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| self.failed(folder, error))?;
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if sum != self.sha256 {
            let text = format!("`{}` is not the file it was: its sha256 is {sum}", path.display());
            return Err(Kind::Invalid.error(text).with_hint(HINT));
        }
        Ok(bytes)
    }

    fn failed(&self, folder: &Path, error: std::io::Error) -> Error {
        let kind = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Kind::NotFound,
            ErrorKind::PermissionDenied => Kind::Denied,
            _ => Kind::Unavailable,
        };
        kind.because(format!("read `{}`", folder.join(self.name).display()), error).with_hint(HINT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // `sha256sum` of `bee`.
    const BEE: Pinned = Pinned {
        name: "bee.bin",
        n_bytes: 3,
        sha256: "62cb81b5904a262ffaeed02abef36bfc540b09f964b8b0b636662f77ffce6714",
    };

    fn check(content: Option<&[u8]>, want: Option<(Kind, &str)>) {
        let folder = tempfile::tempdir().unwrap();
        if let Some(content) = content {
            fs::write(folder.path().join(BEE.name), content).unwrap();
        }
        let told = BEE.read(folder.path()).err().map(|error| {
            assert_eq!(error.hint(), Some(HINT));
            (error.kind(), error.to_string().replace(&folder.path().display().to_string(), "."))
        });
        assert_eq!(told, want.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn only_the_very_file_is_taken() {
        check(Some(b"bee"), None);
        check(None, Some((Kind::NotFound, "read `./bee.bin`")));
        check(Some(b"bees"), Some((Kind::Invalid, "`./bee.bin` has 4 bytes in place of 3")));
        check(
            Some(b"fly"),
            Some((
                Kind::Invalid,
                "`./bee.bin` is not the file it was: its sha256 is f4debdb7ab7dd958e95cea076c7668310a131f9bf9c972fa934c5e55c5a97c0e",
            )),
        );
    }
}
