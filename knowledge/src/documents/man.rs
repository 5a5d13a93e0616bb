//! Manual pages, in the macros of man and of mdoc: <https://man7.org/linux/man-pages/man7/groff_man.7.html>, <https://man.openbsd.org/mdoc.7>.

use super::{
    Reason,
    draft::{Draft, lines},
};

mod escapes;
mod mdoc;
mod tables;

use escapes::plain;

/// Reads a page into the draft: the page, its sections, their subsections as headings; displays and examples as code; tables as rows.
///
/// What a page computes (conditions, registers, macros of its own) is left out.
///
/// # Errors
///
/// `PointsTo` for a page that consists of the name of another.
pub fn read(text: &str, draft: &mut Draft) -> Result<(), Reason> {
    let source: Vec<&str> = text.lines().collect();
    let is_text =
        |line: &&&str| !line.trim().is_empty() && !line.starts_with(".\\\"") && !line.starts_with("'\\\"");
    let mut stated = source.iter().filter(is_text);
    if let (Some(target), None) = (stated.next().and_then(|line| line.strip_prefix(".so ")), stated.next()) {
        return Err(Reason::PointsTo(target.trim().chars().take(200).collect()));
    }
    let mut reading = Reading {
        draft,
        name: None,
        text: String::new(),
        first: 1,
        last: 1,
        mark: None,
        is_code: false,
        awaits_tag: false,
    };
    let mut at = 0;
    while let Some(line) = source.get(at).filter(|_| !reading.draft.is_full()) {
        at = match skipped(&source, at) {
            Some(end) => end,
            None if line.starts_with(".TS") => {
                reading.flush();
                tables::read(&source, at, reading.draft)
            }
            None => {
                reading.take(line, at + 1);
                at + 1
            }
        };
    }
    reading.flush();
    Ok(())
}

/// Returns where what begins on a line and is no text ends: a macro of the page's own, ignored text, an equation.
fn skipped(source: &[&str], at: usize) -> Option<usize> {
    let line = source.get(at)?.replace(". ", ".");
    let word = line.split_whitespace().next()?;
    let (is_end, n_lines): (fn(&str) -> bool, usize) = match word {
        ".de" | ".de1" | ".ig" | ".am" => (|line| line.trim_end() == "..", 2_000),
        ".EQ" => (|line| line.starts_with(".EN"), 2_000),
        _ => return None,
    };
    let end = source.iter().enumerate().skip(at + 1).take(n_lines).find(|(_, line)| is_end(line));
    Some(end.map_or(at + 1, |(end, _)| end + 1))
}

/// What is open between two lines.
struct Reading<'a> {
    draft: &'a mut Draft,
    name: Option<String>,
    text: String,
    first: usize,
    last: usize,
    /// What stands in front of the paragraph: a bullet, an option.
    mark: Option<String>,
    is_code: bool,
    /// Whether the next line is the mark of a paragraph.
    awaits_tag: bool,
}

impl Reading<'_> {
    fn take(&mut self, line: &str, number: usize) {
        let Some(control) = line.strip_prefix(['.', '\'']) else {
            return self.text_line(&plain(line), number);
        };
        let control = control.trim_start();
        let (name, rest) = control.split_once([' ', '\t']).unwrap_or((control, ""));
        if name.starts_with("\\\"") || name.is_empty() {
            return;
        }
        let words = escapes::arguments(rest);
        let word = |index: usize| words.get(index).map(|word| plain(word)).unwrap_or_default();
        match name {
            "TH" => self.page(&word(0), &word(1), number),
            "Dt" => self.page(&word(0), &word(1), number),
            "SH" | "Sh" => self.heading(2, &plain(&words.join(" ")), number),
            "SS" | "Ss" => self.heading(3, &plain(&words.join(" ")), number),
            "PP" | "P" | "LP" | "Pp" | "Lp" | "sp" | "HP" | "RE" | "RS" | "El" | "YS" => self.flush(),
            "TP" | "TQ" => {
                self.flush();
                self.awaits_tag = true;
            }
            "IP" => {
                self.flush();
                self.mark = Some(word(0)).filter(|mark| !mark.is_empty());
            }
            "nf" | "EX" | "Bd" => {
                self.flush();
                self.is_code = name != "Bd" || rest.contains("-literal") || rest.contains("-unfilled");
            }
            "fi" | "EE" | "Ed" => {
                self.flush();
                self.is_code = false;
            }
            "br" => self.text.push('\n'),
            "B" | "I" | "R" | "SM" | "SB" | "UR" | "MT" | "SY" => {
                self.text_line(&plain(&words.join(" ")), number)
            }
            "BR" | "RB" | "BI" | "IB" | "IR" | "RI" => self.text_line(&plain(&words.concat()), number),
            "UE" | "ME" => self.text.push_str(&word(0)),
            "OP" => self.text_line(&format!("[{}]", plain(&words.join(" "))), number),
            "It" => {
                self.flush();
                let mark = mdoc::line(rest, self.name.as_deref());
                self.mark = Some(if mark.is_empty() { "-".to_owned() } else { mark });
            }
            "D1" | "Dl" => {
                self.flush();
                self.draft.code(&mdoc::line(rest, self.name.as_deref()), lines(number, number));
            }
            "Nm" => {
                if self.name.is_none() {
                    self.name = words.first().map(|name| plain(name));
                }
                let text = mdoc::line(&format!("Nm {rest}"), self.name.as_deref());
                self.text_line(&text, number);
            }
            "Nd" => self.text_line(&format!("- {}", plain(rest)), number),
            name if mdoc::is_macro(name) => {
                let text = mdoc::line(control, self.name.as_deref());
                self.text_line(&text, number);
            }
            // Requests of the formatter: nothing that a reader sees.
            _ => {}
        }
    }

    fn page(&mut self, name: &str, section: &str, number: usize) {
        self.flush();
        let title = if section.is_empty() { name.to_owned() } else { format!("{name}({section})") };
        if self.draft.title.is_none() {
            self.draft.title = Some(title.clone());
        }
        self.draft.heading(1, &title, lines(number, number));
    }

    fn heading(&mut self, level: u32, title: &str, number: usize) {
        self.flush();
        self.is_code = false;
        self.draft.heading(level, title, lines(number, number));
    }

    fn text_line(&mut self, text: &str, number: usize) {
        if self.awaits_tag {
            self.awaits_tag = false;
            self.mark = Some(text.trim().to_owned()).filter(|mark| !mark.is_empty());
            self.first = number;
            self.last = number;
            return;
        }
        if text.trim().is_empty() && !self.is_code {
            return self.flush();
        }
        if self.text.is_empty() && self.mark.is_none() {
            self.first = number;
        }
        self.last = number;
        if !self.text.is_empty() {
            // Spaces at the beginning break the line.
            let is_break = self.is_code || text.starts_with(' ');
            self.text.push(if is_break { '\n' } else { ' ' });
        }
        self.text.push_str(text);
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mark = self.mark.take();
        let place = lines(self.first.min(self.last), self.last);
        match mark {
            Some(mark) if self.is_code => {
                self.draft.item(&mark, place.clone());
                self.draft.code(&text, place);
            }
            Some(mark) => self.draft.item(&format!("{mark} {}", text.trim()), place),
            None if self.is_code => self.draft.code(&text, place),
            None => self.draft.prose(&text, place),
        }
    }
}
