//! A leak against its limit, a level that stays, an error budget, and what was not measured.

use std::time::Duration;

use serde_json::json;
use waggle_agent_core::Ports;
use waggle_signals::{
    Attributes, Batch, MetricKind, MetricPoint, Span, SpanId, SpanKind, SpanStatus, TraceId, semconv,
};

use crate::ask::{at, nothing, object, ports, refused, resource, told};

const MIB: f64 = 1_048_576.0;

/// An hour in which memory grows by 2 MiB a minute and the CPU does nothing in particular; every fifth request of the last third fails.
fn world() -> Ports {
    let mut batch = Batch::default();
    let tags = [(semconv::SERVICE_NAME, "payments"), (semconv::K8S_POD, "payments-1")];
    let id = resource(&mut batch, &tags);
    for half_minute in 0..120_u32 {
        let time = at(0) + Duration::from_secs(u64::from(half_minute) * 30);
        let jitter = f64::from(half_minute * 37 % 11) / 11.0;
        for (name, value) in [
            (semconv::METRIC_MEMORY, (100.0 + f64::from(half_minute) + jitter) * MIB),
            (semconv::METRIC_CPU, 0.2 + jitter / 10.0),
        ] {
            let (name, unit, kind) = (name.to_owned(), String::new(), MetricKind::Gauge);
            batch.metrics.push(MetricPoint {
                resource: id,
                time,
                name,
                unit,
                kind,
                value,
                attributes: Attributes::new(),
            });
        }
    }
    for n in 0..720_u32 {
        let fails = n >= 480 && n.is_multiple_of(5);
        batch.spans.push(Span {
            trace_id: TraceId::new(u128::from(n) + 1).unwrap(),
            span_id: SpanId::new(u64::from(n) + 1).unwrap(),
            parent_span_id: None,
            resource: id,
            kind: SpanKind::Server,
            name: "POST /pay".to_owned(),
            start: at(0) + Duration::from_secs(u64::from(n) * 5),
            duration: Duration::from_millis(20),
            status: if fails { SpanStatus::Error } else { SpanStatus::Ok },
            peer: None,
            attributes: Attributes::new(),
        });
    }
    let container =
        json!({"name": "payments", "image": "payments:7", "resources": {"limits": {"memory": "256Mi"}}});
    let pod = json!({"kind": "Pod", "metadata": {"name": "payments-1"}, "spec": {"containers": [container]}, "status": {"phase": "Running"}});
    object(&mut batch, 59, &pod);
    ports(batch)
}

#[tokio::test]
async fn a_leak_meets_its_limit_at_a_time() {
    let told = told(&world(), "forecast", json!({"service": "payments", "measure": "memory"})).await;
    // 220 MiB at 15:00 and 2 MiB a minute: 256 MiB some minutes before 15:18.
    assert!(told.contains("meets its bound at 2026-03-01T15:1"), "{told}");
    assert!(told.contains("the bound 256 MiB (limit of pod `payments-1`)"), "{told}");
    insta::assert_snapshot!("forecast_memory", told);
}

#[tokio::test]
async fn no_trend_is_an_answer() {
    let world = world();
    let cpu = told(&world, "forecast", json!({"service": "payments", "measure": "cpu"})).await;
    assert!(cpu.contains("`cpu` of payments (payments-1) has no trend over the last 60 min"), "{cpu}");
    insta::assert_snapshot!("forecast_cpu", cpu);
    let bound = json!({"service": "payments", "measure": "CPU", "bound": 4.0});
    let cpu = told(&world, "forecast", bound).await;
    assert!(cpu.contains("not likely to meet its bound before 2026-03-01T15:59:30Z"), "{cpu}");
}

#[tokio::test]
async fn an_error_budget_is_worked_out() {
    let told = told(&world(), "forecast", json!({"service": "payments", "measure": "error budget"})).await;
    // 48 of 720 requests failed; at one in five seconds, 0.1% of those of 30 days are 518.4.
    assert!(told.contains("payments: `error_budget` is 9.26%"), "{told}");
    insta::assert_snapshot!("forecast_error_budget", told);
    let rate =
        crate::ask::told(&world(), "forecast", json!({"service": "payments", "measure": "request_rate"}))
            .await;
    insta::assert_snapshot!("forecast_request_rate", rate);
}

