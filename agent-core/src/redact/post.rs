//! The exit to chats: what Waggle posts is redacted, and nothing turns it back, since a chat is outside.

use super::Redactor;
use crate::{
    card::{Card, CardHunk, Line, Section, Step},
    ports::{Button, Post},
};

/// Returns a post as it may be shown: marks in place of secrets, the same mark for the same text within the post.
///
/// Who is mentioned stays: they are named by a rule so that somebody calls them. Ids of commits and evidence stay as well.
pub fn redacted_post(post: &Post) -> Post {
    let redactor = Redactor::default();
    match post {
        Post::Card { card } => Post::Card { card: Box::new(redacted_card(&redactor, card)) },
        Post::Text { text, buttons } => Post::Text {
            text: redactor.redact(text),
            buttons: buttons.iter().map(|button| Button { text: redactor.redact(&button.text) }).collect(),
        },
    }
}

fn redacted_card(redactor: &Redactor, card: &Card) -> Card {
    let told = |text: &String| redactor.redact(text);
    let line = |line: &Line| Line { text: told(&line.text), evidence: line.evidence.clone() };
    let section = |section: &Section| Section {
        kind: section.kind,
        heading: section.heading.clone(),
        lines: section.lines.iter().map(line).collect(),
    };
    Card {
        title: told(&card.title),
        sections: card.sections.iter().map(section).collect(),
        hunk: card.hunk.as_ref().map(|hunk| redacted_hunk(redactor, hunk)),
        buttons: card.buttons.iter().map(told).collect(),
        steps: card.steps.iter().map(|step| Step { text: told(&step.text), ..step.clone() }).collect(),
        ..card.clone()
    }
}

/// A secret may go over several lines of a diff, so they are redacted as one text.
fn redacted_hunk(redactor: &Redactor, hunk: &CardHunk) -> CardHunk {
    let lines = redactor.redact(&hunk.lines.join("\n"));
    CardHunk {
        summary: redactor.redact(&hunk.summary),
        author: redactor.redact(&hunk.author),
        path: redactor.redact(&hunk.path),
        lines: lines.lines().map(str::to_owned).collect(),
        ..hunk.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_part_of_a_card_keeps_a_secret_and_owners_are_still_called() {
        let secret = "password=hunter2x";
        let line = json!({ "text": secret, "evidence": ["E1"] });
        let card = json!({
            "title": secret, "done": true, "verdict": null, "confidence": 0.5, "buttons": [secret], "elapsed_ms": 1,
            "language": "en", "mentions": ["li.na@example.com (CODEOWNERS)"],
            "sections": [{ "kind": "cause", "heading": "Cause", "lines": [line] }],
            "hunk": {
                "commit": "9f3c1e2ab04d77aa1122334455667788aabbccdd", "summary": secret, "author": "Li Na", "path": "a.env",
                "line": 1, "evidence": "E1",
                "lines": [
                    "+-----BEGIN PRIVATE KEY-----", "+MIIEhunter2x", "+-----END PRIVATE KEY-----", format!("+{secret}"),
                ],
            },
            "steps": [{ "evidence": "E1", "tool": "logs", "text": secret, "done": true }],
        });
        let post: Post = serde_json::from_value(json!({ "kind": "card", "card": card })).unwrap();
        let told = serde_json::to_string(&redacted_post(&post)).unwrap();
        assert!(!told.contains("hunter2x"), "{told}");
        for stays in ["li.na@example.com (CODEOWNERS)", "9f3c1e2ab04d77aa1122334455667788aabbccdd", "Li Na"] {
            assert!(told.contains(stays), "{told}");
        }
        let text = Post::Text { text: secret.to_owned(), buttons: vec![Button { text: secret.to_owned() }] };
        let told = serde_json::to_string(&redacted_post(&text)).unwrap();
        assert!(!told.contains("hunter2x"), "{told}");
    }
}
