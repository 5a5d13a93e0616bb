//! What one commit changed.

use std::borrow::Cow;

use gix::{
    ObjectId,
    bstr::ByteSlice,
    diff::{Options, Rewrites, tree_with_rewrites::Change},
    object::tree::{EntryKind, EntryMode},
};
use waggle_agent_core::{
    Result,
    ports::{CommitDiff, FileDiff},
};

use super::{
    history::told,
    hunks::{self, Changed},
    repository::Repository,
    unreadable,
};

/// Greatest file whose lines are compared, bytes.
const MAX_FILE: u64 = 2 * 1024 * 1024;

/// Bytes of lines in one file's hunks.
const MAX_FILE_LINES: usize = 256 * 1024;

/// Bytes of lines in one commit's hunks.
const MAX_COMMIT_LINES: usize = 4 * 1024 * 1024;

/// Git takes a file that has a NUL among these first bytes for binary: `FIRST_FEW_BYTES` in its `xdiff-interface.c`.
const FIRST_FEW_BYTES: usize = 8_000;

impl Repository {
    /// Returns what a commit changed against its first parent, or against nothing when it is the first.
    pub fn diff(&self, revision: &str) -> Result<CommitDiff> {
        let commit = self.commit(revision)?;
        let mut changes = self.changes(&commit)?;
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        let mut left = MAX_COMMIT_LINES;
        let mut files = Vec::with_capacity(changes.len());
        for change in &changes {
            self.deadline.check()?;
            files.push(self.file_diff(change, &mut left)?);
        }
        Ok(CommitDiff { commit: told(&commit, &self.names(&commit)?)?, files })
    }

    fn changes(&self, commit: &gix::Commit<'_>) -> Result<Vec<FileChange>> {
        let doing = || format!("compare `{}` with its parent", commit.id);
        let parent = commit.parent_ids().next();
        let before = parent.map(|parent| self.git.find_commit(parent)?.tree()).transpose();
        let before = before.map_err(unreadable(doing()))?;
        let after = commit.tree().map_err(unreadable(doing()))?;
        // As `git diff` does it: half the same is a rename, copies are not looked for.
        let options = Options::default().with_rewrites(Some(Rewrites::default()));
        let changes =
            self.git.diff_tree_to_tree(before.as_ref(), &after, options).map_err(unreadable(doing()))?;
        Ok(changes.into_iter().filter_map(FileChange::of).collect())
    }

    fn file_diff(&self, change: &FileChange, left: &mut usize) -> Result<FileDiff> {
        let path = change.path.clone();
        let is_same = change.before.map(|side| side.id) == change.after.map(|side| side.id);
        let texts = if is_same { None } else { self.text(change.before)?.zip(self.text(change.after)?) };
        let Some((before, after)) = texts else {
            return Ok(FileDiff { path, added: 0, removed: 0, hunks: Vec::new() });
        };
        let room = MAX_FILE_LINES.min(*left);
        let Changed { added, removed, hunks, bytes } = hunks::between(&before, &after, room);
        *left -= bytes;
        Ok(FileDiff { path, added, removed, hunks })
    }

    /// Returns the text of one side, empty where there is no file; `None` when it is binary or too great.
    fn text(&self, side: Option<Side>) -> Result<Option<Cow<'static, [u8]>>> {
        let Some(Side { id, mode }) = side else {
            return Ok(Some(Cow::Borrowed(b"")));
        };
        if mode.kind() == EntryKind::Commit {
            // A submodule, in git's own words.
            return Ok(Some(format!("Subproject commit {id}\n").into_bytes().into()));
        }
        if self.size(id)? > MAX_FILE {
            return Ok(None);
        }
        let object = self.git.find_object(id).map_err(unreadable(format!("read object `{id}`")))?;
        let bytes = object.detach().data;
        let is_binary = bytes[..bytes.len().min(FIRST_FEW_BYTES)].contains(&0);
        Ok((!is_binary).then_some(bytes.into()))
    }
}

/// A file that was changed.
struct FileChange {
    path: String,
    before: Option<Side>,
    after: Option<Side>,
}

#[derive(Clone, Copy)]
struct Side {
    id: ObjectId,
    mode: EntryMode,
}

impl FileChange {
    /// Returns the change of a file; `None` for a folder, whose files come by themselves.
    fn of(change: Change) -> Option<Self> {
        let side = |id, mode: EntryMode| (!mode.is_tree()).then_some(Side { id, mode });
        let (path, before, after) = match change {
            Change::Addition { location, entry_mode, id, .. } => (location, None, side(id, entry_mode)),
            Change::Deletion { location, entry_mode, id, .. } => (location, side(id, entry_mode), None),
            Change::Modification { location, previous_entry_mode, previous_id, entry_mode, id } => {
                (location, side(previous_id, previous_entry_mode), side(id, entry_mode))
            }
            Change::Rewrite { location, source_entry_mode, source_id, entry_mode, id, .. } => {
                (location, side(source_id, source_entry_mode), side(id, entry_mode))
            }
        };
        let is_file = before.is_some() || after.is_some();
        is_file.then(|| Self { path: path.to_str_lossy().into_owned(), before, after })
    }
}
