//! Notes on frames that are hot everywhere: what it means, what usually causes it, and what to look at next.
//!
//! Notes are data (`frame_notes/*.toml`): names or beginnings of names, and the same four texts in English and Chinese.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::frame_library::{Frame, Origin};

/// What is known about frames of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameNote {
    /// Its name: lowercase words joined by `-`.
    pub id: String,
    /// Names of frames; one that ends in `*` is a beginning.
    pub frames: Vec<String>,
    /// In English.
    pub en: NoteText,
    /// In Chinese.
    pub zh: NoteText,
}

/// One note in one language; each text a sentence or two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteText {
    /// What it does, without a full stop.
    pub title: String,
    /// What it means when it is hot.
    pub meaning: String,
    /// What usually causes that.
    pub causes: String,
    /// What to look at next.
    pub next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    note: Vec<FrameNote>,
}

/// The notes that come with the program.
const FILES: [&str; 3] = [
    include_str!("../frame_notes/kernel.toml"),
    include_str!("../frame_notes/runtime.toml"),
    include_str!("../frame_notes/library.toml"),
];

/// Read once. A file that does not read has no notes; a test holds that all do.
static NOTES: LazyLock<Vec<FrameNote>> = LazyLock::new(|| {
    FILES.iter().filter_map(|text| toml::from_str::<File>(text).ok()).flat_map(|file| file.note).collect()
});

/// Returns all notes, those on the kernel first.
pub fn frame_notes() -> &'static [FrameNote] {
    &NOTES
}

/// Returns the note on a frame: the one whose name or beginning of a name fits longest. `None` when there is none, and for the program's own code.
pub fn frame_note(frame: &Frame) -> Option<&'static FrameNote> {
    if frame.origin == Origin::Own || frame.symbol.is_empty() {
        return None;
    }
    let symbol = frame.symbol.trim_start_matches(['<', '&', '*']).replace("::", ".").replace([':', '/'], ".");
    // A module that only the path names: `compile` in `re/_compiler.py`.
    let whole = frame
        .module
        .as_ref()
        .map(|module| format!("{}.{}", module.replace("::", ".").replace(['/', ':'], "."), frame.function));
    let names = [Some(symbol), whole];
    let length = |pattern: &str| {
        let pattern = pattern.replace("::", ".").replace([':', '/'], ".");
        let fits = |name: &String| match pattern.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name
                .strip_prefix(&pattern)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['@', '.', '('])),
        };
        names.iter().flatten().any(fits).then_some(pattern.len())
    };
    let fit = |note: &'static FrameNote| Some((note.frames.iter().filter_map(|it| length(it)).max()?, note));
    NOTES.iter().filter_map(fit).max_by_key(|(length, _)| *length).map(|(_, note)| note)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::frame_library::frame_library;

    #[test]
    fn every_note_reads_and_says_all_it_should_in_both_languages() {
        for text in FILES {
            let file: File = toml::from_str(text).unwrap();
            assert!(!file.note.is_empty());
        }
        let mut ids = BTreeSet::new();
        let mut frames = BTreeSet::new();
        for note in frame_notes() {
            assert!(ids.insert(&note.id), "`{}` is there twice", note.id);
            assert!(!note.frames.is_empty(), "`{}` has no frames", note.id);
            for frame in &note.frames {
                assert!(frames.insert(frame), "`{frame}` is in two notes");
            }
            for text in [&note.en, &note.zh] {
                for part in [&text.title, &text.meaning, &text.causes, &text.next] {
                    assert!((2..400).contains(&part.chars().count()), "`{}`: {part:?}", note.id);
                    assert!(!part.contains('`'), "`{}` quotes: {part}", note.id);
                }
                assert!(!text.title.ends_with(['.', '。']), "`{}`: {}", note.id, text.title);
            }
            let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(is_chinese(&note.zh.meaning) && !is_chinese(&note.en.meaning), "`{}`", note.id);
        }
        assert!(frame_notes().len() >= 40, "{} notes", frame_notes().len());
    }

    /// A beginning stands for a name that begins so; then its own rules must not call it the program's.
    #[test]
    fn every_frame_of_a_note_leads_to_it() {
        for note in frame_notes() {
            for pattern in &note.frames {
                let name =
                    pattern.strip_suffix('*').map_or_else(|| pattern.clone(), |begin| format!("{begin}x"));
                let mut frame = frame_library(&name, None, &[]);
                frame.origin = Origin::BaseLibrary;
                let found = frame_note(&frame).map(|it| it.id.as_str());
                assert_eq!(found, Some(note.id.as_str()), "{pattern}: {frame:?}");
            }
        }
    }

    #[test]
    fn frames_of_many_profilers_lead_to_the_same_note() {
        for (frame, file, wanted) in [
            ("futex_wait_queue_[k]", None, Some("futex")),
            ("__x64_sys_futex", None, Some("futex")),
            ("_int_malloc (/usr/lib/x86_64-linux-gnu/libc.so.6)", None, Some("malloc")),
            ("runtime.gcBgMarkWorker", None, Some("go-gc")),
            ("Ljava/util/regex/Pattern$Loop;::match_[j]", None, Some("regex")),
            ("search (/usr/lib/python3.11/re.py:200)", None, Some("regex")),
            ("raw_decode (/usr/lib/python3.12/json/decoder.py:355)", None, Some("json")),
            ("regex_automata::util::search", None, Some("regex")),
            ("encoding/json.(*decodeState).object", None, Some("json")),
            ("Builtins_JsonParse", None, Some("json")),
            ("__memmove_avx_unaligned_erms", None, Some("memcpy")),
            ("shop::reserve::match_sku", None, None),
            ("", None, None),
            ("[unknown]", None, None),
        ] {
            let found = frame_note(&frame_library(frame, file, &[])).map(|it| it.id.as_str());
            assert_eq!(found, wanted, "{frame}");
        }
    }
}
