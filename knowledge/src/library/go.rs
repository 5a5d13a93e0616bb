//! Go modules: doc comments in the module cache.

use std::path::Path;

use super::{
    curly::{Declared, Dialect, Head, declarations, word_after},
    pages::{Drawn, Installed, LeftOut},
    sandbox::Sandbox,
};

const GO: Dialect = Dialect {
    line: "//",
    inner_line: "",
    has_blocks: false,
    ends_at_line: true,
    has_quoted_strings: false,
    backtick_escapes: Some(false),
    head,
};

/// Finds a module: folders `host/path@version`, capitals written `!x`. Source: <https://go.dev/ref/mod#module-cache>.
pub(super) fn installed(sandbox: &Sandbox, name: &str) -> Vec<Installed> {
    let escaped = name.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_uppercase() {
            out.push('!');
        }
        out.push(c.to_ascii_lowercase());
        out
    });
    let (parent, last) = escaped.rsplit_once('/').unwrap_or(("", escaped.as_str()));
    let mut found = Vec::new();
    for root in sandbox.roots() {
        for (folder, path) in sandbox.entries(&root.join(parent)) {
            let version = folder.strip_prefix(last).and_then(|it| it.strip_prefix('@'));
            if let Some(version) = version {
                found.push(module(sandbox, name, version, &path));
            }
        }
    }
    found
}

fn module(sandbox: &Sandbox, name: &str, version: &str, folder: &Path) -> Installed {
    let is_closed = |name: &str| matches!(name, "testdata" | "vendor" | "_examples" | "examples");
    let is_wanted =
        |path: &str| (path.ends_with(".go") && !path.ends_with("_test.go")) || path == "README.md";
    let files = sandbox.files(folder, is_closed, is_wanted);
    let (sandbox, library) = (sandbox.clone(), name.to_owned());
    let batches = files.into_iter().map({
        let library = library.clone();
        move |(inside, path)| read(&sandbox, &library, &inside, &path)
    });
    Installed { library, version: Some(version.to_owned()), batches: Box::new(batches) }
}

fn read(sandbox: &Sandbox, library: &str, inside: &str, path: &Path) -> Vec<Result<Drawn, LeftOut>> {
    let text = match sandbox.text(path) {
        Ok(text) => text,
        Err(reason) => return vec![Err(LeftOut::new(format!("{library}/{inside}"), reason))],
    };
    if inside == "README.md" {
        return vec![Ok(Drawn::of(library, "", "", &text))];
    }
    let package =
        inside.rsplit_once('/').map_or(library.to_owned(), |(folder, _)| format!("{library}/{folder}"));
    let (_, declared) = declarations(&text, &GO);
    let pages = declared.into_iter().map(|Declared { name, head, text, .. }| {
        // The comment on `package` is about the package.
        let is_package = head.starts_with("package ");
        let path = if is_package { package.clone() } else { format!("{package}.{name}") };
        Ok(Drawn::of(path, "go", if is_package { "" } else { &head }, &text))
    });
    pages.collect()
}

fn head(head: &str) -> Option<Head> {
    let plain = |name: String| Some(Head { name, is_container: false });
    if let Some(rest) = head.strip_prefix("func ") {
        // A method is named as profiles name it: `(*Conn).Query`.
        let (receiver, rest) = match rest.trim_start().strip_prefix('(').and_then(|it| it.split_once(')')) {
            Some((receiver, rest)) => (Some(receiver), rest.trim_start()),
            None => (None, rest.trim_start()),
        };
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest.get(..end).filter(|it| !it.is_empty())?;
        let receiver = receiver
            .and_then(|it| it.split_whitespace().next_back())
            .map(|it| it.split('[').next().unwrap_or(it));
        return plain(match receiver {
            Some(receiver) if receiver.starts_with('*') => format!("({receiver}).{name}"),
            Some(receiver) => format!("{receiver}.{name}"),
            None => name.to_owned(),
        });
    }
    let name = ["package", "type", "var", "const"]
        .into_iter()
        .find(|it| head.starts_with(*it))
        .and_then(|it| word_after(head, it))?;
    plain(name.to_owned())
}
