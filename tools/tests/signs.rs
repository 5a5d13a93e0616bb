//! An incident without requests to count: words, changes and objects lead to the cause, in both languages, with no model.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{sync::Arc, time::Duration};

use serde_json::json;
use waggle_agent_core::{
    Finding, Incident, IncidentId, Language, Ports, Scene,
    finding::Verdict,
    incident::Source,
    investigation::{Investigation, Investigator, investigate},
    models::Offline,
    ports::{Commit, CommitDiff, FileDiff, Hunk, LabelsAndCode, Memory, NoPast},
    testing::{
        fake_changes::FakeChanges, fake_knowledge::FakeKnowledge, fake_memory::FakeMemory,
        fake_telemetry::FakeTelemetry,
    },
};
use waggle_signals::{
    Attributes, Batch, Event, LogRecord, ManualClock, Resource, ResourceId, Severity, Span, SpanId, SpanKind,
    SpanStatus, Timestamp, TraceId, semconv,
};

const START: i64 = 1_772_373_600;
const GUILTY: &str = "aaaa1111bbbb2222cccc3333dddd4444eeee5555";
const NEAR: &str = "bbbb1111bbbb2222cccc3333dddd4444eeee5555";
const BEFORE: &str = "cccc1111bbbb2222cccc3333dddd4444eeee5555";

fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(START + minute * 60)
}

struct World {
    batch: Batch,
}

impl World {
    /// An hour in which two services say that they work.
    fn calm() -> Self {
        let mut world = Self { batch: Batch::default() };
        for minute in 0..60 {
            for service in ["ledger", "portal"] {
                world.says(service, minute, Severity::Warn, "slow client, waiting");
            }
        }
        world
    }

    fn resource(&mut self, service: &str) -> ResourceId {
        self.batch
            .resource(&Resource::new([(semconv::SERVICE_NAME, service), (semconv::REPOSITORY, "books")]))
    }

    fn says(&mut self, service: &str, minute: i64, severity: Severity, text: &str) {
        let resource = self.resource(service);
        self.batch.logs.push(LogRecord {
            resource,
            time: at(minute),
            severity,
            body: text.to_owned(),
            trace_id: None,
            span_id: None,
            attributes: Attributes::new(),
        });
    }

    fn event(&mut self, service: &str, minute: i64, name: &str, body: &str, attributes: &[(&str, &str)]) {
        let resource = self.resource(service);
        let attributes =
            attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.batch.events.push(Event {
            resource,
            time: at(minute),
            name: name.to_owned(),
            body: body.to_owned(),
            attributes,
        });
    }

    fn deploys(&mut self, minute: i64, commit: &str, before: &str) {
        let tags =
            [(semconv::COMMIT, commit), (semconv::COMMIT_BEFORE, before), (semconv::REPOSITORY, "books")];
        self.event("ledger", minute, semconv::EVENT_DEPLOYMENT, "deployed", &tags);
    }

    /// From minute 45 on.
    fn fails(&mut self) {
        for minute in 45..60 {
            self.says("ledger", minute, Severity::Error, "column \"iban_code\" does not exist");
            self.says("portal", minute, Severity::Error, "upstream ledger answered 500");
        }
    }

    /// From this minute on `ledger` says by a tag which commit it runs, and before that which one ran then; no event tells of it.
    fn tags(&mut self, minute: i64, commit: &str, before: &str) {
        let mut tagged = |commit: &str| {
            let tags = [
                (semconv::SERVICE_NAME, "ledger"),
                (semconv::REPOSITORY, "books"),
                (semconv::COMMIT, commit),
            ];
            self.batch.resource(&Resource::new(tags))
        };
        let (old, new) = (tagged(before), tagged(commit));
        let ledger = self.resource("ledger");
        for log in self.batch.logs.iter_mut().filter(|log| log.resource == ledger) {
            log.resource = if log.time < at(minute) { old } else { new };
        }
    }

