//! Files of a revision by their name, wherever they lie.

use gix::{ObjectId, objs::tree::EntryKind};
use waggle_agent_core::Result;

use super::{repository::Repository, unreadable};

/// Folders below one another that are looked into.
const MAX_DEPTH: usize = 32;
/// Files of one answer.
const MAX_FILES: usize = 2_000;

impl Repository {
    /// Returns the files of these names with their bytes, folder by folder, by path within each.
    pub fn files_named(&self, revision: &str, names: &[&str], limit: u64) -> Result<Vec<(String, Vec<u8>)>> {
        let commit = self.commit(revision)?;
        let root = commit.tree_id().map_err(unreadable(format!("read the folders of `{}`", commit.id)))?;
        let mut folders = vec![(String::new(), root.detach(), 0)];
        let mut files = Vec::new();
        while let Some((path, id, depth)) = folders.pop() {
            self.deadline.check()?;
            for (name, id, kind) in self.entries(id)? {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                let is_file = matches!(kind, EntryKind::Blob | EntryKind::BlobExecutable);
                if kind == EntryKind::Tree && depth < MAX_DEPTH {
                    folders.push((path, id, depth + 1));
                } else if is_file && names.contains(&name.as_str()) && self.size(id)? <= limit {
                    let object = self.git.find_object(id);
                    let mut object = object.map_err(unreadable(format!("read `{path}`")))?;
                    files.push((path, std::mem::take(&mut object.data)));
                }
                if files.len() >= MAX_FILES {
                    return Ok(files);
                }
            }
        }
        Ok(files)
    }

    /// Returns what lies in a folder: name, object and kind. Names that are no Unicode are left out.
    fn entries(&self, folder: ObjectId) -> Result<Vec<(String, ObjectId, EntryKind)>> {
        let doing = || format!("read folder `{folder}`");
        let object = self.git.find_object(folder).map_err(unreadable(doing()))?;
        let mut entries = Vec::new();
        for entry in gix::objs::TreeRefIter::from_bytes(&object.data, folder.kind()) {
            let entry = entry
                .map_err(|error| waggle_agent_core::Kind::Unavailable.because(doing(), error.to_string()))?;
            if let Ok(name) = std::str::from_utf8(entry.filename) {
                entries.push((name.to_owned(), entry.oid.to_owned(), entry.mode.kind()));
            }
        }
        Ok(entries)
    }
}
