//! A question of the investigation to the people in its room.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::timeout};
use waggle_agent_core::{
    IncidentId, Scene, ToolError,
    ports::{Button, Chat, Post, ToolSpec},
    toolbox::{AnyTool, Called},
};
use waggle_chat_adapters::web::WebChat;

/// How a model calls it.
pub const ASK_PERSON: &str = "ask_person";
/// People who do not answer by then are busy; the investigation goes on without them.
const PATIENCE: Duration = Duration::from_secs(8);
/// Letters of a question and of an answer to choose from, and how many of these.
const MAX_QUESTION_CHARS: usize = 300;
const MAX_OPTION_CHARS: usize = 60;
const MAX_OPTIONS: usize = 4;
/// Letters of an answer.
const MAX_ANSWER_CHARS: usize = 1_000;

/// Who waits for an answer in which room. One question at a time in each.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Mutex<HashMap<IncidentId, oneshot::Sender<Answer>>>>);

/// What somebody said.
struct Answer {
    person: String,
    text: String,
}

impl Waiting {
    /// Hands what was said to whoever waits for it in this room; false when nobody does.
    pub fn hear(&self, incident: &IncidentId, text: &str, person: &str) -> bool {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(incident);
        let answer =
            Answer { person: person.to_owned(), text: text.chars().take(MAX_ANSWER_CHARS).collect() };
        waits.is_some_and(|waits| waits.send(answer).is_ok())
    }

    fn listen(&self, incident: &IncidentId) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(incident.clone(), sender);
        receiver
    }

    fn stop_listening(&self, incident: &IncidentId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(incident);
    }
}

/// Asks in the incident's room, and waits a little.
pub struct AskPerson {
    pub chat: Arc<WebChat>,
    pub waiting: Waiting,
}

#[derive(Deserialize)]
struct Arguments {
    question: String,
    #[serde(default)]
    options: Vec<String>,
}

#[async_trait]
impl AnyTool for AskPerson {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: ASK_PERSON.to_owned(),
            description: "Asks the people in the incident's room what no measurement tells: whether a change was planned, what customers saw. Answers within seconds or not at all.".to_owned(),
            schema: json!({
                "type": "object",
                "properties": {
                    "question": { "type": "string", "maxLength": MAX_QUESTION_CHARS },
                    "options": { "type": "array", "maxItems": MAX_OPTIONS, "items": { "type": "string", "maxLength": MAX_OPTION_CHARS } },
                },
                "required": ["question"],
                "additionalProperties": false,
            }),
        }
    }

    fn summary(&self, arguments: &Value) -> String {
        let question = arguments.get("question").and_then(Value::as_str).unwrap_or_default();
        let question: String = question.chars().take(MAX_QUESTION_CHARS).collect();
        format!("question to the room: {question}")
    }

    async fn call(&self, arguments: Value, scene: &Scene) -> Result<Called, ToolError> {
        let wrong = |error: serde_json::Error| {
            ToolError::Respond(format!("the arguments of `{ASK_PERSON}` cannot be read: {error}"))
        };
        let Arguments { question, options } = serde_json::from_value(arguments).map_err(wrong)?;
        let question: String = question.trim().chars().take(MAX_QUESTION_CHARS).collect();
        if question.is_empty() {
            return Err(ToolError::Respond("ask something: `{\"question\": \"…\"}`".to_owned()));
        }
        let cut = |option: &String| Button { text: option.chars().take(MAX_OPTION_CHARS).collect() };
        let buttons = options.iter().take(MAX_OPTIONS).map(cut).collect();
        let incident = &scene.incident.id;
        let room = self.chat.open_room(&scene.incident).await?;
        let answer = self.waiting.listen(incident);
        self.chat.post(&room, &Post::Text { text: question, buttons }).await?;
        let answered = timeout(PATIENCE, answer).await;
        self.waiting.stop_listening(incident);
        Ok(match answered {
            Ok(Ok(Answer { person, text })) => Called {
                text: format!("{person} says: {text}"),
                data: json!({ "by": person, "answer": text }),
                facts: Vec::new(),
                empty: false,
            },
            _ => Called {
                text: format!("nobody answered within {} s; go on without", PATIENCE.as_secs()),
                data: json!({ "answer": null }),
                facts: Vec::new(),
                empty: true,
            },
        })
    }
}
