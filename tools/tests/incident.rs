//! A whole investigation over fakes: what was planted is found, proven and told, in both languages, with no model.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{sync::Arc, time::Duration};

use waggle_agent_core::{
    Finding, Incident, IncidentId, Language, Ports, Scene,
    conversation::answer,
    finding::{Owner, Verdict},
    incident::Source,
    investigation::{Budget, Investigation, Investigator, investigate},
    models::Offline,
    ports::{Commit, CommitDiff, FileDiff, Hunk, Memory},
    testing::{
        fake_changes::FakeChanges, fake_knowledge::FakeKnowledge, fake_memory::FakeMemory,
        fake_telemetry::FakeTelemetry,
    },
};
use waggle_signals::{
    Attributes, Batch, Event, LogRecord, ManualClock, MetricKind, MetricPoint, Peer, ProfileSample, Resource,
    ResourceId, Severity, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, semconv,
};

const COMMIT: &str = "3f6ad99babaf25ced39253c6ddfb13981f6ea934";
const BEFORE: &str = "0437fc131a68433c841139473015a61ef82c19f6";
const REPOSITORY: &str = "shop";
const START: i64 = 1_772_373_600;
/// Seconds of healthy time, then of trouble.
const HEALTHY: i64 = 60;
const TROUBLE: i64 = 20;
const PER_SECOND: i64 = 10;

