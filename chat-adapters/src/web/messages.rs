//! What a person may say: a question, and whether a finding helped.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::error::TrySendError;
use waggle_agent_core::ports::{MessageId, Rating};

use super::{
    Caller, Question, WebState,
    fault::Fault,
    request::{IncidentPath, JsonBody, MAX_TEXT_BYTES, too_long},
};

/// How long somebody is asked to wait when too many questions are open. An answer takes a few seconds.
const RETRY_AFTER_S: u32 = 5;

#[derive(Deserialize)]
pub(super) struct Asked {
    text: String,
}

#[derive(Serialize)]
pub(super) struct Accepted {
    id: MessageId,
}

#[derive(Deserialize)]
pub(super) struct Rated {
    helpful: bool,
    #[serde(default)]
    correction: String,
}

/// `POST /api/incidents/{id}/messages`.
pub(super) async fn ask(
    State(state): State<WebState>,
    IncidentPath(incident): IncidentPath,
    Caller { name: person }: Caller,
    JsonBody(Asked { text }): JsonBody<Asked>,
) -> Result<(StatusCode, Json<Accepted>), Fault> {
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(Fault::new(StatusCode::BAD_REQUEST, "the text is empty"));
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(too_long());
    }
    // A place in the queue comes first: a line that is kept will be answered.
    let place = state.questions.try_reserve().map_err(|error| match error {
        TrySendError::Full(()) => Fault::new(StatusCode::TOO_MANY_REQUESTS, "too many questions are waiting")
            .hint("the question was not kept; ask again in a few seconds")
            .retry_after_s(RETRY_AFTER_S),
        TrySendError::Closed(()) => {
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, "nobody answers questions now")
                .hint("the program is shutting down; ask again when it is back")
        }
    })?;
    let id = state.chat.heard(&incident, &person, &text).await?;
    place.send(Question { incident, text, person });
    Ok((StatusCode::ACCEPTED, Json(Accepted { id })))
}

/// `POST /api/incidents/{id}/rating`.
pub(super) async fn rate(
    State(state): State<WebState>,
    IncidentPath(incident): IncidentPath,
    Caller { name: by }: Caller,
    JsonBody(Rated { helpful, correction }): JsonBody<Rated>,
) -> Result<StatusCode, Fault> {
    let correction = correction.trim().to_owned();
    if correction.len() > MAX_TEXT_BYTES {
        return Err(too_long());
    }
    let rating = Rating { incident, by, at: state.clock.now(), helpful, correction };
    state.memory.save_rating(&rating).await?;
    Ok(StatusCode::NO_CONTENT)
}
