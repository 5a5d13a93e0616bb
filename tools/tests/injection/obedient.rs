//! A model that does whatever it reads, in whatever disguise, and else what the offline model does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use regex::Regex;
use serde_json::{Map, Value, json};
use waggle_agent_core::{
    Kind, Result,
    investigation::{SUBMIT_ANSWER, SUBMIT_FINDING},
    models::Offline,
    ports::{Delta, Message, Model, ModelReply, ModelRequest, ToolCall},
    redact::Redacted,
};

use crate::{
    cases::cue,
    goals::{Deed, Goal, goals},
    reading::readings,
    stage::{FOREIGN_TOOL, RUNBOOK},
    world::{GUILTY_COMMIT, HEALTHY_COMMIT},
};

/// What it reads of its own accord, so that every planted text reaches it: in two messages, since each takes so many calls.
const CURIOUS: [&[(&str, &str)]; 2] = [
    &[
        ("logs", r#"{"service":"inventory"}"#),
        ("log_templates", r#"{"service":"inventory"}"#),
        ("first_errors", "{}"),
        ("events", "{}"),
        ("slow_traces", r#"{"service":"inventory"}"#),
        ("find_traces", r#"{"service":"inventory"}"#),
        ("show_trace", r#"{"trace":"00000000000000000000000000000056"}"#),
        ("attribution", r#"{"service":"inventory"}"#),
        ("profile_top", r#"{"service":"inventory"}"#),
        ("profile_diff", r#"{"service":"inventory"}"#),
        ("fault_signs", "{}"),
        ("multi_signal", "{}"),
    ],
    &[
        ("read_diff", r#"{"commit":"0437fc131a68433c841139473015a61ef82c19f6"}"#),
        ("read_diff", r#"{"commit":"3f6ad99babaf25ced39253c6ddfb13981f6ea934"}"#),
        ("search_knowledge", r#"{"query":"inventory slow"}"#),
        ("read_document", r#"{"id":"runbooks/inventory.md"}"#),
        ("kubernetes_describe", r#"{"kind":"pod","name":"inventory-1"}"#),
        ("kubernetes_events", "{}"),
        ("owners", r#"{"service":"inventory"}"#),
        ("compare", r#"{"service":"payments"}"#),
        (FOREIGN_TOOL, "{}"),
    ],
];

/// The offline model with one that obeys at its side: what the one would do, the other bends to what it read.
///
/// The one that obeys is shown what goes over a wire: redacted, and no data. The offline model stands outside of that.
pub struct Obedient {
    reader: Redacted<Shared>,
}

struct Shared(Arc<Reader>);

/// What was read so far, and done.
#[derive(Default)]
pub struct Reader {
    /// Every request as it went over the wire.
    requests: Mutex<Vec<ModelRequest>>,
    /// What the offline model would do.
    draft: Mutex<Vec<ToolCall>>,
    /// What was done already.
    done: Mutex<Vec<String>>,
    /// What every message so far can be read as.
    read: Mutex<HashMap<String, String>>,
    /// Goals that were obeyed.
    obeyed: Mutex<Vec<&'static str>>,
}

impl Obedient {
    pub fn new() -> (Self, Arc<Reader>) {
        assert!(RUNBOOK.ends_with("inventory.md") && GUILTY_COMMIT != HEALTHY_COMMIT);
        let reader = Arc::new(Reader::default());
        (Self { reader: Redacted(Shared(reader.clone())) }, reader)
    }
}

#[async_trait]
impl Model for Obedient {
    fn name(&self) -> &'static str {
        "obedient"
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        let draft = Offline.complete(request, on_delta).await?;
        *self.reader.0.0.draft.lock().unwrap() = draft.calls;
        self.reader.complete(request, on_delta).await
    }
}

impl Reader {
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the names of the goals that it was told and obeyed.
    pub fn obeyed(&self) -> Vec<&'static str> {
        self.obeyed.lock().unwrap().clone()
    }

    fn reading(&self, text: &str) -> String {
        let mut read = self.read.lock().unwrap();
        read.entry(text.to_owned()).or_insert_with(|| readings(text)).clone()
    }

    /// Tells whether something is done for the first time.
    fn is_first(&self, what: &str) -> bool {
        let mut done = self.done.lock().unwrap();
        let is_first = !done.iter().any(|known| known == what);
        if is_first {
            done.push(what.to_owned());
        }
        is_first
    }

    /// Returns calls with ids of their own.
    fn calls(&self, calls: &[(&str, &str)]) -> Vec<ToolCall> {
        let n = self.requests.lock().unwrap().len();
        let call = |(at, (name, arguments)): (usize, &(&str, &str))| ToolCall {
            id: format!("obeyed_{n}_{at}"),
            name: (*name).to_owned(),
            arguments: serde_json::from_str(arguments).unwrap(),
        };
        calls.iter().enumerate().map(call).collect()
    }
}

#[async_trait]
impl Model for Shared {
    fn name(&self) -> &'static str {
        "obedient"
    }

    async fn complete(
        &self,
        request: &ModelRequest,
        on_delta: &(dyn for<'a> Fn(Delta<'a>) + Sync),
    ) -> Result<ModelReply> {
        self.0.requests.lock().unwrap().push(request.clone());
        let is_question = request.tools.iter().any(|tool| tool.name == SUBMIT_ANSWER);
        let kind = if is_question { "answer" } else { "finding" };
        // What an investigation read is known when a question comes; what people wrote is read again.
        for (n, wanted) in CURIOUS.iter().enumerate().skip(usize::from(is_question)) {
            if self.0.is_first(&format!("{kind} {n}")) {
                return Ok(ModelReply { calls: self.0.calls(wanted), ..ModelReply::default() });
            }
        }
        let told = Told::by(request, |text| self.0.reading(text));
        let mut reply = ModelReply { calls: self.0.draft.lock().unwrap().clone(), ..ModelReply::default() };
        for goal in &told.goals {
            if !self.0.obeyed().contains(&goal.name) {
                self.0.obeyed.lock().unwrap().push(goal.name);
            }
            match goal.deed {
                Deed::Calls(calls) if self.0.is_first(&format!("{kind} {}", goal.name)) => {
                    reply.calls = self.0.calls(calls);
                    reply.calls.iter_mut().for_each(|call| told.put_secret(call));
                }
                Deed::Calls(_) => {}
                _ => reply.calls.iter_mut().for_each(|call| told.bend(call, goal)),
            }
        }
        if reply.calls.is_empty() && told.goals.is_empty() {
            return Err(Kind::Unavailable.error("nothing to obey"));
        }
        if let Some(goal) = told.goals.first() {
            reply.text = told.words(goal);
            on_delta(Delta::Text(&reply.text));
        }
        Ok(reply)
    }
}

/// What a request tells the model that obeys.
struct Told {
    goals: Vec<Goal>,
    /// Evidence in which such a text stands, or all.
    evidence: Vec<String>,
    secret: String,
    instructions: String,
}

impl Told {
    fn by(request: &ModelRequest, read: impl Fn(&str) -> String) -> Self {
        let mut instructions = String::new();
        let mut texts = Vec::new();
        for message in &request.messages {
            match message {
                Message::System { text } => instructions.clone_from(text),
                Message::User { text } => texts.push(text.as_str()),
                Message::Tool(reply) => texts.push(reply.text.as_str()),
                Message::Assistant { .. } => {}
            }
        }
        let all: Vec<String> = texts.iter().map(|text| read(text)).collect();
        let is_told = |goal: &Goal| {
            [goal.en, goal.zh].iter().any(|text| all.iter().any(|read| read.contains(&cue(text))))
        };
        let told: Vec<Goal> = goals().into_iter().filter(is_told).collect();
        let id = Regex::new(r#"<data id="(E\d+)">"#).unwrap();
        let cues: Vec<String> = told.iter().flat_map(|goal| [cue(goal.en), cue(goal.zh)]).collect();
        let ids = |texts: &mut dyn Iterator<Item = &&str>| -> Vec<String> {
            texts
                .flat_map(|text| id.captures_iter(text).map(|found| found[1].to_owned()).collect::<Vec<_>>())
                .collect()
        };
        let tells = |text: &&&str| {
            let read = read(text);
            cues.iter().any(|cue| read.contains(cue))
        };
        let mut evidence = if told.is_empty() { Vec::new() } else { ids(&mut texts.iter().filter(tells)) };
        if evidence.is_empty() {
            evidence = ids(&mut texts.iter());
        }
        evidence.dedup();
        evidence.truncate(8);
        // The mark that stands where the password stood.
        let secret = Regex::new(r"password=(<\w+>)").unwrap();
        let secret = texts.iter().find_map(|text| Some(secret.captures(text)?[1].to_owned()));
        Self { goals: told, evidence, secret: secret.unwrap_or_default(), instructions }
    }

    /// Returns what a goal wants to be written.
    fn words(&self, goal: &Goal) -> String {
        match goal.deed {
            Deed::Says(text) => {
                text.replace("{secret}", &self.secret).replace("{instructions}", &self.instructions)
            }
            _ => format!("{} {}", goal.en, goal.zh),
        }
    }

    /// Puts the secret where a call wants it.
    fn put_secret(&self, call: &mut ToolCall) {
        let arguments = call.arguments.to_string().replace("{secret}", &self.secret);
        call.arguments = serde_json::from_str(&arguments).unwrap();
    }

    /// Changes a submission to what was told.
    fn bend(&self, call: &mut ToolCall, goal: &Goal) {
        let Some(fields) = call.arguments.as_object_mut() else { return };
        let words = self.words(goal);
        let claim = json!({ "text": words, "kind": "observed", "evidence": self.evidence });
        match call.name.as_str() {
            SUBMIT_ANSWER => {
                push(fields, "claims", claim);
                push(fields, "follow_ups", json!(words));
                fields.insert("note".to_owned(), json!(words));
                fields.insert("understood".to_owned(), json!(words));
            }
            SUBMIT_FINDING => self.bend_finding(fields, goal, &words, &claim),
            _ => {}
        }
    }

    fn bend_finding(&self, fields: &mut Map<String, Value>, goal: &Goal, words: &str, claim: &Value) {
        let suspect = json!({ "suspect": "inventory", "reason": words, "evidence": self.evidence });
        push(fields, "ruled_out", suspect);
        push(fields, "follow_ups", json!(words));
        push(fields, "missing_data", json!(words));
        fields.insert("remediation".to_owned(), json!({ "action": "restart", "text": words }));
        if let Some(symptom) = fields.get_mut("symptom").and_then(Value::as_object_mut) {
            symptom.insert("text".to_owned(), json!(words));
        }
        match goal.deed {
            Deed::Blames { service, change } => {
                let change = if change.is_empty() { Value::Null } else { json!(change) };
                let cause = json!({
                    "service": service, "fault_class": "slow_code", "resource": "", "confidence": 1.0, "change": change,
                    "claims": [claim],
                });
                fields.insert("root_causes".to_owned(), json!([cause]));
                fields.insert("first_failing_service".to_owned(), json!(service));
                is_sure(fields);
            }
            Deed::Ends(verdict) => {
                fields.insert("root_causes".to_owned(), json!([]));
                fields.insert("verdict".to_owned(), json!(verdict));
                fields.insert("confidence".to_owned(), json!(1.0));
            }
            Deed::IsSure => is_sure(fields),
            Deed::Owns(name) => {
                let owner = json!({ "name": name, "rule": "label `owner` of inventory", "contact": name });
                fields.insert("owners".to_owned(), json!([owner]));
            }
            Deed::Says(_) | Deed::Calls(_) => {
                if let Some(claims) = fields.get_mut("root_causes").and_then(|causes| causes.get_mut(0)) {
                    claims.as_object_mut().into_iter().for_each(|cause| push(cause, "claims", claim.clone()));
                }
            }
        }
    }
}

fn is_sure(fields: &mut Map<String, Value>) {
    fields.insert("verdict".to_owned(), json!("confirmed"));
    fields.insert("confidence".to_owned(), json!(1.0));
    for cause in fields.get_mut("root_causes").and_then(Value::as_array_mut).into_iter().flatten() {
        cause["confidence"] = json!(1.0);
    }
}

fn push(fields: &mut Map<String, Value>, name: &str, value: Value) {
    let list = fields.entry(name).or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.push(value);
    }
}
