//! From a line of code to the function or type that it begins.

use std::sync::LazyLock;

use regex::Regex;

/// A word that begins a definition, and the name behind it; methods of Go have a receiver in between.
static WORDED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:fn|func|function\*?|def|class|struct|enum|trait|impl|interface|object|record)\s+(?:\([^)]*\)\s*)?([A-Za-z_$][\w$]*)").ok()
});
/// `const name = async (…) => {` and `name: function (…)`.
static ASSIGNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:export\s+)?(?:default\s+)?(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*(?::[^=]+)?=\s*(?:async\s*)?(?:\([^)]*\)|[A-Za-z_$][\w$]*)\s*(?::[^=]+)?=>").ok()
});
/// `public List<Item> name(…) {`, `int name(…)`, `name(…) {`.
static METHOD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:[\w<>\[\],.*&:@?]+\s+)*?[*&]*(?:[\w]+::)*([A-Za-z_$~][\w$]*)\s*\([^;=]*\)?\s*(?:const|noexcept|override|throws [\w., ]+|:\s*[\w<>\[\]| ]+)?\s*\{?\s*$").ok()
});
/// What looks like a method and is none.
const BLOCKS: &[&str] = &[
    "if",
    "else",
    "for",
    "foreach",
    "while",
    "do",
    "switch",
    "match",
    "case",
    "try",
    "catch",
    "finally",
    "with",
    "return",
    "loop",
    "throw",
    "new",
    "await",
    "yield",
    "elif",
    "except",
    "raise",
    "assert",
    "print",
    "synchronized",
];

/// Returns the name of what a line begins to define; `None` when it begins nothing.
///
/// A call on a line of its own looks like a method in C; `is_alone` tells that the line is known to be a definition, as the line behind `@@` is.
pub fn definition(line: &str, is_alone: bool) -> Option<String> {
    let line = line.trim_end();
    let trimmed = line.trim_start();
    if ["//", "#", "*", "/*", "--"].iter().any(|mark| trimmed.starts_with(mark)) || line.len() > 400 {
        return None;
    }
    let named = |pattern: &LazyLock<Option<Regex>>| {
        pattern.as_ref()?.captures(line)?.get(1).map(|name| name.as_str().to_owned())
    };
    if let Some(name) = named(&WORDED).or_else(|| named(&ASSIGNED)) {
        return Some(name);
    }
    if !is_alone && !trimmed.ends_with('{') {
        return None;
    }
    let first = trimmed.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    if BLOCKS.contains(&first) || trimmed.starts_with(['}', '.', '(']) {
        return None;
    }
    named(&METHOD).filter(|name| !BLOCKS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_name_of_a_definition_is_read_in_every_language() {
        let cases = [
            ("    pub async fn reserve(", Some("reserve")),
            ("func (s *Shelf) Reserve(o Order) bool {", Some("Reserve")),
            ("    def match_sku(self, sku):", Some("match_sku")),
            ("  public List<Item> findAll(Order o) throws IOException {", Some("findAll")),
            ("export async function loadCart(id: string) {", Some("loadCart")),
            ("export const loadCart = async (id: string): Promise<Cart> => {", Some("loadCart")),
            ("  reserve(order) {", Some("reserve")),
            ("bool Shelf::reserve(const Order& order) const {", Some("reserve")),
            ("class Shelf {", Some("Shelf")),
            ("    if (ready(x)) {", None),
            ("    } else if (a(b)) {", None),
            ("    for item in items(x) {", None),
            ("    reserve(order);", None),
            ("// fn old(", None),
            ("    let x = reserve(order);", None),
        ];
        for (line, wanted) in cases {
            assert_eq!(definition(line, false).as_deref(), wanted, "{line}");
        }
        assert_eq!(definition("int main(void)", true).as_deref(), Some("main"));
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "[ -~]{0,120}") {
            definition(&line, true);
            definition(&line, false);
        }
    }
}