    /// `portal` answers a request, and keeps its trace.
    fn answers(&mut self, minute: i64) {
        let resource = self.resource("portal");
        let id = self.batch.spans.len() as u64 + 1;
        self.batch.spans.push(Span {
            trace_id: TraceId::new(id.into()).unwrap(),
            span_id: SpanId::new(id).unwrap(),
            parent_span_id: None,
            resource,
            kind: SpanKind::Server,
            name: "GET /books".to_owned(),
            start: at(minute),
            duration: Duration::from_millis(20),
            status: SpanStatus::Ok,
            peer: None,
            attributes: Attributes::new(),
        });
    }

    async fn finding(self, language: Language) -> Finding {
        self.investigated(language).await.finding
    }

    async fn investigated(self, language: Language) -> Investigation {
        let incident = Incident::open(
            IncidentId("inc-1".to_owned()),
            "ledger fails",
            Some("ledger".to_owned()),
            Source::Alert,
            at(60),
            Duration::from_secs(20 * 60),
            Duration::from_secs(40 * 60),
        );
        let memory: Arc<dyn Memory> = Arc::new(FakeMemory::new());
        memory.save_incident(&incident).await.unwrap();
        let ports = Ports {
            telemetry: Arc::new(FakeTelemetry::of(self.batch).unwrap()),
            changes: Arc::new(history()),
            ownership: Arc::new(LabelsAndCode(Arc::new(history()))),
            knowledge: Arc::new(FakeKnowledge::default()),
            past: Arc::new(NoPast),
            clock: Arc::new(ManualClock::at(at(60))),
        };
        let investigator =
            Investigator::new(Arc::new(Offline), Arc::new(Offline), waggle_tools::toolbox(), memory);
        investigate(&investigator, &Scene::new(ports, incident, language), &()).await.unwrap()
    }
}

fn history() -> FakeChanges {
    let commit = |id: &str, minute, summary: &str, path: &str, lines: &[&str]| CommitDiff {
        commit: Commit {
            id: id.to_owned(),
            author: "Ana".to_owned(),
            email: String::new(),
            at: at(minute),
            summary: summary.to_owned(),
            body: String::new(),
        },
        files: vec![FileDiff {
            path: path.to_owned(),
            added: 1,
            removed: 1,
            hunks: vec![Hunk {
                old_start: 7,
                new_start: 7,
                context: String::new(),
                lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            }],
        }],
    };
    let renamed = ["-  iban_code = Column(Text)", "+  iban = Column(Text)"];
    let faster = ["-  return sum(rows)", "+  return fast_sum(rows)"];
    FakeChanges::new(
        "books",
        vec![
            commit(BEFORE, -600, "begin", "ledger/model.py", &["+  iban_code = Column(Text)"]),
            commit(GUILTY, 30, "tidy names", "ledger/model.py", &renamed),
            commit(NEAR, 40, "speed up totals", "ledger/totals.py", &faster),
        ],
    )
}

fn failing() -> World {
    let mut world = World::calm();
    world.deploys(43, NEAR, BEFORE);
    world.fails();
    world
}

#[tokio::test]
async fn a_version_that_only_its_telemetry_tells_of_is_a_deployment() {
    let mut world = World::calm();
    world.fails();
    world.tags(43, NEAR, BEFORE);
    let finding = world.finding(Language::En).await;
    let change = finding.root_causes[0].change.as_ref().unwrap();
    assert_eq!((change.id.as_str(), change.diff_read), (GUILTY, true), "{finding:#?}");
}

#[tokio::test]
async fn a_version_that_was_heard_hours_before_is_no_deployment() {
    let mut world = World::calm();
    world.fails();
    world.tags(43, NEAR, BEFORE);
    // Both versions, hours before.
    for minute in [0, 50] {
        let is_meant = |log: &&LogRecord| log.time == at(minute) && log.body.starts_with("slow client");
        // What `ledger` says of a minute comes first.
        let early = world.batch.logs.iter().find(is_meant).unwrap().clone();
        world.batch.logs.push(LogRecord { time: at(minute - 400), ..early });
    }
    let ran = world.investigated(Language::En).await;
    let listed = ran.evidence.iter().find(|evidence| evidence.tool == "recent_changes").unwrap();
    assert!(!listed.text.contains("deployed commit"), "{}", listed.text);
    assert!(ran.finding.root_causes.iter().all(|cause| cause.change.is_none()), "{:#?}", ran.finding);
}

