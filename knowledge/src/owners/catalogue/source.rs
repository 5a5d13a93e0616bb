//! Where a catalogue is read from: a folder, or a repository at a revision.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use tokio::task::spawn_blocking;
use waggle_agent_core::{Kind, Result};

use super::Catalogue;
use crate::GitChanges;

/// The files that are read: <https://backstage.io/docs/features/software-catalog/descriptor-format/>.
const NAMES: [&str; 2] = ["catalog-info.yaml", "catalog-info.yml"];
/// Bytes of one file; greater ones are left out.
const MAX_BYTES: u64 = 1024 * 1024;
/// Folders below one another that are looked into.
const MAX_DEPTH: usize = 12;
/// Files and folders that are looked at, and files that are read.
const MAX_SEEN: usize = 200_000;
const MAX_FILES: usize = 2_000;

/// Where the files lie.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum CatalogueSource {
    /// In a folder and those below; links are not followed.
    Folder {
        /// Its path.
        folder: PathBuf,
    },
    /// In a repository.
    Repository {
        /// Its path or URL, one that the configuration allows.
        repository: String,
        /// Which revision of it.
        revision: String,
    },
}

impl CatalogueSource {
    /// Reads all files there. Files that do not read are noted.
    ///
    /// # Errors
    ///
    /// `NotFound` when the folder, the repository or the revision is not there.
    pub async fn read(&self, git: &GitChanges) -> Result<Catalogue> {
        let mut catalogue = Catalogue::default();
        let files = match self.clone() {
            Self::Folder { folder } => {
                let reading = spawn_blocking(move || files_of(&folder));
                let (files, notes) =
                    reading.await.map_err(|error| Kind::Internal.because("read a catalogue", error))??;
                catalogue.notes = notes;
                files
            }
            Self::Repository { repository, revision } => {
                git.files_named(&repository, &revision, &NAMES, MAX_BYTES).await?
            }
        };
        for (place, bytes) in files {
            catalogue.add(&place, &String::from_utf8_lossy(&bytes));
        }
        Ok(catalogue)
    }
}

type Files = (Vec<(String, Vec<u8>)>, Vec<String>);

/// Returns the files below a folder by their path in it, and notes of those that cannot be read.
fn files_of(folder: &Path) -> Result<Files> {
    if !folder.is_dir() {
        return Err(Kind::NotFound
            .error(format!("the catalogue folder `{}` is not there", folder.display()))
            .with_hint("check the path under `owners.catalogue`"));
    }
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let mut folders = vec![(folder.to_owned(), 0)];
    let mut seen = 0;
    while let Some((path, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&path) else {
            notes.push(format!("folder `{}` cannot be read", path.display()));
            continue;
        };
        let mut entries: Vec<_> = entries.flatten().take(MAX_SEEN - seen).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        seen += entries.len();
        for entry in entries {
            let path = entry.path();
            let place = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let (Ok(kind), name) = (entry.file_type(), entry.file_name()) else { continue };
            if kind.is_dir() && depth < MAX_DEPTH && name != ".git" {
                folders.push((path, depth + 1));
            } else if kind.is_file() && NAMES.iter().any(|wanted| name == *wanted) {
                match read_small(&path) {
                    Ok(bytes) => files.push((place, bytes)),
                    Err(why) => notes.push(format!("`{place}` is not read: {why}")),
                }
            }
        }
        if seen >= MAX_SEEN || files.len() >= MAX_FILES {
            notes.push(format!("the catalogue folder is read up to {} files", files.len()));
            break;
        }
    }
    Ok((files, notes))
}

/// Reads a file of at most [`MAX_BYTES`].
fn read_small(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let is_small = u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES);
    if is_small { Ok(bytes) } else { Err(format!("it is over {MAX_BYTES} bytes")) }
}
