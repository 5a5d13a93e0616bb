//! A chat that nobody reads but a test.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{
    Error, Incident, Kind, Result,
    finding::Owner,
    ports::{Chat, MessageId, Post, RoomId},
    redact::redacted_post,
};

/// As much as real platforms take, and no more.
const MAX_POST_BYTES: usize = 256 * 1024;

/// Records what is posted, by the same rules as a real platform.
#[derive(Debug, Default)]
pub struct FakeChat {
    /// Locked for a few lines, never across an await.
    rooms: Mutex<BTreeMap<RoomId, Room>>,
}

/// What happened in one room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Room {
    /// What is seen there, oldest first: each message as it was last updated.
    pub messages: Vec<(MessageId, Post)>,
    /// How often a message was replaced.
    pub updates: usize,
    /// Who was mentioned, in order.
    pub mentioned: Vec<Owner>,
    /// Who was brought in, in order.
    pub invited: Vec<Owner>,
}

impl FakeChat {
    /// Makes a chat without rooms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what happened in a room so far; nothing for a room that was never opened.
    pub fn room(&self, room: &RoomId) -> Room {
        self.rooms().get(room).cloned().unwrap_or_default()
    }

    fn rooms(&self) -> MutexGuard<'_, BTreeMap<RoomId, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn within<T>(&self, room: &RoomId, act: impl FnOnce(&mut Room) -> Result<T>) -> Result<T> {
        act(self.rooms().get_mut(room).ok_or_else(|| unknown("room", &room.0))?)
    }
}

impl Room {
    fn add(&mut self, post: Post) -> MessageId {
        let id = MessageId(format!("m{}", self.messages.len() + 1));
        self.messages.push((id.clone(), post));
        id
    }
}

#[async_trait]
impl Chat for FakeChat {
    fn platform(&self) -> &'static str {
        "fake"
    }

    async fn open_room(&self, incident: &Incident) -> Result<RoomId> {
        let room = RoomId(incident.id.0.clone());
        self.rooms().entry(room.clone()).or_default();
        Ok(room)
    }

    async fn post(&self, room: &RoomId, post: &Post) -> Result<MessageId> {
        self.within(room, |room| {
            within_limit(post)?;
            Ok(room.add(redacted_post(post)))
        })
    }

    async fn update(&self, room: &RoomId, message: &MessageId, post: &Post) -> Result<()> {
        self.within(room, |room| {
            let place = room.messages.iter_mut().find(|(id, _)| id == message);
            let (_, old) = place.ok_or_else(|| unknown("message", &message.0))?;
            within_limit(post)?;
            *old = redacted_post(post);
            room.updates += 1;
            Ok(())
        })
    }

    async fn mention(&self, room: &RoomId, owner: &Owner) -> Result<MessageId> {
        self.within(room, |room| {
            room.mentioned.push(owner.clone());
            let text = format!("@{} · {}", owner.name, owner.rule);
            Ok(room.add(Post::Text { text, buttons: Vec::new() }))
        })
    }

    async fn invite(&self, room: &RoomId, owner: &Owner) -> Result<()> {
        self.within(room, |room| {
            room.invited.push(owner.clone());
            Ok(())
        })
    }
}

fn within_limit(post: &Post) -> Result<()> {
    let json =
        serde_json::to_string(post).map_err(|error| Kind::Internal.because("write a post as JSON", error))?;
    if json.len() <= MAX_POST_BYTES {
        return Ok(());
    }
    Err(Kind::Invalid.error(format!("post of {} bytes is over the limit of {MAX_POST_BYTES}", json.len())))
}

fn unknown(what: &str, id: &str) -> Error {
    Kind::NotFound.error(format!("unknown {what} `{id}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::chat::conformance;

    #[tokio::test]
    async fn the_fake_keeps_the_rules_of_a_chat() {
        let chat = FakeChat::new();
        let read = async |room: &RoomId| {
            let messages = chat.room(room).messages;
            messages.into_iter().map(|(id, post)| (id, serde_json::to_string(&post).unwrap())).collect()
        };
        conformance(&chat, read).await;
    }
}
