//! `waggle replay`

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde_json::{Value, json};
use waggle_agent_core::{
    IncidentId, Language, Ports, Scene, ToolError, Toolbox,
    investigation::{Budget, Investigation, Investigator, investigate, transcript},
    models::{Offline, Replay, Scripted},
    past_case::PAST_TOOL,
    ports::{
        InvestigationRecord, Memory, Message, Model, ModelReply, NoPast, PastIncidents, RecordedPast,
        ToolCall, ToolReply, ToolSpec,
    },
    recording::Recording,
    toolbox::{AnyTool, Called},
};
use waggle_mcp::Recorded;
use waggle_memory::SqliteMemory;
use waggle_signals::{Clock, ManualClock};

use super::print;
use crate::{cli, config::Config, models::Models};

/// Runs a recorded investigation again, on the answers that its tools gave: with the recorded replies it must come out the
/// same to the byte; with another model it shows what that one makes of the same answers.
pub async fn run(config: Config, args: cli::Replay) -> Result<ExitCode> {
    let folder = tempfile::tempdir().context("make a folder for the recording")?;
    let (memory, id) = match (&args.recording, args.incident) {
        (Some(file), _) => {
            let text = fs::read_to_string(file).with_context(|| format!("read `{}`", file.display()))?;
            let recording = Recording::read(&text).with_context(|| format!("read `{}`", file.display()))?;
            let memory = SqliteMemory::open(folder.path().join("memory.sqlite")).await?;
            recording.keep(&memory).await?;
            (memory, recording.incident.id)
        }
        (None, Some(id)) => (SqliteMemory::open(config.memory_file()).await?, IncidentId(id)),
        (None, None) => {
            let memory = SqliteMemory::open(config.memory_file()).await?;
            let id = newest(&memory).await?;
            (memory, id)
        }
    };
    let record = memory.latest_investigation(&id).await?;
    let record = record.with_context(|| format!("`{id}` was never investigated"))?;
    let model: Arc<dyn Model> = match args.model.as_deref() {
        None => Arc::new(Replay::new(record.transcript.clone())),
        Some("offline") => Arc::new(Offline),
        Some(_) => {
            let reasoning = Models::from_env()?.reasoning(0)?;
            reasoning
                .model
                .context("no model is configured\nhint: set `WAGGLE_MODEL_URL` and `WAGGLE_MODEL_NAME`")?
        }
    };
    let again = replayed(&memory, &record, model, config.settings.budget()).await?;
    if args.json {
        print::json(&again.finding)?;
    } else {
        print::finding(&again.finding)?;
    }
    let is_same = is_same(&record, &again)?;
    let said = if is_same { "the same to the byte" } else { "not the same as what was recorded" };
    eprintln!(
        "{said}: {} messages, {} pieces of evidence, by {}",
        again.transcript.len(),
        again.evidence.len(),
        again.model
    );
    let must_be_same = args.model.is_none();
    Ok(if is_same || !must_be_same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn newest(memory: &SqliteMemory) -> Result<IncidentId> {
    let page = waggle_agent_core::ports::IncidentPage { before: None, limit: 1 };
    let newest = memory.incidents(&page).await?.pop();
    Ok(newest.context("no incident is kept yet\nhint: `waggle demo --once` makes one")?.id)
}

/// Runs an investigation again in a memory of its own, with tools that know only what was recorded.
async fn replayed(
    memory: &SqliteMemory,
    record: &InvestigationRecord,
    model: Arc<dyn Model>,
    budget: Budget,
) -> Result<Investigation> {
    let incident = memory.incident(&record.incident).await?;
    let own: Vec<_> = transcript::cited(&record.transcript).collect();
    let (evidence, earlier): (Vec<_>, Vec<_>) = memory
        .all_evidence(&record.incident)
        .await?
        .into_iter()
        .partition(|evidence| own.contains(&evidence.id));
    let tools = Recorded::of_evidence(&evidence).described_by(&waggle_tools::toolbox().specs()).tools();
    let toolbox = tools.into_iter().fold(Toolbox::default(), Toolbox::with_any);
    let toolbox = with_refusals(toolbox, &record.transcript);

    let folder = tempfile::tempdir().context("make a folder for the replay")?;
    let kept = Arc::new(SqliteMemory::open(folder.path().join("memory.sqlite")).await?);
    kept.save_incident(&incident).await?;
    let first = own.iter().min().copied();
    for evidence in earlier.iter().filter(|evidence| first.is_some_and(|first| evidence.id < first)) {
        kept.save_evidence(&incident.id, evidence).await?;
    }
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(record.started_at));
    let asked_the_past = called(&record.transcript).any(|call| call.name == PAST_TOOL);
    let past: Arc<dyn PastIncidents> = if asked_the_past { Arc::new(RecordedPast) } else { Arc::new(NoPast) };
    let ports = Ports { past, ..crate::app::nothing_but(clock) };
    let scene = Scene::new(ports, incident, language_of(record));
    let said = record.review.clone().map(|text| Ok(ModelReply { text, ..ModelReply::default() }));
    let reviewer = said.map(|reply| Arc::new(Scripted::new([reply])) as Arc<dyn Model>);
    let investigator =
        Investigator { reviewer, budget, ..Investigator::new(model, Arc::new(Offline), toolbox, kept) };
    Ok(investigate(&investigator, &scene, &()).await?)
}

/// Returns the calls of a conversation, in their order.
fn called(transcript: &[Message]) -> impl Iterator<Item = &ToolCall> {
    let calls = transcript.iter().filter_map(|message| match message {
        Message::Assistant { calls, .. } => Some(calls),
        _ => None,
    });
    calls.flatten()
}

/// Adds what was refused: it left no evidence, and is answered in the same words again.
fn with_refusals(toolbox: Toolbox, transcript: &[Message]) -> Toolbox {
    let replies: HashMap<&str, &ToolReply> = transcript
        .iter()
        .filter_map(|message| match message {
            Message::Tool(reply) if reply.data.is_none() => Some((reply.call_id.as_str(), reply)),
            _ => None,
        })
        .collect();
    let mut refused: BTreeMap<&str, Vec<(Value, String)>> = BTreeMap::new();
    for call in called(transcript) {
        let refusal = replies
            .get(call.id.as_str())
            .and_then(|reply| reply.text.strip_prefix("<data id=\"refusal\">\n")?.strip_suffix("\n</data>"));
        if let Some(refusal) = refusal {
            refused.entry(&call.name).or_default().push((call.arguments.clone(), refusal.to_owned()));
        }
    }
    refused.into_iter().fold(toolbox.clone(), |with, (name, refusals)| {
        with.with_any(Arc::new(Refusing { name: name.to_owned(), refusals, others: toolbox.clone() }))
    })
}

/// A tool that refused some calls when it was recorded.
struct Refusing {
    name: String,
    refusals: Vec<(Value, String)>,
    /// Answers all other calls.
    others: Toolbox,
}

#[async_trait]
impl AnyTool for Refusing {
    fn spec(&self) -> ToolSpec {
        let known = self.others.specs().into_iter().find(|spec| spec.name == self.name);
        let unknown = || ToolSpec {
            name: self.name.clone(),
            description: "refused when it was recorded".to_owned(),
            schema: json!({ "type": "object", "properties": {} }),
        };
        known.unwrap_or_else(unknown)
    }

    fn summary(&self, arguments: &Value) -> String {
        self.others.summary(&self.name, arguments)
    }

    async fn call(&self, arguments: Value, scene: &Scene) -> std::result::Result<Called, ToolError> {
        match self.refusals.iter().find(|(refused, _)| *refused == arguments) {
            Some((_, text)) => Err(ToolError::Respond(text.clone())),
            None => self.others.call(&self.name, arguments, scene).await,
        }
    }
}

/// Reads the language out of the standing instructions.
fn language_of(record: &InvestigationRecord) -> Language {
    match record.transcript.first() {
        Some(Message::System { text }) => Language::of(text),
        _ => Language::En,
    }
}

/// Compares what was said and what was found, as JSON text.
fn is_same(record: &InvestigationRecord, again: &Investigation) -> Result<bool> {
    let again = again.record();
    let recorded = serde_json::to_string(&(&record.finding, &record.transcript))?;
    Ok(recorded == serde_json::to_string(&(&again.finding, &again.transcript))?)
}
