//! Whole answers to plain-language questions, with no model: what was understood, what is known, what to ask next.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{sync::Arc, time::Duration};

use waggle_agent_core::{
    Finding, Incident, IncidentId, Language, Ports, Scene,
    conversation::answer,
    finding::Owner,
    incident::Source,
    investigation::{Investigator, investigate},
    models::Offline,
    ports::{Commit, CommitDiff, FileDiff, Hunk, LabelsAndCode, Memory, NoPast},
    testing::{
        fake_changes::FakeChanges, fake_knowledge::FakeKnowledge, fake_memory::FakeMemory,
        fake_telemetry::FakeTelemetry,
    },
};
use waggle_signals::{
    Attributes, Batch, Event, LogRecord, ManualClock, MetricKind, MetricPoint, Peer, Resource, Severity,
    Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId, semconv,
};

const COMMIT: &str = "3f6ad99babaf25ced39253c6ddfb13981f6ea934";
const BEFORE: &str = "0437fc131a68433c841139473015a61ef82c19f6";
/// 2026-03-01, 14:00 UTC.
const START: i64 = 1_772_373_600;
/// Seconds of healthy time, then of trouble.
const HEALTHY: i64 = 60;
const TROUBLE: i64 = 20;
const PER_SECOND: i64 = 10;

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

fn resource(service: &str, commit: &str) -> Resource {
    Resource::new([
        (semconv::SERVICE_NAME, service),
        (semconv::COMMIT, commit),
        (semconv::REPOSITORY, "shop"),
        (semconv::OWNER, if service == "order-service" { "li.na" } else { "ana.souza" }),
        (semconv::PROCESS_PID, "17"),
    ])
}

/// One request: `api-gateway` asks `order-service`, which asks `mysql`. The order service works longer in trouble.
fn request(batch: &mut Batch, number: i64, start: Timestamp, own_ms: u64, commit: &str) {
    let id = |part: i64| SpanId::new(u64::try_from(number * 10 + part).unwrap()).unwrap();
    let trace_id = TraceId::new(u128::try_from(number + 1).unwrap()).unwrap();
    let jitter = Duration::from_micros(u64::try_from(number % 7).unwrap() * 150);
    let ms = Duration::from_millis;
    let mysql = ms(3) + jitter;
    let order = mysql + ms(own_ms) + jitter;
    let gateway = order + ms(2) + jitter;
    let mut span = |service: &str, kind, own: i64, parent: Option<i64>, offset, duration, peer: &str| {
        let commit = if service == "order-service" { commit } else { BEFORE };
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
            status: if number % 50 == 0 && own_ms > 10 { SpanStatus::Error } else { SpanStatus::Ok },
            peer: (!peer.is_empty()).then(|| Peer { service: peer.to_owned(), ..Peer::default() }),
            attributes: Attributes::new(),
        });
    };
    span("api-gateway", SpanKind::Server, 1, None, ms(0), gateway, "");
    span("api-gateway", SpanKind::Client, 2, Some(1), ms(1), order, "order-service");
    span("order-service", SpanKind::Server, 3, Some(2), ms(1), order, "api-gateway");
    span("order-service", SpanKind::Client, 4, Some(3), ms(2), mysql, "mysql");
    span("mysql", SpanKind::Server, 5, Some(4), ms(2), mysql, "order-service");
}

fn metric(batch: &mut Batch, service: &str, commit: &str, name: &str, second: i64, value: f64) {
    let resource = batch.resource(&resource(service, commit));
    let (name, unit, attributes) = (name.to_owned(), "1".to_owned(), Attributes::new());
    let kind = MetricKind::Gauge;
    batch.metrics.push(MetricPoint { resource, time: at(second), name, unit, kind, value, attributes });
}

