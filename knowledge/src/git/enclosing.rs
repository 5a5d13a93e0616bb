//! Which definition or heading a line stands in.

/// Longest line that is told, letters.
const MAX_LETTERS: usize = 120;

/// Words that begin a definition, after those of [`MODIFIERS`].
const DEFINITIONS: [&str; 22] = [
    "fn",
    "func",
    "function",
    "def",
    "class",
    "struct",
    "enum",
    "trait",
    "impl",
    "interface",
    "module",
    "mod",
    "namespace",
    "package",
    "object",
    "record",
    "macro_rules!",
    "defmodule",
    "describe",
    "resource",
    "sub",
    "proc",
];

/// Words that may stand before a definition.
const MODIFIERS: [&str; 18] = [
    "pub",
    "pub(crate)",
    "pub(super)",
    "public",
    "private",
    "protected",
    "internal",
    "static",
    "final",
    "abstract",
    "async",
    "const",
    "unsafe",
    "export",
    "default",
    "override",
    "virtual",
    "inline",
];

/// Words that begin a block which is no definition, though it looks like one: `if (ready) {`.
const BLOCKS: [&str; 16] = [
    "if", "else", "for", "foreach", "while", "do", "switch", "match", "case", "try", "catch", "finally",
    "with", "return", "loop", "}",
];

/// Returns the nearest line `above` that looks like the definition or heading in which `line` stands.
///
/// ## Assumptions
///
/// Code is indented: what encloses a line stands further left than the line, so a function that ended above does not count.
/// A definition begins with a word that says so, or stands at the margin as in git's own rule, or looks like a method: `name(…) {`.
/// In Markdown a heading of the second level or below encloses what follows; one `#` is left out, as it begins comments elsewhere.
pub fn enclosing<'a>(above: &'a [String], line: &str) -> Option<&'a str> {
    let depth = indentation(line);
    let found = above.iter().rev().find(|candidate| {
        is_heading(candidate) || (indentation(candidate) < depth && is_definition(candidate))
    })?;
    let text = found.trim();
    Some(text.char_indices().nth(MAX_LETTERS).map_or(text, |(end, _)| &text[..end]))
}

/// Letters in front; a tab reaches as far as eight spaces.
fn indentation(line: &str) -> usize {
    let blanks = line.chars().take_while(|letter| [' ', '\t'].contains(letter));
    blanks.map(|letter| if letter == '\t' { 8 } else { 1 }).sum()
}

/// `## Heading`.
fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    (2..=6).contains(&level) && rest.starts_with(' ')
}

fn is_definition(line: &str) -> bool {
    let text = line.trim();
    // Git's own rule, `def_ff` in its `xdiff/xemit.c`: a letter, `_` or `$` at the margin.
    let is_at_margin =
        line.starts_with(|letter: char| letter.is_alphabetic() || ['_', '$'].contains(&letter));
    let is_section = line.starts_with('[') && text.ends_with(']');
    if is_at_margin || is_section {
        return true;
    }
    let mut words = text.split([' ', '(', '<', '{', ':']).skip_while(|word| MODIFIERS.contains(word));
    let word = words.next().unwrap_or_default();
    if DEFINITIONS.contains(&word) {
        return true;
    }
    let has_arguments = text.split_once('(').is_some_and(|(_, rest)| rest.contains(')'));
    let looks_like_method =
        text.ends_with('{') && has_arguments && !text.contains('=') && !text.starts_with(['.', '(', ')']);
    looks_like_method && !BLOCKS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line marked with `»` stands in the expected one.
    fn check(text: &str, expected: Option<&str>) {
        let (above, line) = text.split_once('»').unwrap();
        let above: Vec<_> = above.lines().map(str::to_owned).collect();
        assert_eq!(enclosing(&above, line.lines().next().unwrap()), expected, "{text}");
    }

    #[test]
    fn a_line_stands_in_the_nearest_definition_further_left() {
        let cases = [
            (
                "impl Shelf {\n    pub fn reserve(\n        &mut self,\n    ) -> bool {\n»        true\n",
                Some("pub fn reserve("),
            ),
            (
                "impl Shelf {\n    fn a() {\n        one();\n    }\n\n»    const B: u8 = 1;\n",
                Some("impl Shelf {"),
            ),
            ("fn a() {\n    one();\n}\n\n»fn b() {\n", None),
            ("fn a() {\n    if ready() {\n»        one();\n", Some("fn a() {")),
            ("def a(self):\n    for x in y:\n»        x()\n", Some("def a(self):")),
            ("class A:\n    async def b(self):\n»        pass\n", Some("async def b(self):")),
            (
                "func (s *Shelf) Reserve(o Order) bool {\n»\treturn true\n",
                Some("func (s *Shelf) Reserve(o Order) bool {"),
            ),
            (
                "class Shelf {\n  public boolean reserve(Order o) {\n»    return true;\n",
                Some("public boolean reserve(Order o) {"),
            ),
            (
                "class Shelf {\n  reserve(order) {\n    while (true) {\n»      go();\n",
                Some("reserve(order) {"),
            ),
            ("int main(void)\n{\n»\treturn 0;\n", Some("int main(void)")),
            ("[dependencies]\n»serde = \"1\"\n", None),
            ("services:\n  shop:\n»    image: shop:2\n", Some("services:")),
            ("# Shop\n\n## Stock\n\n»Some words.\n", Some("## Stock")),
            ("»first\n", None),
            ("» \n", None),
        ];
        for (text, expected) in cases {
            check(text, expected);
        }
    }

    #[test]
    fn a_long_line_is_told_in_part() {
        let long = format!("fn {}() {{\n»    one();\n", "长".repeat(500));
        let (above, line) = long.split_once('»').unwrap();
        let told = enclosing(&[above.trim_end().to_owned()], line).unwrap().to_owned();
        assert_eq!(told.chars().count(), MAX_LETTERS);
    }
}
