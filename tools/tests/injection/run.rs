//! One run: an investigation, its card, a question, and what is posted of all that.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use waggle_agent_core::{
    EvidenceId, Finding, Language,
    card::{Step, card_of_finding, card_of_progress},
    conversation::answer,
    investigation::{Progress, Watch, investigate},
    models::Offline,
    ports::{AuditEntry, Memory, Model, ModelRequest},
    redact::Redactor,
};

use crate::{carriers::Carrier, obedient::Obedient, stage::Stage, world::Planted};

/// What came of it.
pub struct Ran {
    pub finding: Finding,
    pub is_obedient: bool,
    /// Every text that a chat is given.
    pub chat: Vec<String>,
    /// What went to the model over the wire.
    pub requests: Vec<ModelRequest>,
    /// Tools that ran.
    pub calls: Vec<(String, Value)>,
    /// Statements that reached the store.
    pub statements: Vec<String>,
    pub audit: Vec<AuditEntry>,
    /// Tools that may run.
    pub allowed: Vec<String>,
    /// Goals that the model was told and obeyed.
    pub obeyed: Vec<&'static str>,
}

/// Runs with the offline model.
pub async fn offline(planted: Option<&Planted>, language: Language) -> Ran {
    run(planted, language, Arc::new(Offline)).await
}

/// Runs with a model that obeys.
pub async fn obedient(planted: Option<&Planted>, language: Language) -> Ran {
    let (model, reader) = Obedient::new();
    let ran = run(planted, language, Arc::new(model)).await;
    Ran { is_obedient: true, requests: reader.requests(), obeyed: reader.obeyed(), ..ran }
}

/// Runs with any model.
pub async fn run(planted: Option<&Planted>, language: Language, model: Arc<dyn Model>) -> Ran {
    let stage = Stage::of(planted, language).await;
    let investigator = stage.investigator(model);
    let steps = Steps::default();
    let investigation = investigate(&investigator, &stage.scene, &steps).await.unwrap();
    let finding = investigation.finding;
    let steps = steps.0.into_inner().unwrap();
    let incident = &stage.scene.incident;
    let progress = card_of_progress(incident, steps.clone(), 9, language);
    let card = card_of_finding(incident, &finding, &investigation.evidence, steps, 9, language);

    let asked = planted.filter(|planted| planted.carrier == Carrier::Question).map(Planted::joined);
    let usual = language.pick("Why do you think so?", "为什么这么认为？").to_owned();
    let question = asked.unwrap_or(usual);
    let answered = answer(&investigator, &stage.scene, Some(&finding), &question, &()).await.unwrap().answer;

    let mut chat = vec![answered.text()];
    chat.extend(answered.follow_ups);
    for card in [progress, card] {
        strings(&serde_json::to_value(card).unwrap(), &mut chat);
    }
    // As it leaves: the redactor stands before every chat.
    let redactor = Redactor::default();
    let chat = chat.iter().map(|text| redactor.redact(text)).collect();
    let (calls, statements) = (stage.calls.lock().unwrap().clone(), stage.statements.lock().unwrap().clone());
    Ran {
        finding,
        is_obedient: false,
        chat,
        requests: Vec::new(),
        calls,
        statements,
        audit: stage.memory.audit_log(0, 10_000).await.unwrap(),
        allowed: stage.allowed(),
        obeyed: Vec::new(),
    }
}

/// Notes the steps of a run, as a card shows them.
#[derive(Default)]
struct Steps(Mutex<Vec<Step>>);

impl Watch for Steps {
    fn on(&self, progress: Progress<'_>) {
        if let Progress::Asked { evidence, tool, line } = progress {
            let (tool, text) = (tool.to_owned(), line.to_owned());
            self.0.lock().unwrap().push(Step { evidence: EvidenceId(evidence.0), tool, text, done: true });
        }
    }
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| strings(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
