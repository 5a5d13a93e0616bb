//! A document in its sections.

/// Longest passage in bytes, unless one paragraph is longer.
const MAX_PASSAGE: usize = 2_000;

/// A section, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Headings down to it, joined by ` › `.
    pub heading: String,
    /// What stands below the last of them. Never empty.
    pub text: String,
}

/// Splits a document at its headings (`# ` to `###### `, outside of code), and long sections between paragraphs.
pub fn sections(document: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut headings: Vec<(usize, &str)> = Vec::new();
    let mut text = String::new();
    let mut fence = None;
    for line in document.lines() {
        fence = fence_after(fence, line);
        if let (None, Some((level, title))) = (fence, heading(line)) {
            close(&mut sections, &headings, &mut text);
            headings.retain(|(above, _)| *above < level);
            headings.push((level, title));
            continue;
        }
        let is_between_paragraphs = line.trim().is_empty() && fence.is_none();
        if is_between_paragraphs && text.len() >= MAX_PASSAGE {
            close(&mut sections, &headings, &mut text);
        }
        text.push_str(line);
        text.push('\n');
    }
    close(&mut sections, &headings, &mut text);
    sections
}

fn close(sections: &mut Vec<Section>, headings: &[(usize, &str)], text: &mut String) {
    let whole = std::mem::take(text);
    let text = whole.trim_matches('\n');
    if !text.trim().is_empty() {
        let heading = headings.iter().map(|(_, title)| *title).collect::<Vec<_>>().join(" › ");
        sections.push(Section { heading, text: text.to_owned() });
    }
}

/// Returns level and title of a heading. <https://spec.commonmark.org/0.31.2/#atx-headings>
fn heading(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    let is_heading = (1..=6).contains(&level) && rest.starts_with([' ', '\t']);
    is_heading.then(|| (level, rest.trim().trim_end_matches('#').trim_end()))
}

/// Returns the fence that is open after a line. <https://spec.commonmark.org/0.31.2/#fenced-code-blocks>
fn fence_after(open: Option<char>, line: &str) -> Option<char> {
    let line = line.trim_start();
    let fence = ['`', '~'].into_iter().find(|&mark| line.starts_with(&mark.to_string().repeat(3)));
    match (open, fence) {
        (None, fence) => fence,
        (Some(open), Some(fence)) if open == fence => None,
        (open, _) => open,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn section(heading: &str, text: &str) -> Section {
        Section { heading: heading.into(), text: text.into() }
    }

    #[test]
    fn headings_nest_and_code_has_none() {
        let document = "Before.\n# A\nOne.\n### B ###\n```sh\n# not a heading\n```\n## C\n#no heading\n# D\n";
        let expected = [
            section("", "Before."),
            section("A", "One."),
            section("A › B", "```sh\n# not a heading\n```"),
            section("A › C", "#no heading"),
        ];
        assert_eq!(sections(document), expected);
    }

    #[test]
    fn a_long_section_is_split_between_paragraphs() {
        let paragraph = "word ".repeat(300);
        let document = format!("# A\n\n{paragraph}\n\n{paragraph}\n\n{paragraph}\n");
        let found = sections(&document);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|section| section.heading == "A"));
    }

    proptest! {
        #[test]
        fn every_word_of_the_document_is_kept(document in "([#`~ab 长\n\t]|```|## |\n\n){0,200}") {
            let letters = |text: &str| text.chars().filter(|letter| "ab长".contains(*letter)).count();
            let found = sections(&document);
            let in_text: usize = found.iter().map(|section| letters(&section.text)).sum();
            let in_headings = document.lines().filter(|line| heading(line).is_some()).map(letters).sum::<usize>();
            prop_assert!(in_text <= letters(&document));
            prop_assert!(in_text + in_headings >= letters(&document));
        }
    }
}
