//! From a frame of a profile to the library that it is of, with the rule that told it.
//!
//! Frames come as collectors, `perf`, py-spy, async-profiler and V8 write them. A version is only told where a path, a jar or a soname states it.

use std::fmt;

use serde::{Deserialize, Serialize};

mod distributions;
mod known;
mod names;
mod parts;
mod paths;

pub use distributions::distribution;
use parts::Parts;

/// Bytes of a frame that are read; what is longer is cut, since names of deep templates say nothing new at their end.
const MAX_FRAME: usize = 4_096;

/// One function of a profile, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Whose code it is.
    pub origin: Origin,
    /// The rule that told it.
    pub rule: Rule,
    /// What it is written in; `None` where names do not tell.
    pub language: Option<CodeLanguage>,
    /// The library or module as its package manager names it: `requests`, `tokio`, `github.com/jackc/pgx/v5`, `libssl`.
    pub package: Option<String>,
    /// Its version as a path or file name states it. Of a shared object it is the soname's, which counts interfaces and not releases.
    pub version: Option<String>,
    /// Module, class or package within the library.
    pub module: Option<String>,
    /// The function alone; may be empty.
    pub function: String,
    /// The file that the frame names.
    pub file: Option<String>,
    /// The name without place, marks and offset: `requests.sessions.Session.request`. May be empty.
    pub symbol: String,
}

/// Whose code a frame is, finer than [`FrameClass`](crate::frame_class::FrameClass).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The operating system's.
    Kernel,
    /// The language's: interpreter, collector of garbage, scheduler, allocator.
    Runtime,
    /// The library that comes with the language or with the system.
    BaseLibrary,
    /// A library of others.
    ThirdParty,
    /// The program's own, as far as names tell.
    Own,
    /// Nothing is known: the frame has no name.
    #[default]
    Unknown,
}

/// What told whose code a frame is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Its name begins as the program's own names do.
    OwnName,
    /// It is marked as the kernel's.
    KernelMark,
    /// It is named as functions of the kernel are.
    KernelName,
    /// It is named as functions of the runtime are.
    RuntimeName,
    /// It is in a shared object of the runtime.
    RuntimeObject,
    /// Its path is in a folder of a package manager.
    PackageFolder,
    /// Its path is in the sources of the language itself.
    LanguageFolder,
    /// It is in a jar.
    Jar,
    /// It is in a shared object.
    SharedObject,
    /// It is named as the language's own library is.
    BaseName,
    /// It is named as a known library is.
    KnownName,
    /// Its import path names the module.
    ImportPath,
    /// Its path is in no folder of a package manager.
    OtherPath,
    /// No rule claims it for a library.
    Unclaimed,
    /// It has no name.
    #[default]
    Nameless,
}

/// What code is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeLanguage {
    /// C, and what looks like it.
    C,
    /// C++.
    Cpp,
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// Java and other languages of its machine.
    Java,
    /// Python.
    Python,
    /// JavaScript and TypeScript.
    Node,
}

/// Tells whose code a frame is. `file` is its place in the source where that is known apart from its name; `own` are beginnings of names that are the program's.
///
/// A path decides before a name, and the program's own names before both. What nothing claims is the program's own.
pub fn frame_library(frame: &str, file: Option<&str>, own: &[String]) -> Frame {
    let frame = cut(frame.trim());
    let parts = Parts::of(frame, file.map(cut));
    let symbol = parts.symbol.clone();
    let is_own =
        own.iter().any(|it| !it.is_empty() && (symbol.starts_with(it.as_str()) || frame.starts_with(it)));
    let by_path = || paths::told(&parts);
    let mut told = if parts.is_kernel {
        Frame {
            origin: Origin::Kernel,
            rule: Rule::KernelMark,
            language: Some(CodeLanguage::C),
            ..Frame::default()
        }
    } else if is_own {
        Frame { origin: Origin::Own, rule: Rule::OwnName, ..names::told(&symbol) }
    } else {
        by_path().unwrap_or_else(|| names::told(&symbol))
    };
    let (module, function) = names::split(&symbol, told.language);
    told.function = function;
    told.module = told.module.take().or(module);
    told.file = parts.file.clone();
    told.symbol = symbol;
    told
}

/// Cuts a text to [`MAX_FRAME`] bytes at a character.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_FRAME)).unwrap_or(text)
}

impl Frame {
    /// Writes library and version as one: `requests 2.31.0`; `None` where the library is not known.
    pub fn library(&self) -> Option<String> {
        let package = self.package.as_ref()?;
        Some(self.version.as_ref().map_or_else(|| package.clone(), |version| format!("{package} {version}")))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::Runtime => "runtime",
            Self::BaseLibrary => "base library",
            Self::ThirdParty => "third-party library",
            Self::Own => "own code",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnName => "its name begins as the program's own names do",
            Self::KernelMark => "it is marked as the kernel's",
            Self::KernelName => "it is named as functions of the kernel are",
            Self::RuntimeName => "it is named as functions of the runtime are",
            Self::RuntimeObject => "it is in a shared object of the runtime",
            Self::PackageFolder => "its path is in a folder of a package manager",
            Self::LanguageFolder => "its path is in the sources of the language itself",
            Self::Jar => "it is in a jar",
            Self::SharedObject => "it is in a shared object",
            Self::BaseName => "it is named as the language's own library is",
            Self::KnownName => "it is named as a known library is",
            Self::ImportPath => "its import path names the module",
            Self::OtherPath => "its path is in no folder of a package manager",
            Self::Unclaimed => "no rule claims it for a library",
            Self::Nameless => "it has no name",
        })
    }
}

impl fmt::Display for CodeLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::C => "C",
            Self::Cpp => "C++",
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::Python => "Python",
            Self::Node => "JavaScript",
        })
    }
}

#[cfg(test)]
mod tests;
