//! Incidents of before: one that was the same, one that was rated down, one of another kind.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use waggle_agent_core::{
    Finding, Incident, IncidentId, Ports,
    finding::{Action, ChangeBlamed, RootCause, SymptomFound, Verdict},
    incident::Source,
    ports::{InvestigationRecord, Memory, Rating, Remembered, Usage},
    testing::fake_memory::FakeMemory,
};
use waggle_signals::{Batch, Severity, semconv};

use crate::ask::{at, line, nothing, ports, resource, told};

const DAY: i64 = 24 * 60;
const COMMIT: &str = "9f3c1e20000000000000000000000000000000bb";

struct Before {
    id: &'static str,
    days_ago: i64,
    title: &'static str,
    service: &'static str,
    fault_class: &'static str,
    change: Option<&'static str>,
    action: Action,
}

async fn remember(memory: &FakeMemory, before: Before) {
    let Before { id, days_ago, title, service, fault_class, change, action } = before;
    let id = IncidentId(id.to_owned());
    let (opened, hour) = (at(60 - days_ago * DAY), Duration::from_secs(3600));
    let incident =
        Incident::open(id.clone(), title, Some(service.to_owned()), Source::Alert, opened, hour, hour);
    memory.save_incident(&incident).await.unwrap();
    let change =
        change.map(|id| ChangeBlamed { kind: "commit".to_owned(), id: id.to_owned(), diff_read: true });
    let (service, signal) = (service.to_owned(), "error_ratio".to_owned());
    let finding = Finding {
        verdict: Verdict::Likely,
        symptom: SymptomFound { service: service.clone(), signal, ..SymptomFound::default() },
        root_causes: vec![RootCause {
            service,
            resource: String::new(),
            fault_class: fault_class.to_owned(),
            confidence: 0.8,
            change,
            claims: Vec::new(),
        }],
        remediation: waggle_agent_core::finding::Remediation { action, text: "see the runbook".to_owned() },
        ..Finding::inconclusive(id.clone(), "")
    };
    let record = InvestigationRecord {
        incident: id,
        model: "offline".to_owned(),
        started_at: opened,
        ended_at: opened,
        finding,
        transcript: Vec::new(),
        usage: Usage::default(),
        n_steps: 0,
        review: None,
    };
    memory.save_investigation(&record).await.unwrap();
}

async fn rate(memory: &FakeMemory, incident: &str, helpful: bool, correction: &str) {
    let incident = IncidentId(incident.to_owned());
    let (by, correction) = ("li.na".to_owned(), correction.to_owned());
    memory.save_rating(&Rating { incident, by, at: at(0), helpful, correction }).await.unwrap();
}

/// Today the database refuses the password.
fn today() -> Batch {
    let mut batch = Batch::default();
    let id = resource(&mut batch, &[(semconv::SERVICE_NAME, "payments")]);
    for minute in 0..60 {
        let (severity, text) = match minute {
            0..40 => (Severity::Info, "order paid"),
            _ => (Severity::Error, "FATAL: password authentication failed for user \"payments\""),
        };
        line(&mut batch, id, minute, severity, text);
    }
    batch
}

async fn world() -> Ports {
    let memory = FakeMemory::new();
    let same = "payments: error ratio above 5%";
    for before in [
        Before {
            id: "inc-same",
            days_ago: 30,
            title: same,
            service: "payments",
            fault_class: "bad_deploy",
            change: Some(COMMIT),
            action: Action::Rollback,
        },
        Before {
            id: "inc-wrong",
            days_ago: 20,
            title: same,
            service: "payments",
            fault_class: "cpu_burn",
            change: None,
            action: Action::Restart,
        },
        Before {
            id: "inc-old",
            days_ago: 400,
            title: same,
            service: "payments",
            fault_class: "bad_deploy",
            change: None,
            action: Action::None,
        },
        Before {
            id: "inc-other",
            days_ago: 2,
            title: "mail: queue grows",
            service: "mail",
            fault_class: "queue_backlog",
            change: None,
            action: Action::Scale,
        },
    ] {
        remember(&memory, before).await;
    }
    rate(&memory, "inc-same", true, "").await;
    rate(&memory, "inc-wrong", false, "it was the certificate").await;
    Ports { past: Arc::new(Remembered(Arc::new(memory))), ..ports(today()) }
}

#[tokio::test]
async fn the_most_alike_comes_first_and_says_what_is_different() {
    let told = told(&world().await, "past_incidents", json!({})).await;
    let place = |id: &str| told.find(&format!("`{id}`")).unwrap_or(usize::MAX);
    assert!(place("inc-same") < place("inc-wrong") && place("inc-wrong") < place("inc-old"), "{told}");
    assert_eq!(place("inc-other"), usize::MAX, "{told}");
    assert!(told.contains("no change of payments went live, as 9f3c1e2 had then"), "{told}");
    assert!(told.contains("a past incident is no proof"), "{told}");
    insta::assert_snapshot!("past_incidents", told);
}

#[tokio::test]
async fn an_empty_past_says_what_was_searched() {
    let text = nothing(&ports(today()), "past_incidents", json!({})).await;
    assert_eq!(
        text,
        "no incident of before is like this one; searched: 0 incidents with a finding before 2026-03-01T15:00:00Z"
    );
}
