//! What the offline model reads out of a conversation.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    EvidenceId, Language,
    evidence::{Fact, Topic},
    finding::{Claim, ClaimKind},
    investigation::is_from_loop,
    ports::{Message, ModelRequest, ReplyData, ToolCall, ToolReply, ToolSpec},
};

/// Letters of why a call was refused that are repeated.
const MAX_REASON_CHARS: usize = 300;

/// A conversation, read.
pub(super) struct Reading<'a> {
    request: &'a ModelRequest,
}

impl<'a> Reading<'a> {
    pub(super) fn of(request: &'a ModelRequest) -> Self {
        Self { request }
    }

    pub(super) fn language(&self) -> Language {
        self.request.language
    }

    /// Returns what the person or the program said last.
    pub(super) fn last_question(&self) -> &'a str {
        let said = self.request.messages.iter().rev().find_map(|message| match message {
            Message::User { text } if !is_from_loop(text) => Some(text.as_str()),
            _ => None,
        });
        said.unwrap_or_default()
    }

    /// Returns the results of a tool, in order.
    pub(super) fn results(&self, tool: &'static str) -> impl Iterator<Item = &'a ReplyData> {
        self.replies().filter(move |reply| reply.name == tool).filter_map(|reply| reply.data.as_ref())
    }

    /// Returns the latest result of exactly this call; `None` when it was refused.
    pub(super) fn result_of(&self, tool: &str, arguments: &Value) -> Option<&'a ReplyData> {
        let ids: Vec<_> =
            self.calls().filter(|call| call.name == tool && call.arguments == *arguments).collect();
        let answers = self.replies().filter(|reply| ids.iter().any(|call| call.id == reply.call_id));
        answers.filter_map(|reply| reply.data.as_ref()).last()
    }

    /// Returns why exactly this call was refused, on one line, without the marks that it stood between; `None` when it was not,
    /// or no reason was given.
    pub(super) fn refusal_of(&self, tool: &str, arguments: &Value) -> Option<String> {
        let ids: Vec<_> =
            self.calls().filter(|call| call.name == tool && call.arguments == *arguments).collect();
        let answers = self.replies().filter(|reply| ids.iter().any(|call| call.id == reply.call_id));
        let refused = answers.filter(|reply| reply.data.is_none()).last()?;
        let lines =
            refused.text.lines().filter(|line| !line.starts_with("<data") && !line.starts_with("</data"));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        let reason = words.join(" ");
        let is_long = reason.chars().count() > MAX_REASON_CHARS;
        let cut: String = reason.chars().take(MAX_REASON_CHARS).collect();
        (!cut.is_empty()).then(|| if is_long { format!("{}…", cut.trim_end()) } else { cut })
    }

    /// Returns the latest result of a tool as `T`, with its evidence id.
    pub(super) fn latest<T: DeserializeOwned>(&self, tool: &'static str) -> Option<(EvidenceId, T)> {
        let result = self.results(tool).last()?;
        Some((result.evidence, serde_json::from_value(result.data.clone()).ok()?))
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

    /// Returns the services of the first service map: later ones may list only some.
    pub(super) fn services(&self) -> Vec<&'a str> {
        let Some(map) = self.results("service_map").next() else { return Vec::new() };
        let services = map.data.get("services").and_then(Value::as_array);
        services.into_iter().flatten().filter_map(|service| service.get("service")?.as_str()).collect()
    }

    /// Returns the service that the incident is about, as the first message names it; `None` when it names none.
    pub(super) fn incident_service(&self) -> Option<&'a str> {
        let first = self.request.messages.iter().find_map(|message| match message {
            Message::User { text } => text.lines().next(),
            _ => None,
        })?;
        let (_, service) = first.split_once(" (service `")?;
        service.strip_suffix("`):")
    }

    /// Tells whether a tool has to be told a service.
    pub(super) fn needs_service(&self, name: &str) -> bool {
        let tool = self.tool(name);
        let required = tool.and_then(|tool| tool.schema.get("required")?.as_array());
        required.is_some_and(|fields| fields.iter().any(|field| field == "service"))
    }

    /// Tells whether a tool can be asked about one service.
    pub(super) fn takes_service(&self, name: &str) -> bool {
        let tool = self.tool(name);
        tool.is_some_and(|tool| tool.schema.pointer("/properties/service").is_some())
    }

    /// Makes a call, unless the tool is not to be had or exactly this was called already.
    pub(super) fn new_call(&self, name: &str, arguments: Value) -> Option<ToolCall> {
        let offered = self.tool(name).is_some();
        let made = self.calls().any(|call| call.name == name && call.arguments == arguments);
        (offered && !made).then(|| self.call(name, arguments))
    }

    /// Returns what is known of a tool that may be called.
    fn tool(&self, name: &str) -> Option<&'a ToolSpec> {
        self.request.tools.iter().chain(&self.request.undescribed).find(|tool| tool.name == name)
    }

    /// Tells whether a tool is to be had.
    pub(super) fn offers(&self, name: &str) -> bool {
        self.tool(name).is_some()
    }

    /// Makes those calls of one message that were not made yet, each with an id of its own.
    pub(super) fn new_calls(&self, calls: &[(&'static str, Value)]) -> Vec<ToolCall> {
        let new = calls.iter().filter_map(|(name, arguments)| self.new_call(name, arguments.clone()));
        let numbered =
            new.enumerate().map(|(index, call)| ToolCall { id: format!("{}_{index}", call.id), ..call });
        numbered.collect()
    }

    /// Makes a call with an id of its own.
    pub(super) fn call(&self, name: &str, arguments: Value) -> ToolCall {
        let id = format!("offline_{}_{name}", self.calls().count() + 1);
        ToolCall { id, name: name.to_owned(), arguments }
    }

    fn calls(&self) -> impl Iterator<Item = &'a ToolCall> {
        calls_in(&self.request.messages)
    }

    fn replies(&self) -> impl Iterator<Item = &'a ToolReply> {
        self.request.messages.iter().filter_map(|message| match message {
            Message::Tool(reply) => Some(reply),
            _ => None,
        })
    }
}

fn calls_in(messages: &[Message]) -> impl Iterator<Item = &ToolCall> {
    messages
        .iter()
        .filter_map(|message| match message {
            Message::Assistant { calls, .. } => Some(calls),
            _ => None,
        })
        .flatten()
}

/// Quotes a fact as a claim.
pub(super) fn quoted((evidence, fact): (EvidenceId, &Fact)) -> Claim {
    Claim { text: fact.text.clone(), kind: ClaimKind::Observed, evidence: vec![evidence] }
}

/// Orders topics as a person tells a story: what is wrong with it, what was done to it, where it shows.
pub(super) fn place_in_story(topic: Topic) -> u8 {
    match topic {
        Topic::Latency => 0,
        Topic::Errors => 1,
        Topic::Lifecycle => 2,
        Topic::Network => 3,
        Topic::Change => 4,
        Topic::Diff => 5,
        Topic::Profile => 6,
        Topic::Resources => 7,
        Topic::Neighbour => 8,
        Topic::Logs => 9,
        Topic::Trace => 10,
        Topic::Traffic => 11,
        Topic::Symptom => 12,
        Topic::Owner => 13,
        Topic::Knowledge => 14,
    }
}
