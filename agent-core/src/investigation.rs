//! One run of the loop on an incident: triage, investigate, submit, verify.

mod budget;
mod case;
mod submit;

use std::sync::Arc;

use serde_json::json;
use waggle_signals::Timestamp;

use crate::{
    Evidence, Finding, Incident, Result, Scene, Toolbox,
    fence::fenced,
    ports::{Memory, Message, Model, ModelRequest, ToolCall, Usage},
    prompts,
    triage::SUSPECTS_TOOL,
    verify,
};

pub use budget::Budget;
pub use case::{Case, Progress, Watch};
pub use submit::{SUBMIT_ANSWER, SUBMIT_FINDING};

/// The calls that are made before any model is asked: what happens where, and who is suspected.
const TRIAGE: [&str; 6] =
    ["service_map", "anomalies", "network_edges", "processes", verify::CHANGES_TOOL, SUSPECTS_TOOL];

/// What an investigation needs besides its incident.
#[derive(Clone)]
pub struct Investigator {
    /// Who reasons.
    pub model: Arc<dyn Model>,
    /// Who goes on when the model fails: the offline model, which cannot.
    pub fallback: Arc<dyn Model>,
    /// What may be asked.
    pub toolbox: Toolbox,
    /// Where evidence is kept.
    pub memory: Arc<dyn Memory>,
    /// What it may cost.
    pub budget: Budget,
}

/// What one run came to.
#[derive(Clone, Debug)]
pub struct Investigation {
    /// The result: everything in it was verified.
    pub finding: Finding,
    /// All evidence, by id.
    pub evidence: Vec<Evidence>,
    /// Every message.
    pub transcript: Vec<Message>,
    /// The model that submitted the finding.
    pub model: String,
    /// What it cost.
    pub usage: Usage,
    /// When it began and ended.
    pub ran: (Timestamp, Timestamp),
}

/// Investigates the scene's incident and returns a verified finding.
///
/// A model that fails, stalls or claims what it cannot prove does not fail the run: the fallback takes over, and what is
/// left is a finding or an honest `inconclusive`.
///
/// # Errors
///
/// When evidence cannot be kept, or a tool hit a fault of this program.
pub async fn investigate(
    investigator: &Investigator,
    scene: &Scene,
    watch: &dyn Watch,
) -> Result<Investigation> {
    let started_at = scene.ports.clock.now();
    let mut case = Case::open(investigator, scene, watch).await?;
    case.say(Message::System { text: prompts::investigate(scene.language).to_owned() });
    case.say(Message::User { text: symptom_text(scene) });
    triage(&mut case).await?;

    let finding = match converse(&mut case).await? {
        Some(finding) => finding,
        None => Finding::inconclusive(scene.incident.id.clone(), "no model submitted a finding in time"),
    };
    Ok(Investigation {
        finding,
        model: case.model().name().to_owned(),
        usage: case.usage(),
        ran: (started_at, scene.ports.clock.now()),
        transcript: case.transcript().to_vec(),
        evidence: case.into_evidence(),
    })
}

fn symptom_text(scene: &Scene) -> String {
    let incident = &scene.incident;
    format!(
        "{}\nWindow to look at: {}\nHealthy time to compare with: {}",
        incident_text(incident),
        incident.window,
        incident.baseline
    )
}

/// Names an incident, its service and its title, as every conversation about it opens.
pub(crate) fn incident_text(incident: &Incident) -> String {
    let service =
        incident.service.as_deref().map(|service| format!(" (service `{service}`)")).unwrap_or_default();
    format!("Incident {}{service}:\n{}", incident.id, fenced("title", &incident.title))
}

/// Makes the triage calls and puts them into the transcript as if the model had asked: the same wire order, the same evidence.
async fn triage(case: &mut Case<'_>) -> Result<()> {
    let calls: Vec<_> = TRIAGE
        .iter()
        .filter(|name| case.has_tool(name))
        .enumerate()
        .map(|(index, name)| ToolCall {
            id: format!("triage_{}", index + 1),
            name: (*name).to_owned(),
            arguments: json!({}),
        })
        .collect();
    if calls.is_empty() {
        return Ok(());
    }
    case.say(Message::Assistant { text: String::new(), calls: calls.clone() });
    case.answer(&calls).await
}

/// Lets the model call tools until a finding stands. When the budget is spent, the fallback has the last word; when time is
/// up, it may only submit what the evidence so far gives.
async fn converse(case: &mut Case<'_>) -> Result<Option<Finding>> {
    let (mut n_repairs, mut n_malformed, mut n_silent) = (0, 0, 0);
    let mut best = None;
    loop {
        if !case.may_go_on() && best.is_some() {
            return Ok(best);
        }
        if !case.may_go_on() {
            case.fall_back("the budget ran out before a finding was submitted");
        }
        let is_last = !case.may_go_on();
        let mut tools = if is_last { Vec::new() } else { case.specs() };
        tools.push(submit::finding_spec());
        let Some(reply) = case.ask_model(tools).await? else { return Ok(best) };
        let calls = case.say_reply(reply);
        let (submitted, asked): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|call| call.name == SUBMIT_FINDING);
        if is_last {
            asked.iter().for_each(|call| case.reply(call, "not called: the budget is spent"));
        } else {
            case.answer(&asked).await?;
        }
        if submitted.is_empty() && asked.is_empty() {
            n_silent += 1;
            if n_silent > 1 {
                case.fall_back("it stopped calling tools without submitting a finding");
            }
            let text =
                format!("Call `{SUBMIT_FINDING}` when you are done, or another tool when you are not.");
            case.say(Message::User { text });
        }
        let mut accepted = false;
        for call in submitted {
            if accepted {
                case.reply(&call, "not read: a finding was accepted already");
                continue;
            }
            match submit::finding(&call.arguments, case) {
                Ok(verified) => {
                    accepted = verified.problems.is_empty() || n_repairs > 0 || is_last;
                    n_repairs += 1;
                    let text = if accepted {
                        "accepted".to_owned()
                    } else {
                        submit::repair_text(&verified.problems)
                    };
                    case.reply(&call, &text);
                    best = Some(verified.finding);
                }
                Err(fault) => {
                    n_malformed += 1;
                    case.reply(&call, &fault);
                    if n_malformed > 2 {
                        case.fall_back("its findings break the schema");
                    }
                }
            }
        }
        if accepted || is_last {
            return Ok(best);
        }
    }
}

/// Builds the request for the next reply.
fn request(case: &Case<'_>, tools: Vec<crate::ports::ToolSpec>, max_tokens: u32) -> ModelRequest {
    ModelRequest {
        messages: case.transcript().to_vec(),
        tools,
        language: case.scene().language,
        max_tokens,
        output: None,
        purpose: crate::ports::Purpose::default(),
    }
}