/// What is planted.
#[derive(Clone, Copy, PartialEq)]
enum Plant {
    Nothing,
    SlowInventory,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

fn resource(service: &str, commit: &str) -> Resource {
    Resource::new([
        (semconv::SERVICE_NAME, service),
        (semconv::COMMIT, commit),
        (semconv::REPOSITORY, REPOSITORY),
        (semconv::OWNER, if service == "inventory" { "li.na" } else { "ana.souza" }),
        (semconv::PROCESS_PID, "17"),
    ])
}

/// One request: gateway asks checkout, checkout asks inventory; durations in milliseconds with a little jitter.
fn request(batch: &mut Batch, number: i64, start: Timestamp, inventory_ms: u64, commit: &str) {
    let jitter = u64::try_from(number % 7).unwrap();
    let id = |part: i64| SpanId::new(u64::try_from(number * 10 + part).unwrap()).unwrap();
    let trace_id = TraceId::new(u128::try_from(number + 1).unwrap()).unwrap();
    let ms = Duration::from_millis;
    let inventory = ms(inventory_ms) + Duration::from_micros(jitter * 200);
    let checkout = inventory + ms(4) + Duration::from_micros(jitter * 150);
    let gateway = checkout + ms(2) + Duration::from_micros(jitter * 100);
    let mut span = |service: &str, kind, own: i64, parent: Option<i64>, offset, duration, peer: &str| {
        let commit = if service == "inventory" { commit } else { BEFORE };
        let resource = batch.resource(&resource(service, commit));
        batch.spans.push(Span {
            trace_id,
            span_id: id(own),
            parent_span_id: parent.map(id),
            resource,
            kind,
            name: "POST /orders".to_owned(),
            start: start + offset,
            duration,
            status: SpanStatus::Ok,
            peer: (!peer.is_empty()).then(|| Peer { service: peer.to_owned(), ..Peer::default() }),
            attributes: Attributes::new(),
        });
    };
    let little = Duration::from_micros(300);
    span("gateway", SpanKind::Server, 1, None, Duration::ZERO, gateway, "");
    span("gateway", SpanKind::Client, 2, Some(1), ms(1), checkout + little, "checkout");
    span("checkout", SpanKind::Server, 3, Some(2), ms(1), checkout, "gateway");
    span("checkout", SpanKind::Client, 4, Some(3), ms(3), inventory + little, "inventory");
    span("inventory", SpanKind::Server, 5, Some(4), ms(3), inventory, "checkout");
}

fn metric(batch: &mut Batch, resource: ResourceId, name: &str, second: i64, value: f64) {
    let point = MetricPoint {
        resource,
        time: at(second),
        name: name.to_owned(),
        unit: "1".to_owned(),
        kind: MetricKind::Gauge,
        value,
        attributes: Attributes::new(),
    };
    batch.metrics.push(point);
}

fn shop(plant: Plant) -> Batch {
    let mut batch = Batch::default();
    let deployed = HEALTHY - 1;
    for second in 0..HEALTHY + TROUBLE {
        let is_bad = plant == Plant::SlowInventory && second >= HEALTHY;
        let commit = if plant == Plant::SlowInventory && second >= deployed { COMMIT } else { BEFORE };
        for n in 0..PER_SECOND {
            let start = at(second) + Duration::from_millis(u64::try_from(n * 95).unwrap());
            request(&mut batch, second * PER_SECOND + n, start, if is_bad { 140 } else { 5 }, commit);
        }
        for service in ["gateway", "checkout", "inventory"] {
            let commit = if service == "inventory" { commit } else { BEFORE };
            let id = batch.resource(&resource(service, commit));
            let burns = is_bad && service == "inventory";
            let cores =
                if burns { 0.82 } else { 0.04 } + f64::from(u8::try_from(second % 3).unwrap()) * 0.002;
            metric(&mut batch, id, semconv::METRIC_CPU, second, cores);
            metric(&mut batch, id, semconv::METRIC_CPU_WAIT, second, 0.01);
        }
        let id = batch.resource(&resource("inventory", commit));
        let function = if is_bad { "inventory::reserve::match_sku" } else { "inventory::reserve::reserve" };
        batch.samples.push(ProfileSample {
            resource: id,
            time: at(second),
            frames: vec!["main".to_owned(), function.to_owned()],
            location: Some("reserve.rs:88".to_owned()),
            count: if is_bad { 80 } else { 4 },
            cpu_nanos: if is_bad { 808_000_000 } else { 40_000_000 },
        });
        batch.logs.push(LogRecord {
            resource: id,
            time: at(second),
            severity: Severity::Info,
            body: format!("reserved order {second}"),
            trace_id: None,
            span_id: None,
            attributes: Attributes::new(),
        });
    }
    let mut deploy = |service: &str, second, commit: &str| {
        let id = batch.resource(&resource(service, commit));
        let attributes = Attributes::from([
            (semconv::COMMIT.to_owned(), commit.to_owned()),
            (semconv::COMMIT_BEFORE.to_owned(), BEFORE.to_owned()),
            (semconv::REPOSITORY.to_owned(), REPOSITORY.to_owned()),
        ]);
        let (name, body) = (semconv::EVENT_DEPLOYMENT.to_owned(), format!("{service} runs {commit}"));
        batch.events.push(Event { resource: id, time: at(second), name, body, attributes });
    };
    deploy("gateway", HEALTHY - 8, BEFORE);
    if plant == Plant::SlowInventory {
        deploy("inventory", deployed, COMMIT);
    }
    batch
}

fn history() -> FakeChanges {
    let commit = |id: &str, author: &str, summary: &str, path: &str, line: &str| CommitDiff {
        commit: Commit {
            id: id.to_owned(),
            author: author.to_owned(),
            email: format!("{author}@example.com"),
            at: at(-3600),
            summary: summary.to_owned(),
            body: String::new(),
        },
        files: vec![FileDiff {
            path: path.to_owned(),
            added: 1,
            removed: 0,
            hunks: vec![Hunk {
                old_start: 87,
                new_start: 87,
                context: "fn match_sku".to_owned(),
                lines: vec![" let wanted = order.sku();".to_owned(), line.to_owned()],
            }],
        }],
    };
    let bad = "+    for other in &shelf.skus { compare(sku, other); }";
    FakeChanges::new(
        REPOSITORY,
        vec![
            commit(BEFORE, "Ana Souza", "gateway: shorter timeout", "gateway/src/main.rs", "+timeout(2)"),
            commit(COMMIT, "Li Na", "inventory: match SKUs by prefix", "inventory/src/reserve.rs", bad),
        ],
    )
    .owned_by(
        "inventory",
        vec![Owner {
            name: "@li.na".to_owned(),
            rule: "CODEOWNERS line 3 `/inventory/`".to_owned(),
            contact: "@li.na".to_owned(),
        }],
    )
}

async fn stage(plant: Plant) -> (Investigator, Scene) {
    let now = at(HEALTHY + TROUBLE);
    let memory: Arc<dyn Memory> = Arc::new(FakeMemory::new());
    let incident = Incident::open(
        IncidentId("inc-1".to_owned()),
        "gateway: p99 latency above 120 ms",
        Some("gateway".to_owned()),
        Source::Alert,
        now,
        Duration::from_secs(25),
        Duration::from_secs(50),
    );
    memory.save_incident(&incident).await.unwrap();
    let ports = Ports {
        telemetry: Arc::new(FakeTelemetry::of(shop(plant)).unwrap()),
        changes: Arc::new(history()),
        knowledge: Arc::new(FakeKnowledge),
        clock: Arc::new(ManualClock::at(now)),
    };
    let investigator = Investigator {
        model: Arc::new(Offline),
        fallback: Arc::new(Offline),
        toolbox: waggle_tools::toolbox(),
        memory,
        budget: Budget::default(),
    };
    (investigator, Scene::new(ports, incident, Language::En))
}

async fn found(plant: Plant) -> Investigation {
    let (investigator, scene) = stage(plant).await;
    investigate(&investigator, &scene, &()).await.unwrap()
}

#[tokio::test]
async fn a_slow_commit_is_found_with_its_diff_its_function_and_its_owner() {
    let investigation = found(Plant::SlowInventory).await;
    let finding = &investigation.finding;
    let cause = finding.root_causes.first().expect("a root cause");
    assert_eq!(
        (cause.service.as_str(), cause.fault_class.as_str()),
        ("inventory", "slow_code"),
        "{finding:#?}"
    );
    let change = cause.change.as_ref().expect("the change");
    assert_eq!((change.id.as_str(), change.diff_read), (COMMIT, true));
    let said: Vec<_> = cause.claims.iter().map(|claim| claim.text.as_str()).collect();
    let said = said.join("\n");
    for wanted in ["own time per request", "match_sku", "inventory/src/reserve.rs:88", "3f6ad99"] {
        assert!(said.contains(wanted), "`{wanted}` is not in:\n{said}");
    }
    assert_eq!(finding.owners.len(), 1, "the label and CODEOWNERS name one person: {:?}", finding.owners);
    assert!(matches!(finding.verdict, Verdict::Likely | Verdict::Confirmed));
}

#[tokio::test]
async fn a_healthy_shop_is_no_incident() {
    let finding = found(Plant::Nothing).await.finding;
    assert_eq!(finding.verdict, Verdict::NoIncident, "{finding:#?}");
    assert!(finding.root_causes.is_empty());
}

#[tokio::test]
async fn questions_are_answered_with_evidence_in_the_language_they_are_asked_in() {
    let (investigator, scene) = stage(Plant::SlowInventory).await;
    let finding: Finding = investigate(&investigator, &scene, &()).await.unwrap().finding;
    for (question, wanted) in [
        ("Why do you think so?", "own time per request"),
        ("Show the slow traces of inventory", "POST /orders"),
        ("It is not inventory", "inventory: "),
        ("What else changed?", "was deployed from"),
        ("services with latency > 100ms", "p99"),
        ("CPU usage for inventory", "cores"),
        ("who owns inventory?", "li.na"),
        ("inventory 为什么慢？", "每请求自身耗时"),
        ("还有什么变更？", "发布了"),
        ("延迟超过 100 毫秒的服务", "错误率"),
    ] {
        let scene = Scene { language: Language::of(question), ..scene.clone() };
        let answered = answer(&investigator, &scene, Some(&finding), question, &()).await.unwrap();
        let text = answered.answer.text();
        assert!(text.contains(wanted), "{question}\n{text}");
        assert!(!answered.answer.claims.is_empty(), "{question}");
    }
}

#[tokio::test]
async fn a_question_that_is_not_understood_says_what_can_be_asked() {
    let (investigator, scene) = stage(Plant::Nothing).await;
    let answered = answer(&investigator, &scene, None, "tell me a joke", &()).await.unwrap().answer;
    assert!(answered.note.contains("I can answer about"), "{answered:?}");
    assert!(!answered.follow_ups.is_empty());
}

#[tokio::test]
async fn an_unknown_service_is_answered_with_the_nearest_name() {
    let (_, scene) = stage(Plant::Nothing).await;
    let call =
        waggle_tools::toolbox().call("compare", serde_json::json!({ "service": "inventry" }), &scene).await;
    let Err(waggle_agent_core::ToolError::Respond(text)) = call else { panic!("{call:?}") };
    assert_eq!(text, "unknown service `inventry`; nearest is `inventory`");
}

#[test]
fn every_tool_that_the_fault_tree_wants_exists() {
    let toolbox = waggle_tools::toolbox();
    for fault in waggle_analysis::FaultTree::first().faults {
        for want in &fault.wants {
            assert!(toolbox.has(want), "fault class `{}` wants `{want}`", fault.class);
        }
    }
}
