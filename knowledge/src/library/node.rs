//! npm packages: `package.json`, the README, and doc comments of `.d.ts` declarations, its own or of `@types`.

use std::path::Path;

use serde::Deserialize;

use super::{
    curly::{Declared, Dialect, Head, declarations, word_after, word_before_bracket},
    pages::{Drawn, Installed, LeftOut},
    sandbox::Sandbox,
};

const TYPESCRIPT: Dialect = Dialect {
    line: "",
    inner_line: "",
    has_blocks: true,
    ends_at_line: false,
    has_quoted_strings: true,
    backtick_escapes: Some(true),
    head,
};

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

/// Finds a package directly in a `node_modules`, and in pnpm's store below it.
pub(super) fn installed(sandbox: &Sandbox, name: &str) -> Vec<Installed> {
    let mut found = Vec::new();
    for root in sandbox.roots() {
        let stored = format!("{}@", name.replace('/', "+"));
        let store = sandbox.entries(&root.join(".pnpm")).into_iter();
        let store = store
            .filter(|(folder, _)| folder.starts_with(&stored))
            .map(|(_, path)| path.join("node_modules"));
        for modules in std::iter::once(root.clone()).chain(store) {
            let folder = modules.join(name);
            if folder.join("package.json").is_file() {
                found.push(package(sandbox, name, &folder, &modules));
            }
        }
    }
    found
}

fn package(sandbox: &Sandbox, name: &str, folder: &Path, modules: &Path) -> Installed {
    let manifest = sandbox.text(&folder.join("package.json"));
    let manifest =
        manifest.and_then(|text| serde_json::from_str::<Package>(&text).map_err(|error| error.to_string()));
    let (version, first) = match manifest {
        Ok(Package { version, description }) => {
            let text = description.unwrap_or_default();
            (version, (!text.trim().is_empty()).then(|| Ok(Drawn::of(name, "", "", &text))))
        }
        Err(reason) => (None, Some(Err(LeftOut::new(format!("{name}/package.json"), reason)))),
    };
    // `ts5.0` has the same declarations for older compilers.
    let is_old =
        |name: &str| name.strip_prefix("ts").is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()));
    let is_closed = |name: &str| name == "node_modules" || is_old(name);
    let is_declaration = |path: &str| [".d.ts", ".d.mts", ".d.cts"].iter().any(|end| path.ends_with(end));
    let is_readme = |path: &str| !path.contains('/') && path.to_lowercase().starts_with("readme");
    let mut files = sandbox.files(folder, is_closed, |path| is_declaration(path) || is_readme(path));
    // Types that others wrote: a scope's slash is written `__`.
    let types = modules.join("@types").join(name.trim_start_matches('@').replace('/', "__"));
    if !files.iter().any(|(path, _)| is_declaration(path)) {
        files.extend(sandbox.files(&types, is_closed, is_declaration));
    }
    let (sandbox, library) = (sandbox.clone(), name.to_owned());
    let pages = files.into_iter().map({
        let library = library.clone();
        move |(inside, path)| read(&sandbox, &library, &inside, &path)
    });
    Installed {
        library,
        version,
        batches: Box::new(std::iter::once(first.into_iter().collect()).chain(pages)),
    }
}

fn read(sandbox: &Sandbox, library: &str, inside: &str, path: &Path) -> Vec<Result<Drawn, LeftOut>> {
    let text = match sandbox.text(path) {
        Ok(text) => text,
        Err(reason) => return vec![Err(LeftOut::new(format!("{library}/{inside}"), reason))],
    };
    let Some((module, _)) = inside.split_once(".d.") else {
        return vec![Ok(Drawn::of(library, "", "", &text))];
    };
    let module = module.trim_end_matches("/index");
    let module = if module == "index" { library.to_owned() } else { format!("{library}/{module}") };
    let (_, declared) = declarations(&text, &TYPESCRIPT);
    let pages = declared.into_iter().map(|Declared { within, name, head, text }| {
        let path = [&[module.clone()][..], &within, &[name]].concat().join(".");
        Ok(Drawn::of(path, "ts", &head, &text))
    });
    pages.collect()
}

fn head(head: &str) -> Option<Head> {
    let words = head.split(['(', '{', '=', ':']).next().unwrap_or_default();
    if let Some(name) =
        ["class", "interface", "namespace", "enum"].into_iter().find_map(|it| word_after(words, it))
    {
        return Some(Head { name: name.to_owned(), is_container: true });
    }
    if let Some(quoted) = head.strip_prefix("declare module") {
        return Some(Head { name: quoted.trim().trim_matches(['"', '\'']).to_owned(), is_container: true });
    }
    if head.starts_with("declare global") {
        return Some(Head { name: "global".to_owned(), is_container: true });
    }
    let plain = |name: &str| Head { name: name.to_owned(), is_container: false };
    if let Some(name) =
        ["function", "type", "const", "let", "var"].into_iter().find_map(|it| word_after(words, it))
    {
        return Some(plain(name));
    }
    if head.starts_with("import") || head.starts_with("export {") || head.starts_with("export *") {
        return None;
    }
    // Members: `readonly name: Type`, `name?(…): Type`.
    let member = head.split([':', '=', ',']).next().unwrap_or(head);
    if member.contains('(') {
        return word_before_bracket(head).map(plain);
    }
    let name = member.split_whitespace().next_back()?.trim_end_matches(['?', '!']);
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "_$#".contains(c));
    (!name.is_empty() && is_name(name)).then(|| plain(name))
}
