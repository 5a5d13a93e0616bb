//! Hunks out of the patches that hosts send.

use waggle_agent_core::ports::Hunk;

/// Bytes of lines in one file's hunks; as much as is read of a local repository.
const MAX_FILE_LINES: usize = 256 * 1024;

/// Bytes of lines in one commit's hunks; as much as is read of a local repository.
const MAX_COMMIT_LINES: usize = 4 * 1024 * 1024;

/// What a patch says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// In order.
    pub hunks: Vec<Hunk>,
    /// Lines added, as far as the patch goes.
    pub added: u32,
    /// Lines removed, as far as the patch goes.
    pub removed: u32,
    /// Whether every hunk has as many lines as its head promises, and all of them had room.
    pub is_whole: bool,
}

/// How many bytes of lines a commit may still have.
#[derive(Debug)]
pub struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_COMMIT_LINES)
    }
}

/// Reads the hunks of one file, `@@ -1,2 +1,2 @@ heading` and the lines below it. What stands before the first is left out, as
/// are marks of a missing newline; lines without room are counted, but not kept.
///
/// The form: <https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html>.
pub fn patch(text: &str, room: &mut Room) -> Patch {
    let mut patch = Patch { is_whole: true, ..Patch::default() };
    let mut left_in_file = MAX_FILE_LINES.min(room.0);
    let (mut old_left, mut new_left) = (0_u32, 0_u32);
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if old_left == 0 && new_left == 0 {
            if let Some(head) = head(line) {
                (old_left, new_left) = (head.old_lines, head.new_lines);
                patch.hunks.push(head.hunk);
            }
            continue;
        }
        // What stands for an empty line may have lost its space on the way.
        let mark = line.bytes().next().unwrap_or(b' ');
        let (old, new) = match mark {
            b'+' => (0, 1),
            b'-' => (1, 0),
            b' ' => (1, 1),
            b'\\' => continue,
            _ => break,
        };
        let (Some(old), Some(new)) = (old_left.checked_sub(old), new_left.checked_sub(new)) else { break };
        (old_left, new_left) = (old, new);
        patch.added = patch.added.saturating_add(u32::from(mark == b'+'));
        patch.removed = patch.removed.saturating_add(u32::from(mark == b'-'));
        let line = if line.is_empty() { " " } else { line };
        match patch.hunks.last_mut() {
            Some(hunk) if left_in_file >= line.len() => {
                left_in_file -= line.len();
                room.0 = room.0.saturating_sub(line.len());
                hunk.lines.push(line.to_owned());
            }
            // No later line may take the place of one that is missing.
            _ => (left_in_file, patch.is_whole) = (0, false),
        }
    }
    patch.is_whole &= old_left == 0 && new_left == 0;
    patch
}

/// Returns a place without lines that says why there are none.
pub fn note(text: impl Into<String>) -> Hunk {
    Hunk { old_start: 0, new_start: 0, context: text.into(), lines: Vec::new() }
}

struct Head {
    hunk: Hunk,
    old_lines: u32,
    new_lines: u32,
}

/// Reads `@@ -old[,lines] +new[,lines] @@[ heading]`.
fn head(line: &str) -> Option<Head> {
    let (places, heading) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = places.split_once(" +")?;
    let ((old_start, old_lines), (new_start, new_lines)) = (span(old)?, span(new)?);
    let context = heading.trim().to_owned();
    Some(Head { hunk: Hunk { old_start, new_start, context, lines: Vec::new() }, old_lines, new_lines })
}

/// Reads `start[,lines]`; one line when it does not say.
fn span(text: &str) -> Option<(u32, u32)> {
    match text.split_once(',') {
        Some((start, lines)) => Some((start.parse().ok()?, lines.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Patch {
        patch(text, &mut Room::default())
    }

    #[test]
    fn hunks_come_with_their_heading_and_without_marks_of_newlines() {
        let text = "--- a/reserve.rs\n+++ b/reserve.rs\n@@ -6,3 +6,4 @@ impl Shelf {\n fn a() {\n-    old\n+    new\r\n+    @@ -1 +1 @@\n }\n\\ No newline at end of file\n@@ -20 +21,0 @@\n-last";
        let read = read(text);
        assert_eq!((read.added, read.removed, read.is_whole), (2, 2, true));
        let [first, second] = read.hunks.as_slice() else { panic!("{:?}", read.hunks) };
        assert_eq!((first.old_start, first.new_start, first.context.as_str()), (6, 6, "impl Shelf {"));
        assert_eq!(first.lines, [" fn a() {", "-    old", "+    new\r", "+    @@ -1 +1 @@", " }"]);
        assert_eq!((second.old_start, second.new_start, second.context.as_str()), (20, 21, ""));
        assert_eq!(second.lines, ["-last"]);
    }

    #[test]
    fn a_patch_that_was_cut_says_so() {
        for (text, n_lines) in [
            ("@@ -1,3 +1,3 @@\n a\n-b", 2),
            ("@@ -1,2 +1,2 @@", 0),
            ("@@ -1,2 +1,2 @@\n a\nBinary files differ", 1),
            ("@@ -1 +1,9 @@\n-a\n-b", 1),
        ] {
            let read = read(text);
            assert!(!read.is_whole, "{text:?}");
            assert_eq!(read.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>(), n_lines, "{text:?}");
        }
        for text in ["", "Binary files a and b differ", "@@ nonsense @@", "@@ -a +b @@"] {
            assert_eq!(read(text), Patch { is_whole: true, ..Patch::default() }, "{text:?}");
        }
    }

    #[test]
    fn lines_without_room_are_counted_but_not_kept() {
        let lines = MAX_FILE_LINES / 100 + 10;
        let text = format!("@@ -0,0 +1,{lines} @@\n{}", format!("+{}\n", "x".repeat(99)).repeat(lines));
        let read = read(&text);
        assert_eq!(read.added as usize, lines);
        assert_eq!(read.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>(), MAX_FILE_LINES / 100);
        assert!(!read.is_whole);
    }

    proptest! {
        #[test]
        fn any_patch_is_read(text in any::<String>()) {
            read(&text);
        }

        #[test]
        fn anything_like_a_patch_is_read(text in "(@@ -[0-9]{0,11}(,[0-9]{1,11})? \\+[0-9]{1,3}(,[0-9])? @@.{0,3}\n|[ +\\\\-]?a?\n){0,20}") {
            read(&text);
        }

        #[test]
        fn what_is_written_reads_back(places in prop::collection::vec((1_u32..9_999, prop::collection::vec("[ +-][a-z@ +-]{0,8}", 1..9)), 0..5)) {
            let mut text = String::new();
            for (start, lines) in &places {
                let count = |left: char| lines.iter().filter(|line| !line.starts_with(left)).count();
                text.push_str(&format!("@@ -{start},{} +{start},{} @@ fn f()\n{}\n", count('+'), count('-'), lines.join("\n")));
            }
            let read = read(&text);
            prop_assert!(read.is_whole);
            let hunks: Vec<_> = read.hunks.into_iter().map(|hunk| (hunk.new_start, hunk.lines)).collect();
            prop_assert_eq!(hunks, places);
        }
    }
}
