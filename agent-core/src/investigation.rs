//! One run of the loop on an incident: triage, investigate, submit, verify.

mod budget;
mod calls;
mod case;
mod converse;
mod limits;
mod offer;
mod own_calls;
mod progress;
mod review;
mod submit;
pub mod transcript;
mod window;

use std::sync::Arc;

use serde_json::json;
use waggle_signals::Timestamp;

use crate::{
    Evidence, Finding, Incident, Result, Scene, Toolbox,
    fence::fenced,
    past_case::{PAST_TOOL, seen_before},
    ports::{Checkpoint, InvestigationRecord, Memory, Message, Model, PastQuery, Purpose, ToolCall, Usage},
    prompts,
    triage::SUSPECTS_TOOL,
    verify,
};

pub use budget::{Budget, Overrun};
pub(crate) use case::Case;
pub(crate) use converse::{ACCEPTED, Goal, Handed, converse, is_from_loop};
pub use limits::Limits;
pub use own_calls::{MORE_TOOLS, READ_EVIDENCE};
pub use progress::{Progress, Watch};
pub use submit::{SUBMIT_ANSWER, SUBMIT_FINDING};
pub(crate) use window::is_in_short;

use submit::TheFinding;

/// How the ids of the calls begin that are made before any model is asked.
pub(crate) const TRIAGE_CALL: &str = "triage_";

/// The calls that are made before any model is asked: what happens where, who is suspected, and, where anything was
/// investigated before, what of that is like it.
const TRIAGE: [&str; 7] = [
    "service_map",
    "anomalies",
    "network_edges",
    "processes",
    verify::CHANGES_TOOL,
    SUSPECTS_TOOL,
    PAST_TOOL,
];

/// What an investigation needs besides its incident.
#[derive(Clone)]
pub struct Investigator {
    /// Who reasons.
    pub model: Arc<dyn Model>,
    /// Who goes on when the model fails: the offline model, which cannot.
    pub fallback: Arc<dyn Model>,
    /// Who doubts what was found, and may only lower it; nobody by default.
    pub reviewer: Option<Arc<dyn Model>>,
    /// What may be asked.
    pub toolbox: Toolbox,
    /// Where evidence is kept.
    pub memory: Arc<dyn Memory>,
    /// What it may cost.
    pub budget: Budget,
    /// What all investigations together may do at once; shared by its clones.
    pub limits: Limits,
}

impl Investigator {
    /// Makes an investigator within the usual bounds, without a reviewer.
    pub fn new(
        model: Arc<dyn Model>,
        fallback: Arc<dyn Model>,
        toolbox: Toolbox,
        memory: Arc<dyn Memory>,
    ) -> Self {
        let (budget, limits) = (Budget::default(), Limits::default());
        Self { model, fallback, reviewer: None, toolbox, memory, budget, limits }
    }
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
    /// Replies of models.
    pub n_steps: u32,
    /// What the second reader said, if one was asked.
    pub review: Option<String>,
    /// When it began and ended.
    pub ran: (Timestamp, Timestamp),
}

impl Investigation {
    /// Returns what is kept of it; its evidence is kept already.
    pub fn record(&self) -> InvestigationRecord {
        let (started_at, ended_at) = self.ran;
        InvestigationRecord {
            incident: self.finding.incident.clone(),
            model: self.model.clone(),
            started_at,
            ended_at,
            finding: self.finding.clone(),
            transcript: transcript::lean(&self.transcript),
            usage: self.usage,
            n_steps: self.n_steps,
            review: self.review.clone(),
        }
    }
}

/// Investigates the scene's incident and returns a verified finding.
///
/// A model that fails, stalls or claims what it cannot prove does not fail the run: the fallback takes over, and what is
/// left is a finding or an honest `inconclusive`. Where the run stands is kept after each step, for [`resume`].
///
/// When the scene is cancelled the run ends at once, `inconclusive`, with the evidence so far.
///
/// # Errors
///
/// When evidence cannot be kept, or a tool hit a fault of this program.
pub async fn investigate(
    investigator: &Investigator,
    scene: &Scene,
    watch: &dyn Watch,
) -> Result<Investigation> {
    run(investigator, scene, watch, None).await
}

