//! What a model is shown of a transcript: the newest in full, what is older in short, since it can be read again by its id.

use crate::{
    fence::fenced,
    ports::{Message, ReplyData, ToolReply},
    tokens::{estimated, tokens_of_message},
    triage::SUSPECTS_TOOL,
};

use super::own_calls::READ_EVIDENCE;

/// Facts of a result that stay when its text goes.
const MAX_FACTS: usize = 5;
/// Characters that stay of a result which states no facts, and of one fact.
const MAX_CHARS: usize = 200;
/// A result that is not longer than this is not worth shortening.
const SHORT_TOKENS: u64 = 80;

/// Returns the transcript with results shortened, oldest first, until it fits so many tokens by estimate or there is nothing
/// left to shorten. Messages, their order and their data stay; only text goes.
pub(super) fn shown(transcript: &[Message], context_tokens: u64) -> Vec<Message> {
    let mut shown = transcript.to_vec();
    let mut total: u64 = shown.iter().map(tokens_of_message).sum();
    let newest = shown.iter().rposition(|message| matches!(message, Message::Assistant { .. })).unwrap_or(0);
    let is_suspects =
        |message: &Message| matches!(message, Message::Tool(reply) if reply.name == SUSPECTS_TOOL);
    let (ranking, rest): (Vec<usize>, Vec<usize>) =
        (0..shown.len()).partition(|index| is_suspects(&transcript[*index]));
    let old = rest.iter().copied().filter(|index| *index < newest);
    let fresh = rest.iter().copied().filter(|index| *index >= newest);
    let in_order = old.clone().map(|index| (index, MAX_FACTS)).chain(fresh.map(|index| (index, MAX_FACTS)));
    // Then the facts of old results go too, and in the end the ranking is told by its facts.
    let last_resort = old.map(|index| (index, 1)).chain(ranking.into_iter().map(|index| (index, MAX_FACTS)));
    for (index, n_facts) in in_order.chain(last_resort) {
        if total <= context_tokens {
            break;
        }
        if let Some(Message::Tool(reply)) = shown.get_mut(index) {
            let before = estimated(&reply.text);
            let short = before.gt(&SHORT_TOKENS).then(|| in_short(reply, n_facts)).flatten();
            if let Some(text) = short.filter(|text| estimated(text) < before) {
                total = total.saturating_sub(before - estimated(&text));
                reply.text = text;
            }
        }
    }
    shown
}

/// Tells a result by its first facts; `None` for what is no evidence.
fn in_short(reply: &ToolReply, n_facts: usize) -> Option<String> {
    let ReplyData { evidence, facts, .. } = reply.data.as_ref().filter(|data| data.evidence.0 > 0)?;
    if facts.is_empty() && is_in_short(reply) {
        return None;
    }
    let cut = |text: &str| -> String {
        let mut kept: String = text.chars().take(MAX_CHARS).collect();
        if kept.len() < text.len() {
            kept.push('…');
        }
        kept
    };
    let said = if facts.is_empty() {
        cut(reply
            .text
            .split_once('\n')
            .map_or("", |(_, inside)| inside)
            .split("\n</data>")
            .next()
            .unwrap_or(""))
    } else {
        let told: Vec<_> = facts.iter().take(n_facts).map(|fact| format!("- {}", cut(&fact.text))).collect();
        told.join("\n")
    };
    let id = evidence.to_string();
    Some(format!("{}{}", opening(&id), fenced(&id, &said)))
}

fn opening(id: &str) -> String {
    format!("facts of {id}, the rest by `{READ_EVIDENCE}`:\n")
}

/// Tells whether a result is shown in short.
pub(crate) fn is_in_short(reply: &ToolReply) -> bool {
    reply.data.as_ref().is_some_and(|data| reply.text.starts_with(&opening(&data.evidence.to_string())))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        EvidenceId,
        evidence::{Fact, Topic},
        models::scripted::check_wire,
        ports::ToolCall,
    };

    fn call(id: &str, name: &str) -> Message {
        let call = ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: json!({}) };
        Message::Assistant { text: String::new(), calls: vec![call] }
    }

    fn reply(id: u32, call_id: &str, name: &str, words: usize) -> Message {
        let fact = Fact { service: String::new(), topic: Topic::Latency, text: format!("{name} says it") };
        Message::Tool(ToolReply {
            call_id: call_id.to_owned(),
            name: name.to_owned(),
            text: fenced(&format!("E{id}"), &"word ".repeat(words)),
            data: Some(ReplyData { evidence: EvidenceId(id), data: Value::Null, facts: vec![fact] }),
        })
    }

    fn conversation() -> Vec<Message> {
        vec![
            Message::System { text: "rules".to_owned() },
            call("a", "anomalies"),
            reply(1, "a", "anomalies", 800),
            call("b", SUSPECTS_TOOL),
            reply(2, "b", SUSPECTS_TOOL, 800),
            call("c", "compare"),
            reply(3, "c", "compare", 800),
        ]
    }

    fn lengths(shown: &[Message]) -> Vec<usize> {
        let texts = shown.iter().filter_map(|message| match message {
            Message::Tool(reply) => Some(reply.text.len()),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn what_fits_is_shown_as_it_is() {
        assert_eq!(shown(&conversation(), 100_000), conversation());
    }

    #[test]
    fn the_oldest_goes_first_and_the_ranking_last() {
        let full = lengths(&conversation())[0];
        let is_full = |limit: u64| {
            lengths(&shown(&conversation(), limit)).iter().map(|n| *n > full / 2).collect::<Vec<_>>()
        };
        assert_eq!(is_full(2_500), [false, true, true]);
        assert_eq!(is_full(1_500), [false, true, false]);
        assert_eq!(is_full(0), [false, false, false]);
        check_wire(&shown(&conversation(), 0)).unwrap();
    }

    #[test]
    fn a_result_in_short_keeps_its_facts_its_id_and_its_data() {
        let short = shown(&conversation(), 0);
        let (Message::Tool(before), Message::Tool(after)) = (&conversation()[2], &short[2]) else { panic!() };
        assert_eq!(after.data, before.data);
        assert_eq!(
            after.text,
            "facts of E1, the rest by `read_evidence`:\n<data id=\"E1\">\n- anomalies says it\n</data>"
        );
    }
}
