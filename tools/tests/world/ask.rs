//! Asks a tool in both languages, and holds each fact against the result that it comes with.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use waggle_agent_core::{
    Incident, IncidentId, Language, Ports, Scene, ToolError,
    grounding::Ground,
    incident::Source,
    ports::{LabelsAndCode, NoPast},
    testing::{fake_changes::FakeChanges, fake_knowledge::FakeKnowledge, fake_telemetry::FakeTelemetry},
};
use waggle_signals::{
    Attributes, Batch, Event, LogRecord, ManualClock, Resource, ResourceId, Severity, Timestamp, semconv,
};

/// 2026-03-01T14:00:00Z.
const START: i64 = 1_772_373_600;

pub fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(START + minute * 60)
}

/// Forty healthy minutes, then twenty in trouble.
pub fn incident() -> Incident {
    let minutes = |n: u64| Duration::from_secs(n * 60);
    let (id, service) = (IncidentId("inc-now".to_owned()), Some("payments".to_owned()));
    let title = "payments: error ratio above 5%";
    Incident::open(id, title, service, Source::Alert, at(60), minutes(20), minutes(40))
}

pub fn ports(batch: Batch) -> Ports {
    Ports {
        telemetry: Arc::new(FakeTelemetry::of(batch).unwrap()),
        changes: Arc::new(FakeChanges::default()),
        ownership: Arc::new(LabelsAndCode(Arc::new(FakeChanges::default()))),
        knowledge: Arc::new(FakeKnowledge::default()),
        past: Arc::new(NoPast),
        clock: Arc::new(ManualClock::at(at(60))),
    }
}

/// Returns what a model reads, and the facts in both languages. Each fact must be in the result.
pub async fn told(ports: &Ports, tool: &str, arguments: Value) -> String {
    let mut out = String::new();
    for language in [Language::En, Language::Zh] {
        let scene = Scene::new(ports.clone(), incident(), language);
        let called = waggle_tools::toolbox().call(tool, arguments.clone(), &scene).await.unwrap();
        if language == Language::En {
            out = format!("{}\n", called.text.trim_end());
            assert!(called.text.chars().count() < 1_800, "{} characters", called.text.chars().count());
        }
        let mut ground = Ground::default();
        ground.add(&called.data, "");
        ground.add_arguments(&arguments);
        for fact in called.facts {
            let missing = ground.missing(&fact.text, std::slice::from_ref(&fact.service));
            assert_eq!(missing, [], "{}\nin {:#}", fact.text, called.data);
            out += &format!("[{:?} {}] {}\n", fact.topic, fact.service, fact.text);
        }
    }
    out
}

/// Checks that there is nothing to find, and returns what a model reads.
pub async fn nothing(ports: &Ports, tool: &str, arguments: Value) -> String {
    let scene = Scene::new(ports.clone(), incident(), Language::En);
    let called = waggle_tools::toolbox().call(tool, arguments, &scene).await.unwrap();
    assert!(called.empty && called.facts.is_empty(), "{}", called.text);
    called.text.trim_end().to_owned()
}

/// Returns what a model is told when it asks wrongly.
pub async fn refused(ports: &Ports, tool: &str, arguments: Value) -> String {
    let scene = Scene::new(ports.clone(), incident(), Language::En);
    match waggle_tools::toolbox().call(tool, arguments, &scene).await {
        Err(ToolError::Respond(text)) => text,
        other => panic!("it should be refused: {other:?}"),
    }
}

pub fn resource(batch: &mut Batch, tags: &[(&str, &str)]) -> ResourceId {
    batch.resource(&Resource::new(tags.iter().copied()))
}

pub fn event(
    batch: &mut Batch,
    resource: ResourceId,
    minute: i64,
    name: &str,
    body: &str,
    tags: &[(&str, &str)],
) {
    let attributes = attributes(tags);
    let (name, body) = (name.to_owned(), body.to_owned());
    batch.events.push(Event { resource, time: at(minute), name, body, attributes });
}

pub fn object(batch: &mut Batch, minute: i64, object: &Value) {
    let cluster = resource(batch, &[(semconv::SERVICE_NAME, "payments")]);
    event(batch, cluster, minute, semconv::EVENT_K8S_OBJECT, &object.to_string(), &[]);
}

pub fn line(batch: &mut Batch, resource: ResourceId, minute: i64, severity: Severity, text: &str) {
    batch.logs.push(LogRecord {
        resource,
        time: at(minute),
        severity,
        body: text.to_owned(),
        trace_id: None,
        span_id: None,
        attributes: Attributes::new(),
    });
}

fn attributes(tags: &[(&str, &str)]) -> Attributes {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
