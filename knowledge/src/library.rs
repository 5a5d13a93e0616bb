//! What libraries say of themselves, read from what is installed: docstrings, type stubs, doc comments, rustdoc JSON, javadoc, manuals.
//!
//! Nothing is run and nothing is fetched. Only folders that the configuration names are read, links out of them are not followed, and sizes are bounded.
//! What cannot be read is named in the iterator itself and the rest goes on.
//!
//! # Layout
//!
//! - [`reference`](mod@reference): `python:requests@2.31`. [`roots`]: where to look. [`pages`]: what comes out.
//! - `sandbox`: the only way to files. `curly`: doc comments of languages with braces.
//! - `python`, `rust`, `node`, `go`, `java`, `manuals`: one reader each.

pub mod pages;
pub mod reference;
pub mod roots;

mod curly;
mod go;
mod java;
mod manuals;
mod node;
mod python;
mod rust;
mod sandbox;
mod versions;

pub use pages::{Body, LeftOut, Page, Pages};
pub use reference::{Ecosystem, LibraryRef};
pub use roots::Roots;

use waggle_agent_core::{Kind, Result};

use pages::Installed;
use sandbox::Sandbox;

/// Opens the documents of an installed library. Reading happens as the pages are taken, and blocks: take them on a thread for that.
///
/// Without a version the newest that is installed is taken; `2.31` fits `2.31.0`.
///
/// # Errors
///
/// `NotFound` when it is not installed below the roots, with what is installed of it.
pub fn library_pages(reference: &LibraryRef, roots: &Roots) -> Result<Pages> {
    let folders = roots.of(reference.ecosystem);
    let sandbox = Sandbox::below(folders);
    let find = match reference.ecosystem {
        Ecosystem::Python => python::installed,
        Ecosystem::Node => node::installed,
        Ecosystem::Rust => rust::installed,
        Ecosystem::Go => go::installed,
        Ecosystem::Java => java::installed,
        Ecosystem::C => manuals::installed,
    };
    let mut found: Vec<Installed> = find(&sandbox, &reference.name);
    let all: Vec<String> = found.iter().filter_map(|it| it.version.clone()).collect();
    found.retain(|it| reference.is_version(it.version.as_deref()));
    // The sort is stable: of equal versions the root that is named first decides.
    found.sort_by(|a, b| versions::compare(b.version.as_deref(), a.version.as_deref()));
    match found.into_iter().next() {
        Some(installed) => Ok(Pages::new(installed)),
        None => Err(not_installed(reference, roots, &all)),
    }
}

fn not_installed(reference: &LibraryRef, roots: &Roots, others: &[String]) -> waggle_agent_core::Error {
    let folders: Vec<String> =
        roots.of(reference.ecosystem).iter().take(4).map(|it| format!("`{}`", it.display())).collect();
    let message = match folders.is_empty() {
        true => format!("no folder to look for `{reference}` in"),
        false => format!("`{reference}` is not installed below {}", folders.join(", ")),
    };
    let hint = match others.is_empty() {
        true => format!("name the folder that has it: {}", reference::folder(reference.ecosystem)),
        false => {
            format!("installed versions: {}", others.iter().take(8).cloned().collect::<Vec<_>>().join(", "))
        }
    };
    Kind::NotFound.error(message).with_hint(hint)
}

#[cfg(test)]
mod tests;