fn shop() -> Batch {
    let mut batch = Batch::default();
    for second in 0..HEALTHY + TROUBLE {
        let is_bad = second >= HEALTHY;
        let commit = if second >= HEALTHY - 1 { COMMIT } else { BEFORE };
        for n in 0..PER_SECOND {
            let start = at(second) + Duration::from_millis(u64::try_from(n * 95).unwrap());
            request(&mut batch, second * PER_SECOND + n, start, if is_bad { 140 } else { 5 }, commit);
        }
        for (service, cores, mib) in [
            ("api-gateway", 0.04, 96.0),
            ("order-service", if is_bad { 0.82 } else { 0.1 }, 256.0),
            ("mysql", 0.3, 1024.0),
        ] {
            let commit = if service == "order-service" { commit } else { BEFORE };
            metric(&mut batch, service, commit, semconv::METRIC_CPU, second, cores);
            metric(&mut batch, service, commit, semconv::METRIC_CPU_WAIT, second, 0.01);
            metric(&mut batch, service, commit, semconv::METRIC_MEMORY, second, mib * 1_048_576.0);
        }
        if is_bad {
            let resource = batch.resource(&resource("order-service", commit));
            batch.logs.push(LogRecord {
                resource,
                time: at(second),
                severity: Severity::Error,
                body: format!("price cache missed, recomputing order {second}"),
                trace_id: None,
                span_id: None,
                attributes: Attributes::new(),
            });
        }
    }
    let id = batch.resource(&resource("order-service", COMMIT));
    let attributes = Attributes::from([
        (semconv::COMMIT.to_owned(), COMMIT.to_owned()),
        (semconv::COMMIT_BEFORE.to_owned(), BEFORE.to_owned()),
        (semconv::REPOSITORY.to_owned(), "shop".to_owned()),
    ]);
    let (name, body) = (semconv::EVENT_DEPLOYMENT.to_owned(), "order-service was deployed".to_owned());
    batch.events.push(Event { resource: id, time: at(HEALTHY - 1), name, body, attributes });
    batch
}

fn history() -> FakeChanges {
    let hunk = Hunk {
        old_start: 87,
        new_start: 87,
        context: "fn price".to_owned(),
        lines: vec![" let order = next();".to_owned(), "+for other in &all { recompute(other); }".to_owned()],
    };
    let commit = |id: &str, summary: &str| CommitDiff {
        commit: Commit {
            id: id.to_owned(),
            author: "Li Na".to_owned(),
            email: "li.na@example.com".to_owned(),
            at: at(-3600),
            summary: summary.to_owned(),
            body: String::new(),
        },
        files: vec![FileDiff {
            path: "order/src/price.rs".to_owned(),
            added: 1,
            removed: 0,
            hunks: vec![hunk.clone()],
        }],
    };
    let owner = Owner {
        name: "@li.na".to_owned(),
        rule: "CODEOWNERS line 3 `/order/`".to_owned(),
        contact: "@li.na".to_owned(),
    };
    let commits = vec![commit(BEFORE, "order: smaller image"), commit(COMMIT, "order: recompute all prices")];
    FakeChanges::new("shop", commits).owned_by("order-service", vec![owner])
}

