//! Single requests and log lines of a shop in trouble, as each tool tells them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod grounded;
mod shop;

use std::time::Duration;

use grounded::{refused, told};
use serde_json::json;
use waggle_signals::{Attributes, LogRecord, Resource, Severity, Span, SpanId, SpanStatus, TraceId, semconv};

/// The trace of a request in trouble that failed.
const FAILED_TRACE: &str = "000000000000000000000000000001ac";

#[tokio::test]
async fn traces_are_found_by_service_route_duration_and_outcome() {
    let scene = shop::scene();
    let failed = json!({ "service": "inventory", "route": "STOCK", "failed": true, "limit": 2 });
    let found = told(&scene, "find_traces", failed).await;
    assert_eq!(found.data["requests"].as_array().unwrap().len(), 2);
    assert_eq!(found.data["requests"][0]["reason"], "stock table is locked");
    insta::assert_snapshot!("find_traces", found.page);
    for (arguments, matching) in [
        (json!({ "service": "checkout", "route": "/carts" }), 40),
        (json!({ "service": "checkout", "route": "/orders", "min_ms": 100 }), 40),
        (json!({ "failed": true }), 20),
        (json!({ "failed": false }), 120),
        (json!({ "route": "/nowhere" }), 0),
    ] {
        let found = told(&scene, "find_traces", arguments.clone()).await;
        assert_eq!(
            (found.data["matching"].as_u64(), found.empty),
            (Some(matching), matching == 0),
            "{arguments}"
        );
    }
    let wrong = refused(&scene, "find_traces", json!({ "min_ms": -5 })).await;
    assert_eq!(wrong, "`min_ms` is `-5`; it has to be between 0 and 1000000000");
}

#[tokio::test]
async fn a_trace_is_a_tree_with_own_times_failures_and_links() {
    let scene = shop::scene();
    let told = told(&scene, "show_trace", json!({ "trace": FAILED_TRACE })).await;
    assert_eq!(told.data["n_spans"], 11);
    assert_eq!(told.data["n_inferred"], 1);
    insta::assert_snapshot!("show_trace", told.page);
    for (trace, wanted) in [
        ("12", "`12` is not 32 hex digits, or is all zeros; `find_traces` and `slow_traces` give ids"),
        ("ffffffffffffffffffffffffffffffff", "no span of trace `ffffffffffffffffffffffffffffffff` is stored"),
    ] {
        assert_eq!(refused(&scene, "show_trace", json!({ "trace": trace })).await, wanted);
    }
}

#[tokio::test]
async fn slow_requests_wait_for_what_healthy_ones_do_not() {
    let scene = shop::scene();
    let slow = told(&scene, "critical_path", json!({ "service": "checkout" })).await;
    let first = &slow.data["steps"][0];
    assert_eq!(
        (first["service"].as_str(), first["operation"].as_str()),
        (Some("inventory"), Some("GET /stock"))
    );
    insta::assert_snapshot!("critical_path", slow.page);
    let all = told(&scene, "critical_path", json!({})).await;
    assert_eq!(all.data["steps"][0]["service"], "inventory");
    let mut named = scene.clone();
    // Names of alerts need not be names of services.
    for (service, wanted) in [("checkout", json!("checkout")), ("shop-frontend", json!(null))] {
        named.incident.service = Some(service.to_owned());
        assert_eq!(told(&named, "critical_path", json!({})).await.data["service"], wanted);
    }
    let one = told(&scene, "critical_path", json!({ "trace": FAILED_TRACE, "service": "checkout" })).await;
    assert_eq!(one.data["slow"], 1);
    insta::assert_snapshot!("critical_path_of_one", one.page);
}

#[tokio::test]
async fn requests_that_ask_more_often_others_and_slower_ones_are_told() {
    let told = told(&shop::scene(), "trace_diff", json!({ "service": "checkout" })).await;
    let calls: Vec<_> =
        told.data["calls"].as_array().unwrap().iter().map(|it| it["call"].as_str().unwrap()).collect();
    assert_eq!(
        calls,
        ["checkout → inventory GET /stock", "checkout → audit GET /note", "checkout → cache GET /note"]
    );
    assert_eq!(told.data["slower"][0]["service"], "inventory");
    insta::assert_snapshot!("trace_diff", told.page);
}

