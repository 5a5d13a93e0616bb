//! What a conversation holds, for whoever builds on the offline model's reply.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    EvidenceId, Language,
    evidence::Fact,
    grounding::Ground,
    investigation::is_from_loop,
    ports::{Message, ModelRequest, ReplyData, ToolCall, ToolReply, ToolSpec},
};

/// A conversation, read.
pub(super) struct Transcript<'a> {
    request: &'a ModelRequest,
}

// === impl Transcript ===

impl<'a> Transcript<'a> {
    pub(super) fn of(request: &'a ModelRequest) -> Self {
        Self { request }
    }

    pub(super) fn language(&self) -> Language {
        self.request.language
    }

    /// Returns what may be called, also what is not described to a model on a wire.
    pub(super) fn tools(&self) -> impl Iterator<Item = &'a ToolSpec> {
        self.request.tools.iter().chain(&self.request.undescribed)
    }

    /// Returns the first line of the first message, which names the incident and its service.
    pub(super) fn opening(&self) -> &'a str {
        let first = self.request.messages.iter().find_map(user_text);
        first.and_then(|text| text.lines().next()).unwrap_or_default()
    }

    /// Returns what was said last by a person or the program.
    pub(super) fn question(&self) -> &'a str {
        self.request.messages.iter().rev().find_map(user_text).unwrap_or_default()
    }

    /// Returns the calls made since then, with their results; a refused call has none.
    pub(super) fn calls_since_question(&self) -> Vec<(&'a ToolCall, Option<&'a ReplyData>)> {
        let messages = &self.request.messages;
        let asked_at = messages.iter().rposition(|message| user_text(message).is_some()).unwrap_or(0);
        let calls = calls_in(messages.get(asked_at..).unwrap_or_default());
        calls.map(|call| (call, self.reply_to(call).and_then(|reply| reply.data.as_ref()))).collect()
    }

    pub(super) fn n_calls(&self) -> usize {
        calls_in(&self.request.messages).count()
    }

    pub(super) fn has_call_of(&self, tool: &str) -> bool {
        calls_in(&self.request.messages).any(|call| call.name == tool)
    }

    /// Returns the latest result of a tool as `T`.
    pub(super) fn latest<T: DeserializeOwned>(&self, tool: &str) -> Option<T> {
        let result =
            self.replies().filter(|reply| reply.name == tool).filter_map(|reply| reply.data.as_ref());
        serde_json::from_value(result.last()?.data.clone()).ok()
    }

    /// Returns all facts with the evidence that states them, each sentence once.
    pub(super) fn facts(&self) -> Vec<(EvidenceId, &'a Fact)> {
        let mut facts: Vec<(EvidenceId, &Fact)> = Vec::new();
        for data in self.replies().filter_map(|reply| reply.data.as_ref()) {
            for fact in &data.facts {
                if !facts.iter().any(|(_, known)| known.text == fact.text) {
                    facts.push((data.evidence, fact));
                }
            }
        }
        facts
    }

    /// Returns the names that verification counts as services, sorted, each once.
    pub(super) fn services(&self) -> Vec<String> {
        let results = self.replies().filter_map(|reply| reply.data.as_ref());
        let listed = results.filter_map(|result| result.data.get("services")?.as_array()).flatten();
        let names = listed.filter_map(|service| service.get("service").and_then(Value::as_str));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Returns what each piece of evidence says, as verification reads it: its data, its text, and what was asked for it. The
    /// facts shown beside the text prove nothing by themselves.
    pub(super) fn grounds(&self) -> BTreeMap<EvidenceId, Ground> {
        let mut grounds: BTreeMap<EvidenceId, Ground> = BTreeMap::new();
        for call in calls_in(&self.request.messages) {
            let Some(reply) = self.reply_to(call) else { continue };
            let Some(result) = &reply.data else { continue };
            grounds.entry(result.evidence).or_insert_with(|| {
                let mut ground = Ground::default();
                ground.add(&result.data, first_fenced(&reply.text));
                ground.add_arguments(&call.arguments);
                ground.add_id(result.evidence);
                ground
            });
        }
        grounds
    }

    fn reply_to(&self, call: &ToolCall) -> Option<&'a ToolReply> {
        self.replies().find(|reply| reply.call_id == call.id)
    }

    fn replies(&self) -> impl Iterator<Item = &'a ToolReply> {
        self.request.messages.iter().filter_map(|message| match message {
            Message::Tool(reply) => Some(reply),
            _ => None,
        })
    }
}

fn user_text(message: &Message) -> Option<&str> {
    match message {
        Message::User { text } if !is_from_loop(text) => Some(text),
        _ => None,
    }
}

/// Returns what stands in the first fence of a text; nothing when it does not begin with one.
fn first_fenced(text: &str) -> &str {
    let inside = text.strip_prefix("<data ").and_then(|rest| rest.split_once("\">\n"));
    let inside = inside.and_then(|(_, rest)| rest.split_once("\n</data>"));
    inside.map_or("", |(inside, _)| inside)
}

fn calls_in(messages: &[Message]) -> impl Iterator<Item = &ToolCall> {
    let calls = messages.iter().filter_map(|message| match message {
        Message::Assistant { calls, .. } => Some(calls),
        _ => None,
    });
    calls.flatten()
}
