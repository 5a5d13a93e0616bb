//! A line of mdoc macros: most of them may stand within each other's arguments. <https://man.openbsd.org/mdoc.7>

use super::escapes::{arguments, plain};

/// Macros whose arguments are text, with what stands before and behind it.
const MACROS: &[(&str, &str, &str)] = &[
    ("Ad", "", ""),
    ("An", "", ""),
    ("Aq", "<", ">"),
    ("Ao", "<", ""),
    ("Ac", "", ">"),
    ("Ar", "", ""),
    ("Bq", "[", "]"),
    ("Bo", "[", ""),
    ("Bc", "", "]"),
    ("Brq", "{", "}"),
    ("Bro", "{", ""),
    ("Brc", "", "}"),
    ("Cm", "", ""),
    ("Cd", "", ""),
    ("Dq", "“", "”"),
    ("Do", "“", ""),
    ("Dc", "", "”"),
    ("Dv", "", ""),
    ("Em", "", ""),
    ("Er", "", ""),
    ("Ev", "", ""),
    ("Fa", "", ""),
    ("Fd", "", ""),
    ("Fl", "-", ""),
    ("Fn", "", "()"),
    ("Fo", "", "("),
    ("Fc", "", ")"),
    ("Ft", "", ""),
    ("Ic", "", ""),
    ("In", "<", ">"),
    ("Lb", "", ""),
    ("Li", "`", "`"),
    ("Lk", "", ""),
    ("Ms", "", ""),
    ("Mt", "", ""),
    ("No", "", ""),
    ("Op", "[", "]"),
    ("Oo", "[", ""),
    ("Oc", "", "]"),
    ("Pa", "", ""),
    ("Pq", "(", ")"),
    ("Po", "(", ""),
    ("Pc", "", ")"),
    ("Ql", "`", "`"),
    ("Qq", "\"", "\""),
    ("Qo", "\"", ""),
    ("Qc", "", "\""),
    ("Sq", "‘", "’"),
    ("So", "‘", ""),
    ("Sc", "", "’"),
    ("St", "", ""),
    ("Sx", "", ""),
    ("Sy", "", ""),
    ("Tn", "", ""),
    ("Va", "", ""),
    ("Vt", "", ""),
    ("Xr", "", ""),
    ("Nm", "", ""),
    ("Ns", "", ""),
    ("Ap", "", ""),
    ("Nx", "NetBSD", ""),
    ("Fx", "FreeBSD", ""),
    ("Ox", "OpenBSD", ""),
    ("Bx", "BSD", ""),
    ("Ux", "UNIX", ""),
    ("At", "UNIX", ""),
    ("Dx", "DragonFly", ""),
    ("%A", "", ","),
    ("%B", "", ","),
    ("%T", "", ","),
    ("%D", "", ","),
    ("%R", "", ","),
    ("%I", "", ","),
    ("%J", "", ","),
    ("%N", "", ","),
    ("%O", "", ","),
    ("%P", "", ","),
    ("%U", "", ","),
    ("%V", "", ","),
    ("Ex", "", ""),
    ("Rv", "", ""),
    ("Xo", "", ""),
    ("Xc", "", ""),
    ("Ta", "|", ""),
];

/// Macros around all that follows on the line, further macros as well.
const AROUND: &[&str] = &["Op", "Aq", "Bq", "Brq", "Dq", "Pq", "Ql", "Qq", "Sq"];

/// Tells whether a macro writes text.
pub fn is_macro(name: &str) -> bool {
    found(name).is_some()
}

/// Returns a line by what is printed; `page` is what `Nm` stands for.
pub fn line(text: &str, page: Option<&str>) -> String {
    let mut written = Written::default();
    let mut ends: Vec<&str> = Vec::new();
    let mut open: Option<(&str, &str, &str)> = None;
    let words = arguments(text);
    let mut words = words.iter().peekable();
    let mut n_arguments = 0_usize;
    while let Some(word) = words.next() {
        if let Some(found) = found(word) {
            written.end(open.take(), n_arguments, page);
            n_arguments = 0;
            match found.0 {
                "Ns" => written.joins = true,
                "Ap" => written.glue("'"),
                name if AROUND.contains(&name) => {
                    written.word(found.1);
                    written.joins = true;
                    ends.push(found.2);
                }
                _ => open = Some(found),
            }
            continue;
        }
        let text = plain(word);
        let is_closing = [".", ",", ":", ";", ")", "]", "?", "!"].contains(&text.as_str());
        if is_closing {
            written.end(open.take(), n_arguments, page);
            n_arguments = 0;
            // Signs at the very end stand behind what is open around them.
            if words.peek().is_none() {
                ends.drain(..).rev().for_each(|end| written.glue(end));
            }
            written.glue(&text);
            continue;
        }
        match open {
            Some(("Fl", before, _)) => written.word(&format!("{before}{text}")),
            Some(("Xr", _, _)) if n_arguments == 1 => written.glue(&format!("({text})")),
            Some((_, before, _)) if n_arguments == 0 => written.word(&format!("{before}{text}")),
            _ => written.word(&text),
        }
        n_arguments += 1;
    }
    written.end(open, n_arguments, page);
    ends.drain(..).rev().for_each(|end| written.glue(end));
    written.text
}

/// What was written of a line.
#[derive(Default)]
struct Written {
    text: String,
    /// Whether the next word follows without a space.
    joins: bool,
}

impl Written {
    fn word(&mut self, word: &str) {
        if !self.joins && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.joins = false;
        self.text.push_str(word);
    }

    fn glue(&mut self, text: &str) {
        self.text.push_str(text);
        self.joins = false;
    }

    /// Ends the macro that is open.
    fn end(&mut self, open: Option<(&str, &str, &str)>, n_arguments: usize, page: Option<&str>) {
        let Some((name, before, after)) = open else {
            return;
        };
        if n_arguments > 0 {
            return self.glue_unless_empty(after);
        }
        match name {
            "Nm" => self.word(page.unwrap_or_default()),
            "Ar" => self.word("file ..."),
            "Ex" | "Rv" | "Xo" | "Xc" => {}
            // Those that close what an earlier line opened.
            _ if before.is_empty() => self.glue_unless_empty(after),
            _ => {
                self.word(before);
                self.joins = !before.ends_with(char::is_alphabetic);
            }
        }
    }

    fn glue_unless_empty(&mut self, text: &str) {
        if !text.is_empty() {
            self.glue(text);
        }
    }
}

fn found(name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    MACROS.iter().find(|(known, _, _)| *known == name).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn macros_print_what_a_reader_sees() {
        let cases = [
            ("Op Fl a Ar file ...", "[-a file ...]"),
            ("Xr df 1 ,", "df(1),"),
            ("Fl o Ns = Ns Ar name", "-o=name"),
            ("Nm Fl v", "shop -v"),
            ("Dq disk full .", "“disk full”."),
            ("Sy Note :", "Note:"),
            ("Pa /etc/fstab", "/etc/fstab"),
        ];
        for (text, expected) in cases {
            assert_eq!(line(text, Some("shop")), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_reads(text in "(Op |Fl |Xr |Ns |Dq |Oo |Oc |[a-z]{1,3} |[.,()] ){0,30}") {
            prop_assert!(line(&text, None).len() <= 8 * text.len() + 8);
        }
    }
}
