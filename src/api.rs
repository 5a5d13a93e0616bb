//! What programs may ask over HTTP. Every route stands behind the token.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use waggle_agent_core::{
    Error, Finding, Incident, IncidentId, Kind, Language,
    conversation::Answer,
    incident::Source,
    nearest::nearest,
    ports::{IncidentPage, Memory, NewAuditEntry, ResourceQuery, SqlQuery, Table, Telemetry},
    redact::Redactor,
};
use waggle_deploy_check::Report;
use waggle_signals::{Clock, TimeRange, Timestamp};

use crate::{
    deploys::{CheckRequest, check},
    desk::{Desk, Opening},
};

/// How long one statement may take.
const SQL_TIMEOUT: Duration = Duration::from_secs(30);
/// Rows of one statement that are returned at most.
const MAX_ROWS: usize = 10_000;
/// A question that names no incident is about the newest one as long as that is no older than this.
const RECENT: Duration = Duration::from_secs(15 * 60);

/// What a question is about that names no time: so long until now.
const ASKED_ABOUT: Duration = Duration::from_secs(300);
/// The healthy time is so many times as long as the time that somebody asks about.
const BASELINE_PER_WINDOW: u32 = 6;

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
    /// The service with the symptom; all when left out.
    #[serde(default)]
    pub service: Option<String>,
    /// Where the time to look at ends; the newest data when left out.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Seconds to look at.
    #[serde(default = "window_s")]
    pub window_s: u64,
    /// Seconds of healthy time before.
    #[serde(default = "baseline_s")]
    pub baseline_s: u64,
}

const fn most_rows() -> usize {
    100
}

const fn window_s() -> u64 {
    ASKED_ABOUT.as_secs()
}

const fn baseline_s() -> u64 {
    ASKED_ABOUT.as_secs() * BASELINE_PER_WINDOW as u64
}

/// Asks a question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AskRequest {
    pub question: String,
    pub incident: Option<String>,
}

/// An answer, and what it is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    pub incident: IncidentId,
    /// The time that was looked at.
    pub window: TimeRange,
    /// The healthy time that it was compared with.
    pub baseline: TimeRange,
    #[serde(flatten)]
    pub answer: Answer,
}

/// Asks in SQL.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SqlRequest {
    pub query: String,
    /// At most so many rows.
    #[serde(default = "most_rows")]
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

/// Returns the routes: `POST /api/investigate`, `/api/check-deploy`, `/api/ask`, `/api/sql`, `/api/incidents/{id}/stop`.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/api/investigate", post(investigate))
        .route("/api/check-deploy", post(check_deploy))
        .route("/api/ask", post(ask))
        .route("/api/sql", post(sql))
        .route("/api/incidents/{id}/stop", post(stop))
        .with_state(state)
}

async fn investigate(
    State(state): State<ApiState>,
    request: Result<Json<InvestigateRequest>, JsonRejection>,
) -> Result<Json<Finding>, Refused> {
    let Json(request) = request?;
    Ok(Json(look(&state, &request).await?))
}

/// Opens an incident on a person's request and investigates it.
pub async fn look(state: &ApiState, request: &InvestigateRequest) -> waggle_agent_core::Result<Finding> {
    let incident = open(state, request).await?;
    Ok(state.desk.investigate(incident, Language::En, "operator").await?.investigation.finding)
}

/// Opens an incident on a person's request.
pub async fn open(state: &ApiState, request: &InvestigateRequest) -> waggle_agent_core::Result<Incident> {
    let at = match request.at {
        Some(at) => at,
        None => newest(&*state.telemetry, &*state.clock).await?,
    };
    let title = match &request.service {
        Some(service) => format!("what is wrong with {service}?"),
        None => "what is wrong?".to_owned(),
    };
    if let Some(service) = &request.service {
        let length = Duration::from_secs(request.window_s.saturating_add(request.baseline_s));
        known(&*state.telemetry, service, TimeRange::ending_at(at, length)).await?;
    }
    let opening = Opening {
        title,
        service: request.service.clone(),
        source: Source::Person,
        recent: Duration::from_secs(request.window_s),
        history: Duration::from_secs(request.baseline_s),
        at,
    };
    state.desk.open(opening).await
}

/// Checks that a service sent anything in a time.
///
/// # Errors
///
/// `NotFound`, with the service that was probably meant.
pub async fn known(
    telemetry: &dyn Telemetry,
    service: &str,
    range: TimeRange,
) -> waggle_agent_core::Result<()> {
    let resources = telemetry.resources(&ResourceQuery { range, service: None }).await?;
    let names: BTreeSet<&str> = resources.iter().map(|resource| resource.service()).collect();
    if names.contains(service) {
        return Ok(());
    }
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let hint = match nearest(service, &names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known in that time: {}", names.join(", ")),
    };
    Err(Kind::NotFound.error(format!("no service `{service}` sent anything in {range}")).with_hint(hint))
}

/// Opens an incident about a time that somebody asks about.
pub fn opening_of(range: TimeRange) -> Opening {
    Opening {
        title: "questions about the system".to_owned(),
        service: None,
        source: Source::Person,
        recent: range.length(),
        history: range.length().saturating_mul(BASELINE_PER_WINDOW),
        at: range.to(),
    }
}

