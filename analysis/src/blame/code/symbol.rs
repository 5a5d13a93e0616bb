//! From a frame of a profile to the function and the modules that it names.

use std::sync::LazyLock;

use regex::Regex;

/// What a frame names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbol {
    /// Own name of the function, as written; empty when the frame has none.
    pub function: String,
    /// Modules, packages and types around it, outermost first.
    pub modules: Vec<String>,
    /// The source file, where the frame or its location says so.
    pub file: Option<String>,
}

/// Longer frames are cut: symbols of generic code can be of any length.
const MAX_FRAME: usize = 2_000;

/// A source file, with a line behind it or not.
static FILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"[\w./@\-]+\.(?:rs|go|py|java|kt|scala|m?[jt]sx?|cjs|cc?|cpp|cxx|hh?|hpp|rb|php|cs)\b(?::\d+)*",
    )
    .ok()
});
/// What compilers add to a name: closures, hashes, numbered inner functions.
static ADDED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(\{.*|func\d+(\.\d+)*|lambda|lambda\d*|access|h[0-9a-f]{16}|\d+|<.*|anonymous|\(anonymous|0x[0-9a-f]+)$").ok()
});

/// Reads a frame as profilers of Rust, Go, Python, Java, JavaScript, C and C++ write them; `location` is `file.rs:88` where known.
///
/// Mangled names of nested C++ and Rust functions are read as far as they are plain. Text that names nothing gives an empty function.
pub fn symbol(frame: &str, location: Option<&str>) -> Symbol {
    let frame: String = frame.chars().take(MAX_FRAME).collect();
    let found = FILE.as_ref().and_then(|pattern| pattern.find(&frame));
    let written = location.map(str::to_owned).or_else(|| found.map(|file| file.as_str().to_owned()));
    let file = written.map(|file| without_line(&file).to_owned()).filter(|file| !file.is_empty());
    let is_mangled = frame.starts_with("_ZN");
    let name = match found {
        Some(found) if !is_mangled => format!("{} {}", &frame[..found.start()], &frame[found.end()..]),
        _ => frame.clone(),
    };
    let mut parts = if is_mangled { nested(&frame) } else { plain(&name) };
    parts.retain(|part| !ADDED.as_ref().is_some_and(|added| added.is_match(part)));
    let function = parts.pop().unwrap_or_default();
    Symbol { function, modules: parts, file }
}

fn without_line(file: &str) -> &str {
    let end = file.rfind('.').and_then(|dot| file[dot..].find(':').map(|colon| dot + colon));
    end.map_or(file, |end| &file[..end])
}

/// Reads `_ZN4shop7reserveE`: each name after its length. Itanium C++ ABI, 5.1.2, <https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling>.
fn nested(mangled: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = mangled.trim_start_matches("_ZN").trim_start_matches(['K', 'V', 'r']);
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0) {
        let Ok(length) = rest[..end].parse::<usize>() else { break };
        let Some(part) = rest.get(end..end.saturating_add(length)) else { break };
        parts.push(part.to_owned());
        rest = rest.get(end + length..).unwrap_or_default();
    }
    parts
}

fn plain(name: &str) -> Vec<String> {
    // Methods of Go carry their receiver in brackets, trait methods of Rust their type in angles.
    let mut text = name.trim().trim_start_matches(['*', '~', '^', '+']).replace("(*", "").replace(").", ".");
    if let Some((inside, after)) = text.strip_prefix('<').and_then(|rest| rest.split_once(">::")) {
        text = format!("{}::{after}", inside.split(" as ").next().unwrap_or_default());
    }
    let text = without_brackets(&text);
    // `void shop::reserve` has a type in front; `reserve /app/x` something behind.
    let words: Vec<&str> =
        text.split_whitespace().filter(|word| !["new", "async", "const", "static"].contains(word)).collect();
    let word = words.iter().find(|word| word.contains("::")).or(words.first()).copied().unwrap_or_default();
    let word = word.strip_prefix("py::").unwrap_or(word);
    word.split(['.', '/', '$', '#', ':', '`']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Leaves out what stands in round and angle brackets: arguments and type parameters.
fn without_brackets(text: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for char in text.chars() {
        match char {
            '(' | '<' => depth += 1,
            ')' | '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(char),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_of_any_language_names_its_function() {
        let cases = [
            ("shop::stock::match_sku", "match_sku", "shop/stock", None),
            ("shop::stock::match_sku::{{closure}}::h0123456789abcdef", "match_sku", "shop/stock", None),
            ("<shop::Shelf as core::clone::Clone>::clone", "clone", "shop/Shelf", None),
            ("_ZN4shop5stock9match_sku17h0123456789abcdefE", "match_sku", "shop/stock", None),
            (
                "git.example/acme/stock.(*Shelf).MatchSku.func1",
                "MatchSku",
                "git/example/acme/stock/Shelf",
                None,
            ),
            ("com.acme.stock.StockService.matchSku", "matchSku", "com/acme/stock/StockService", None),
            ("com.acme.Stock$Inner.lambda$match$0", "match", "com/acme/Stock/Inner", None),
            ("match_sku (stock/shelf.py:88)", "match_sku", "", Some("stock/shelf.py")),
            ("matchSku (/app/stock/src/shelf.ts:88:12)", "matchSku", "", Some("/app/stock/src/shelf.ts")),
            ("*Shelf.matchSku /app/shelf.js:7", "matchSku", "Shelf", Some("/app/shelf.js")),
            ("void acme::match_sku<int>(std::string const&)", "match_sku", "acme", None),
            ("[unknown]", "[unknown]", "", None),
            ("", "", "", None),
        ];
        for (frame, function, modules, file) in cases {
            let found = symbol(frame, None);
            assert_eq!(
                (found.function.as_str(), found.modules.join("/").as_str(), found.file.as_deref()),
                (function, modules, file),
                "{frame}"
            );
        }
        assert_eq!(symbol("f", Some("reserve.rs:88")).file.as_deref(), Some("reserve.rs"));
    }

    proptest! {
        #[test]
        fn any_frame_is_read(frame in "(?s).{0,120}", mangled in "_ZN[0-9a-z]{0,40}") {
            symbol(&frame, None);
            symbol(&mangled, Some(&frame));
        }
    }
}