async fn stage() -> (Investigator, Scene) {
    let now = at(HEALTHY + TROUBLE);
    let memory: Arc<dyn Memory> = Arc::new(FakeMemory::new());
    let incident = Incident::open(
        IncidentId("inc-1".to_owned()),
        "api-gateway: p99 latency above 120 ms",
        Some("api-gateway".to_owned()),
        Source::Alert,
        now,
        Duration::from_secs(25),
        Duration::from_secs(50),
    );
    memory.save_incident(&incident).await.unwrap();
    let ports = Ports {
        telemetry: Arc::new(FakeTelemetry::of(shop()).unwrap()),
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

#[tokio::test]
async fn questions_are_answered_whole_in_the_language_they_are_asked_in() {
    let (investigator, scene) = stage().await;
    let finding = investigate(&investigator, &scene, &()).await.unwrap().finding;
    let questions = [
        "show me all services with error rate > 1%",
        "services with latency > 100ms",
        "services with fewer than 100 requests per second and a latency below 50 ms",
        "订单服务为什么慢?",
        "which service is using the most memory?",
        "CPU usage for database service",
        "how many requests per second does the gateway get in the last 5 minutes",
        "昨天订单有什么变更",
        "who owns orders?",
        "show errors in the logs of order-service",
        "Why do you think so?",
        "what is wrong?",
        "what should we do?",
        "影响有多大",
        "is the databse ok?",
        "购物车服务为什么慢",
        "restart order-service",
        "what is the capital of France",
    ];
    insta::assert_snapshot!(talk(&questions, Some(&finding), &investigator, &scene).await);
}

/// Asks one after the other, and writes the talk down.
async fn talk(
    questions: &[&str],
    finding: Option<&Finding>,
    investigator: &Investigator,
    scene: &Scene,
) -> String {
    let mut talk = Vec::new();
    for question in questions {
        let scene = Scene { language: Language::of(question), ..scene.clone() };
        let answered = answer(investigator, &scene, finding, question, &()).await.unwrap().answer;
        let next = answered.follow_ups.iter().map(|question| format!("  [{question}]\n")).collect::<String>();
        talk.push(format!("> {question}\n{}\n{next}", answered.text()));
    }
    talk.join("\n")
}

#[tokio::test]
async fn what_is_not_there_is_said_and_never_answered_for_another() {
    let (investigator, scene) = stage().await;
    let finding = investigate(&investigator, &scene, &()).await.unwrap().finding;
    let questions = [
        "who do I call when shipping breaks",
        "shipping 谁负责",
        "compare mysql and frobnicator",
        "is there a runbook for shipping",
        "is any pod restarting",
        "有 pod 重启吗",
        "which files did mysql open",
        "mysql 打开了哪些文件",
        "is the network ok?",
        "where does the CPU time of mysql go",
        "mysql 的 CPU 时间花在哪",
        "show me the diff of a969d1d",
        "看看 a969d1d 的差异",
        "roll back a969d1d",
    ];
    insta::assert_snapshot!(talk(&questions, Some(&finding), &investigator, &scene).await);
}

#[tokio::test]
async fn questions_that_look_alike_are_told_apart() {
    let (investigator, scene) = stage().await;
    let finding = investigate(&investigator, &scene, &()).await.unwrap().finding;
    let questions = [
        "is anything returning 500s",
        "哪些接口返回 500",
        "which requests failed",
        "哪些请求失败了",
        "which service has no errors",
        "哪些服务没有报错",
        "compare mysql and order-service",
        "对比 mysql 和 order-service",
        "it is not the database",
        "不是数据库",
        "it is not the order service",
        "which route of order-service is slow",
        "order-service 哪个接口慢",
        "roll back 3f6ad99",
        "回滚 3f6ad99",
        "memory usage by service",
        "哪个服务内存占用最高？",
        "services using more than 200 GB of memory",
        "延迟大于100ms的服务",
        "order-service 谁负责",
        "现在有什么问题",
    ];
    insta::assert_snapshot!(talk(&questions, Some(&finding), &investigator, &scene).await);
}

#[tokio::test]
async fn every_answer_says_what_was_understood_or_that_nothing_was() {
    let (investigator, scene) = stage().await;
    for question in [
        "services with latency > 0.1 s",
        "最近半小时有什么变更",
        "过去两小时有什么变更",
        "what changed in the last hour",
        "top two slowest services",
        "百分之一以上错误率的服务",
        "延迟大于100ms的服务",
        "延迟高于 0.1 秒的服务",
        "延迟低于 50 毫秒的服务",
        "100ms以上延迟的服务",
    ] {
        let scene = Scene { language: Language::of(question), ..scene.clone() };
        let answered = answer(&investigator, &scene, None, question, &()).await.unwrap().answer;
        assert!(!answered.understood.is_empty(), "{question}: {answered:?}");
    }
}
