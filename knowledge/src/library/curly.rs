//! Doc comments of languages with braces, each with the declaration that it stands on.
//!
//! This reads tokens and not grammar: comments, strings and brackets are told apart, what is between `;`, `{` and `}` is a declaration's head,
//! and each language says how a head is named. Bodies of functions are passed over.

/// How a language writes what matters here.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    /// Begins a line of documentation: `///`. Go has `//`, and a blank line parts it from what follows.
    pub(super) line: &'static str,
    /// Begins a line of documentation on what it is in: `//!`.
    pub(super) inner_line: &'static str,
    /// `/** */` is documentation.
    pub(super) has_blocks: bool,
    /// A line ends a declaration, outside of brackets.
    pub(super) ends_at_line: bool,
    /// What `'` is: a string's delimiter, or else a character's or a lifetime's.
    pub(super) has_quoted_strings: bool,
    /// How a backslash in backticks counts; `None` when backticks are no strings.
    pub(super) backtick_escapes: Option<bool>,
    /// Reads a head; `None` for what has no name.
    pub(super) head: fn(&str) -> Option<Head>,
}

/// A declaration's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its name, perhaps with its receiver: `Session.request`.
    pub(super) name: String,
    /// It holds other declarations; a function does not.
    pub(super) is_container: bool,
}

/// A documented declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// Names of what it is in, outermost first.
    pub(super) within: Vec<String>,
    pub(super) name: String,
    pub(super) head: String,
    pub(super) text: String,
}

/// Bytes of a head, of a text, and declarations of one file.
const MAX_HEAD: usize = 2_000;
const MAX_TEXT: usize = 64 * 1024;
const MAX_DECLARED: usize = 5_000;

/// Reads a source file: what it says of itself, and its documented declarations in order.
pub(super) fn declarations(source: &str, dialect: &Dialect) -> (String, Vec<Declared>) {
    let mut reader = Reader { rest: source, dialect, ..Reader::new(dialect) };
    while !reader.rest.is_empty() && reader.declared.len() < MAX_DECLARED {
        reader.step();
    }
    reader.declare(false);
    (reader.inner, reader.declared)
}

struct Reader<'a> {
    rest: &'a str,
    dialect: &'a Dialect,
    /// Text since the last declaration ended.
    head: String,
    /// Documentation that waits for a declaration.
    text: String,
    inner: String,
    /// What is open: names of containers, `None` for bodies.
    open: Vec<Option<String>>,
    n_bodies: usize,
    /// Round and square brackets, and braces within them.
    n_brackets: usize,
    /// The line has nothing yet but space.
    is_blank: bool,
    declared: Vec<Declared>,
}

impl<'a> Reader<'a> {
    fn new(dialect: &'a Dialect) -> Self {
        Self {
            rest: "",
            dialect,
            head: String::new(),
            text: String::new(),
            inner: String::new(),
            open: Vec::new(),
            n_bodies: 0,
            n_brackets: 0,
            is_blank: true,
            declared: Vec::new(),
        }
    }