#[tokio::test]
async fn what_was_not_measured_is_told_with_what_was_searched() {
    let world = world();
    let text = nothing(&world, "forecast", json!({"service": "payments", "measure": "disk"})).await;
    insta::assert_snapshot!("forecast_disk", text);
    let text = refused(&world, "forecast", json!({"service": "payments", "measure": "memroy"})).await;
    assert_eq!(text, "no metric `memroy` of `payments`; nearest is `memory`");
    let text = refused(&world, "forecast", json!({"service": "paymnts", "measure": "memory"})).await;
    assert_eq!(text, "unknown service `paymnts`; nearest is `payments`");
    let text =
        refused(&ports(Batch::default()), "forecast", json!({"service": "x", "measure": "memory"})).await;
    assert_eq!(text, "no service sent any telemetry in 2026-03-01T14:00:00Z..2026-03-01T15:00:00Z");
}

/// A pod of `payments` whose memory grows, with these containers, of which the measured one may be named.
fn limited(containers: &serde_json::Value, inits: &serde_json::Value, named: Option<&str>) -> Ports {
    let mut batch = Batch::default();
    let mut tags = vec![(semconv::SERVICE_NAME, "payments"), (semconv::K8S_POD, "payments-1")];
    tags.extend(named.map(|name| ("k8s.container.name", name)));
    let id = resource(&mut batch, &tags);
    for minute in 0..60_u32 {
        batch.metrics.push(MetricPoint {
            resource: id,
            time: at(i64::from(minute)),
            name: "container.memory.usage".to_owned(),
            unit: "By".to_owned(),
            kind: MetricKind::Gauge,
            value: (100.0 + f64::from(minute)) * MIB,
            attributes: Attributes::new(),
        });
    }
    let pod = json!({"kind": "Pod", "metadata": {"name": "payments-1"}, "spec": {"containers": containers, "initContainers": inits}, "status": {"phase": "Running"}});
    object(&mut batch, 59, &pod);
    ports(batch)
}

#[tokio::test]
async fn the_bound_is_that_of_the_container_or_of_all_that_run_at_once() {
    let of = |name: &str, limit: &str| json!({"name": name, "resources": {"limits": {"memory": limit}}});
    let (app, proxy, init) = (of("app", "512Mi"), of("proxy", "256Mi"), of("migrate", "64Mi"));
    let free = json!({"name": "proxy"});
    for (containers, named, wanted) in [
        (json!([app, proxy]), None, Some("the bound 768 MiB (limit of pod `payments-1`)")),
        (
            json!([app, proxy]),
            Some("app"),
            Some("the bound 512 MiB (limit of container `app` of pod `payments-1`)"),
        ),
        (
            json!([app, free]),
            Some("app"),
            Some("the bound 512 MiB (limit of container `app` of pod `payments-1`)"),
        ),
        (json!([app, free]), None, None),
    ] {
        let ports = limited(&containers, &json!([init]), named);
        let told = told(&ports, "forecast", json!({"service": "payments", "measure": "memory"})).await;
        match wanted {
            Some(wanted) => assert!(told.contains(wanted), "{containers}: {told}"),
            None => assert!(!told.contains("bound"), "{containers}: {told}"),
        }
    }
}

#[tokio::test]
async fn every_measure_that_a_question_names_is_known() {
    let world = world();
    for measure in ["memory", "cpu", "disk", "request_rate", "error_ratio", "latency_p99"] {
        let scene = waggle_agent_core::Scene::new(
            world.clone(),
            crate::ask::incident(),
            waggle_agent_core::Language::En,
        );
        let arguments = json!({"service": "payments", "measure": measure});
        let called = waggle_tools::toolbox().call("forecast", arguments, &scene).await;
        assert!(called.is_ok(), "{measure}: {called:?}");
    }
}

#[tokio::test]
async fn a_bound_that_was_asked_for_is_no_evidence() {
    let scene =
        waggle_agent_core::Scene::new(world(), crate::ask::incident(), waggle_agent_core::Language::En);
    let arguments = json!({"service": "payments", "measure": "cpu", "bound": 4.75});
    let mut called = waggle_tools::toolbox().call("forecast", arguments, &scene).await.unwrap();
    let searched = called.data.as_object_mut().unwrap().remove("searched").unwrap();
    assert!(searched.as_str().unwrap().ends_with(" with a bound of 4.75"), "{searched}");
    assert!(!called.data.to_string().contains("4.75") && !called.text.contains("4.75"), "{}", called.text);
}
