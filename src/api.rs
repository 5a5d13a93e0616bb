//! What programs may ask over HTTP. Every route stands behind the token.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Error, Finding, IncidentId, Kind, Language,
    conversation::Answer,
    incident::Source,
    ports::{IncidentPage, Memory, SqlQuery, Table, Telemetry},
};
use waggle_signals::{Clock, Timestamp};

use crate::desk::{Desk, Opening};

/// How long one statement may take.
pub const SQL_TIMEOUT: Duration = Duration::from_secs(30);

/// What the routes stand on.
#[derive(Clone)]
pub struct ApiState {
    pub desk: Desk,
    pub memory: Arc<dyn Memory>,
    pub telemetry: Arc<dyn Telemetry>,
    pub clock: Arc<dyn Clock>,
}

/// Asks for an investigation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvestigateRequest {
    pub service: Option<String>,
    pub at: Option<Timestamp>,
    pub window_s: u64,
    pub baseline_s: u64,
}

/// Asks a question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AskRequest {
    pub question: String,
    pub incident: Option<String>,
}

/// Asks in SQL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SqlRequest {
    pub query: String,
    pub limit: usize,
}

/// An error as the API writes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    pub error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

struct Refused(Error);

/// Returns the routes: `POST /api/investigate`, `/api/ask`, `/api/sql`.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/api/investigate", post(investigate))
        .route("/api/ask", post(ask))
        .route("/api/sql", post(sql))
        .with_state(state)
}

async fn investigate(
    State(state): State<ApiState>,
    Json(request): Json<InvestigateRequest>,
) -> Result<Json<Finding>, Refused> {
    Ok(Json(look(&state, &request).await?))
}

/// Opens an incident on a person's request and investigates it.
pub async fn look(state: &ApiState, request: &InvestigateRequest) -> waggle_agent_core::Result<Finding> {
    let at = match request.at {
        Some(at) => at,
        None => newest(&*state.telemetry, &*state.clock).await?,
    };
    let title = match &request.service {
        Some(service) => format!("what is wrong with {service}?"),
        None => "what is wrong?".to_owned(),
    };
    let opening = Opening {
        title,
        service: request.service.clone(),
        source: Source::Person,
        recent: Duration::from_secs(request.window_s),
        history: Duration::from_secs(request.baseline_s),
        at,
    };
    let incident = state.desk.open(opening).await?;
    Ok(state.desk.investigate(incident, Language::En, "operator").await?.investigation.finding)
}

/// Returns the time of the newest data: now for a store that is being filled, its end for one that is not.
async fn newest(telemetry: &dyn Telemetry, clock: &dyn Clock) -> waggle_agent_core::Result<Timestamp> {
    let query = SqlQuery {
        text: "SELECT max(start_time) AS newest FROM spans".to_owned(),
        limit: 1,
        timeout: SQL_TIMEOUT,
    };
    let table = telemetry.sql(&query).await?;
    let newest = table.rows.first().and_then(|row| row.first()?.as_str()?.parse::<Timestamp>().ok());
    match newest {
        // One nanosecond on, so that the newest row itself lies inside.
        Some(newest) => Ok((newest + Duration::from_nanos(1)).min(clock.now())),
        None => Err(Kind::NotFound
            .error("the telemetry store has no spans yet")
            .with_hint("start `waggle serve` or `waggle demo` first, or send OTLP to `/v1/traces`")),
    }
}

async fn ask(
    State(state): State<ApiState>,
    Json(request): Json<AskRequest>,
) -> Result<Json<Answer>, Refused> {
    Ok(Json(question(&state, &request).await?))
}

/// Answers a question about an incident, or about the system as it is when there was none.
pub async fn question(state: &ApiState, request: &AskRequest) -> waggle_agent_core::Result<Answer> {
    let incident = match &request.incident {
        Some(id) => IncidentId(id.clone()),
        None => latest_incident(state).await?,
    };
    Ok(state.desk.answer(&incident, &request.question, "operator").await?.answer)
}

async fn latest_incident(state: &ApiState) -> waggle_agent_core::Result<IncidentId> {
    let page = IncidentPage { before: None, limit: 1 };
    if let Some(incident) = state.memory.incidents(&page).await?.into_iter().next() {
        return Ok(incident.id);
    }
    let opening = Opening {
        title: "questions about the system".to_owned(),
        service: None,
        source: Source::Person,
        recent: Duration::from_secs(300),
        history: Duration::from_secs(1800),
        at: newest(&*state.telemetry, &*state.clock).await?,
    };
    Ok(state.desk.open(opening).await?.id)
}

async fn sql(State(state): State<ApiState>, Json(request): Json<SqlRequest>) -> Result<Json<Table>, Refused> {
    let query = SqlQuery { text: request.query, limit: request.limit.min(10_000), timeout: SQL_TIMEOUT };
    Ok(Json(state.telemetry.sql(&query).await?))
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.kind() {
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::Denied => StatusCode::FORBIDDEN,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(Fault { error: self.0.chain(), hint: self.0.hint().map(str::to_owned) }))
            .into_response()
    }
}
