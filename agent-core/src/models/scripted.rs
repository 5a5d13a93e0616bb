//! A model that says what a test tells it to, and checks that it is asked by the rules of the wire.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{
    Kind, Result,
    ports::{Delta, Message, Model, ModelReply, ModelRequest},
};

/// Plays replies in order. Asked once more than it has replies, it is `Unavailable`.
#[derive(Debug, Default)]
pub struct Scripted {
    /// Held for a few lines at a time, never across an await.
    replies: Mutex<VecDeque<Result<ModelReply>>>,
    /// What it was asked, in order.
    requests: Mutex<Vec<ModelRequest>>,
}

impl Scripted {
    /// Makes a model that plays these replies.
    pub fn new(replies: impl IntoIterator<Item = Result<ModelReply>>) -> Self {
        Self { replies: Mutex::new(replies.into_iter().collect()), requests: Mutex::default() }
    }

    /// Returns every request so far.
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Checks what every OpenAI-compatible endpoint insists on: a system message only at the start, every call answered
/// exactly once before the next message of another role, no answer without a call, unique call ids.
///
/// # Errors
///
/// `Invalid` with the first rule that is broken.
pub fn check_wire(messages: &[Message]) -> Result<()> {
    let mut open: HashSet<&str> = HashSet::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let broken = |rule: &str| Err(Kind::Invalid.error(format!("message {index}: {rule}")));
        match message {
            Message::Tool(reply) if open.remove(reply.call_id.as_str()) => continue,
            Message::Tool(reply) => return broken(&format!("`{}` answers no open call", reply.call_id)),
            _ if !open.is_empty() => return broken(&format!("{} calls are not answered", open.len())),
            Message::System { .. } if index > 0 => return broken("system message is not the first"),
            Message::System { .. } | Message::User { .. } => {}
            Message::Assistant { calls, .. } => {
                for call in calls {
                    if !seen.insert(&call.id) {
                        return broken(&format!("call id `{}` comes twice", call.id));
                    }
                    open.insert(&call.id);
                }
            }
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(Kind::Invalid.error(format!("{} calls are not answered", open.len())))
    }
}

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        check_wire(&request.messages)?;
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let reply = self.replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let reply = reply.unwrap_or_else(|| Err(Kind::Unavailable.error("the script has ended")))?;
        if !reply.text.is_empty() {
            on_delta(Delta::Text(&reply.text));
        }
        Ok(reply)
    }
}