/// Goes on with a run that ended in the middle, from where its checkpoint stands. The scene is that of the run's incident.
///
/// # Errors
///
/// As [`investigate`].
pub async fn resume(
    investigator: &Investigator,
    scene: &Scene,
    watch: &dyn Watch,
    checkpoint: &Checkpoint,
) -> Result<Investigation> {
    run(investigator, scene, watch, Some(checkpoint)).await
}

async fn run(
    investigator: &Investigator,
    scene: &Scene,
    watch: &dyn Watch,
    checkpoint: Option<&Checkpoint>,
) -> Result<Investigation> {
    let started_at = checkpoint.map_or_else(|| scene.ports.clock.now(), |checkpoint| checkpoint.started_at);
    let mut case = Case::open(investigator, scene, watch, Purpose::Investigate).await?;
    if let Some(checkpoint) = checkpoint {
        case.take_up(checkpoint);
    }
    // A transcript without a word is one of a run that had not begun.
    let is_taken_up = checkpoint.is_some_and(|checkpoint| !checkpoint.transcript.is_empty());
    let found = tokio::select! {
        biased;
        () = scene.cancel.cancelled() => None,
        found = find(&mut case, is_taken_up, started_at) => Some(found?),
    };
    // The second reader ends by itself when the run is stopped, and leaves the finding.
    let found = match (found, &investigator.reviewer) {
        (Some(Some(finding)), Some(reviewer)) => {
            Some(Some(review::review(&mut case, reviewer.as_ref(), finding).await))
        }
        (found, _) => found,
    };
    let nothing = |reason: &str| Finding::inconclusive(scene.incident.id.clone(), reason);
    let mut finding = match found {
        Some(Some(finding)) => finding,
        Some(None) => nothing("no model submitted a finding in time"),
        None => {
            case.close_open_calls();
            nothing("the investigation was stopped before it came to a finding")
        }
    };
    // Evidence of earlier runs on this incident is left out: what looked alike then was held against other data.
    finding.seen_before = seen_before(case.own_evidence());
    Ok(Investigation {
        finding,
        model: case.model().name().to_owned(),
        usage: case.usage(),
        n_steps: case.n_steps(),
        review: case.review(),
        ran: (started_at, scene.ports.clock.now()),
        transcript: case.transcript().to_vec(),
        evidence: case.into_evidence(),
    })
}

async fn find(case: &mut Case<'_>, is_taken_up: bool, started_at: Timestamp) -> Result<Option<Finding>> {
    if !is_taken_up {
        let scene = case.scene();
        case.say(Message::System { text: prompts::investigate(scene.language).to_owned() });
        case.say(Message::User { text: symptom_text(scene) });
        triage(case).await?;
        case.keep_checkpoint(started_at).await?;
    }
    converse(case, &mut TheFinding::default(), Some(started_at)).await
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

/// Names an incident, its service and its title, as every conversation about it opens. A service whose name could be a
/// sentence is named between marks, like the title.
pub(crate) fn incident_text(incident: &Incident) -> String {
    let is_plain = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || "-_./:@".contains(c));
    let service = incident.service.as_deref();
    let (plain, odd) = (service.filter(is_plain), service.filter(|name| !is_plain(name)));
    let plain = plain.map(|name| format!(" (service `{name}`)")).unwrap_or_default();
    let odd = odd.map(|name| format!("\nIts service:\n{}", fenced("service", name))).unwrap_or_default();
    format!("Incident {}{plain}:\n{}{odd}", incident.id, fenced("title", &incident.title))
}

/// Makes the triage calls and puts them into the transcript as if the model had asked: the same wire order, the same evidence.
async fn triage(case: &mut Case<'_>) -> Result<()> {
    let has_past = case.has_tool(PAST_TOOL) && has_past(case.scene()).await;
    let calls: Vec<_> = TRIAGE
        .iter()
        .filter(|name| case.has_tool(name) && (**name != PAST_TOOL || has_past))
        .enumerate()
        .map(|(index, name)| ToolCall {
            id: format!("{TRIAGE_CALL}{}", index + 1),
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

/// Tells whether anything was investigated before. A past that cannot be read ends no investigation.
async fn has_past(scene: &Scene) -> bool {
    let query = PastQuery::before(&scene.incident, 1);
    match scene.ports.past.is_any(&query).await {
        Ok(is_any) => is_any,
        Err(error) => {
            tracing::error!(error = error.chain(), incident = %scene.incident.id, "the past cannot be read");
            false
        }
    }
}
