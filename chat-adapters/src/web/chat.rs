//! The adapter of the chat port: lines are kept in memory, then told to whoever watches.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use tokio::sync::Mutex;
use waggle_agent_core::{
    Incident, IncidentId, Kind, Result,
    finding::Owner,
    inert::inert,
    ports::{Button, Chat, ChatLine, Memory, MessageId, Post, RoomId, Speaker},
    redact::redacted_post,
};
use waggle_signals::Clock;

use super::{
    hub::{Hub, Subject},
    incidents, request,
};

/// The web page's rooms: one for each incident, under its id; everybody who may see the page may enter.
pub struct WebChat {
    memory: Arc<dyn Memory>,
    clock: Arc<dyn Clock>,
    hub: Hub,
    /// Held from keeping a line to telling it, so that watchers see changes in the order in which they were kept.
    writing: Mutex<()>,
    /// Number of the next message. Starts at the microseconds since the epoch, so that ids are not given twice by
    /// two runs of the program.
    next_message: AtomicU64,
}

impl WebChat {
    /// The most that one post may weigh as JSON. A card with a long diff weighs about 20 KiB.
    pub const MAX_POST_BYTES: usize = 256 * 1024;

    /// Makes the adapter over a memory. Nobody watches yet.
    pub fn new(memory: Arc<dyn Memory>, clock: Arc<dyn Clock>) -> Self {
        let micros = u64::try_from(clock.now().nanos() / 1000).unwrap_or(0);
        Self {
            memory,
            clock,
            hub: Hub::starting_at(micros),
            writing: Mutex::new(()),
            next_message: AtomicU64::new(micros),
        }
    }

    /// Keeps what a person said, tells it to whoever watches, and returns the id of the line.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident, and what the memory answers.
    pub async fn heard(&self, incident: &IncidentId, person: &str, text: &str) -> Result<MessageId> {
        self.memory.incident(incident).await?;
        let speaker = Speaker::Person { name: person.to_owned() };
        self.say(incident, speaker, Post::Text { text: text.to_owned(), buttons: Vec::new() }).await
    }

    /// Tells whoever watches where an incident stands. To be called after an incident or its finding was kept.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown incident, and what the memory answers.
    pub async fn announce(&self, incident: &IncidentId) -> Result<()> {
        let _writing = self.writing.lock().await;
        let row = incidents::row(&*self.memory, self.memory.incident(incident).await?).await?;
        self.hub.tell(incident.clone(), Subject::Incident, as_json(&row)?);
        Ok(())
    }

    /// Ends the events of whoever watches, so that a server can stop. What is said afterwards is kept and not told.
    pub fn close(&self) {
        self.hub.close();
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    async fn say(&self, incident: &IncidentId, speaker: Speaker, post: Post) -> Result<MessageId> {
        let number = self.next_message.fetch_add(1, Ordering::Relaxed);
        let id = MessageId(format!("web-{number}"));
        let _writing = self.writing.lock().await;
        let line = ChatLine { id: id.clone(), speaker, at: self.clock.now(), post };
        self.keep_and_tell(incident, &line).await?;
        Ok(id)
    }

    async fn keep_and_tell(&self, incident: &IncidentId, line: &ChatLine) -> Result<()> {
        let json = as_json(line)?;
        if json.len() > Self::MAX_POST_BYTES {
            let (len, max) = (json.len(), Self::MAX_POST_BYTES);
            return Err(Kind::Invalid.error(format!("post of {len} bytes is over the limit of {max}")));
        }
        self.memory.save_line(incident, line).await?;
        self.hub.tell(incident.clone(), Subject::Line(line.id.clone()), json);
        Ok(())
    }

    async fn incident_of(&self, room: &RoomId) -> Result<IncidentId> {
        let incident = IncidentId(room.0.clone());
        self.memory.incident(&incident).await?;
        Ok(incident)
    }
}

#[async_trait]
impl Chat for WebChat {
    fn platform(&self) -> &'static str {
        "web"
    }

    async fn open_room(&self, incident: &Incident) -> Result<RoomId> {
        if !request::is_incident_id(&incident.id.0) {
            return Err(request::not_an_incident_id(&incident.id.0));
        }
        match self.memory.incident(&incident.id).await {
            Ok(_) => {}
            Err(error) if error.kind() == Kind::NotFound => self.memory.save_incident(incident).await?,
            Err(error) => return Err(error),
        }
        self.announce(&incident.id).await?;
        Ok(RoomId(incident.id.0.clone()))
    }

    async fn post(&self, room: &RoomId, post: &Post) -> Result<MessageId> {
        let incident = self.incident_of(room).await?;
        self.say(&incident, Speaker::Waggle, redacted_post(&inert_post(post))).await
    }

    async fn update(&self, room: &RoomId, message: &MessageId, post: &Post) -> Result<()> {
        let incident = self.incident_of(room).await?;
        let _writing = self.writing.lock().await;
        let lines = self.memory.lines(&incident).await?;
        let Some(line) = lines.into_iter().find(|line| line.id == *message) else {
            return Err(Kind::NotFound.error(format!("no message `{}` in room `{}`", message.0, room.0)));
        };
        self.keep_and_tell(&incident, &ChatLine { post: redacted_post(&inert_post(post)), ..line }).await
    }

    async fn mention(&self, room: &RoomId, owner: &Owner) -> Result<MessageId> {
        let incident = self.incident_of(room).await?;
        // Not redacted: an address is how they are called.
        let text = mention(owner);
        self.say(&incident, Speaker::Waggle, Post::Text { text, buttons: Vec::new() }).await
    }

    async fn invite(&self, room: &RoomId, _: &Owner) -> Result<()> {
        self.incident_of(room).await.map(drop)
    }
}

/// ``@li.na · label `owner` of inventory``: no words of its own, so that it fits any language.
fn mention(owner: &Owner) -> String {
    let name = owner.name.trim_start_matches('@');
    let parts = [&format!("@{name}"), &owner.rule, &owner.contact];
    parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" · ")
}

/// Takes from a text whatever a client would act on; cards are made without it.
fn inert_post(post: &Post) -> Post {
    match post {
        Post::Text { text, buttons } => Post::Text {
            text: inert(text),
            buttons: buttons.iter().map(|button| Button { text: inert(&button.text) }).collect(),
        },
        Post::Card { card } => Post::Card { card: card.clone() },
    }
}

fn as_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Kind::Internal.because("write a chat line as JSON", error))
}
