//! What a path tells: folders of package managers, sources of languages, jars and shared objects.

use super::{CodeLanguage, Frame, Origin, Rule, names::told as by_name, parts::Parts};

/// Tells what the places in a frame say; `None` when they say nothing.
pub(super) fn told(parts: &Parts) -> Option<Frame> {
    let file = parts.file.as_deref();
    file.and_then(of_source)
        .or_else(|| parts.object.as_deref().and_then(|it| of_object(it, &parts.symbol)))
        .or_else(|| file.filter(|it| it.contains('/')).and_then(|it| other(it, &parts.symbol)))
}

fn of_source(path: &str) -> Option<Frame> {
    python(path).or_else(|| rust(path)).or_else(|| node(path)).or_else(|| go(path)).or_else(|| jar(path))
}

fn frame(origin: Origin, rule: Rule, language: CodeLanguage, package: &str, version: Option<&str>) -> Frame {
    Frame {
        origin,
        rule,
        language: Some(language),
        package: (!package.is_empty()).then(|| package.to_owned()),
        version: version.filter(|it| !it.is_empty()).map(str::to_owned),
        ..Frame::default()
    }
}

/// Returns what follows the last `folder` in a path.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.rfind(folder).and_then(|start| path.get(start + folder.len()..))
}

fn python(path: &str) -> Option<Frame> {
    let language = CodeLanguage::Python;
    if path.starts_with("<frozen ") {
        let module = path.trim_start_matches("<frozen ").trim_end_matches('>');
        let told = frame(Origin::BaseLibrary, Rule::LanguageFolder, language, "python", None);
        return Some(Frame { module: Some(module.to_owned()), ..told });
    }
    if let Some(rest) = below(path, "site-packages/").or_else(|| below(path, "dist-packages/")) {
        let mut folders = rest.split('/');
        let first = folders.next()?;
        // An egg and a dist-info carry name and version in their own names (PEP 376, setuptools' format of eggs).
        let stated = first.strip_suffix(".dist-info").or_else(|| first.strip_suffix(".egg"));
        let (package, version) = match stated.and_then(|it| it.split_once('-')) {
            Some((name, rest)) => (name, rest.split("-py").next()),
            None => (first.split('.').next().unwrap_or(first), None),
        };
        let told = frame(Origin::ThirdParty, Rule::PackageFolder, language, package, version);
        let module = rest.get(if stated.is_some() { first.len() + 1 } else { 0 }..).and_then(module);
        return Some(Frame { module, ..told });
    }
    let rest = path
        .ends_with(".py")
        .then(|| below(path, "/lib/python").or_else(|| below(path, "/lib64/python")))
        .flatten()?;
    let (version, file) = rest.split_once('/')?;
    let told = frame(Origin::BaseLibrary, Rule::LanguageFolder, language, "python", Some(version));
    Some(Frame { module: module(file), ..told })
}

/// Writes a Python file as a module: `requests/sessions.py` is `requests.sessions`.
fn module(file: &str) -> Option<String> {
    let path = file.strip_suffix(".py")?;
    Some(path.strip_suffix("/__init__").unwrap_or(path).replace('/', "."))
}

fn rust(path: &str) -> Option<Frame> {
    let language = CodeLanguage::Rust;
    if let Some(rest) = below(path, "/registry/src/") {
        let (name, version) = name_and_version(rest.split('/').nth(1)?);
        return Some(frame(Origin::ThirdParty, Rule::PackageFolder, language, name, version));
    }
    if let Some(rest) = below(path, "/git/checkouts/") {
        let folder = rest.split('/').next()?;
        let name = folder.rsplit_once('-').map_or(folder, |(name, _)| name);
        return Some(frame(Origin::ThirdParty, Rule::PackageFolder, language, name, None));
    }
    let rest = path.contains("/rustc/").then(|| below(path, "/library/")).flatten()?;
    Some(frame(Origin::BaseLibrary, Rule::LanguageFolder, language, rest.split('/').next()?, None))
}

fn node(path: &str) -> Option<Frame> {
    let language = CodeLanguage::Node;
    if let Some(module) = path.strip_prefix("node:") {
        let told = frame(Origin::BaseLibrary, Rule::LanguageFolder, language, "node", None);
        return Some(Frame { module: Some(module.to_owned()), ..told });
    }
    let rest = below(path, "node_modules/")?;
    let n_parts = if rest.starts_with('@') { 2 } else { 1 };
    let package: Vec<&str> = rest.split('/').take(n_parts).collect();
    let package = package.join("/");
    // pnpm's store has the version in the folder: `.pnpm/express@4.18.2/node_modules/express`.
    let stated = below(path, "/.pnpm/").and_then(|it| it.split('/').next()).and_then(|folder| {
        let rest = folder.strip_prefix(&package.replace('/', "+"))?.strip_prefix('@')?;
        rest.split(['(', '_']).next()
    });
    Some(frame(Origin::ThirdParty, Rule::PackageFolder, language, &package, stated))
}