    fn skip(&mut self, n_bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.floor_char_boundary(n_bytes.min(self.rest.len())));
        // Never stands still, whatever was asked.
        let first = rest.chars().next().filter(|_| taken.is_empty()).map_or(0, char::len_utf8);
        let (taken, rest) = self.rest.split_at(taken.len() + first);
        self.rest = rest;
        taken
    }

    fn step(&mut self) {
        let Some(next) = self.rest.chars().next() else { return };
        if self.rest.starts_with("//") {
            return self.line_comment();
        }
        if self.rest.starts_with("/*") {
            return self.block_comment();
        }
        let is_blank = self.is_blank;
        self.is_blank = next == '\n' || (is_blank && next.is_whitespace());
        match next {
            '\n' => {
                if is_blank && self.head.trim().is_empty() && self.dialect.ends_at_line {
                    self.text.clear();
                }
                let goes_on =
                    self.head.trim_end().ends_with([',', '=', '|', '+', '.']) || self.head.trim().is_empty();
                if self.dialect.ends_at_line && self.n_brackets == 0 && !goes_on {
                    self.declare(false);
                } else {
                    self.push("\n");
                }
                self.skip(1);
            }
            '"' => self.string('"', true),
            '\'' if self.dialect.has_quoted_strings => self.string('\'', true),
            '\'' => self.character(),
            '`' if self.dialect.backtick_escapes.is_some() => {
                self.string('`', self.dialect.backtick_escapes == Some(true));
            }
            'r' if is_raw_string(self.rest)
                && !self.head.ends_with(|c: char| c.is_alphanumeric() || c == '_') =>
            {
                self.raw_string()
            }
            '(' | '[' => {
                self.n_brackets += 1;
                self.push_next();
            }
            ')' | ']' => {
                self.n_brackets = self.n_brackets.saturating_sub(1);
                self.push_next();
            }
            '{' if self.n_brackets > 0 => {
                self.n_brackets += 1;
                self.push_next();
            }
            '}' if self.n_brackets > 0 => {
                self.n_brackets -= 1;
                self.push_next();
            }
            '{' => {
                self.skip(1);
                self.declare(true);
            }
            '}' => {
                self.skip(1);
                self.declare(false);
                if self.open.pop() == Some(None) {
                    self.n_bodies = self.n_bodies.saturating_sub(1);
                }
            }
            ';' if self.n_brackets == 0 => {
                self.skip(1);
                self.declare(false);
            }
            _ => self.push_next(),
        }
    }

    fn push(&mut self, text: &str) {
        if self.head.len() + text.len() <= MAX_HEAD && self.n_bodies == 0 {
            self.head.push_str(text);
        }
    }

    fn push_next(&mut self) {
        let taken = self.skip(1);
        self.push(taken);
    }

    /// Ends a head: keeps it when it is documented, and opens what it holds.
    fn declare(&mut self, opens: bool) {
        let head = std::mem::take(&mut self.head);
        let text = std::mem::take(&mut self.text);
        let read = (self.n_bodies == 0).then(|| (self.dialect.head)(head.trim())).flatten();
        if let Some(read) = &read
            && !text.trim().is_empty()
            && !read.name.is_empty()
        {
            let within = self.open.iter().flatten().cloned().collect();
            let head = head.lines().map(str::trim).filter(|it| !it.is_empty()).collect::<Vec<_>>().join("\n");
            self.declared.push(Declared {
                within,
                name: read.name.clone(),
                head,
                text: text.trim().to_owned(),
            });
        }
        if opens {
            let container = read.filter(|it| it.is_container).map(|it| it.name);
            self.n_bodies += usize::from(container.is_none());
            self.open.push(container);
        }
    }

    fn say(&mut self, line: &str) {
        if self.n_bodies > 0 {
            return;
        }
        // A comment ends what stood before it without an end of its own.
        if !self.head.trim().is_empty()
            && self.n_brackets == 0
            && !self.head.trim_start().starts_with(['#', '@'])
        {
            self.declare(false);
        }
        if self.text.len() + line.len() < MAX_TEXT {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn line_comment(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let line = self.skip(end);
        let Dialect { line: doc, inner_line, .. } = *self.dialect;
        let text =
            |mark: &str| line.strip_prefix(mark).map(|it| it.strip_prefix(' ').unwrap_or(it).trim_end());
        if let Some(text) = text(inner_line).filter(|_| !inner_line.is_empty()) {
            if self.open.is_empty() && self.inner.len() < MAX_TEXT {
                self.inner.push_str(text);
                self.inner.push('\n');
            }
            return;
        }
        // `////` is a plain comment in Rust; `//go:build` and its like are orders to tools.
        let is_plain =
            line.starts_with("////") || (doc == "//" && !line.starts_with("// ") && line.len() > 2);
        // What stands behind code on its line is about that line.
        if let Some(text) = text(doc).filter(|_| !doc.is_empty() && !is_plain && self.is_blank) {
            self.say(text);
        }
        // The line's end belongs to the comment: the next one is not blank.
        if self.is_blank {
            self.rest = self.rest.strip_prefix('\n').unwrap_or(self.rest);
        }
    }

    fn block_comment(&mut self) {
        let is_doc =
            self.dialect.has_blocks && self.rest.starts_with("/**") && !self.rest.starts_with("/**/");
        let mut end = self.rest.find("*/").map_or(self.rest.len(), |at| at + 2);
        // Rust's blocks nest.
        let mut n_open = self.rest.get(2..end).unwrap_or_default().matches("/*").count();
        while n_open > 0 && !self.dialect.inner_line.is_empty() && end < self.rest.len() {
            let more = self.rest.get(end..).unwrap_or_default();
            let next = more.find("*/").map_or(more.len(), |at| at + 2);
            n_open = n_open - 1 + more.get(..next).unwrap_or_default().matches("/*").count();
            end += next;
        }
        let block = self.skip(end);
        if !is_doc || self.n_bodies > 0 {
            return;
        }
        self.text.clear();
        let block = block.strip_prefix("/**").unwrap_or(block);
        for line in block.strip_suffix("*/").unwrap_or(block).lines() {
            let line = line.trim_start();
            let line = line.strip_prefix('*').map_or(line, |it| it.strip_prefix(' ').unwrap_or(it));
            self.say(line.trim_end());
        }
    }

    fn string(&mut self, quote: char, escapes: bool) {
        let mut is_escaped = false;
        let is_end = |c: char| {
            let ends = c == quote && !is_escaped;
            is_escaped = escapes && c == '\\' && !is_escaped;
            ends
        };
        let body = self.rest.get(1..).unwrap_or_default();
        let length = body.find(is_end).map_or(self.rest.len(), |at| at + 2);
        let taken = self.skip(length);
        self.push(if taken.len() <= 80 { taken } else { "\"…\"" });
    }

    /// Passes over a character literal; a lifetime is a plain sign.
    fn character(&mut self) {
        let mut chars = self.rest.char_indices().skip(1);
        let (first, second) = (chars.next(), chars.next());
        let length = match (first, second) {
            (Some((_, '\\')), _) => {
                self.rest.get(3..).and_then(|it| it.find('\'')).filter(|at| *at < 12).map_or(1, |at| at + 4)
            }
            (Some(_), Some((at, '\''))) => at + 1,
            _ => 1,
        };
        let taken = self.skip(length);
        self.push(taken);
    }

    fn raw_string(&mut self) {
        let n_hashes = self.rest.bytes().skip(1).take_while(|it| *it == b'#').count();
        let end = format!("\"{}", "#".repeat(n_hashes));
        let start = n_hashes + 2;
        let found = self.rest.get(start..).and_then(|it| it.find(&end));
        self.skip(found.map_or(self.rest.len(), |at| start + at + end.len()));
        self.push("\"…\"");
    }
}

fn is_raw_string(rest: &str) -> bool {
    rest.strip_prefix('r').is_some_and(|it| {
        it.trim_start_matches('#').starts_with('"') && (it.starts_with('"') || it.starts_with('#'))
    })
}

/// Returns the word after `keyword` in a head, cut at the first sign that no name has.
pub(super) fn word_after<'a>(head: &'a str, keyword: &str) -> Option<&'a str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let (at, _) = head.match_indices(keyword).find(|(at, _)| {
        let before = head.get(..*at).and_then(|it| it.chars().next_back());
        let after = head.get(at + keyword.len()..).and_then(|it| it.chars().next());
        !before.is_some_and(is_part) && after.is_some_and(char::is_whitespace)
    })?;
    let rest = head.get(at + keyword.len()..)?.trim_start();
    let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
    rest.get(..end).filter(|it| !it.is_empty())
}

