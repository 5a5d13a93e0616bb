//! Transcripts as they are kept: without the results, which the evidence has.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    Evidence, EvidenceId,
    ports::{Message, ReplyData},
};

/// Returns a transcript in which results are only named. What is no evidence, such as an earlier finding, stays.
pub fn lean(transcript: &[Message]) -> Vec<Message> {
    let mut lean = transcript.to_vec();
    for data in replies(&mut lean) {
        *data = ReplyData { evidence: data.evidence, data: Value::Null, facts: Vec::new() };
    }
    lean
}

/// Returns a kept transcript with its results. What has no evidence any more stays as it was kept.
pub fn filled(transcript: &[Message], evidence: &BTreeMap<EvidenceId, Evidence>) -> Vec<Message> {
    let mut filled = transcript.to_vec();
    for data in replies(&mut filled) {
        if let Some(evidence) = evidence.get(&data.evidence) {
            data.data = evidence.data.clone();
            data.facts = evidence.facts.clone();
        }
    }
    filled
}

/// Returns the evidence that a transcript shows.
pub fn cited(transcript: &[Message]) -> impl Iterator<Item = EvidenceId> {
    transcript.iter().filter_map(|message| match message {
        Message::Tool(reply) => Some(reply.data.as_ref()?.evidence).filter(|id| id.0 > 0),
        _ => None,
    })
}

fn replies(transcript: &mut [Message]) -> impl Iterator<Item = &mut ReplyData> {
    let replies = transcript.iter_mut().filter_map(|message| match message {
        Message::Tool(reply) => reply.data.as_mut(),
        _ => None,
    });
    replies.filter(|data| data.evidence.0 > 0)
}