fn go(path: &str) -> Option<Frame> {
    let language = CodeLanguage::Go;
    if let Some((module, rest)) = below(path, "/pkg/mod/").and_then(|it| it.split_once('@')) {
        return Some(frame(
            Origin::ThirdParty,
            Rule::PackageFolder,
            language,
            &unescaped(module),
            rest.split('/').next(),
        ));
    }
    let is_go = path.ends_with(".go");
    if let Some(rest) = is_go.then(|| below(path, "/vendor/")).flatten().filter(|it| it.contains('.')) {
        let told = by_name(&format!("{}.it", rest.rsplit_once('/')?.0));
        return Some(Frame { rule: Rule::PackageFolder, origin: Origin::ThirdParty, module: None, ..told });
    }
    let rest = is_go.then(|| below(path, "/go/src/")).flatten()?;
    let is_runtime = rest.starts_with("runtime/");
    let origin = if is_runtime { Origin::Runtime } else { Origin::BaseLibrary };
    Some(frame(origin, Rule::LanguageFolder, language, "go", None))
}

/// Reads the module cache's way of writing capitals: `github.com/!burnt!sushi`. Source: <https://go.dev/ref/mod#module-cache>.
fn unescaped(module: &str) -> String {
    let mut out = String::with_capacity(module.len());
    let mut is_capital = false;
    for c in module.chars() {
        match c {
            '!' => is_capital = true,
            _ => {
                out.push(if is_capital { c.to_ascii_uppercase() } else { c });
                is_capital = false;
            }
        }
    }
    out
}

fn jar(path: &str) -> Option<Frame> {
    // logback writes `jackson-databind-2.15.2.jar:2.15.2`, Spring Boot `app.jar!/BOOT-INF/lib/x-1.jar!/`.
    let end = path.rfind(".jar")?;
    let name = path.get(..end)?.rsplit(['/', '!']).next()?;
    let (name, version) = name_and_version(name);
    let is_base = matches!(name, "rt" | "jrt-fs" | "tools");
    let origin = if is_base { Origin::BaseLibrary } else { Origin::ThirdParty };
    Some(frame(origin, Rule::Jar, CodeLanguage::Java, name, version))
}

/// Divides `tokio-1.40.0` into name and version at the first dash before a digit; without one the whole is the name.
fn name_and_version(text: &str) -> (&str, Option<&str>) {
    let digit = |rest: &str| rest.starts_with(|it: char| it.is_ascii_digit());
    let dash = text.match_indices('-').find(|(at, _)| text.get(at + 1..).is_some_and(digit));
    match dash {
        Some((at, _)) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
        None => (text, None),
    }
}

/// Libraries of the system that every program stands on.
const BASE_OBJECTS: [&str; 9] =
    ["libc", "libm", "libpthread", "libdl", "librt", "libstdc++", "libgcc_s", "libc++", "libresolv"];
/// What languages run on.
const RUNTIME_OBJECTS: [&str; 8] =
    ["libjvm", "libpython", "libruby", "libcoreclr", "libnode", "libmono", "libv8", "ld-"];

fn of_object(object: &str, symbol: &str) -> Option<Frame> {
    if let Some(told) = jar(object) {
        return Some(told);
    }
    if let Some(told) = object.contains('/').then(|| of_source(object)).flatten() {
        return Some(told);
    }
    let name = object.rsplit('/').next().unwrap_or(object);
    if name == "vdso" {
        return Some(frame(Origin::BaseLibrary, Rule::SharedObject, CodeLanguage::C, "vdso", None));
    }
    let (library, rest) =
        name.split_once(".so").filter(|(_, rest)| rest.is_empty() || rest.starts_with('.'))?;
    let version = rest.strip_prefix('.');
    // glibc's real files are called `libc-2.31.so`.
    let (library, version) = match name_and_version(library) {
        (short, Some(stated)) if version.is_none() => (short, Some(stated)),
        _ => (library, version),
    };
    let is_runtime = RUNTIME_OBJECTS.iter().any(|it| library.starts_with(it));
    let by_symbol = by_name(symbol);
    // A name that tells more than the object: the interpreter's functions, the allocator's in libc.
    if by_symbol.origin == Origin::Runtime {
        let package = by_symbol.package.clone().or_else(|| Some(library.to_owned()));
        return Some(Frame { package, version: version.map(str::to_owned), ..by_symbol });
    }
    let language =
        if matches!(library, "libstdc++" | "libc++") { CodeLanguage::Cpp } else { CodeLanguage::C };
    let (origin, rule) = match library {
        _ if is_runtime => (Origin::Runtime, Rule::RuntimeObject),
        _ if BASE_OBJECTS.contains(&library) => (Origin::BaseLibrary, Rule::SharedObject),
        _ => (Origin::ThirdParty, Rule::SharedObject),
    };
    Some(frame(origin, rule, language, library, version))
}

/// A source file outside of all folders of package managers: the name may still tell a library; else it is the program's own.
fn other(path: &str, symbol: &str) -> Option<Frame> {
    let language = match path.rsplit('.').next()? {
        "py" => CodeLanguage::Python,
        "js" | "mjs" | "cjs" | "ts" => CodeLanguage::Node,
        "go" => CodeLanguage::Go,
        "rs" => CodeLanguage::Rust,
        "java" => CodeLanguage::Java,
        "c" | "h" => CodeLanguage::C,
        "cc" | "cpp" => CodeLanguage::Cpp,
        _ => return None,
    };
    let told = by_name(symbol);
    if !matches!(told.origin, Origin::Own | Origin::Unknown) {
        return Some(told);
    }
    Some(frame(Origin::Own, Rule::OtherPath, language, "", None))
}
