//! Commits and changed files in the port's words.

use waggle_agent_core::{
    Error, Result,
    ports::{Commit, FileDiff},
};

use super::{
    patch::{self, Room, note},
    wire::{Door, not_understood},
};

/// A commit as a host tells it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Full id.
    pub id: String,
    /// Author's name.
    pub author: String,
    /// Author's e-mail.
    pub email: String,
    /// When it was authored, RFC 3339.
    pub at: String,
    /// The whole message.
    pub message: String,
}

/// A changed file as a host tells it.
#[derive(Clone, Debug, Default)]
pub struct ToldFile {
    /// Its path after the change; before it when it was removed.
    pub path: String,
    /// Lines added and removed; `None` where the host leaves the counting to its reader.
    pub counts: Option<(u32, u32)>,
    /// Its patch; `None` for binary files, and for those that the host finds too large.
    pub patch: Option<String>,
    /// Whether the host says that it left out lines.
    pub is_cut: bool,
}

impl Told {
    /// Returns it in the port's words.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the id or the time is none.
    pub fn commit(self, door: &Door) -> Result<Commit> {
        let id = full_id(door, self.id)?;
        let at = self.at.parse().map_err(|error: jiff::Error| -> Error { not_understood(door, error) })?;
        let message = self.message.trim();
        let (summary, body) = message.split_once('\n').unwrap_or((message, ""));
        Ok(Commit {
            id,
            author: self.author.trim().to_owned(),
            email: self.email.trim().to_owned(),
            at,
            summary: summary.trim_end().to_owned(),
            body: body.trim().to_owned(),
        })
    }
}

/// Checks what a host gives as the id of a commit, which becomes part of further questions.
///
/// # Errors
///
/// `Unavailable` when it is none.
pub fn full_id(door: &Door, id: String) -> Result<String> {
    let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { Ok(id) } else { Err(not_understood(door, "a commit has no full id")) }
}

impl ToldFile {
    /// Returns it in the port's words. Where lines are missing, a last hunk without lines says so.
    pub fn diff(self, door: &Door, room: &mut Room) -> FileDiff {
        let patch = patch::patch(self.patch.as_deref().unwrap_or_default(), room);
        let (added, removed) = self.counts.unwrap_or((patch.added, patch.removed));
        let is_counted = (added, removed) == (patch.added, patch.removed);
        let mut hunks = patch.hunks;
        if self.is_cut || !patch.is_whole || !is_counted {
            let name = door.name();
            hunks.push(note(format!(
                "not all changed lines of this file are here: they are too many for {name} or for one answer"
            )));
        }
        FileDiff { path: self.path, added, removed, hunks }
    }
}
