//! `GET /v1/models`: what may be asked for.

use std::time::Duration;

use async_openai::types::models::{ListModelResponse, Model};
use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};

use tokio::time::timeout;

use super::{Face, ModelId, fault::Fault, seconds};

/// How long it may take to tell what is offered.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
/// The longest name that is repeated to the caller, in characters.
const MAX_SHOWN: usize = 64;

pub(super) async fn list(State(face): State<Face>) -> Result<Json<ListModelResponse>, Fault> {
    let models = all(&face).await?;
    let data = models.into_iter().map(|model| row(&face, model)).collect();
    Ok(Json(ListModelResponse { object: "list".to_owned(), data }))
}

pub(super) async fn one(
    State(face): State<Face>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Model>, Fault> {
    let Path(id) = id.map_err(|rejected| Fault::new(rejected.status(), "the path does not read as text"))?;
    let model = offered(&face, ModelId(id)).await?;
    Ok(Json(row(&face, model)))
}

/// Returns the model if it is offered.
pub(super) async fn offered(face: &Face, model: ModelId) -> Result<ModelId, Fault> {
    let models = all(face).await?;
    if models.contains(&model) {
        return Ok(model);
    }
    let shown: String = model.0.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
    let offered: Vec<String> = models.iter().map(|model| format!("`{}`", model.0)).collect();
    let message = format!("unknown model `{shown}`; hint: there is {}", offered.join(", "));
    Err(Fault::unknown_model(message))
}

async fn all(face: &Face) -> Result<Vec<ModelId>, Fault> {
    match timeout(TOLD_WITHIN, face.desk.models()).await {
        Ok(models) => models.map_err(Fault::from),
        Err(_) => Err(Fault::too_late(TOLD_WITHIN.as_secs())),
    }
}

fn row(face: &Face, ModelId(id): ModelId) -> Model {
    Model {
        id,
        object: "model".to_owned(),
        created: seconds(face.opened_at),
        owned_by: "waggle".to_owned(),
        shutdown_date: None,
    }
}
