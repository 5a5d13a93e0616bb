//! The documents of a folder and the folders in it.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use waggle_agent_core::{Kind, Result};

use super::{Found, MAX_DOCUMENTS, Step};
use crate::documents::{DocumentId, Format, MAX_BYTES, Reason};

mod ignored;

use ignored::Rules;

/// Folders in each other.
const MAX_DEPTH: usize = 32;

/// Entries of one folder; they are sorted, and so held.
const MAX_ENTRIES: usize = 100_000;

/// A folder whose documents are read.
///
/// Left out, each with its reason, are hidden files, symbolic links, what a `.gitignore` or `.waggleignore` names, what no document is named like, and what is too large.
#[derive(Clone, Debug)]
pub struct FolderSource {
    collection: String,
    root: PathBuf,
    max_documents: usize,
}

impl FolderSource {
    /// Names a folder for a collection.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such folder.
    pub fn open(collection: &str, root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let root = fs::canonicalize(&root).ok().filter(|root| root.is_dir()).ok_or_else(|| {
            Kind::NotFound
                .error(format!("there is no folder `{}`", root.display()))
                .with_hint("check the path of the collection")
        })?;
        Ok(Self { collection: collection.to_owned(), root, max_documents: MAX_DOCUMENTS })
    }

    /// Sets how many documents a run may read.
    #[must_use]
    pub fn with_max_documents(self, max_documents: usize) -> Self {
        Self { max_documents, ..self }
    }

    /// Walks the folder in the order of names. Blocks; holds one document at a time.
    pub fn steps(&self) -> impl Iterator<Item = Step> + Send + '_ {
        let mut walk =
            Walk { source: self, open: Vec::new(), waiting: Vec::new(), n_documents: 0, is_over: false };
        walk.enter(&self.root, String::new());
        walk
    }
}

/// A walk through the folder.
struct Walk<'a> {
    source: &'a FolderSource,
    /// Folders that are open, outermost first.
    open: Vec<Folder>,
    /// What is told before the walk goes on.
    waiting: Vec<Step>,
    n_documents: usize,
    is_over: bool,
}

struct Folder {
    /// Its path in the source, with a slash behind it; empty for the source itself.
    prefix: String,
    path: PathBuf,
    rules: Rules,
    /// Names that are still to come, the next one last.
    names: Vec<String>,
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.waiting.pop() {
                return Some(step);
            }
            if self.is_over {
                return None;
            }
            let folder = self.open.last_mut()?;
            let Some(name) = folder.names.pop() else {
                self.open.pop();
                continue;
            };
            let (source, path) = (format!("{}{name}", folder.prefix), folder.path.join(&name));
            if let Some(step) = self.visit(&name, source, &path) {
                return Some(step);
            }
        }
    }
}

impl Walk<'_> {
    /// Reads a file, or enters a folder and tells nothing.
    fn visit(&mut self, name: &str, source: String, path: &Path) -> Option<Step> {
        let kind = match fs::symlink_metadata(path) {
            Ok(about) => about.file_type(),
            Err(error) => return Some(self.unread(source, &error)),
        };
        if name.starts_with('.') {
            return Some(Step::skipped(source, Reason::Hidden));
        }
        if kind.is_symlink() {
            return Some(Step::skipped(source, Reason::Link));
        }
        if self.is_ignored(&source, kind.is_dir()) {
            return Some(Step::skipped(source, Reason::Ignored));
        }
        if kind.is_dir() {
            if self.open.len() >= MAX_DEPTH {
                return Some(Step::skipped(
                    source,
                    Reason::TooDeep(format!("over {MAX_DEPTH} folders in each other")),
                ));
            }
            self.enter(path, format!("{source}/"));
            return None;
        }
        if !kind.is_file() || !Format::may_be_document(&source) {
            return Some(Step::skipped(source, Reason::NotADocument));
        }
        if self.n_documents >= self.source.max_documents {
            self.is_over = true;
            return Some(Step::stopped(source, Reason::TooMany { limit: self.source.max_documents }));
        }
        self.n_documents += 1;
        Some(match read_bounded(path) {
            Ok(Ok(bytes)) => {
                let id = DocumentId::new(&self.source.collection, &source);
                Step::Found(Found::new(id, source, bytes))
            }
            Ok(Err(too_large)) => Step::skipped(source, too_large),
            Err(error) => self.unread(source, &error),
        })
    }

    /// Opens a folder. One that cannot be read ends nothing but the certainty of what is gone.
    fn enter(&mut self, path: &Path, prefix: String) {
        let mut names = Vec::new();
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => {
                let shown = if prefix.is_empty() { path.display().to_string() } else { prefix };
                return self.waiting.push(Step::stopped(shown, reason(&error)));
            }
        };
        for entry in entries {
            let told = match entry.map(|entry| entry.file_name().into_string()) {
                Ok(Ok(name)) if names.len() < MAX_ENTRIES => {
                    names.push(name);
                    continue;
                }
                Ok(Ok(_)) => Step::stopped(prefix.clone(), Reason::TooMany { limit: MAX_ENTRIES }),
                // A name in another encoding could not be told apart from others in ids.
                Ok(Err(name)) => {
                    Step::skipped(format!("{prefix}{}", name.to_string_lossy()), Reason::Encoding)
                }
                Err(error) => Step::stopped(prefix.clone(), reason(&error)),
            };
            let is_end = matches!(told, Step::Stopped(_));
            self.waiting.push(told);
            if is_end {
                break;
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        let rules = Rules::read(path);
        for line in rules.not_understood() {
            let source = format!("{prefix}{line}");
            self.waiting.push(Step::skipped(
                source,
                Reason::Broken("a rule of ignoring that is not understood".into()),
            ));
        }
        self.open.push(Folder { prefix, path: path.to_owned(), rules, names });
    }

    /// Tells whether the rules of the nearest folder that says anything about a path ignore it.
    fn is_ignored(&self, source: &str, is_folder: bool) -> bool {
        let decided = self
            .open
            .iter()
            .rev()
            .find_map(|folder| folder.rules.decide(source.strip_prefix(&folder.prefix)?, is_folder));
        decided.unwrap_or(false)
    }

    fn unread(&self, source: String, error: &io::Error) -> Step {
        let id = DocumentId::new(&self.source.collection, &source);
        Step::unread(id, source, reason(error))
    }
}

fn reason(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::Denied("the file system".into()),
        _ => Reason::Unavailable(error.to_string()),
    }
}

fn read_bounded(path: &Path) -> io::Result<std::result::Result<Vec<u8>, Reason>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let limit = MAX_BYTES as u64;
    let mut bytes = Vec::new();
    if size <= limit {
        // It may grow while it is read.
        file.take(limit + 1).read_to_end(&mut bytes)?;
    }
    let size = size.max(bytes.len() as u64);
    Ok(if size > limit { Err(Reason::TooLarge { bytes: size, limit }) } else { Ok(bytes) })
}
