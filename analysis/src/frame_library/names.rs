//! What a name alone tells: whose it is by how it begins, and where its module ends and its function begins.

use super::{
    CodeLanguage, Frame, Origin, Rule,
    known::{BASE, Begins, KERNEL, KNOWN, RUNTIME, RUST_STANDARD},
};

/// Tells what a name says.
pub(super) fn told(symbol: &str) -> Frame {
    if symbol.is_empty() {
        return Frame::default();
    }
    let name = symbol.trim_start_matches(['<', '&', '*']);
    let name = name.strip_prefix("dyn ").or_else(|| name.strip_prefix("mut ")).unwrap_or(name);
    let unmangled = mangled(name);
    let name = unmangled.as_deref().unwrap_or(name);
    if KERNEL.iter().any(|it| is_named(name, it)) {
        return frame(Origin::Kernel, Rule::KernelName, Some(CodeLanguage::C), None);
    }
    let lists: [(&[Begins], Origin, Rule); 3] = [
        (RUNTIME, Origin::Runtime, Rule::RuntimeName),
        (BASE, Origin::BaseLibrary, Rule::BaseName),
        (KNOWN, Origin::ThirdParty, Rule::KnownName),
    ];
    if let Some(told) = rust_standard(name) {
        return told;
    }
    for (list, origin, rule) in lists {
        // The longest beginning tells most.
        let fits = list.iter().filter(|(begin, ..)| is_named(name, begin));
        if let Some((_, language, package)) = fits.max_by_key(|(begin, ..)| begin.len()) {
            return frame(origin, rule, Some(*language), Some(package));
        }
    }
    go(name).unwrap_or_else(|| frame(Origin::Own, Rule::Unclaimed, language_of(name), None))
}

fn frame(origin: Origin, rule: Rule, language: Option<CodeLanguage>, package: Option<&str>) -> Frame {
    Frame { origin, rule, language, package: package.map(str::to_owned), ..Frame::default() }
}

/// A pattern that ends in a word is a whole name; one that ends in a sign, or in `*`, is a beginning.
fn is_named(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None if pattern.ends_with(['.', ':', '_', '/']) => name.starts_with(pattern),
        // Symbols carry what compilers and linkers add: `malloc@plt`, `tcp_sendmsg.isra.0`.
        None => name
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '.', '('])),
    }
}

/// Rust and C++ share `std::`; what comes next tells them apart.
fn rust_standard(name: &str) -> Option<Frame> {
    let (package, rest) = name.split_once("::")?;
    let is_rust = match package {
        "core" | "alloc" => true,
        "std" => RUST_STANDARD.contains(&rest.split("::").next().unwrap_or_default()),
        _ => false,
    };
    let is_runtime = package == "std" && ["rt::", "sys::"].iter().any(|it| rest.starts_with(it));
    let (origin, rule) = match is_runtime {
        true => (Origin::Runtime, Rule::RuntimeName),
        false => (Origin::BaseLibrary, Rule::BaseName),
    };
    is_rust.then(|| frame(origin, rule, Some(CodeLanguage::Rust), Some(package)))
}

/// A Go name: an import path whose first part is a host for what others wrote, and a plain word for the standard library.
fn go(name: &str) -> Option<Frame> {
    let (head, _) = name.split_once('(').unwrap_or((name, ""));
    let (host, rest) = head.split_once('/')?;
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    if is_word(host) && rest.contains('.') && !rest.contains([' ', ';', ':']) {
        return Some(frame(Origin::BaseLibrary, Rule::BaseName, Some(CodeLanguage::Go), Some("go")));
    }
    let is_host =
        host.contains('.') && host.bytes().all(|it| it.is_ascii_alphanumeric() || b".-".contains(&it));
    if !is_host || head.contains("::") {
        return None;
    }
    let (path, _) = split_go(name)?;
    let parts: Vec<&str> = path.split('/').collect();
    // Hosts of code put a module at `host/owner/name`, vanity hosts at `host/name`. Source: <https://go.dev/ref/mod#vcs-find>.
    let n_parts = match host {
        "k8s.io" | "sigs.k8s.io" | "google.golang.org" | "go.uber.org" | "gopkg.in" | "go.etcd.io"
        | "gorm.io" | "cloud.google.com" => 2,
        _ => 3,
    };
    let is_major = |part: &&str| {
        part.strip_prefix('v').is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()))
    };
    let with_major = n_parts + usize::from(parts.get(n_parts).is_some_and(is_major));
    let module = parts.get(..with_major).unwrap_or(&parts).join("/");
    Some(frame(Origin::ThirdParty, Rule::ImportPath, Some(CodeLanguage::Go), Some(&module)))
}

