//! Where people talk.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Result, card::Card, finding::Owner, incident::Incident};

/// Speaks in one chat platform.
#[async_trait]
pub trait Chat: Send + Sync {
    /// Returns the platform's name: `web`, `slack`, `feishu`.
    fn platform(&self) -> &'static str;

    /// Opens the place where an incident is talked about, or returns the one that is open already.
    async fn open_room(&self, incident: &Incident) -> Result<RoomId>;

    /// Posts a message, secrets taken out of it ([`redacted_post`](crate::redact::redacted_post)).
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown room, `Invalid` for a post over the platform's limits, `Unavailable` when it may be tried again.
    async fn post(&self, room: &RoomId, post: &Post) -> Result<MessageId>;

    /// Replaces a message that was posted, secrets taken out.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post), and `NotFound` for an unknown message.
    async fn update(&self, room: &RoomId, message: &MessageId, post: &Post) -> Result<()>;

    /// Calls somebody's attention to the room, saying by which rule they were chosen.
    async fn mention(&self, room: &RoomId, owner: &Owner) -> Result<MessageId>;

    /// Brings somebody into the room. No effect where everybody may enter.
    async fn invite(&self, room: &RoomId, owner: &Owner) -> Result<()>;
}

/// A channel, group or thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoomId(pub String);

/// One message in a room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub String);

/// What is posted, whatever the platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Post {
    /// A finding, or the work towards one.
    Card {
        /// The card.
        card: Box<Card>,
    },
    /// Text with buttons under it.
    Text {
        /// Plain text with backticks for literals; no other markup.
        text: String,
        /// May be empty.
        #[serde(default)]
        buttons: Vec<Button>,
    },
}

/// Something to press. Pressing asks `text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it says and asks.
    pub text: String,
}
