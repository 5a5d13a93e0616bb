//! Marks within a line of reStructuredText.

/// Returns a line or paragraph by its text: literals in backticks, roles and references by what they show, links to the web with their address, emphasis without its stars.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '|', ':', '\\']) {
        plain.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let taken = take_mark(rest, &mut plain);
        rest = rest.get(taken..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// Longest marked text in bytes; what has no end is no mark, and looking for it must not cost time in the square of the text.
const MAX_MARKED: usize = 1_000;

/// Writes what a mark at the beginning means, and returns how many bytes that takes; at least one.
fn take_mark(text: &str, plain: &mut String) -> usize {
    if let Some(after) = text.strip_prefix('\\') {
        // An escaped space joins what is beside it.
        let Some(next) = after.chars().next() else { return 1 };
        if !next.is_whitespace() {
            plain.push(next);
        }
        return 1 + next.len_utf8();
    }
    if let Some(inner) = between(text, "``", "``") {
        plain.push_str(&format!("`{inner}`"));
        return inner.len() + 4;
    }
    if let Some((role, inner)) = role(text) {
        let shown = inner.trim_start_matches(['~', '!']);
        let shown = shown.rsplit_once('<').map_or(shown, |(shown, _)| shown).trim_end();
        let is_code = !["ref", "doc", "term", "sup", "sub", "numref", "any"].contains(&role);
        plain.push_str(&if is_code { format!("`{shown}`") } else { shown.to_owned() });
        return role.len() + inner.len() + 4;
    }
    if let Some(inner) = between(text, "`", "`") {
        let taken = inner.len() + 2;
        let after = text.get(taken..).unwrap_or_default();
        let n_marks = after.bytes().take_while(|&byte| byte == b'_').count().min(2);
        match inner.rsplit_once('<') {
            Some((shown, address)) if n_marks > 0 => {
                let address = address.trim_end_matches('>');
                plain.push_str(shown.trim_end());
                if address.starts_with("http") && !shown.contains(address) {
                    plain.push_str(&format!(" <{address}>"));
                }
            }
            _ => plain.push_str(inner),
        }
        return taken + n_marks;
    }
    for mark in ["**", "*", "|"] {
        if let Some(inner) = between(text, mark, mark) {
            plain.push_str(inner);
            let taken = inner.len() + 2 * mark.len();
            let after = text.get(taken..).unwrap_or_default();
            return taken + usize::from(mark == "|" && after.starts_with('_'));
        }
    }
    // No mark: the letter itself.
    let letter = text.chars().next().unwrap_or(' ');
    plain.push(letter);
    letter.len_utf8()
}

/// Returns what stands between two marks, if it begins and ends with a letter.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(start)?;
    let mut bound = rest.len().min(MAX_MARKED);
    while !rest.is_char_boundary(bound) {
        bound -= 1;
    }
    let inner = rest.get(..rest.get(..bound)?.find(end)?)?;
    let is_marked =
        !inner.is_empty() && !inner.starts_with(char::is_whitespace) && !inner.ends_with(char::is_whitespace);
    is_marked.then_some(inner)
}

/// Reads `:role:` and the text in backticks behind it.
fn role(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(':')?;
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.+:".contains(letter);
    let end = rest.find(|letter| !is_name(letter)).filter(|end| *end < 64)?;
    let role = rest.get(..end)?.strip_suffix(':')?;
    let inner = between(rest.get(end..)?, "`", "`")?;
    (!role.is_empty()).then_some((role, inner))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_become_what_a_reader_sees() {
        let cases = [
            ("Call ``df -h`` **now**, *please*.", "Call `df -h` now, please."),
            (":py:func:`~os.path.join` and :ref:`the guide <guide>`", "`os.path.join` and the guide"),
            (
                "See `the docs <https://docs.example/a>`_ or `there`__.",
                "See the docs <https://docs.example/a> or there.",
            ),
            ("at 12:30: |product| is `fine", "at 12:30: product is `fine"),
            ("2 * 3 * 4, a\\*b, x\\ y", "2 * 3 * 4, a*b, xy"),
            ("``磁盘`` 已满：**清理**", "`磁盘` 已满：清理"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected);
        }
    }

    proptest! {
        #[test]
        fn letters_stay(text in "([a-z长 ]|[`*|:\\\\<>_]){0,80}") {
            let plain = plain(&text);
            prop_assert!(plain.len() <= 2 * text.len() + 2);
        }
    }

    #[test]
    fn marks_without_end_cost_little() {
        for mark in ["`", "*", "|", ":a:`", "``", "**a"] {
            let text = mark.repeat(200_000);
            assert!(plain(&text).len() <= 2 * text.len());
        }
    }
}
