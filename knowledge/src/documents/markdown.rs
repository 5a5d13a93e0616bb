//! Markdown: CommonMark with tables, footnotes, task lists and front matter.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{
    Place, Reason,
    draft::{Draft, lines},
    front, html,
};

/// How deep nested lists are shown.
const MAX_SHOWN_DEPTH: usize = 8;

/// Reads Markdown into the draft.
///
/// Code blocks and rows of tables stay whole. Links to the web keep their address behind their text, images their description; HTML within is read as HTML, so its comments are gone.
///
/// # Errors
///
/// `UnknownAccess` for front matter as [`front::split`] says.
pub fn read(text: &str, draft: &mut Draft) -> Result<(), Reason> {
    let body = front::split(text, draft)?;
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES;
    let starts: Vec<usize> = body.text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let mut reading = Reading {
        draft,
        starts,
        first_line: body.first_line,
        text: String::new(),
        range: 0..0,
        lists: Vec::new(),
        mark: None,
        is_code: false,
        is_html: false,
        links: Vec::new(),
        cells: Vec::new(),
    };
    for (event, range) in Parser::new_ext(body.text, options).into_offset_iter() {
        if reading.draft.is_full() {
            break;
        }
        reading.take(event, &range);
    }
    reading.flush();
    Ok(())
}

/// What is open between two events.
struct Reading<'a> {
    draft: &'a mut Draft,
    /// Offsets at which lines begin, the first line's not among them.
    starts: Vec<usize>,
    first_line: usize,
    /// Text of the block that is open.
    text: String,
    range: Range<usize>,
    /// For each open list the number of its next item, `None` for bullets.
    lists: Vec<Option<u64>>,
    /// The mark of an item whose text has not come yet.
    mark: Option<String>,
    is_code: bool,
    is_html: bool,
    links: Vec<(String, usize)>,
    cells: Vec<String>,
}

impl Reading<'_> {
    fn take(&mut self, event: Event<'_>, range: &Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) | Event::InlineMath(text) | Event::DisplayMath(text) => self.push(&text, range),
            Event::Code(code) => self.push(&format!("`{code}`"), range),
            Event::Html(text) => self.push(&text, range),
            Event::InlineHtml(tag) => {
                let is_break = tag.to_ascii_lowercase().starts_with("<br");
                self.push(if is_break { "\n" } else { "" }, range);
            }
            Event::SoftBreak => self.push(" ", range),
            Event::HardBreak => self.push("\n", range),
            Event::FootnoteReference(name) => self.push(&format!("[^{name}]"), range),
            Event::TaskListMarker(is_done) => self.push(if is_done { "[x] " } else { "[ ] " }, range),
            Event::Rule => self.flush(),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: &Range<usize>) {
        match tag {
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Superscript | Tag::Subscript => {}
            Tag::Link { dest_url, .. } => self.links.push((dest_url.into_string(), self.text.len())),
            Tag::Image { .. } => {}
            Tag::TableCell => self.text.clear(),
            Tag::TableHead | Tag::TableRow => self.cells.clear(),
            tag => {
                self.flush();
                self.range = range.clone();
                match tag {
                    Tag::CodeBlock(_) => self.is_code = true,
                    Tag::HtmlBlock => self.is_html = true,
                    Tag::List(first) => self.lists.push(first),
                    Tag::Item => self.mark = Some(self.next_mark()),
                    Tag::FootnoteDefinition(name) => self.mark = Some(format!("[^{name}]: ")),
                    _ => {}
                }
            }
        }
    }

    fn end(&mut self, tag: TagEnd, range: &Range<usize>) {
        match tag {
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Image => {}
            TagEnd::Link => self.end_link(),
            TagEnd::Heading(level) => {
                let title = std::mem::take(&mut self.text);
                let place = self.place(range);
                self.draft.heading(level_number(level), &title, place);
            }
            TagEnd::CodeBlock => {
                let code = std::mem::take(&mut self.text);
                let place = self.place(range);
                self.draft.code(&code, place);
                self.is_code = false;
            }
            TagEnd::HtmlBlock => {
                let text = std::mem::take(&mut self.text);
                let place = self.place(range);
                html::read_fragment(&text, place, self.draft);
                self.is_html = false;
            }
            TagEnd::TableCell => self.cells.push(std::mem::take(&mut self.text)),
            TagEnd::TableHead | TagEnd::TableRow => {
                let place = self.place(range);
                self.draft.row(&self.cells, place);
                self.cells.clear();
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            _ => self.flush(),
        }
    }

    fn push(&mut self, text: &str, range: &Range<usize>) {
        if self.text.is_empty() && self.cells.is_empty() && !self.is_code && !self.is_html {
            self.range = range.clone();
        }
        self.range.end = self.range.end.max(range.end);
        self.text.push_str(text);
    }

    /// Ends the paragraph or item that is open.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        let place = self.place(&self.range.clone());
        match self.mark.take() {
            Some(mark) => self.draft.item(&format!("{mark}{}", text.trim()), place),
            // A further paragraph of an item stands below the first.
            None if !self.lists.is_empty() => {
                let indent = "  ".repeat(self.lists.len().min(MAX_SHOWN_DEPTH));
                self.draft.item(&format!("{indent}{}", text.trim()), place);
            }
            None => self.draft.prose(&text, place),
        }
    }

    fn end_link(&mut self) {
        let Some((address, from)) = self.links.pop() else {
            return;
        };
        let is_web = address.starts_with("https://") || address.starts_with("http://");
        let is_told = self.text.get(from..).is_some_and(|text| text.contains(&address));
        if is_web && !is_told {
            self.text.push_str(&format!(" <{address}>"));
        }
    }

    fn next_mark(&mut self) -> String {
        let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(MAX_SHOWN_DEPTH));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{indent}{number}. ");
                *number = number.saturating_add(1);
                mark
            }
            _ => format!("{indent}- "),
        }
    }

    fn place(&self, range: &Range<usize>) -> Place {
        let line = |offset: usize| self.first_line + self.starts.partition_point(|&start| start <= offset);
        lines(line(range.start), line(range.end.saturating_sub(1).max(range.start)))
    }
}

fn level_number(level: HeadingLevel) -> u32 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
