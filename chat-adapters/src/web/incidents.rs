//! What there is to read: incidents, what was said about one, its evidence.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Evidence, Finding, Incident, Result,
    finding::Verdict,
    ports::{ChatLine, IncidentPage, Memory, Rating},
};
use waggle_signals::Timestamp;

use super::{
    Caller, WebState,
    fault::Fault,
    request::{EvidencePath, IncidentPath},
};

const DEFAULT_ROWS: usize = 50;
const MAX_ROWS: usize = 200;

/// One incident in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentRow {
    /// The incident.
    pub incident: Incident,
    /// The latest finding's; `None` before there is one.
    pub verdict: Option<Verdict>,
    /// What was found, in one line; empty before there is a finding.
    pub summary: String,
}

/// All that the page shows of one incident.
#[derive(Serialize)]
pub(super) struct Detail {
    incident: Incident,
    /// Oldest first.
    lines: Vec<ChatLine>,
    /// The latest; `null` before there is one.
    finding: Option<Finding>,
    /// The caller's own latest rating.
    rating: Option<Rating>,
    /// Events after this number tell what changed since.
    sequence: u64,
}

#[derive(Deserialize)]
pub(super) struct Page {
    before: Option<Timestamp>,
    limit: Option<usize>,
}

/// `GET /api/incidents`.
pub(super) async fn list(
    State(state): State<WebState>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Vec<IncidentRow>>, Fault> {
    let Query(page) = page.map_err(|rejected| {
        let said = rejected.body_text();
        Fault::new(StatusCode::BAD_REQUEST, format!("the query does not fit: {said}"))
            .hint("`limit` is a number, `before` a time such as `2026-03-01T14:05:00Z`")
    })?;
    let limit = page.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS);
    let incidents = state.memory.incidents(&IncidentPage { before: page.before, limit }).await?;
    let mut rows = Vec::with_capacity(incidents.len());
    for incident in incidents {
        rows.push(row(&*state.memory, incident).await?);
    }
    Ok(Json(rows))
}

/// `GET /api/incidents/{id}`.
pub(super) async fn detail(
    State(state): State<WebState>,
    IncidentPath(id): IncidentPath,
    caller: Caller,
) -> Result<Json<Detail>, Fault> {
    // Read first: a change between this and the reading is told again, rather than lost.
    let sequence = state.chat.hub().sequence();
    let incident = state.memory.incident(&id).await?;
    let lines = state.memory.lines(&id).await?;
    let finding = state.memory.latest_investigation(&id).await?.map(|record| record.finding);
    let ratings = state.memory.ratings(&id).await?;
    let rating = ratings.into_iter().rfind(|rating| rating.by == caller.name);
    Ok(Json(Detail { incident, lines, finding, rating, sequence }))
}

/// `GET /api/incidents/{id}/evidence/{evidence}`.
pub(super) async fn evidence(
    State(state): State<WebState>,
    EvidencePath(incident, evidence): EvidencePath,
) -> Result<Json<Evidence>, Fault> {
    Ok(Json(state.memory.evidence(&incident, evidence).await?))
}

/// Returns an incident with what was found about it.
pub(super) async fn row(memory: &dyn Memory, incident: Incident) -> Result<IncidentRow> {
    let record = memory.latest_investigation(&incident.id).await?;
    let finding = record.map(|record| record.finding);
    Ok(IncidentRow {
        incident,
        verdict: finding.as_ref().map(|finding| finding.verdict),
        summary: finding.as_ref().map(summary).unwrap_or_default(),
    })
}

/// The proof of the likeliest cause; else what is felt; else what was missing.
fn summary(finding: &Finding) -> String {
    let cause = finding.root_causes.first().and_then(|cause| cause.claims.first()).map(|claim| &claim.text);
    let symptom = Some(&finding.symptom.text).filter(|text| !text.is_empty());
    cause.or(symptom).or(finding.missing_data.first()).cloned().unwrap_or_default()
}
