//! Chunks hold all that the sections hold, in order, and stay within their bound.

use std::collections::HashSet;

use insta::assert_snapshot;
use proptest::prelude::*;
use waggle_knowledge::documents::{
    Chunk, Document, DocumentId, chunks,
    chunks::{BOUND, weight},
    read_document,
};

use super::samples;

fn document(name: &str, bytes: &[u8]) -> Option<Document> {
    let parsed = read_document(name, bytes).ok()?;
    Some(parsed.into_document(DocumentId::new("runbooks", name), "runbooks", name))
}

fn letters(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|letter| !letter.is_whitespace())
}

/// Whether all of `part` occurs in `whole`, in order.
fn is_within(part: &str, whole: &str) -> bool {
    let mut rest = letters(whole);
    letters(part).all(|wanted| rest.any(|letter| letter == wanted))
}

fn check(document: &Document) -> Vec<Chunk> {
    let found = chunks(document);
    assert_eq!(found, chunks(document), "the same document gives the same chunks");
    assert!(!found.is_empty());
    let ids: HashSet<_> = found.iter().map(|chunk| &chunk.id).collect();
    assert_eq!(ids.len(), found.len());
    for (ordinal, chunk) in found.iter().enumerate() {
        assert_eq!(chunk.ordinal as usize, ordinal);
        assert!(!chunk.heading.is_empty() && !chunk.text.trim().is_empty());
        assert!(weight(&chunk.text) <= BOUND, "{} weighs {}", chunk.id, weight(&chunk.text));
    }
    let joined: String = found.iter().map(|chunk| chunk.text.as_str()).collect();
    let sections: String = document.parsed.sections.iter().map(|section| section.text()).collect();
    assert!(is_within(&sections, &joined), "text was lost:\n{sections}\n---\n{joined}");
    // What is more are headings of sections that were put together, each at most once.
    let headings: usize = document
        .parsed
        .sections
        .iter()
        .flat_map(|section| &section.heading)
        .map(|heading| letters(heading).count())
        .sum();
    assert!(letters(&joined).count() <= letters(&sections).count() + headings);
    found
}

#[test]
fn small_sections_come_together_below_what_they_share() {
    let text = "# Guide\n\nIntro.\n\n## One\n\nShort.\n\n## Two\n\nAlso short.\n\n## Long\n\n".to_owned()
        + &"This sentence is said again and again. ".repeat(60)
        + "\n\n```sh\ndf -h\n```\n\n# Other\n\nEnd.\n";
    let document = document("guide.md", text.as_bytes()).unwrap();
    let told: Vec<_> = check(&document)
        .iter()
        .map(|chunk| {
            let text: String = chunk.text.chars().take(60).collect();
            format!("{} ({}, {}): {text:?}", chunk.heading, chunk.place, weight(&chunk.text))
        })
        .collect();
    assert_snapshot!(told.join("\n"));
}

#[test]
fn every_format_is_cut_without_loss() {
    for (name, bytes) in samples::all() {
        check(&document(name, &bytes).unwrap());
    }
}

#[test]
fn a_code_block_stays_whole_as_long_as_it_can() {
    let line = "kubectl get pods --all-namespaces\n";
    for (n_lines, n_chunks) in [(60, 1), (80, 2)] {
        let text =
            format!("# A\n\n{}\n\n```\n{}```\n", "Words of a paragraph. ".repeat(40), line.repeat(n_lines));
        let found = check(&document("a.md", text.as_bytes()).unwrap());
        let code: Vec<_> = found.iter().filter(|chunk| chunk.text.contains("kubectl")).collect();
        assert_eq!(code.len(), n_chunks, "{n_lines} lines");
        assert!(code.iter().all(|chunk| chunk.text.ends_with("--all-namespaces")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_is_lost_in_markdown(text in "(# |## |### |\n\n|\n|- |```\n|[|] |[a-z]{1,12} |[a-z]{400}|长{300}|。|\\. ){1,150}") {
        if let Some(document) = document("a.md", text.as_bytes()) {
            check(&document);
        }
    }

    #[test]
    fn nothing_is_lost_in_plain_text(text in "(\n\n|\n|    |[a-zé长]{1,40}|[.!?。,] |x{3000}){1,80}") {
        if let Some(document) = document("a.txt", text.as_bytes()) {
            let found = check(&document);
            let joined: String = found.iter().map(|chunk| chunk.text.as_str()).collect();
            prop_assert!(letters(&text).eq(letters(&joined)));
        }
    }
}
