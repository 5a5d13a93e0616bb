//! From two texts to the places where they differ.

use std::ops::Range;

use gix::diff::blob::{
    Algorithm, Hunk as Edit, InternedInput, diff_with_slider_heuristics, sources::byte_lines,
};
use waggle_agent_core::ports::Hunk;

use super::enclosing::enclosing;

/// Lines shown around a change, as `git diff` does.
const AROUND: u32 = 3;

/// How two texts differ.
pub struct Changed {
    /// Lines added, all of them.
    pub added: u32,
    /// Lines removed, all of them.
    pub removed: u32,
    /// In order, as far as there was room.
    pub hunks: Vec<Hunk>,
    /// Bytes of lines in `hunks`.
    pub bytes: usize,
}

/// Returns the hunks that `git diff` shows, up to `room` bytes of lines.
///
/// Lines end at `\n`; a carriage return before it belongs to the line. A text that lacks the end of its last line differs from one that has it.
pub fn between(before: &[u8], after: &[u8], room: usize) -> Changed {
    let input = InternedInput::new(byte_lines(before), byte_lines(after));
    // Git's default algorithm and its indent heuristic, so that people see the hunks they know.
    let diff = diff_with_slider_heuristics(Algorithm::Myers, &input);
    let texts = Texts {
        before: byte_lines(before).map(shown).collect(),
        after: byte_lines(after).map(shown).collect(),
    };
    let mut changed = Changed {
        added: diff.count_additions(),
        removed: diff.count_removals(),
        hunks: Vec::new(),
        bytes: 0,
    };
    for edits in groups(diff.hunks()) {
        if changed.bytes >= room {
            break;
        }
        let mut hunk = texts.hunk(&edits);
        let mut fits = |line: &String| {
            changed.bytes += line.len();
            changed.bytes <= room
        };
        let n_lines = hunk.lines.iter().take_while(|line| fits(line)).count();
        hunk.lines.truncate(n_lines);
        if n_lines > 0 {
            changed.hunks.push(hunk);
        }
    }
    changed.bytes = changed.bytes.min(room);
    changed
}

struct Texts {
    before: Vec<String>,
    after: Vec<String>,
}

impl Texts {
    /// Writes edits that lie close together as one hunk.
    fn hunk(&self, edits: &[Edit]) -> Hunk {
        let mut lines = Vec::new();
        // Both texts agree outside of the edits, so lines around come from either; the place is kept in both.
        let (first, last) = (&edits[0], &edits[edits.len() - 1]);
        let n_above = first.before.start.min(AROUND);
        let old = first.before.start - n_above..count(&self.before).min(last.before.end + AROUND);
        let new_start = first.after.start - n_above;
        let mut at = old.start;
        for edit in edits {
            push(&mut lines, ' ', &self.before, at..edit.before.start);
            push(&mut lines, '-', &self.before, edit.before.clone());
            push(&mut lines, '+', &self.after, edit.after.clone());
            at = edit.before.end;
        }
        push(&mut lines, ' ', &self.before, at..old.end);
        let n_new = count(&self.after).min(last.after.end + AROUND) - new_start;
        Hunk {
            old_start: first_line(old.start, old.end - old.start),
            new_start: first_line(new_start, n_new),
            context: self.context(first),
            lines,
        }
    }

    /// Returns the line that encloses an edit.
    fn context(&self, edit: &Edit) -> String {
        let changed = |text: &'_ [String], lines: &Range<u32>| {
            text[span(lines)].iter().find(|line| !line.trim().is_empty()).cloned()
        };
        let first = changed(&self.after, &edit.after).or_else(|| changed(&self.before, &edit.before));
        let above = &self.after[..edit.after.start as usize];
        enclosing(above, &first.unwrap_or_default()).map(str::to_owned).unwrap_or_default()
    }
}

/// Puts edits together whose lines around touch or overlap.
fn groups(edits: impl Iterator<Item = Edit>) -> Vec<Vec<Edit>> {
    let mut groups: Vec<Vec<Edit>> = Vec::new();
    for edit in edits {
        match groups.last_mut() {
            Some(group)
                if group.last().is_some_and(|last| edit.before.start - last.before.end <= 2 * AROUND) =>
            {
                group.push(edit);
            }
            _ => groups.push(vec![edit]),
        }
    }
    groups
}

fn push(lines: &mut Vec<String>, mark: char, text: &[String], range: Range<u32>) {
    lines.extend(text[span(&range)].iter().map(|line| format!("{mark}{line}")));
}

/// Returns the number of the first line, counted from 1; as in git's headers the line before when there are no lines.
fn first_line(start: u32, n_lines: u32) -> u32 {
    if n_lines == 0 { start } else { start + 1 }
}

fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

fn count(text: &[String]) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line)).into_owned()
}