/// Returns the time of the newest data: now for a store that is being filled, its end for one that is not.
pub async fn newest(telemetry: &dyn Telemetry, clock: &dyn Clock) -> waggle_agent_core::Result<Timestamp> {
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

async fn check_deploy(
    State(state): State<ApiState>,
    request: Result<Json<CheckRequest>, JsonRejection>,
) -> Result<Json<Report>, Refused> {
    let Json(request) = request?;
    Ok(Json(check(&state, &request).await?))
}

async fn ask(
    State(state): State<ApiState>,
    request: Result<Json<AskRequest>, JsonRejection>,
) -> Result<Json<Asked>, Refused> {
    let Json(request) = request?;
    Ok(Json(question(&state, &request).await?))
}

/// Answers a question about an incident; when none is named, about the newest one if it is recent, else about what happens now.
pub async fn question(state: &ApiState, request: &AskRequest) -> waggle_agent_core::Result<Asked> {
    let incident = incident_of(state, request).await?;
    let answer = state.desk.answer(&incident.id, &request.question, "operator").await?.answer;
    let Incident { id, window, baseline, .. } = incident;
    Ok(Asked { incident: id, window, baseline, answer })
}

/// Returns the incident that a question is about.
pub async fn incident_of(state: &ApiState, request: &AskRequest) -> waggle_agent_core::Result<Incident> {
    match &request.incident {
        Some(id) => state.memory.incident(&IncidentId(id.clone())).await,
        None => meant_incident(state).await,
    }
}

async fn meant_incident(state: &ApiState) -> waggle_agent_core::Result<Incident> {
    let page = IncidentPage { before: None, limit: 1 };
    let latest = state.memory.incidents(&page).await?.pop();
    let now = state.clock.now();
    if let Some(latest) = latest.as_ref().filter(|latest| now.since(latest.opened_at) <= RECENT) {
        return Ok(latest.clone());
    }
    let newest = newest(&*state.telemetry, &*state.clock).await?;
    match latest {
        Some(latest) if is_up_to_date(&latest, newest) => Ok(latest),
        _ => state.desk.open(opening_of(TimeRange::ending_at(newest, ASKED_ABOUT))).await,
    }
}

/// Tells whether hardly anything was collected since the end of an incident's window, so that it still shows how things are.
fn is_up_to_date(incident: &Incident, newest: Timestamp) -> bool {
    newest.since(incident.window.to()) <= RECENT
}

/// Stops an investigation: `{"stopped": true}`, or false when none is under way.
async fn stop(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<serde_json::Value>, Refused> {
    let incident = state.memory.incident(&IncidentId(id)).await?;
    Ok(Json(json!({ "stopped": state.desk.stop(&incident.id, "operator").await })))
}

async fn sql(
    State(state): State<ApiState>,
    request: Result<Json<SqlRequest>, JsonRejection>,
) -> Result<Json<Table>, Refused> {
    let Json(request) = request?;
    Ok(Json(rows(&state, request).await?))
}

/// Answers in SQL, after the statement went into the audit log.
pub async fn rows(state: &ApiState, request: SqlRequest) -> waggle_agent_core::Result<Table> {
    let entry = NewAuditEntry {
        at: state.clock.now(),
        caller: "operator".to_owned(),
        action: "sql".to_owned(),
        detail: json!({ "query": Redactor::default().redact(&request.query) }),
    };
    state.memory.audit(&entry).await?;
    let query = SqlQuery { text: request.query, limit: request.limit.min(MAX_ROWS), timeout: SQL_TIMEOUT };
    state.telemetry.sql(&query).await
}

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        let hint = "send a JSON object with `Content-Type: application/json`; the guide lists its fields";
        Self(Kind::Invalid.error(rejection.body_text().to_lowercase()).with_hint(hint))
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use waggle_agent_core::testing::fake_telemetry::FakeTelemetry;
    use waggle_signals::ManualClock;

    use super::*;
    use crate::desk::tests::desk;

    #[tokio::test]
    async fn a_question_is_about_the_newest_incident_only_while_that_is_recent() {
        let (desk, memory) = desk();
        let opened_at = Timestamp::from_secs(1_772_373_900);
        let clock = Arc::new(ManualClock::at(opened_at));
        let opening = Opening {
            title: "checkout is slow".to_owned(),
            service: None,
            source: Source::Alert,
            recent: Duration::from_secs(300),
            history: Duration::from_secs(1800),
            at: opened_at,
        };
        let incident = desk.open(opening).await.unwrap();
        let telemetry = Arc::new(FakeTelemetry::default());
        let state = ApiState { desk, memory, telemetry, clock: clock.clone() };
        clock.advance(RECENT);
        assert_eq!(meant_incident(&state).await.unwrap(), incident);
        clock.advance(Duration::from_secs(1));
        // Now the newest data is asked for, which this fake cannot tell.
        assert_eq!(meant_incident(&state).await.unwrap_err().kind(), Kind::Invalid);
        assert!(is_up_to_date(&incident, opened_at + RECENT), "nothing newer was collected");
        assert!(!is_up_to_date(&incident, opened_at + RECENT + Duration::from_secs(1)));
    }
}