#[tokio::test]
async fn a_handful_of_kept_traces_is_no_load() {
    let mut world = failing();
    for minute in [20, 45, 46, 47, 50, 52, 55] {
        world.answers(minute);
    }
    let finding = world.finding(Language::En).await;
    let cause = &finding.root_causes[0];
    assert_eq!((cause.service.as_str(), cause.change.as_ref().unwrap().id.as_str()), ("ledger", GUILTY));
}

#[tokio::test]
async fn the_commit_that_came_with_a_deployment_is_blamed_by_what_the_errors_name() {
    for language in [Language::En, Language::Zh] {
        let finding = failing().finding(language).await;
        let cause = &finding.root_causes[0];
        assert_eq!(cause.service, "ledger", "{finding:#?}");
        let change = cause.change.as_ref().unwrap();
        assert_eq!((change.id.as_str(), change.diff_read), (GUILTY, true));
        assert_eq!(finding.first_failing_service, "ledger");
        assert_eq!(finding.impact.services, ["ledger", "portal"]);
        assert!(
            finding.ruled_out.iter().any(|out| out.suspect.contains("bbbb111")),
            "{:?}",
            finding.ruled_out
        );
        let proof: Vec<&str> = cause.claims.iter().map(|claim| claim.text.as_str()).collect();
        assert!(proof.iter().any(|text| text.contains("aaaa111")), "{proof:?}");
        assert!(proof.iter().any(|text| text.contains("iban_code")), "{proof:?}");
    }
}

#[tokio::test]
async fn what_was_said_before_is_no_incident() {
    let finding = World::calm().finding(Language::En).await;
    assert_eq!(finding.verdict, Verdict::NoIncident, "{finding:#?}");
}

#[tokio::test]
async fn a_flag_that_was_turned_is_listed_and_not_blamed_for_what_it_does_not_touch() {
    let mut world = failing();
    let tags = [(semconv::FLAG_KEY, "portal_dark_mode"), ("actor", "li")];
    world.event("portal", 44, semconv::EVENT_FLAG, "off->on", &tags);
    let ran = world.investigated(Language::En).await;
    assert_eq!(ran.finding.root_causes[0].change.as_ref().unwrap().id, GUILTY);
    let listed = ran.evidence.iter().find(|evidence| evidence.tool == "recent_changes").unwrap();
    assert!(listed.text.contains("portal turned flag portal_dark_mode, before the onset"), "{}", listed.text);
    assert!(
        listed.facts.iter().any(|fact| fact.text.contains("flag `portal_dark_mode` of portal was turned"))
    );
}

#[tokio::test]
async fn the_state_of_an_object_is_a_cause_of_its_own() {
    let mut world = World::calm();
    let pod = json!({
        "kind": "Pod", "apiVersion": "v1", "metadata": {"name": "ledger-7", "namespace": "books"},
        "spec": {"containers": [{"name": "ledger", "image": "registry.example/ledger:v9"}]},
        "status": {"phase": "Pending", "containerStatuses": [{
            "name": "ledger", "ready": false, "restartCount": 0, "image": "registry.example/ledger:v9",
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"registry.example/ledger:v9\": not found"}},
        }]},
    });
    world.event("ledger", 59, semconv::EVENT_K8S_OBJECT, &pod.to_string(), &[]);
    let finding = world.finding(Language::En).await;
    let cause = &finding.root_causes[0];
    assert!(cause.fault_class.contains("image"), "{finding:#?}");
    assert!(cause.resource.contains("ledger-7"), "{finding:#?}");
}
