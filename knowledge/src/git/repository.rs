//! One repository, open for reading.

use std::path::Path;

use gix::{ObjectId, bstr::BStr, object::tree::EntryKind, revision::spec::parse};
use waggle_agent_core::{Error, Kind, Result};

use super::{deadline::Deadline, unreadable};

/// Longest revision, bytes. Git's own limit on a name of a branch is that of a file name, 255 on most systems.
const MAX_REVISION: usize = 250;

/// Bytes of commits and trees to keep while a history is walked.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// A repository and the time there is to read it.
pub struct Repository {
    pub(crate) git: gix::Repository,
    pub(crate) deadline: Deadline,
    name: String,
}

impl Repository {
    /// Opens the repository at `path`; no configuration but its own is read, and no environment.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none.
    pub fn open(path: &Path, deadline: Deadline) -> Result<Self> {
        deadline.check()?;
        let name = path.display().to_string();
        let opened = gix::open_opts(path, gix::open::Options::isolated());
        let mut git = opened.map_err(|error| {
            Kind::NotFound
                .because(format!("no repository can be read at `{name}`"), error)
                .with_hint("check that the configured path is a git repository and may be read")
        })?;
        git.object_cache_size_if_unset(CACHE_BYTES);
        Ok(Self { git, deadline, name })
    }

    /// Returns the commit that a revision names.
    ///
    /// # Errors
    ///
    /// `Invalid` for what is no revision or fits several, `NotFound` for an unknown one.
    pub fn commit(&self, revision: &str) -> Result<gix::Commit<'_>> {
        check(revision)?;
        let hint = Some(parse::ObjectKindHint::Committish);
        let options = parse::Options { object_kind_hint: hint, ..Default::default() };
        let spec = gix::revision::Spec::from_bstr(BStr::new(revision), &self.git, options);
        let spec = spec.map_err(|error| self.unknown(revision, error))?;
        let id = spec.single().ok_or_else(|| invalid(revision))?;
        self.peeled(id.detach()).map_err(|error| self.unknown(revision, error))
    }

    /// Returns the bytes of a file as a commit has it; `None` when it has none, a link, or one over `limit` bytes.
    pub fn file(&self, commit: &gix::Commit<'_>, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let doing = || format!("read `{path}` of `{}`", commit.id);
        let tree = commit.tree().map_err(unreadable(doing()))?;
        let entry = tree.lookup_entry_by_path(path).map_err(unreadable(doing()))?;
        let Some(entry) = entry else {
            return Ok(None);
        };
        let is_file = matches!(entry.mode().kind(), EntryKind::Blob | EntryKind::BlobExecutable);
        if !is_file || self.size(entry.object_id())? > limit {
            return Ok(None);
        }
        let mut object = entry.object().map_err(unreadable(doing()))?;
        Ok(Some(std::mem::take(&mut object.data)))
    }

    /// Returns the size of an object in bytes.
    pub fn size(&self, id: ObjectId) -> Result<u64> {
        let header = self.git.find_header(id).map_err(unreadable(format!("read object `{id}`")))?;
        Ok(header.size())
    }

    fn peeled(&self, id: ObjectId) -> std::result::Result<gix::Commit<'_>, gix::Error> {
        self.git.find_object(id)?.peel_to_commit()
    }

    fn unknown(&self, revision: &str, error: gix::Error) -> Error {
        let is_ambiguous = gix::hash::Prefix::from_hex(revision)
            .is_ok_and(|prefix| matches!(self.git.objects.lookup_prefix(prefix, None), Ok(Some(Err(())))));
        if is_ambiguous {
            return Kind::Invalid
                .because(format!("revision `{revision}` is the beginning of several ids"), error)
                .with_hint("give more of the id");
        }
        Kind::NotFound
            .because(format!("unknown revision `{revision}` in `{}`", self.name), error)
            .with_hint("the clone may be out of date; try `git fetch`")
    }
}

/// Refuses what is more than the name of a commit: ranges, paths, searches, options.
fn check(revision: &str) -> Result<()> {
    // https://git-scm.com/docs/git-check-ref-format and https://git-scm.com/docs/gitrevisions
    let is_plain =
        |letter: char| !letter.is_control() && !letter.is_whitespace() && !":?*[]\\{}".contains(letter);
    let is_name = !revision.is_empty()
        && revision.len() <= MAX_REVISION
        && !revision.starts_with(['-', '^', '/'])
        && !["..", "^@", "^!", "^-"].iter().any(|range| revision.contains(range))
        && revision.chars().all(is_plain);
    if is_name { Ok(()) } else { Err(invalid(revision)) }
}

fn invalid(revision: &str) -> Error {
    let shown: String = revision.chars().take(40).collect();
    Kind::Invalid
        .error(format!("`{}` is not a revision", shown.escape_debug()))
        .with_hint("give a commit id, a branch or a tag")
}