#[tokio::test]
async fn log_lines_come_down_to_kinds() {
    let told = told(&shop::scene(), "log_templates", json!({ "service": "inventory" })).await;
    assert_eq!(told.data["templates"][0]["count"], 200);
    insta::assert_snapshot!("log_templates", told.page);
}

#[tokio::test]
async fn kinds_of_lines_are_new_risen_gone_and_fallen() {
    let told = told(&shop::scene(), "log_diff", json!({})).await;
    let sorts: Vec<_> =
        told.data["changes"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    assert_eq!(sorts, ["new", "new", "risen", "gone", "fallen"], "{}", told.text);
    insta::assert_snapshot!("log_diff", told.page);
}

#[tokio::test]
async fn the_first_error_is_told_with_what_follows_from_it() {
    let told = told(&shop::scene(), "first_errors", json!({})).await;
    assert_eq!(told.data["first"]["service"], "inventory");
    insta::assert_snapshot!("first_errors", told.page);
}

#[tokio::test]
async fn the_first_error_is_found_though_later_ones_are_too_many_to_read() {
    let mut batch = shop::trouble();
    let gateway = batch.resource(&Resource::new([(semconv::SERVICE_NAME, "gateway")]));
    for n in 0..6_000_u64 {
        batch.logs.push(LogRecord {
            resource: gateway,
            time: batch.spans[0].start + Duration::from_secs(65) + Duration::from_millis(n * 2),
            severity: Severity::Error,
            body: format!("no answer to request {n}"),
            trace_id: None,
            span_id: None,
            attributes: Attributes::new(),
        });
    }
    let told = told(&shop::scene_of(batch), "first_errors", json!({})).await;
    assert_eq!(told.data["first"]["service"], "inventory");
    assert!(told.text.contains("too many errors: only those until 2026-03-01T14:01:"), "{}", told.text);
}

#[tokio::test]
async fn errors_that_are_too_many_in_a_moment_have_no_first() {
    // All in one moment: no part of the window that holds them can be read whole.
    let mut batch = shop::trouble();
    let gateway = batch.resource(&Resource::new([(semconv::SERVICE_NAME, "gateway")]));
    for n in 0..4_500_u64 {
        batch.logs.push(LogRecord {
            resource: gateway,
            time: batch.spans[0].start + Duration::from_millis(59_950),
            severity: Severity::Error,
            body: format!("no answer to request {n}"),
            trace_id: None,
            span_id: None,
            attributes: Attributes::new(),
        });
    }
    let told = told(&shop::scene_of(batch), "first_errors", json!({})).await;
    assert_eq!(told.facts, [""; 0]);
    assert!(told.text.starts_with("too many errors to tell which came first; searched: "), "{}", told.text);
    assert!(!told.empty);
}

#[tokio::test]
async fn a_burst_at_the_end_of_the_window_hides_no_error_before_it() {
    let mut batch = shop::trouble();
    batch.logs.retain(|log| log.severity < Severity::Error);
    batch.spans.iter_mut().for_each(|span| span.status = SpanStatus::Ok);
    let gateway = batch.resource(&Resource::new([(semconv::SERVICE_NAME, "gateway")]));
    for n in 0..4_500_u64 {
        batch.logs.push(LogRecord {
            resource: gateway,
            time: batch.spans[0].start + Duration::from_secs(75) + Duration::from_millis(n),
            severity: Severity::Error,
            body: "no answer at all".to_owned(),
            trace_id: None,
            span_id: None,
            attributes: Attributes::new(),
        });
    }
    let told = told(&shop::scene_of(batch), "first_errors", json!({})).await;
    assert_eq!(told.facts, ["the first new errors are of gateway from 14:01:15.003Z on: `no answer at all`"]);
}

#[tokio::test]
async fn requests_are_compared_over_what_was_read_when_spans_are_too_many() {
    let mut batch = shop::trouble();
    let mailer = batch.resource(&Resource::new([(semconv::SERVICE_NAME, "mailer")]));
    let first = batch.spans[0].clone();
    for n in 0..12_000_u64 {
        batch.spans.push(Span {
            trace_id: TraceId::new(1_000_000 + u128::from(n)).unwrap(),
            span_id: SpanId::new(1_000_000 + n).unwrap(),
            resource: mailer,
            start: first.start + Duration::from_secs(62) + Duration::from_millis(n),
            peer: None,
            ..first.clone()
        });
    }
    let scene = shop::scene_of(batch);
    let path = told(&scene, "critical_path", json!({ "service": "checkout" })).await;
    assert!(path.text.contains(", only the newest 10000 spans since 14:01:0"), "{}", path.text);
    assert_eq!(path.data["steps"][0]["service"], "inventory");
    assert!(path.data["slow"].as_u64().unwrap() < 80, "the older ones were not read: {}", path.text);
    let diff = told(&scene, "trace_diff", json!({ "service": "checkout" })).await;
    assert_eq!(diff.data["calls"][0]["good"], 1.0, "{}", diff.text);
}

#[tokio::test]
async fn unknown_services_are_answered_with_the_nearest() {
    let scene = shop::scene();
    for tool in ["find_traces", "critical_path", "trace_diff", "log_templates", "log_diff"] {
        let said = refused(&scene, tool, json!({ "service": "chekout" })).await;
        assert_eq!(said, "unknown service `chekout`; nearest is `checkout`", "{tool}");
    }
}

#[tokio::test]
async fn an_empty_world_is_told_as_what_was_searched() {
    let scene = shop::nothing();
    for tool in ["find_traces", "critical_path", "log_templates", "log_diff", "first_errors"] {
        let told = told(&scene, tool, json!({})).await;
        assert!(told.empty && told.facts.is_empty(), "{tool}: {}", told.text);
        assert!(told.text.contains("searched: "), "{tool}: {}", told.text);
    }
    let said = refused(&scene, "trace_diff", json!({ "service": "checkout" })).await;
    assert!(said.starts_with("no service sent any telemetry in "), "{said}");
}

#[tokio::test]
async fn what_a_model_asks_for_stands_only_under_what_was_searched() {
    let (scene, nothing) = (shop::scene(), shop::nothing());
    for (tool, arguments) in [
        ("find_traces", json!({ "route": "7777 errors", "min_ms": 1.0 })),
        ("find_traces", json!({ "route": "orders", "min_ms": 0.7777 })),
        ("search_knowledge", json!({ "query": "7777 errors" })),
        (
            "sql",
            json!({ "query": "SELECT 7777 FROM flows WHERE service = '' AND time >= '2026-03-01T14:00:00Z' AND time < '2026-03-01T14:01:00Z'" }),
        ),
        ("metrics", json!({ "name": "7777 errors" })),
        ("metrics", json!({ "name": "7777 errors", "group_by": "7777 errors" })),
        ("logs", json!({ "contains": "7777 errors" })),
        ("pod_logs", json!({ "pod": "7777", "container": "7777" })),
        ("kubernetes_events", json!({ "name": "7777" })),
        ("golden_signals", json!({ "min_p99_ms": 7777.0 })),
    ] {
        // Where pods are known, one that is not is refused.
        let scene = if tool == "pod_logs" { &nothing } else { &scene };
        let mut called = waggle_tools::toolbox().call(tool, arguments.clone(), scene).await.unwrap();
        if let Some(fields) = called.data.as_object_mut() {
            fields.remove("searched");
        }
        assert!(!called.data.to_string().contains("7777"), "{tool} {arguments}: {}", called.data);
        let before = called.text.split("searched: ").next().unwrap();
        assert!(!before.contains("7777"), "{tool} {arguments}: {}", called.text);
    }
    let said =
        refused(&scene, "metrics", json!({ "name": "pool.waiting.time", "group_by": "7777 errors" })).await;
    assert_eq!(said, "no resource of this metric has a tag `7777 errors`");
}
