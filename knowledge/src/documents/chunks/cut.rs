//! Where a block that is too long is cut: between sentences, lines, cells, words, and only then within a word.

use super::{super::BlockKind, BOUND, TARGET};

/// Returns what a text weighs: letters and digits one each, letters of East Asian writing two, spaces nothing.
///
/// Spaces do not count, so that indents and line breaks between blocks change no bound.
pub fn weight(text: &str) -> usize {
    text.chars().map(letter_weight).sum()
}

/// Tells whether a letter is as wide as two: Chinese, Japanese and Korean ones. <https://www.unicode.org/reports/tr11/>
pub fn is_wide(letter: char) -> bool {
    matches!(letter,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
        | '\u{20000}'..='\u{3fffd}')
}

/// Cuts a block into parts; together they hold all that is not space. A part weighs at most [`BOUND`].
///
/// Prose is cut between sentences so that parts come near [`TARGET`]; items, code and rows stay whole up to [`BOUND`].
pub fn parts(kind: BlockKind, text: &str) -> Vec<&str> {
    let is_long = weight(text) > BOUND;
    let mut parts = match kind {
        BlockKind::Prose => packed(text, TARGET, &[ends_sentence, ends_line, ends_clause, ends_word]),
        BlockKind::Item if is_long => {
            packed(text, TARGET, &[ends_line, ends_sentence, ends_clause, ends_word])
        }
        BlockKind::Code if is_long => packed(text, TARGET, &[ends_line, ends_word]),
        BlockKind::Row if is_long => packed(text, TARGET, &[ends_cell, ends_sentence, ends_word]),
        BlockKind::Item | BlockKind::Code | BlockKind::Row => vec![text],
    };
    // A space at a cut says nothing; in code it is an indent.
    if kind != BlockKind::Code {
        parts.iter_mut().skip(1).for_each(|part| *part = part.trim_start());
    }
    parts
}

/// Tells whether a cut is good between a letter and the next.
type Seam = fn(char, Option<char>) -> bool;

fn letter_weight(letter: char) -> usize {
    if letter.is_whitespace() {
        0
    } else if is_wide(letter) {
        2
    } else {
        1
    }
}

/// Cuts at the best seam there is: atoms of the first kind, packed together up to `target`; atoms above the bound by the further kinds.
fn packed<'a>(text: &'a str, target: usize, seams: &[Seam]) -> Vec<&'a str> {
    if weight(text) <= target {
        return vec![text];
    }
    let (seam, further) = match seams.split_first() {
        Some((seam, further)) => (Some(*seam), further),
        None => (None, seams),
    };
    let mut parts = Vec::new();
    let mut from = 0;
    let mut end = 0;
    let mut open = 0;
    for atom in atoms(text, seam) {
        let weight = weight(atom);
        if open + weight > target && open > 0 {
            parts.push(text.get(from..end).unwrap_or_default());
            (from, open) = (end, 0);
        }
        if weight > BOUND {
            parts.extend(packed(atom, target, further));
            end += atom.len();
            from = end;
            continue;
        }
        open += weight;
        end += atom.len();
    }
    parts.push(text.get(from..end).unwrap_or_default());
    parts
        .into_iter()
        .map(|part| part.trim_end().trim_start_matches('\n'))
        .filter(|part| !part.is_empty())
        .collect()
}

/// Splits behind every seam; without a seam at every letter.
fn atoms(text: &str, seam: Option<Seam>) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut letters = rest.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let next = letters.peek().map(|(_, next)| *next);
            if seam.is_none_or(|is_seam| is_seam(letter, next)) {
                let (atom, behind) = rest.split_at(at + letter.len_utf8());
                rest = behind;
                return Some(atom);
            }
        }
        Some(std::mem::take(&mut rest))
    })
}

fn ends_sentence(letter: char, next: Option<char>) -> bool {
    let is_apart = next.is_none_or(char::is_whitespace);
    "。！？；".contains(letter) || (".!?".contains(letter) && is_apart)
}

fn ends_line(letter: char, _: Option<char>) -> bool {
    letter == '\n'
}

fn ends_clause(letter: char, next: Option<char>) -> bool {
    let is_apart = next.is_none_or(char::is_whitespace);
    "，、：".contains(letter) || (",;:".contains(letter) && is_apart)
}

fn ends_cell(letter: char, _: Option<char>) -> bool {
    letter == '|'
}

fn ends_word(letter: char, next: Option<char>) -> bool {
    next.is_some_and(char::is_whitespace) || letter == '\n' || is_wide(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_made_where_they_hurt_least() {
        let sentence = |n: usize| format!("Sentence {n} says {}.", "something ".repeat(30).trim());
        let prose: Vec<_> = (0..8).map(sentence).collect();
        let lines: Vec<_> = (0..200).map(|n| format!("    line {n} of a long script")).collect();
        let cases = [
            (BlockKind::Prose, prose.join(" "), '.'),
            (BlockKind::Code, lines.join("\n"), 't'),
            (BlockKind::Row, vec!["cell ".repeat(50); 20].join("| "), '|'),
            (BlockKind::Prose, "磁盘已满，先清理日志。".repeat(100), '。'),
            (BlockKind::Prose, "word ".repeat(2_000), 'd'),
        ];
        for (kind, text, last) in cases {
            let parts = parts(kind, &text);
            assert!(parts.len() > 1, "{kind:?}");
            let (_, most) = parts.split_last().unwrap();
            for part in most {
                assert!(part.ends_with(last), "{kind:?}: {part}");
                assert!(weight(part) > TARGET / 2, "{kind:?}: {part}");
            }
        }
        assert_eq!(parts(BlockKind::Code, "    a\nb"), ["    a\nb"]);
    }
}