/// Divides a Go name into its import path and the rest; dots in the path's last part are written `%2e`.
fn split_go(name: &str) -> Option<(String, String)> {
    let last = name.split('(').next()?.rfind('/').map_or(0, |at| at + 1);
    let dot = name.get(last..)?.find('.')? + last;
    let path = name.get(..dot)?.replace("%2e", ".");
    Some((path, name.get(dot + 1..)?.to_owned()))
}

/// Reads the first names of a mangled C++ or Rust name: `_ZN5tokio7runtime4task`. Source: Itanium C++ ABI, section 5.1.
fn mangled(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("_ZN")?.trim_start_matches(['K', 'V', 'r']);
    let mut parts = Vec::new();
    while parts.len() < 16 {
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some(length) = rest.get(..n_digits).and_then(|it| it.parse::<usize>().ok()) else { break };
        let Some(part) = n_digits.checked_add(length).and_then(|end| rest.get(n_digits..end)) else { break };
        parts.push(part);
        rest = rest.get(n_digits + length..).unwrap_or_default();
    }
    (!parts.is_empty()).then(|| parts.join("::"))
}

fn language_of(name: &str) -> Option<CodeLanguage> {
    let is_class = |part: &str| part.starts_with(|it: char| it.is_ascii_uppercase());
    if name.contains("::") {
        let has_types = name.contains('(') || name.contains("operator") || name.contains("~");
        return Some(if has_types { CodeLanguage::Cpp } else { CodeLanguage::Rust });
    }
    if name.starts_with("main.") {
        return Some(CodeLanguage::Go);
    }
    if name.contains(':') {
        return Some(CodeLanguage::Python);
    }
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() >= 3 && parts.iter().rev().nth(1).is_some_and(|it| is_class(it)) {
        return Some(CodeLanguage::Java);
    }
    None
}

/// Divides a name into module and function as its language does.
pub(super) fn split(symbol: &str, language: Option<CodeLanguage>) -> (Option<String>, String) {
    let some = |module: &str| (!module.is_empty()).then(|| module.to_owned());
    if language == Some(CodeLanguage::Go)
        && let Some((path, function)) = split_go(symbol)
    {
        return (some(&path), function);
    }
    // What is generic or takes arguments may have separators inside.
    let head = symbol.split_once('(').filter(|(head, _)| !head.is_empty()).map_or(symbol, |(head, _)| head);
    let separators: &[&str] = match language {
        Some(CodeLanguage::Rust | CodeLanguage::Cpp) => &["::"],
        Some(CodeLanguage::Python) => &[":", "."],
        Some(CodeLanguage::Java | CodeLanguage::Node) => &[".", "::"],
        _ => &["::"],
    };
    for separator in separators {
        let cut = match head.ends_with('>') {
            // `<T as Trait>::method` and `name::<T>` are divided outside of the angles.
            true => head
                .find('<')
                .and_then(|at| head.get(..at))
                .and_then(|it| it.trim_end_matches("::").rfind(separator)),
            false => head.rfind(separator),
        };
        if let Some(at) = cut {
            let (module, function) = (symbol.get(..at), symbol.get(at + separator.len()..));
            return (module.and_then(some), function.unwrap_or_default().to_owned());
        }
    }
    (None, symbol.to_owned())
}
