//! A document while it is read: what every parser writes into.

use super::{Block, BlockKind, Format, FrontMatter, Parsed, Place, Reason, Section};

/// Sections of one document. The longest manuals on one page have a fifth of it.
const MAX_SECTIONS: usize = 20_000;

/// Blocks of one document.
const MAX_BLOCKS: usize = 400_000;

/// Text of one document in bytes: what refers to a text many times must not grow without end.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// Longest heading in characters; the rest of a longer one stands below it as text.
const MAX_HEADING: usize = 160;

/// Headings above each other.
const MAX_PATH: usize = 8;

/// Notes of one document.
const MAX_NOTES: usize = 20;

/// A document while it is read. Takes headings and blocks in the order in which they stand.
#[derive(Debug, Default)]
pub struct Draft {
    /// What the document says of itself.
    pub front: FrontMatter,
    /// The title where the format states one; otherwise the first heading is taken, or the name.
    pub title: Option<String>,
    path: Vec<(u32, String)>,
    sections: Vec<Section>,
    blocks: Vec<Block>,
    /// Where the open section begins.
    place: Option<Place>,
    n_blocks: usize,
    n_bytes: usize,
    is_full: bool,
    notes: Vec<String>,
}

impl Draft {
    /// Notes what was not read, for people. The same note is kept once.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if self.notes.len() < MAX_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Tells whether nothing more is taken; parsers may stop then.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Opens a section below a heading of this level, 1 being the outermost. A blank title is none.
    pub fn heading(&mut self, level: u32, title: &str, place: Place) {
        let title = one_line(title);
        if title.is_empty() || self.is_full {
            return;
        }
        self.close(Some(level));
        self.path.retain(|(above, _)| *above < level);
        let (shown, rest) = match title.char_indices().nth(MAX_HEADING) {
            Some((end, _)) => (format!("{}…", title.get(..end).unwrap_or_default()), Some(title)),
            None => (title, None),
        };
        if self.path.len() < MAX_PATH {
            self.path.push((level, shown));
            self.place = Some(place.clone());
            rest.into_iter().for_each(|whole| self.prose(&whole, place.clone()));
        } else {
            self.place = Some(place.clone());
            self.prose(&shown, place);
        }
    }

    /// Adds a paragraph; its line breaks stay, blank lines do not.
    pub fn prose(&mut self, text: &str, place: Place) {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        self.add(BlockKind::Prose, lines.join("\n"), place);
    }

    /// Adds an item of a list, its mark in front. Spaces before the mark say how deep it is.
    pub fn item(&mut self, text: &str, place: Place) {
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        self.add(BlockKind::Item, lines.join("\n"), place);
    }

