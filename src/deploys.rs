//! Deploys that are checked, and what did it where one fails.

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use waggle_agent_core::{
    Incident, Kind, Language, Result, incident::Source, ports::IncidentPage, redact::Redactor,
};
use waggle_analysis::deploy::Outcome;
use waggle_deploy_check::{
    Comparison, Question, Report,
    report::{Note, Span},
};
use waggle_signals::Timestamp;

use crate::{api::ApiState, desk::Opening};

/// Asks whether a deploy made a service worse.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckRequest {
    #[serde(flatten)]
    pub question: Question,
    /// Whether a failure is investigated; it becomes an incident then.
    #[serde(default)]
    pub investigate: bool,
    /// In which language.
    #[serde(default)]
    pub language: Language,
}

/// Incidents among which an earlier look's is searched for.
const MAX_INCIDENTS: usize = 200;

/// Looks once at a deploy. Whoever watches asks again, and whoever runs a build twice, too: a failed deploy has one incident.
///
/// What leaves here may be read by everybody who reads a pull request, and is redacted.
///
/// # Errors
///
/// `Invalid` for a question that cannot be answered, and what the store answers. That a failure could not be investigated is a note.
pub async fn check(state: &ApiState, request: &CheckRequest) -> Result<Report> {
    let question = &request.question;
    let mut report = waggle_deploy_check::check(&*state.telemetry, question, state.clock.now()).await?;
    if let Some(after) = report.after.filter(|_| request.investigate && report.outcome == Outcome::Fail) {
        match investigated(state, request, &report, after).await {
            Ok(known) => report = known,
            Err(error) => {
                let error = error.chain();
                tracing::error!(error, service = question.service, "failed deploy was not investigated");
                report.notes.push(Note::NotInvestigated);
            }
        }
    }
    redacted(&report)
}

async fn investigated(
    state: &ApiState,
    request: &CheckRequest,
    report: &Report,
    after: Span,
) -> Result<Report> {
    let question = &request.question;
    let (deployed, history) = match question.comparison {
        Comparison::BeforeAfter { deployed, baseline, .. } => (deployed, baseline),
        Comparison::Canary { started, history, .. } => (started, history),
    };
    if let Some(incident) = incident_of(state, &question.service, deployed).await? {
        return told_of(state, report, &incident).await;
    }
    let opening = Opening {
        title: format!("the deploy of {} failed its check", question.service),
        service: Some(question.service.clone()),
        source: Source::DeployCheck,
        recent: after.to.since(deployed),
        history,
        at: after.to,
    };
    let incident = state.desk.open(opening).await?;
    let solved = state.desk.investigate(incident, request.language, "check-deploy").await?;
    let investigation = solved.investigation;
    Ok(report.clone().with_finding(&investigation.finding, &investigation.evidence))
}

/// Finds the incident that an earlier look opened.
async fn incident_of(state: &ApiState, service: &str, deployed: Timestamp) -> Result<Option<Incident>> {
    let page = IncidentPage { before: None, limit: MAX_INCIDENTS };
    let is_it = |incident: &Incident| {
        incident.source == Source::DeployCheck
            && incident.service.as_deref() == Some(service)
            && incident.window.from() == deployed
    };
    Ok(state.memory.incidents(&page).await?.into_iter().find(is_it))
}

async fn told_of(state: &ApiState, report: &Report, incident: &Incident) -> Result<Report> {
    let mut report = report.clone();
    match state.memory.latest_investigation(&incident.id).await? {
        Some(record) => {
            let evidence = state.memory.all_evidence(&incident.id).await?;
            report = report.with_finding(&record.finding, &evidence);
        }
        None => report.notes.push(Note::BeingInvestigated),
    }
    Ok(report)
}

fn redacted(report: &Report) -> Result<Report> {
    let fault = |error: serde_json::Error| Kind::Internal.because("redact the report", anyhow!(error));
    let written = serde_json::to_value(report).map_err(fault)?;
    serde_json::from_value(Redactor::default().redact_json(&written)).map_err(fault)
}
