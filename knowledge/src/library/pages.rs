//! What comes out of a library: pages, taken one by one, and the names of what could not be read.

use std::{collections::VecDeque, fmt, path::PathBuf};

/// Pages of one library.
const MAX_PAGES: usize = 50_000;
/// Bytes of all pages of one library.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one page; what is longer is cut and says so.
const MAX_PAGE: usize = 128 * 1024;

/// One page on one thing: a package, a module, a type, a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The library as it was asked for: `requests`.
    pub library: String,
    /// The installed version; `None` when nothing states it.
    pub version: Option<String>,
    /// What it is on, as the language writes it: `requests.sessions.Session.request`. Not always one page alone: overloads share it.
    pub path: String,
    /// For people: `requests.sessions.Session.request`, or a title of a document.
    pub title: String,
    /// What it says. Untrusted.
    pub body: Body,
}

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Markdown, or text that reads as such.
    Markdown(String),
    /// A file in a format that is read as other documents are, such as a manual page, perhaps compressed.
    File(PathBuf),
}

/// Something that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which file or entry.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The pages of one library, read file by file as they are taken.
///
/// At most 50,000 pages and 64 MiB; when there is more, the last item says so.
pub struct Pages {
    library: String,
    version: Option<String>,
    batches: Batches,
    ready: VecDeque<Result<Drawn, LeftOut>>,
    n_pages: usize,
    n_bytes: usize,
    is_over: bool,
}

/// What one file gave.
pub(super) type Batches = Box<dyn Iterator<Item = Vec<Result<Drawn, LeftOut>>> + Send>;

/// A page before its library is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) path: String,
    pub(super) title: String,
    pub(super) body: Body,
}

/// A library that was found.
pub(super) struct Installed {
    pub(super) library: String,
    pub(super) version: Option<String>,
    pub(super) batches: Batches,
}

impl Pages {
    pub(super) fn new(installed: Installed) -> Self {
        let Installed { library, version, batches } = installed;
        Self { library, version, batches, ready: VecDeque::new(), n_pages: 0, n_bytes: 0, is_over: false }
    }

    /// Returns the name of the library.
    pub fn library(&self) -> &str {
        &self.library
    }

    /// Returns the version that is installed; `None` when nothing states it.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

impl Iterator for Pages {
    type Item = Result<Page, LeftOut>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.is_over {
            self.ready.extend(self.batches.next()?);
        }
        if self.is_over {
            return None;
        }
        let drawn = match self.ready.pop_front()? {
            Ok(drawn) => drawn,
            Err(left_out) => return Some(Err(left_out)),
        };
        let body = match drawn.body {
            Body::Markdown(text) => Body::Markdown(cut(text)),
            file => file,
        };
        self.n_pages += 1;
        self.n_bytes += if let Body::Markdown(text) = &body { text.len() } else { 0 };
        if self.n_pages > MAX_PAGES || self.n_bytes > MAX_BYTES {
            self.is_over = true;
            let reason =
                format!("the library has over {MAX_PAGES} pages or {MAX_BYTES} bytes; the rest is left out");
            return Some(Err(LeftOut { name: drawn.path, reason }));
        }
        let (library, version) = (self.library.clone(), self.version.clone());
        Some(Ok(Page { library, version, path: drawn.path, title: drawn.title, body }))
    }
}

impl Drawn {
    /// Makes a page out of a declaration and what is said about it.
    pub(super) fn of(path: impl Into<String>, language: &str, declaration: &str, text: &str) -> Self {
        let path = path.into();
        let declaration = declaration.trim().replace("```", "'''");
        let body = match declaration.is_empty() {
            true => text.trim().to_owned(),
            false => format!("```{language}\n{declaration}\n```\n\n{}", text.trim()).trim_end().to_owned(),
        };
        Self { title: path.clone(), path, body: Body::Markdown(body) }
    }
}

impl LeftOut {
    pub(super) fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.name, self.reason)
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_PAGE {
        text.truncate(text.floor_char_boundary(MAX_PAGE));
        text.push_str("\n\n… (cut)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(text: &str, n_pages: usize) -> Pages {
        let drawn = Drawn::of("a", "", "", text);
        let batches: Batches = Box::new(std::iter::repeat_n(vec![Ok(drawn)], n_pages));
        Pages::new(Installed { library: "a".to_owned(), version: None, batches })
    }

    #[test]
    fn an_endless_library_ends_and_says_so() {
        let text = "x".repeat(MAX_PAGE * 2);
        let read: Vec<_> = pages(&text, 10_000).collect();
        assert_eq!(read.len(), MAX_BYTES / (MAX_PAGE + "\n\n… (cut)".len()) + 1);
        assert!(read.last().unwrap().as_ref().unwrap_err().reason.contains("the rest is left out"));
        let Body::Markdown(first) = &read.first().unwrap().as_ref().unwrap().body else { panic!() };
        assert!(first.ends_with("… (cut)"));
        assert_eq!(pages("x", MAX_PAGES + 5).count(), MAX_PAGES + 1);
    }
}