/// Returns the name before the first round bracket: `request` of `public Response request(`.
pub(super) fn word_before_bracket(head: &str) -> Option<&str> {
    let (before, _) = head.split_once('(')?;
    let before = before.trim_end().trim_end_matches(['?', '!']);
    // Type parameters may stand between name and bracket.
    let before = if before.ends_with('>') { before.split('<').next().unwrap_or(before) } else { before };
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '#';
    let start = before
        .rfind(|c: char| !is_part(c))
        .map_or(0, |at| at + before.get(at..).and_then(|it| it.chars().next()).map_or(1, char::len_utf8));
    before.get(start..).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anything(head: &str) -> Option<Head> {
        let name = head.split_whitespace().next_back()?.to_owned();
        Some(Head { name, is_container: head.starts_with("mod") })
    }

    const LIKE_RUST: Dialect = Dialect {
        line: "///",
        inner_line: "//!",
        has_blocks: true,
        ends_at_line: false,
        has_quoted_strings: false,
        backtick_escapes: None,
        head: anything,
    };
    const LIKE_GO: Dialect = Dialect {
        line: "//",
        inner_line: "",
        has_blocks: false,
        ends_at_line: true,
        backtick_escapes: Some(false),
        ..LIKE_RUST
    };

    #[test]
    fn signs_in_strings_comments_and_characters_open_nothing() {
        for body in [
            "\"{\"",
            "'{'",
            "'\\''",
            "b'\\''; '{'",
            "/* { /* */ { */",
            "// {",
            "r#\"{\"\"#",
            "'a: loop {}",
            "&'static str",
        ] {
            let source = format!("fn a() {{ {body}\n}}\n/// Told.\nfn b;");
            let (_, declared) = declarations(&source, &LIKE_RUST);
            let names: Vec<_> =
                declared.iter().map(|it| (it.within.len(), it.name.as_str(), it.text.as_str())).collect();
            assert_eq!(names, [(0, "b", "Told.")], "{body}");
        }
    }

    #[test]
    fn a_word_is_found_where_it_is_whole() {
        for (head, keyword, wanted) in [
            ("pub fn run(", "fn", Some("run")),
            ("pub(crate) async fn  r#try", "fn", Some("r")),
            ("fnord fn x", "fn", Some("x")),
            ("type_fn: u8", "fn", None),
            ("fn", "fn", None),
        ] {
            assert_eq!(word_after(head, keyword), wanted, "{head}");
        }
        assert_eq!(word_before_bracket("public <R> List<R> read(int n)"), Some("read"));
        assert_eq!(word_before_bracket("map<K, V>(f)"), Some("map"));
        assert_eq!(word_before_bracket("(a)"), None);
    }

    proptest! {
        #[test]
        fn any_source_is_read(text in "(?s).{0,120}", signs in "(?s)(//|/\\*\\*|\\*/|///|//!|\"|'|`|\\{|\\}|\\(|\\)|r#|;|\n|\\\\|é| [a-z]{1,3}){0,60}") {
            for dialect in [LIKE_RUST, LIKE_GO, Dialect { has_quoted_strings: true, backtick_escapes: Some(true), ..LIKE_RUST }] {
                declarations(&text, &dialect);
                declarations(&signs, &dialect);
            }
        }

        #[test]
        fn what_is_documented_is_found(names in prop::collection::vec("[a-z]{1,8}", 1..8)) {
            let source: String = names.iter().map(|name| format!("/// About {name}.\nfn {name} {{ x(); }}\n")).collect();
            let (_, declared) = declarations(&source, &LIKE_RUST);
            prop_assert_eq!(declared.iter().map(|it| it.name.clone()).collect::<Vec<_>>(), names);
        }
    }
}
