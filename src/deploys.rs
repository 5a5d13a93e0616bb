//! Deploys that are checked, and what did it where one fails.

use serde::{Deserialize, Serialize};
use waggle_agent_core::{Language, Result, incident::Source};
use waggle_analysis::deploy::Outcome;
use waggle_deploy_check::{
    Comparison, Question, Report,
    report::{Note, Span},
};

use crate::{api::ApiState, desk::Opening};

/// Asks whether a deploy made a service worse.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckRequest {
    #[serde(flatten)]
    pub question: Question,
    /// Whether a failure is investigated; it becomes an incident then.
    #[serde(default)]
    pub investigate: bool,
}

/// Looks once at a deploy. Whoever watches asks again; a failure is final, and so it is investigated once.
///
/// # Errors
///
/// `Invalid` for a question that cannot be answered, and what the store answers. That a failure could not be investigated is a note.
pub async fn check(state: &ApiState, request: &CheckRequest) -> Result<Report> {
    let question = &request.question;
    let report = waggle_deploy_check::check(&*state.telemetry, question, state.clock.now()).await?;
    let Some(after) = report.after.filter(|_| request.investigate && report.outcome == Outcome::Fail) else {
        return Ok(report);
    };
    match investigated(state, question, &report, after).await {
        Ok(report) => Ok(report),
        Err(error) => {
            tracing::error!(
                error = error.chain(),
                service = question.service,
                "failed deploy was not investigated"
            );
            let mut report = report;
            report.notes.push(Note::NotInvestigated);
            Ok(report)
        }
    }
}

async fn investigated(state: &ApiState, question: &Question, report: &Report, after: Span) -> Result<Report> {
    let (deployed, history) = match question.comparison {
        Comparison::BeforeAfter { deployed, baseline, .. } => (deployed, baseline),
        Comparison::Canary { started, history, .. } => (started, history),
    };
    let opening = Opening {
        title: format!("the deploy of {} failed its check", question.service),
        service: Some(question.service.clone()),
        source: Source::DeployCheck,
        recent: after.to.since(deployed),
        history,
        at: after.to,
    };
    let incident = state.desk.open(opening).await?;
    let investigation = state.desk.investigate(incident, Language::En, "check-deploy").await?.investigation;
    Ok(report.clone().with_finding(&investigation.finding, &investigation.evidence))
}
