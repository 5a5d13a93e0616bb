//! Any chat client or SDK that speaks OpenAI's chat completions, as if Waggle were a model.
//!
//! The program answers through the one trait [`Desk`]. The whole conversation comes with every request, so nothing is
//! kept here; what the client says of itself, its system messages included, is text from outside and grants nothing.
//! Who calls is not asked here: the program that serves the [`router`] asks for a token first, refuses with
//! [`unauthorized`], and passes the name on as a [`Caller`](crate::web::Caller).
//!
//! # Layout
//!
//! - [`Desk`], [`Asked`], [`Reply`]: what is asked of the program, and what it answers.
//! - [`wish`]: whether a message asks for an investigation. [`card_text`], [`without_images`]: text as such
//!   clients show it.
//! - [`Face`], [`Limits`]: what the router stands on, and how much it takes at once.
//! - `models`, `complete`: the routes. `stream`, `chunk`: the same answer in pieces. `work`: one answer on its way.
//! - `request`, `messages`, `settings`: what is read out of a request, and what of it is ignored or refused.
//! - `content`: a reply as one text. `places`: who may ask at once. `fault`: how requests are refused.

mod card;
mod chunk;
mod complete;
mod content;
mod desk;
mod fault;
mod limits;
mod messages;
mod models;
mod places;
mod request;
mod settings;
mod stream;
pub mod wish;
mod work;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get, post},
};
use waggle_signals::{Clock, Timestamp};

pub use card::card_text;
pub use content::without_images;
pub use desk::{Asked, Desk, EvidenceNote, ModelId, Reply, Speaker, Turn};
pub use fault::unauthorized;
pub use limits::Limits;

use places::Places;

/// What the [`router`] stands on. Clones share their limits.
#[derive(Clone)]
pub struct Face {
    desk: Arc<dyn Desk>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    places: Places,
    opened_at: Timestamp,
    next_id: Arc<AtomicU64>,
}

impl Face {
    /// Makes the face over who answers.
    pub fn new(desk: Arc<dyn Desk>, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let opened_at = clock.now();
        // Starts at the microseconds since the epoch, so that ids are not given twice by two runs of the program.
        let first_id = u64::try_from(opened_at.nanos() / 1000).unwrap_or(0);
        let next_id = Arc::new(AtomicU64::new(first_id));
        Self { desk, clock, places: Places::new(&limits), limits, opened_at, next_id }
    }

    fn new_id(&self) -> String {
        format!("chatcmpl-{:016x}", self.next_id.fetch_add(1, Ordering::Relaxed))
    }
}

/// Serves OpenAI's API for chat clients. Asks nobody for a token: wrap it in something that does.
///
/// | Route | Answers |
/// |---|---|
/// | `POST /v1/chat/completions` | an answer, whole or as server-sent events |
/// | `GET /v1/models` | the models that [`Desk::models`] names |
/// | `GET /v1/models/{id}` | one of them |
///
/// What cannot be done is answered with `{"error": {message, type, param, code}}`, also at OpenAI's other endpoints that
/// clients try first. It has no fallback of its own, so that it can be merged into other routers.
pub fn router(face: Face) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(complete::complete))
        .route("/v1/chat/completions/{*rest}", any(fault::nothing_stored))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/v1/completions", any(fault::not_offered))
        .route("/v1/responses", any(fault::not_offered))
        .route("/v1/embeddings", any(fault::not_offered))
        .method_not_allowed_fallback(fault::method_not_allowed)
        .layer(DefaultBodyLimit::max(face.limits.body_bytes))
        .with_state(face)
}

/// Tells whether a path is one of the [`router`]'s, so that a refusal on it can be in the form that its callers read.
pub fn serves(path: &str) -> bool {
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    ["/v1/chat/completions", "/v1/models", "/v1/completions", "/v1/responses", "/v1/embeddings"]
        .into_iter()
        .any(below)
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.nanos() / 1_000_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_paths_are_the_faces() {
        for path in ["/v1/chat/completions", "/v1/models", "/v1/models/waggle", "/v1/chat/completions/x"] {
            assert!(serves(path), "{path}");
        }
        for path in ["/", "/v1/traces", "/v1/modelsx", "/api/ask", "/v1", "/v1/chat"] {
            assert!(!serves(path), "{path}");
        }
    }
}
