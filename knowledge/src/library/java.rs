//! Maven artifacts: doc comments of `-sources.jar`, and where there is none, the pages of `-javadoc.jar`.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use zip::ZipArchive;

use super::{
    curly::{Declared, Dialect, Head, declarations, word_after, word_before_bracket},
    pages::{Drawn, Installed, LeftOut},
    sandbox::{Sandbox, bounded},
};

mod javadoc;

const JAVA: Dialect = Dialect {
    line: "",
    inner_line: "",
    has_blocks: true,
    ends_at_line: false,
    has_quoted_strings: false,
    backtick_escapes: None,
    head,
};

/// Greatest jar, and greatest entry of it unpacked, bytes.
const MAX_JAR: u64 = 256 * 1024 * 1024;
const MAX_ENTRY: u64 = 2 * 1024 * 1024;
/// Entries of a jar that are looked at.
const MAX_ENTRIES: usize = 50_000;

/// Finds the jars of an artifact by their file names, anywhere below the roots: `guava-33.0.0-jre-sources.jar`. A group must be in the path.
pub(super) fn installed(sandbox: &Sandbox, name: &str) -> Vec<Installed> {
    let (group, artifact) = name
        .rsplit_once(':')
        .map_or((None, name), |(group, artifact)| (Some(group.replace('.', "/")), artifact));
    let mut found: Vec<(String, &str, PathBuf)> = Vec::new();
    for root in sandbox.roots() {
        let is_jar = |path: &str| path.ends_with("-sources.jar") || path.ends_with("-javadoc.jar");
        for (inside, path) in sandbox.files(root, |_| false, is_jar) {
            let Some((version, kind)) = jar_of(&inside, artifact) else { continue };
            if group
                .as_ref()
                .is_none_or(|group| inside.contains(&format!("{group}/")) || !inside.contains('/'))
            {
                found.push((version, kind, path));
            }
        }
    }
    // Sources before javadoc: they have the same words, and no pages of indices.
    found.sort_by(|a, b| (&a.0, b.1).cmp(&(&b.0, a.1)));
    found.dedup_by(|a, b| a.0 == b.0);
    found.into_iter().map(|(version, kind, path)| jar(sandbox, name, version, kind, &path)).collect()
}

/// Reads version and kind out of a jar's file name, when it is the artifact's.
fn jar_of(inside: &str, artifact: &str) -> Option<(String, &'static str)> {
    let file = inside.rsplit('/').next()?.strip_suffix(".jar")?;
    let (file, kind) = match file.strip_suffix("-sources") {
        Some(file) => (file, "sources"),
        None => (file.strip_suffix("-javadoc")?, "javadoc"),
    };
    let version = file.strip_prefix(artifact)?.strip_prefix('-')?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| (version.to_owned(), kind))
}

fn jar(sandbox: &Sandbox, name: &str, version: String, kind: &'static str, path: &Path) -> Installed {
    let opened =
        sandbox.open(path, MAX_JAR).and_then(|file| ZipArchive::new(file).map_err(|error| error.to_string()));
    let shown = path.display().to_string();
    let batches: super::pages::Batches = match opened {
        Ok(archive) => {
            let n_entries = archive.len();
            let mut archive = archive;
            let entries = (0..n_entries.min(MAX_ENTRIES)).map(move |at| entry(&mut archive, at, kind));
            let rest = (n_entries > MAX_ENTRIES).then(|| {
                vec![Err(LeftOut::new(
                    shown,
                    format!("it has over {MAX_ENTRIES} entries; the rest is left out"),
                ))]
            });
            Box::new(entries.chain(rest))
        }
        Err(reason) => Box::new(std::iter::once(vec![Err(LeftOut::new(shown, reason))])),
    };
    Installed { library: name.to_owned(), version: Some(version), batches }
}

fn entry(archive: &mut ZipArchive<File>, at: usize, kind: &str) -> Vec<Result<Drawn, LeftOut>> {
    let left_out = |name: String, reason: String| vec![Err(LeftOut::new(name, reason))];
    let file = match archive.by_index(at) {
        Ok(file) => file,
        Err(error) => return left_out(format!("entry {at}"), error.to_string()),
    };
    let name = String::from_utf8_lossy(file.name_raw()).into_owned();
    let is_wanted = match kind {
        "sources" => name.ends_with(".java"),
        _ => name.ends_with(".html") && !name.contains("/class-use/") && !name.contains("/src-html/"),
    };
    if !is_wanted {
        return Vec::new();
    }
    let text = bounded(file, MAX_ENTRY)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
    match text {
        Ok(text) if kind == "sources" => source(&text),
        Ok(text) => match javadoc::pages(&name, &text) {
            Ok(pages) => pages.into_iter().map(Ok).collect(),
            Err(reason) => left_out(name, reason),
        },
        Err(reason) => left_out(name, reason),
    }
}

fn source(text: &str) -> Vec<Result<Drawn, LeftOut>> {
    let package = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("package ")?.split(';').next())
        .map(str::trim)
        .unwrap_or_default();
    let (_, declared) = declarations(text, &JAVA);
    let pages = declared.into_iter().map(|Declared { within, name, head, text }| {
        let is_package = head.starts_with("package ");
        let names: Vec<&str> = [package]
            .into_iter()
            .chain(within.iter().map(String::as_str))
            .chain((!is_package).then_some(name.as_str()))
            .collect();
        let path: Vec<&str> = names.into_iter().filter(|it| !it.is_empty()).collect();
        Ok(Drawn::of(path.join("."), "java", &head, &text))
    });
    pages.collect()
}

fn head(head: &str) -> Option<Head> {
    let head = without_annotations(head);
    if head.starts_with("import ") {
        return None;
    }
    if let Some(name) = head.strip_prefix("package ") {
        return Some(Head { name: name.trim().to_owned(), is_container: false });
    }
    let words = head.split(['(', '{', '=']).next().unwrap_or_default();
    if let Some(name) = ["class", "interface", "enum", "record", "@interface"]
        .into_iter()
        .find_map(|it| word_after(words, it))
    {
        return Some(Head { name: name.to_owned(), is_container: true });
    }
    let name = match words.len() < head.len() && head.get(words.len()..).is_some_and(|it| it.starts_with('('))
    {
        true => word_before_bracket(head)?,
        false => words.split_whitespace().next_back()?,
    };
    Some(Head { name: name.to_owned(), is_container: false })
}

/// Cuts annotations before a declaration: `@Deprecated(since = "9") public void`.
fn without_annotations(head: &str) -> &str {
    let mut rest = head.trim_start();
    while rest.starts_with('@') && !rest.starts_with("@interface") {
        let end = rest.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(rest.len());
        let after = rest.get(end..).unwrap_or_default();
        rest = match after.trim_start().strip_prefix('(') {
            Some(inside) => {
                let mut n_open = 1_usize;
                let close = inside.find(|c: char| {
                    match c {
                        '(' => n_open += 1,
                        ')' => n_open -= 1,
                        _ => {}
                    }
                    n_open == 0
                });
                close.and_then(|at| inside.get(at + 1..)).unwrap_or_default().trim_start()
            }
            None => after.trim_start(),
        };
    }
    rest
}
