//! Escapes of roff, and arguments of its macros. <https://man7.org/linux/man-pages/man7/groff.7.html>

/// Names of letters. <https://man7.org/linux/man-pages/man7/groff_char.7.html>
const LETTERS: &[(&str, &str)] = &[
    ("aq", "'"),
    ("dq", "\""),
    ("lq", "“"),
    ("rq", "”"),
    ("oq", "‘"),
    ("cq", "’"),
    ("em", "—"),
    ("en", "–"),
    ("hy", "-"),
    ("bu", "•"),
    ("co", "©"),
    ("rg", "®"),
    ("tm", "™"),
    ("ha", "^"),
    ("ti", "~"),
    ("ga", "`"),
    ("rs", "\\"),
    ("lB", "["),
    ("rB", "]"),
    ("lC", "{"),
    ("rC", "}"),
    ("la", "<"),
    ("ra", ">"),
    ("->", "→"),
    ("<-", "←"),
    ("<=", "≤"),
    (">=", "≥"),
    ("!=", "≠"),
    ("+-", "±"),
    ("mu", "×"),
    ("de", "°"),
    ("sc", "§"),
    ("ba", "|"),
    ("or", "|"),
    ("sl", "/"),
    ("at", "@"),
    ("sh", "#"),
    ("Do", "$"),
    ("Fo", "«"),
    ("Fc", "»"),
    ("ss", "ß"),
    ("mc", "µ"),
    ("12", "½"),
    ("14", "¼"),
    ("34", "¾"),
    ("if", "∞"),
    ("mi", "-"),
    ("pl", "+"),
    ("eq", "="),
    ("Tm", "™"),
    ("R", "®"),
    ("L\"", "“"),
    ("R\"", "”"),
    ("Lq", "“"),
    ("Rq", "”"),
    ("*Q", "“"),
];

/// Returns a line by what is printed.
pub fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        rest = escape(after, &mut plain);
    }
    plain.push_str(rest);
    plain
}

/// Splits what stands behind a macro: at spaces, unless in quotes, where two quotes are one. A comment ends it.
pub fn arguments(text: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut open: Option<String> = None;
    let mut is_quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'"') => break,
            '\\' => {
                let word = open.get_or_insert_default();
                word.push('\\');
                word.extend(letters.next());
            }
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                open.get_or_insert_default().push('"');
            }
            '"' if is_quoted => {
                is_quoted = false;
                arguments.extend(open.take());
            }
            '"' if open.is_none() => {
                is_quoted = true;
                open = Some(String::new());
            }
            ' ' | '\t' if !is_quoted => arguments.extend(open.take()),
            letter => open.get_or_insert_default().push(letter),
        }
    }
    arguments.extend(open);
    arguments
}

/// Writes what an escape means, and returns what stands behind it.
fn escape<'a>(text: &'a str, plain: &mut String) -> &'a str {
    let mut letters = text.chars();
    let Some(kind) = letters.next() else {
        return "";
    };
    let rest = letters.as_str();
    match kind {
        // A comment.
        '"' | '#' => "",
        '-' | '\'' | '`' | '.' | '_' | '/' if kind != '/' => {
            plain.push(kind);
            rest
        }
        'e' | 'E' => {
            plain.push('\\');
            rest
        }
        '\\' => {
            plain.push('\\');
            rest
        }
        '~' | ' ' | '0' => {
            plain.push(' ');
            rest
        }
        't' => {
            plain.push('\t');
            rest
        }
        '(' | '[' | 'C' | '*' => {
            let (name, rest) = match kind {
                '(' => two(rest),
                '[' => rest.split_once(']').unwrap_or((rest, "")),
                'C' => quoted(rest),
                _ => name(rest),
            };
            plain.push_str(&letter(name));
            rest
        }
        // Fonts, colours, registers: a name behind each that prints nothing.
        'f' | 'F' | 'm' | 'M' | 'n' | 'g' | 'k' | 'Y' | 'V' => name(rest).1,
        's' => size(rest),
        'h' | 'v' | 'w' | 'b' | 'l' | 'L' | 'x' | 'o' | 'X' | 'D' | 'H' | 'S' | 'A' | 'B' | 'Z' | 'R'
        | 'N' => quoted(rest).1,
        // Spaces of no width, breaks, marks of hyphenation, joined lines.
        _ => rest,
    }
}

/// Returns a name of one letter, of two behind `(`, or of any length in brackets.
fn name(text: &str) -> (&str, &str) {
    if let Some(rest) = text.strip_prefix('(') {
        return two(rest);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').unwrap_or((rest, ""));
    }
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length = text.chars().next().map_or(0, char::len_utf8);
    text.split_at(length)
}

fn two(text: &str) -> (&str, &str) {
    let length = text.chars().take(2).map(char::len_utf8).sum();
    text.split_at(length)
}

fn quoted(text: &str) -> (&str, &str) {
    text.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).unwrap_or(("", text))
}

fn size(text: &str) -> &str {
    if text.starts_with(['(', '[', '\'']) {
        return if text.starts_with('\'') { quoted(text).1 } else { name(text).1 };
    }
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    text.strip_prefix(|letter: char| letter.is_ascii_digit()).unwrap_or(text)
}

fn letter(name: &str) -> String {
    if let Some((_, letter)) = LETTERS.iter().find(|(known, _)| *known == name) {
        return (*letter).to_owned();
    }
    let code =
        name.strip_prefix('u').and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
    if let Some(letter) = code.filter(|letter| !letter.is_control()) {
        return letter.to_string();
    }
    // A letter with an accent, such as `'e` and `:o`, by the letter.
    match name.strip_prefix(['\'', '`', '^', ':', '~', ',']) {
        Some(letter) if letter.chars().count() == 1 => letter.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_print_what_a_reader_sees() {
        let cases = [
            (r"\fB\-\-all\fR, \f(CWdf\fP \f[B]x\f[]", "--all, df x"),
            (r"\(bu item \(em \[u78C1] \*(lqquoted\*(rq", "• item — 磁 “quoted”"),
            (r"a\&b \s-1SMALL\s0 \e\|n", r"ab SMALL \n"),
            (r"C:\\dir \h'1i'x\c", r"C:\dir x"),
            ("text \\\" comment", "text "),
            ("\\", ""),
            ("\\f", ""),
            ("\\[no end", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(plain(line), expected, "{line}");
        }
    }

    #[test]
    fn arguments_may_be_quoted() {
        let cases: [(&str, &[&str]); 4] = [
            (r#"DF 1 "2024" "a ""b"" c""#, &["DF", "1", "2024", "a \"b\" c"]),
            (r#"\-a ", " \-b \" comment"#, &["\\-a", ", ", "\\-b"]),
            ("", &[]),
            ("\"open", &["open"]),
        ];
        for (text, expected) in cases {
            assert_eq!(arguments(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_line_reads(line in "([a-z长 ]|[\\\\\"'()\\[\\]*fs]){0,60}") {
            let _ = arguments(&line);
            prop_assert!(plain(&line).len() <= 3 * line.len());
        }
    }
}
