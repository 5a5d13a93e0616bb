//! A provider on a loopback address: an HTTP server that checks the protocol of chat completions on every request, refuses
//! as OpenAI does, and otherwise answers by script, well or badly.
//!
//! # Layout
//!
//! - [`protocol`]: what every request must keep. [`wire`]: the bytes of HTTP.
//! - [`streams`]: replies in every cut. [`faults`]: every fault through an investigation.

mod faults;
pub mod protocol;
mod streams;
mod wire;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use waggle_agent_core::{
    models::{OpenAi, OpenAiConfig},
    ports::ModelReply,
};

/// What is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A whole reply in one JSON body, whatever was asked for.
    Whole(Value),
    /// A reply as a stream of events, cut into pieces anywhere by a seed.
    Streamed(Value, u64),
    /// The first half of a stream, then the connection is closed: in good order, or not.
    Cut(Value, Closing),
    /// A status, a content type and a body, with `retry-after: 0`.
    Status(u16, &'static str, String),
    /// Nothing, for longer than anybody waits.
    Silence,
    /// Another answer after a while.
    Late(Duration, Box<Answer>),
    /// A body that begins like this and then repeats this without end.
    Endless(&'static str, &'static str),
}

/// How a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// With the mark that says that the body is whole.
    Orderly,
    /// Without.
    Abrupt,
}

/// The server. It ends with its value.
pub struct Provider {
    address: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

struct State {
    script: Mutex<VecDeque<Answer>>,
    last: Answer,
    requests: Mutex<Vec<Value>>,
    broken: Mutex<Vec<String>>,
}

impl Provider {
    /// Serves these answers in order, then the last of them for ever.
    pub async fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        let script: VecDeque<_> = script.into_iter().collect();
        let last = script.back().cloned().unwrap();
        let (requests, broken) = (Mutex::default(), Mutex::default());
        let state = Arc::new(State { script: Mutex::new(script), last, requests, broken });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = state.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(connection, served.clone()));
            }
        });
        Self { address, state, serving }
    }

    /// Returns a model that asks this provider.
    pub fn model(&self) -> OpenAi {
        OpenAi::new(&self.config()).unwrap()
    }

    /// Returns where it is.
    pub fn config(&self) -> OpenAiConfig {
        OpenAiConfig {
            url: format!("http://{}/v1", self.address),
            key: "k-123".into(),
            model: "bee-1".to_owned(),
            quirks: None,
        }
    }

    /// Returns every request so far, and fails when one broke the protocol.
    pub fn requests(&self) -> Vec<Value> {
        assert_eq!(*self.state.broken.lock().unwrap(), Vec::<String>::new());
        self.state.requests.lock().unwrap().clone()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut connection: TcpStream, state: Arc<State>) {
    let Some(request) = wire::read_request(&mut connection).await else { return };
    let checked = request.authorized.then_some(()).ok_or_else(|| "no bearer token".to_owned());
    let checked = checked.and_then(|()| protocol::check(&request.body));
    state.requests.lock().unwrap().push(request.body);
    if let Err(broken) = checked {
        let error = json!({ "error": {
            "message": &broken, "type": "invalid_request_error", "param": null, "code": null,
        } });
        state.broken.lock().unwrap().push(broken);
        return wire::write_body(&mut connection, 400, "application/json", error.to_string().as_bytes())
            .await;
    }
    let next = state.script.lock().unwrap().pop_front();
    wire::write_answer(&mut connection, next.unwrap_or_else(|| state.last.clone())).await;
}

/// A reply of the shop's models as a message of the wire.
pub fn message(reply: waggle_agent_core::Result<ModelReply>) -> Value {
    let reply = reply.unwrap();
    let calls: Vec<_> = reply
        .calls
        .into_iter()
        .map(|call| {
            let function = json!({ "name": call.name, "arguments": call.arguments.to_string() });
            json!({ "id": call.id, "type": "function", "function": function })
        })
        .collect();
    let content = (!reply.text.is_empty()).then_some(reply.text);
    if calls.is_empty() {
        json!({ "role": "assistant", "content": content.unwrap_or_default() })
    } else {
        json!({ "role": "assistant", "content": content, "tool_calls": calls })
    }
}

/// The same as a whole answer.
pub fn whole(reply: waggle_agent_core::Result<ModelReply>) -> Answer {
    Answer::Whole(message(reply))
}
