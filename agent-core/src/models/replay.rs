//! Says again what a model said in a recorded transcript, as long as it is asked about the same conversation.

use async_trait::async_trait;

use crate::{
    Error, Kind, Result,
    investigation::is_in_short,
    ports::{Delta, Message, Model, ModelReply, ModelRequest, ToolReply},
};

/// Letters of a message that an error quotes.
const MAX_QUOTED_CHARS: usize = 80;

/// A model that plays the assistant messages of a transcript.
///
/// It keeps no place of its own: which message comes next follows from the conversation that it is asked about, so one
/// replay serves any number of runs.
#[derive(Clone, Debug)]
pub struct Replay {
    transcript: Vec<Message>,
}

impl Replay {
    /// Plays a transcript as an investigation or an answer leaves it.
    pub fn new(transcript: Vec<Message>) -> Self {
        Self { transcript }
    }

    /// Finds what was said after a conversation.
    fn next(&self, messages: &[Message]) -> Result<ModelReply> {
        let pairs = messages.iter().zip(&self.transcript).enumerate();
        for (place, (asked, recorded)) in pairs {
            if !is_same(asked, recorded) {
                return Err(differs(place, asked, recorded));
            }
        }
        match self.transcript.get(messages.len()) {
            Some(Message::Assistant { text, calls }) => {
                Ok(ModelReply { text: text.clone(), calls: calls.clone(), ..ModelReply::default() })
            }
            // A reply that said nothing is not written down; the program asked on.
            Some(Message::User { .. }) => Ok(ModelReply::default()),
            Some(other) => Err(Kind::Invalid.error(format!(
                "the recording goes on with {} at message {}, where the model was to speak",
                shown(other),
                messages.len()
            ))),
            None => Err(Kind::Invalid
                .error(format!("the recording ends after {} messages", self.transcript.len()))
                .with_hint("was the run cut off when it was recorded?")),
        }
    }
}

#[async_trait]
impl Model for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    /// Plays the next message; nothing is charged.
    ///
    /// # Errors
    ///
    /// `Invalid` when the conversation is not the recorded one; the message at which they part is named, the first being 0.
    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let reply = self.next(&request.messages)?;
        if !reply.text.is_empty() {
            on_delta(Delta::Text(&reply.text));
        }
        Ok(reply)
    }
}

/// What a tool returned is compared as the model saw it: the data behind it never went over a wire. In a long conversation
/// it may be shown in short, by the same evidence.
fn is_same(asked: &Message, recorded: &Message) -> bool {
    match (asked, recorded) {
        (Message::Tool(asked), Message::Tool(recorded)) => {
            let id = |reply: &ToolReply| reply.data.as_ref().map(|data| data.evidence);
            (&asked.call_id, &asked.name) == (&recorded.call_id, &recorded.name)
                && (asked.text == recorded.text || (is_in_short(asked) && id(asked) == id(recorded)))
        }
        _ => asked == recorded,
    }
}

fn differs(place: usize, asked: &Message, recorded: &Message) -> Error {
    let (asked, recorded) = (shown(asked), shown(recorded));
    Kind::Invalid
        .error(format!("the conversation differs from the recorded one at message {place}: {asked}, recorded was {recorded}"))
        .with_hint("replay with the tools, data and prompts of the recording")
}

fn shown(message: &Message) -> String {
    let (role, text) = match message {
        Message::System { text } => ("system", text.clone()),
        Message::User { text } => ("user", text.clone()),
        Message::Assistant { text, calls } => {
            let names = calls.iter().map(|call| call.name.clone());
            ("assistant", std::iter::once(text.clone()).chain(names).collect::<Vec<_>>().join(" "))
        }
        Message::Tool(reply) => ("tool", format!("{} {}", reply.name, reply.text)),
    };
    let words: Vec<_> = text.split_whitespace().collect();
    let start: String = words.join(" ").chars().take(MAX_QUOTED_CHARS).collect();
    format!("{role} `{start}`")
}