    /// Adds text whose lines and spaces matter.
    pub fn code(&mut self, text: &str, place: Place) {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
        let last = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |last| last + 1);
        let lines = lines.get(first..last).unwrap_or_default();
        self.add(BlockKind::Code, lines.join("\n"), place);
    }

    /// Adds a row of a table. Empty cells keep their place, rows without any text are left out.
    pub fn row(&mut self, cells: &[String], place: Place) {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        let cells: Vec<_> = cells.iter().map(|cell| one_line(cell)).collect();
        self.add(BlockKind::Row, cells.join(" | "), place);
    }

    /// Ends the document.
    ///
    /// # Errors
    ///
    /// `Empty` when nothing was written.
    pub fn finish(mut self, format: Format, name: &str) -> Result<Parsed, Reason> {
        self.close(None);
        if self.sections.is_empty() {
            return Err(Reason::Empty);
        }
        if self.is_full {
            self.notes.push("the rest was left out: the document has more text than may be read".into());
        }
        let heading = || self.sections.iter().find_map(|section| section.heading.first().cloned());
        let title = self.title.map(|title| one_line(&title)).filter(|title| !title.is_empty());
        let title = title.or_else(heading).unwrap_or_else(|| name_of(name));
        Ok(Parsed { title, format, front: self.front, sections: self.sections, notes: self.notes })
    }

    fn add(&mut self, kind: BlockKind, text: String, place: Place) {
        if self.is_full || text.trim().is_empty() {
            return;
        }
        if self.n_bytes + text.len() > MAX_TEXT || self.n_blocks >= MAX_BLOCKS {
            self.is_full = true;
            return;
        }
        self.n_bytes += text.len();
        self.n_blocks += 1;
        self.blocks.push(Block { kind, text, place });
    }

    /// Ends the open section, before a heading of level `next`.
    fn close(&mut self, next: Option<u32>) {
        let heading: Vec<_> = self.path.iter().map(|(_, title)| title.clone()).collect();
        let mut blocks = std::mem::take(&mut self.blocks);
        let place = self.place.take();
        // A heading with nothing below it would be lost, unless further headings carry it on.
        let is_carried_on = next.zip(self.path.last()).is_some_and(|(next, (level, _))| next > *level);
        if let (true, false, Some(place), Some(title)) =
            (blocks.is_empty(), is_carried_on, &place, heading.last())
        {
            blocks.push(Block { kind: BlockKind::Prose, text: title.clone(), place: place.clone() });
        }
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return;
        };
        if self.sections.len() >= MAX_SECTIONS {
            self.is_full = true;
            return;
        }
        let place = place.unwrap_or_else(|| first.place.clone()).to(&last.place);
        self.sections.push(Section { heading, blocks, place });
    }
}

/// Joins the words of a text by single spaces.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the lines `first` to `last` as a place, counted from 1.
pub fn lines(first: usize, last: usize) -> Place {
    let number = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
    Place::Lines { first: number(first), last: number(last.max(first)) }
}

/// Returns the name of a file without its folder and its end: the title of what has no other.
fn name_of(name: &str) -> String {
    let file = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or(file);
    if stem.is_empty() { "untitled".to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_without_text_are_kept_where_nothing_carries_them_on() {
        let mut draft = Draft::default();
        draft.heading(1, "Disk  full", lines(1, 1));
        draft.heading(2, "To do", lines(2, 2));
        draft.heading(2, "Steps", lines(3, 3));
        draft.prose("Look.\n\nThen act.", lines(4, 6));
        draft.heading(1, "End", lines(7, 7));
        let parsed = draft.finish(Format::Plain, "a/b.txt").unwrap();
        let told: Vec<_> = parsed
            .sections
            .iter()
            .map(|section| {
                format!("{} = {} ({})", section.heading.join(" › "), section.text(), section.place)
            })
            .collect();
        let expected = [
            "Disk full › To do = To do (line 2)",
            "Disk full › Steps = Look.\nThen act. (lines 3-6)",
            "End = End (line 7)",
        ];
        assert_eq!(told, expected);
        assert_eq!(parsed.title, "Disk full");
    }

    #[test]
    fn a_document_without_text_is_empty_and_one_without_end_is_cut_and_says_so() {
        assert_eq!(Draft::default().finish(Format::Plain, "a").unwrap_err(), Reason::Empty);
        let mut draft = Draft::default();
        let mebibyte = "word ".repeat(200_000);
        (0..20).for_each(|_| draft.prose(&mebibyte, Place::Start));
        assert!(draft.is_full());
        let parsed = draft.finish(Format::Plain, "long.txt").unwrap();
        assert_eq!(parsed.title, "long");
        assert_eq!(parsed.notes, ["the rest was left out: the document has more text than may be read"]);
    }

    #[test]
    fn a_long_heading_is_shortened_and_kept_whole_below() {
        let mut draft = Draft::default();
        let long = "very ".repeat(100);
        draft.heading(1, &long, Place::Start);
        let parsed = draft.finish(Format::Plain, "a").unwrap();
        assert_eq!(parsed.sections[0].heading[0].chars().count(), MAX_HEADING + 1);
        assert_eq!(parsed.sections[0].text(), long.trim());
    }
}
