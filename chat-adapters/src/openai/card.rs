//! A finding's card as Markdown, for clients that show nothing else.

use std::collections::BTreeSet;

use waggle_agent_core::{
    EvidenceId, Language,
    card::{Card, CardHunk, Line},
    finding::Verdict,
};

use super::content::without_images;

/// Writes a card as Markdown: what is wrong and how sure, the sections with their evidence, the blamed lines, the owners.
///
/// Follow-up questions and steps are left out: a [`Reply`](super::Reply) has them apart. No image in it is fetched.
pub fn card_text(card: &Card) -> String {
    let mut parts = vec![head(card)];
    for section in &card.sections {
        let lines: Vec<String> = section.lines.iter().map(|line| format!("- {}", line_text(line))).collect();
        parts.push(format!("**{}**\n{}", section.heading, lines.join("\n")));
    }
    parts.extend(card.hunk.as_ref().map(hunk_text));
    if !card.mentions.is_empty() {
        let owners: Vec<String> =
            card.mentions.iter().map(|owner| format!("- {}", without_images(owner))).collect();
        parts.push(format!("**{}**\n{}", card.language.pick("Owner", "负责人"), owners.join("\n")));
    }
    parts.join("\n\n")
}

/// Returns all evidence that a card cites.
pub(super) fn cited(card: &Card) -> BTreeSet<EvidenceId> {
    let lines = card.sections.iter().flat_map(|section| &section.lines);
    lines
        .flat_map(|line| line.evidence.iter().copied())
        .chain(card.hunk.as_ref().map(|hunk| hunk.evidence))
        .collect()
}

fn head(card: &Card) -> String {
    let title = without_images(&card.title);
    match card.verdict {
        Some(verdict) => {
            let verdict = verdict_in_words(verdict, card.language);
            format!("**{title}** · {verdict}, {:.2}", card.confidence)
        }
        None => format!("**{title}**"),
    }
}

fn verdict_in_words(verdict: Verdict, language: Language) -> &'static str {
    let (en, zh) = match verdict {
        Verdict::Confirmed => ("confirmed", "已确认"),
        Verdict::Likely => ("likely", "很可能"),
        Verdict::Inconclusive => ("inconclusive", "无法确定"),
        Verdict::NoIncident => ("no incident", "没有故障"),
    };
    language.pick(en, zh)
}

fn line_text(line: &Line) -> String {
    let text = without_images(&line.text);
    if line.evidence.is_empty() {
        return text;
    }
    let ids: Vec<String> = line.evidence.iter().map(ToString::to_string).collect();
    format!("{text} [{}]", ids.join(", "))
}

/// The fence is longer than any run of backticks inside (CommonMark §4.5), so that code cannot close it.
fn hunk_text(hunk: &CardHunk) -> String {
    let code = hunk.lines.join("\n");
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let commit: String = hunk.commit.chars().take(10).collect();
    let about = without_images(&format!("{} ({}), `{}:{}`", hunk.summary, hunk.author, hunk.path, hunk.line));
    let evidence = hunk.evidence;
    format!("`{commit}` {about} [{evidence}]\n{fence}diff\n{code}\n{fence}")
}

#[cfg(test)]
mod tests {
    use waggle_agent_core::card::{Section, SectionKind};

    use super::*;

    fn line(text: &str, evidence: &[u32]) -> Line {
        Line { text: text.to_owned(), evidence: evidence.iter().copied().map(EvidenceId).collect() }
    }

    fn section(kind: SectionKind, heading: &str, lines: Vec<Line>) -> Section {
        Section { kind, heading: heading.to_owned(), lines }
    }

    #[test]
    fn a_card_is_read_from_what_is_wrong_to_who_answers_for_it() {
        let card = Card {
            title: "inventory: code regression".to_owned(),
            done: true,
            verdict: Some(Verdict::Likely),
            confidence: 0.86,
            sections: vec![
                section(SectionKind::Symptom, "Symptom", vec![line("p99 84 ms → 2.1 s", &[])]),
                section(SectionKind::Cause, "Cause", vec![line("self time 31 ms → 1.98 s ![x](y)", &[3, 7])]),
            ],
            hunk: Some(CardHunk {
                commit: "9f3c1e2aaaaaaaaaaaaa".to_owned(),
                summary: "match all".to_owned(),
                author: "Li Na".to_owned(),
                path: "reserve.rs".to_owned(),
                line: 88,
                lines: vec!["+// ``` no fence".to_owned(), "+let all = vec![sku];".to_owned()],
                evidence: EvidenceId(9),
            }),
            mentions: vec!["li.na — label `owner`".to_owned()],
            buttons: Vec::new(),
            steps: Vec::new(),
            elapsed_ms: 900,
            language: Language::En,
        };
        insta::assert_snapshot!(card_text(&card));
        assert_eq!(cited(&card), [3, 7, 9].map(EvidenceId).into());
        let running = Card { done: false, verdict: None, sections: Vec::new(), hunk: None, ..card };
        assert!(card_text(&running).starts_with("**inventory: code regression**\n"));
    }
}
