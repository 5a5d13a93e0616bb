//! The page that comes with the program: a room for each incident, with no platform to sign up for.
//!
//! Who may come in is not decided here: whoever serves the [`router`] asks callers for a token first, and passes their
//! name on as a [`Caller`]. What is decided here is that a browser's cookie cannot be used from another site.
//!
//! # Layout
//!
//! - [`WebChat`]: the adapter. What is said is kept first, then told to whoever watches.
//! - [`Caller`]: on whose behalf a request comes.
//! - `hub`: who watches, what they missed, and what becomes of a watcher that is too slow.
//! - `incidents`, `messages`, `events`: the API, to read, to speak, to watch.
//! - `page`: the embedded files.
//! - `fault`, `request`, `guard`: how requests are read and refused.

mod caller;
mod chat;
mod events;
mod fault;
mod guard;
mod hub;
mod incidents;
mod messages;
mod page;
mod request;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, map_response},
    routing::{get, post},
};
use tokio::sync::mpsc;
use waggle_agent_core::{IncidentId, ports::Memory};
use waggle_signals::Clock;

pub use caller::Caller;
pub use chat::WebChat;
pub use incidents::IncidentRow;

/// What the [`router`] stands on.
#[derive(Clone)]
pub struct WebState {
    /// The adapter that posts to the same rooms.
    pub chat: Arc<WebChat>,
    /// Where incidents, lines and evidence are read from; the same that the adapter writes to.
    pub memory: Arc<dyn Memory>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where questions go. When it is full, people are told to try again, and their question is not kept.
    pub questions: mpsc::Sender<Question>,
}

/// Something that a person asked or said, and that wants an answer in the incident's room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where it was asked.
    pub incident: IncidentId,
    /// What was asked. Not empty, at most 16 KiB.
    pub text: String,
    /// Who asked.
    pub person: String,
}

/// Serves the page and its API. Asks nobody for a token: wrap it in something that does.
///
/// | Route | Answers |
/// |---|---|
/// | `GET /` | the page |
/// | `GET /api/incidents` | rows, newest first; `?limit=` up to 200, `?before=` an RFC 3339 time |
/// | `GET /api/incidents/{id}` | the incident, what was said, the latest finding, the caller's rating |
/// | `GET /api/incidents/{id}/events` | server-sent events: `line`, `incident`, `reload` |
/// | `GET /api/incidents/{id}/evidence/{E7}` | one piece of evidence |
/// | `POST /api/incidents/{id}/messages` | takes `{text}`, answers 202 `{id}` |
/// | `POST /api/incidents/{id}/rating` | takes `{helpful, correction}`, answers 204 |
/// | `GET /api/events` | `incident` events alone |
///
/// What cannot be done is answered with `{error, hint}`. It has a fallback of its own, so that every path answers in
/// the same form: merge into it only routers that have none.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/api/incidents", get(incidents::list))
        .route("/api/incidents/{id}", get(incidents::detail))
        .route("/api/incidents/{id}/evidence/{evidence}", get(incidents::evidence))
        .route("/api/incidents/{id}/events", get(events::of_incident))
        .route("/api/incidents/{id}/messages", post(messages::ask))
        .route("/api/incidents/{id}/rating", post(messages::rate))
        .route("/api/events", get(events::of_all))
        .fallback(page::file)
        .method_not_allowed_fallback(fault::method_not_allowed)
        .layer(DefaultBodyLimit::max(request::MAX_BODY_BYTES))
        .layer(from_fn(guard::refuse_other_sites))
        .layer(map_response(guard::strict_headers))
        .with_state(state)
}
