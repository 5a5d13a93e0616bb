//! Crates: rustdoc JSON where there is some, else the doc comments of the sources in Cargo's registry.

use std::path::Path;

use super::{
    curly::{Declared, Dialect, Head, declarations, word_after},
    pages::{Drawn, Installed, LeftOut},
    sandbox::Sandbox,
};

mod json;

const RUST: Dialect = Dialect {
    line: "///",
    inner_line: "//!",
    has_blocks: true,
    ends_at_line: false,
    has_quoted_strings: false,
    backtick_escapes: None,
    head,
};

/// Finds a crate: folders `name-version`, and files `name.json` of rustdoc.
pub(super) fn installed(sandbox: &Sandbox, name: &str) -> Vec<Installed> {
    let mut found = Vec::new();
    for root in sandbox.roots() {
        let documents = root.join(format!("{}.json", name.replace('-', "_")));
        if documents.is_file() {
            found.push(json::installed(sandbox, name, &documents));
        }
        for (folder, path) in sandbox.entries(root) {
            let version = folder.strip_prefix(name).and_then(|it| it.strip_prefix('-'));
            if let Some(version) = version.filter(|it| it.starts_with(|c: char| c.is_ascii_digit())) {
                found.push(sources(sandbox, name, version, &path));
            }
        }
    }
    found
}

fn sources(sandbox: &Sandbox, name: &str, version: &str, folder: &Path) -> Installed {
    let is_source = |path: &str| {
        path.starts_with("src/")
            && path.ends_with(".rs")
            && !path.contains("/tests")
            && !path.contains("/bin/")
    };
    let is_closed = |name: &str| matches!(name, "target" | "tests" | "benches" | "examples");
    let files = sandbox.files(folder, is_closed, |path| is_source(path) || path == "README.md");
    let (sandbox, crate_name, title) = (sandbox.clone(), name.replace('-', "_"), name.to_owned());
    let batches =
        files.into_iter().map(move |(inside, path)| read(&sandbox, &crate_name, &title, &inside, &path));
    Installed { library: name.to_owned(), version: Some(version.to_owned()), batches: Box::new(batches) }
}

fn read(
    sandbox: &Sandbox,
    crate_name: &str,
    title: &str,
    inside: &str,
    path: &Path,
) -> Vec<Result<Drawn, LeftOut>> {
    let text = match sandbox.text(path) {
        Ok(text) => text,
        Err(reason) => return vec![Err(LeftOut::new(inside, reason))],
    };
    if inside == "README.md" {
        return vec![Ok(Drawn { title: title.to_owned(), ..Drawn::of(crate_name, "", "", &text) })];
    }
    let module = module(crate_name, inside);
    let (about, declared) = declarations(&text, &RUST);
    let about = (!about.trim().is_empty()).then(|| Drawn::of(&module, "", "", &about));
    let items = declared.into_iter().map(|Declared { within, name, head, text }| {
        let path = [&[module.clone()][..], &within, &[name]].concat();
        let path: Vec<_> = path.into_iter().filter(|it| !it.is_empty()).collect();
        Drawn::of(path.join("::"), "rust", &without_attributes(&head), &text)
    });
    about.into_iter().chain(items).map(Ok).collect()
}

/// Writes a source file as a module: `src/runtime/park.rs` is `tokio::runtime::park`.
fn module(crate_name: &str, inside: &str) -> String {
    let path = inside.trim_start_matches("src/").trim_end_matches(".rs");
    let path = path.trim_end_matches("/mod");
    match path {
        "lib" | "main" | "mod" => crate_name.to_owned(),
        _ => format!("{crate_name}::{}", path.replace('/', "::")),
    }
}

/// Cuts `#[…]` before an item.
fn without_attributes(head: &str) -> String {
    let mut rest = head.trim_start();
    while let Some(inside) = rest.strip_prefix("#[").or_else(|| rest.strip_prefix("#![")) {
        let mut n_open = 1_usize;
        let end = inside.find(|c: char| {
            match c {
                '[' => n_open += 1,
                ']' => n_open -= 1,
                _ => {}
            }
            n_open == 0
        });
        rest = end.and_then(|at| inside.get(at + 1..)).unwrap_or_default().trim_start();
    }
    rest.to_owned()
}

fn head(head: &str) -> Option<Head> {
    let head = without_attributes(head);
    let head = head.as_str();
    let first = |keyword: &str| word_after(head.split(['(', '{', '=']).next().unwrap_or_default(), keyword);
    if let Some(name) = first("fn") {
        return Some(Head { name: name.to_owned(), is_container: false });
    }
    if head.starts_with("impl") || head.starts_with("unsafe impl") {
        return Some(Head { name: implemented(head)?, is_container: true });
    }
    if let Some(name) = ["mod", "trait", "struct", "enum", "union"].into_iter().find_map(first) {
        return Some(Head { name: name.to_owned(), is_container: true });
    }
    // Items under a condition stand in a macro: `cfg_rt! { pub struct … }`. It has no name of its own.
    if head
        .strip_suffix('!')
        .is_some_and(|it| it.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':'))
    {
        return Some(Head { name: String::new(), is_container: true });
    }
    if let Some(rest) = head.strip_prefix("macro_rules!") {
        return Some(Head { name: format!("{}!", rest.trim()), is_container: false });
    }
    let name = ["type", "const", "static"]
        .into_iter()
        .find_map(|keyword| word_after(head.split([':', '=', '<']).next().unwrap_or_default(), keyword))?;
    Some(Head { name: name.to_owned(), is_container: false })
}

/// Returns the type of `impl<T> Trait for Type<T> where …`.
fn implemented(head: &str) -> Option<String> {
    let subject = head.split(" where ").next()?.split("\nwhere").next()?;
    let subject = match subject.rsplit_once(" for ") {
        Some((_, subject)) => subject,
        None => after_parameters(subject.split_once("impl")?.1),
    };
    let name = subject.trim().split(['<', ' ', '\n']).next()?.rsplit("::").next()?;
    let name = name.trim_start_matches(['&', '*', '\'', '(', '[']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Cuts type parameters at the beginning: `<T: Into<U>> Type`.
fn after_parameters(text: &str) -> &str {
    let mut n_open = 0_i32;
    if !text.starts_with('<') {
        return text;
    }
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => n_open += 1,
            '>' if last != '-' => n_open -= 1,
            _ => {}
        }
        last = c;
        if n_open == 0 {
            return text.get(at + 1..).unwrap_or_default();
        }
    }
    text
}
