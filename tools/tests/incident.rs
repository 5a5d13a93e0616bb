//! A whole investigation over fakes: what was planted is found, proven and told, in both languages, with no model.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{sync::Arc, time::Duration};

use waggle_agent_core::{
    Finding, Incident, IncidentId, Language, Ports, Scene,
    conversation::answer,
    finding::{Owner, Verdict},
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
    Attributes, Batch, Event, LogRecord, ManualClock, MetricKind, MetricPoint, Peer, ProfileSample, Resource,
    ResourceId, Severity, Span, SpanId, SpanKind, SpanStatus, TimeRange, Timestamp, TraceId, semconv,
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
    stage_with(shop(plant)).await
}

/// The stage over any telemetry.
async fn stage_with(telemetry: Batch) -> (Investigator, Scene) {
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
        telemetry: Arc::new(FakeTelemetry::of(telemetry).unwrap()),
        changes: Arc::new(history()),
        ownership: Arc::new(LabelsAndCode(Arc::new(history()))),
        knowledge: Arc::new(FakeKnowledge::default()),
        past: Arc::new(NoPast),
        clock: Arc::new(ManualClock::at(now)),
    };
    let investigator =
        Investigator::new(Arc::new(Offline), Arc::new(Offline), waggle_tools::toolbox(), memory);
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
async fn where_nothing_was_measured_nothing_is_found_out() {
    let (investigator, mut scene) = stage(Plant::Nothing).await;
    let unknown = Some("gatewya".to_owned());
    let long_ago = Incident::open(
        scene.incident.id.clone(),
        "before any data",
        None,
        Source::Person,
        at(-3600),
        Duration::from_secs(25),
        Duration::from_secs(50),
    );
    for (incident, missing) in [
        (Incident { service: unknown, ..scene.incident.clone() }, "service `gatewya`: it was not seen"),
        (long_ago, "enough requests of any service in the healthy time"),
    ] {
        scene = Scene::new(scene.ports.clone(), incident, Language::En);
        let finding = investigate(&investigator, &scene, &()).await.unwrap().finding;
        assert_eq!((finding.verdict, finding.confidence), (Verdict::Inconclusive, 0.0), "{finding:#?}");
        assert!(finding.missing_data.iter().any(|said| said.starts_with(missing)), "{finding:#?}");
        assert_eq!(finding.symptom.text, "");
    }
}

#[tokio::test]
async fn a_repository_that_may_not_be_read_is_told_as_missing() {
    let (investigator, mut scene) = stage(Plant::SlowInventory).await;
    scene.ports.changes = Arc::new(FakeChanges::new("another", Vec::new()));
    let finding = investigate(&investigator, &scene, &()).await.unwrap().finding;
    let said = "commits of inventory: unknown repository `shop`";
    assert!(finding.missing_data.iter().any(|missing| missing == said), "{:?}", finding.missing_data);
    let cause = finding.root_causes.first().unwrap();
    assert_eq!(
        (cause.service.as_str(), &cause.change),
        ("inventory", &None),
        "an unread commit is not blamed"
    );
}

fn log(batch: &mut Batch, service: &str, time: Timestamp, severity: Severity, body: String) {
    let resource = batch.resource(&resource(service, BEFORE));
    let (trace_id, span_id) = (None, None);
    batch.logs.push(LogRecord {
        resource,
        time,
        severity,
        body,
        trace_id,
        span_id,
        attributes: Attributes::new(),
    });
}

async fn call(scene: &Scene, tool: &str, arguments: serde_json::Value) -> (serde_json::Value, Vec<String>) {
    let called = waggle_tools::toolbox().call(tool, arguments, scene).await.unwrap();
    (called.data, called.facts.into_iter().map(|fact| fact.text).collect())
}

#[tokio::test]
async fn logs_that_were_cut_are_compared_over_the_time_that_was_read() {
    let mut batch = shop(Plant::Nothing);
    // One kind of line at the same rate all along; more than is read of the healthy time.
    for n in 0..(HEALTHY + TROUBLE) * 400 {
        let time = at(0) + Duration::from_millis(u64::try_from(n * 5 / 2).unwrap());
        log(&mut batch, "gateway", time, Severity::Info, format!("accepted connection {n}"));
    }
    let (_, mut scene) = stage_with(batch).await;
    scene.incident.window = TimeRange::ending_at(at(HEALTHY + TROUBLE), Duration::from_secs(5));
    scene.incident.baseline = scene.incident.window.before(Duration::from_secs(70));
    let (data, facts) = call(&scene, "logs", serde_json::json!({ "service": "gateway" })).await;
    assert_eq!(data["exploded"], serde_json::json!([]), "{facts:?}");
    assert_eq!(data["lines_before"], 5_000);
    let read_from: Timestamp = data["read"][0]["from"].as_str().unwrap().parse().unwrap();
    assert!(read_from > at(30), "only the newest lines were read: {read_from}");
}

#[tokio::test]
async fn error_logs_of_one_service_do_not_push_out_those_of_another() {
    let mut batch = shop(Plant::SlowInventory);
    for n in 0..4_000_u64 {
        let time = at(HEALTHY) + Duration::from_millis(5 * n);
        log(&mut batch, "checkout", time, Severity::Error, format!("cannot write metrics, try {n}"));
    }
    let early = at(HEALTHY) + Duration::from_secs(1);
    log(&mut batch, "inventory", early, Severity::Error, "shelf index is slow".to_owned());
    let (_, scene) = stage_with(batch).await;
    let (data, _) = call(&scene, "suspects", serde_json::json!({})).await;
    let first = &data["triage"]["suspects"][0];
    assert_eq!(first["service"], "inventory");
    assert_eq!(first["features"]["error_logs.new_templates"], 1.0, "{first:#}");
    let missing = data["missing_data"].to_string();
    assert!(missing.contains("error logs of `checkout` in the time to look at before"), "{missing}");
}

#[tokio::test]
async fn a_rolling_restart_is_no_death() {
    for (ends, is_told) in [(vec![65], false), (vec![64, 65], true)] {
        let mut batch = shop(Plant::Nothing);
        let mut life = |second, name: &str| {
            let resource = batch.resource(&resource("inventory", BEFORE));
            let (name, time) = (name.to_owned(), at(second));
            batch.events.push(Event {
                resource,
                time,
                name,
                body: String::new(),
                attributes: Attributes::new(),
            });
        };
        life(62, semconv::EVENT_PROCESS_START);
        ends.iter().for_each(|second| life(*second, semconv::EVENT_PROCESS_END));
        let (_, scene) = stage_with(batch).await;
        let (_, facts) = call(&scene, "events", serde_json::json!({})).await;
        let told = facts.iter().any(|fact| fact.starts_with("the process of inventory ended at"));
        assert_eq!(told, is_told, "{ends:?}: {facts:?}");
    }
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
