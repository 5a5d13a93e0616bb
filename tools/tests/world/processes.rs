//! Processes that end, and files that are slow.

use serde_json::json;
use waggle_signals::{Batch, Severity, semconv};

use crate::ask::{event, line, nothing, ports, refused, resource, told};

fn restarts() -> Batch {
    let mut batch = Batch::default();
    let id = resource(&mut batch, &[(semconv::SERVICE_NAME, "payments"), (semconv::PROCESS_PID, "17")]);
    let calm = resource(&mut batch, &[(semconv::SERVICE_NAME, "mail")]);
    event(&mut batch, id, 5, semconv::EVENT_PROCESS_START, "payments started", &[]);
    for minute in [42, 46, 50] {
        event(
            &mut batch,
            id,
            minute,
            semconv::EVENT_PROCESS_END,
            "payments ended",
            &[("process.exit.code", "137")],
        );
        event(&mut batch, id, minute + 1, semconv::EVENT_PROCESS_START, "payments started", &[]);
    }
    line(
        &mut batch,
        id,
        42,
        Severity::Error,
        "Memory cgroup out of memory: Killed process 17 (payments) total-vm:4096kB",
    );
    line(&mut batch, calm, 42, Severity::Info, "killed process of an order");
    batch
}

#[tokio::test]
async fn ends_are_counted_with_how_they_ended() {
    let ports = ports(restarts());
    let told = told(&ports, "process_activity", json!({})).await;
    assert!(told.contains("payments: started 1 → 3, ended 0 → 3, killed for want of memory 0 → 1"), "{told}");
    assert!(!told.contains("mail"), "{told}");
    insta::assert_snapshot!("process_activity", told);
    let text = refused(&ports, "process_activity", json!({"service": "paymnts"})).await;
    assert_eq!(text, "unknown service `paymnts`; nearest is `payments`");
    let none = nothing(&ports, "process_activity", json!({"service": "mail"})).await;
    assert!(none.starts_with("no process started or ended; searched: events of processes"), "{none}");
}

#[tokio::test]
async fn a_kill_that_two_sources_tell_is_one() {
    let mut batch = restarts();
    let id = resource(&mut batch, &[(semconv::SERVICE_NAME, "payments"), (semconv::PROCESS_PID, "17")]);
    event(&mut batch, id, 42, "process.oom_kill", "payments was killed", &[]);
    let told = told(&ports(batch), "process_activity", json!({})).await;
    assert!(told.contains("processes killed for want of memory 0 → 1"), "{told}");
}

#[tokio::test]
async fn counts_of_what_was_not_read_to_its_end_are_least_counts() {
    let mut batch = restarts();
    let id = resource(&mut batch, &[(semconv::SERVICE_NAME, "payments"), (semconv::PROCESS_PID, "17")]);
    for _ in 0..6_000 {
        event(&mut batch, id, 50, semconv::EVENT_PROCESS_START, "payments started", &[]);
        event(&mut batch, id, 50, "file.write", "", &[("file.path", "/wal")]);
    }
    for _ in 0..20_000 {
        event(&mut batch, id, 51, "file.write", "", &[("file.path", "/wal")]);
    }
    let ports = ports(batch);
    let lives = told(&ports, "process_activity", json!({})).await;
    // What started is cut; what ended was asked for by its name, and is whole in itself.
    assert!(
        lives.contains("payments: at least 5000 processes started and at least 3 ended in 20 min"),
        "{lives}"
    );
    assert!(lives.contains("missing: only the newest 5000 events `process.start` of "), "{lives}");
    let files = told(&ports, "file_activity", json!({})).await;
    assert!(files.contains("wrote it at least 20000 times; the longest of those read took"), "{files}");
}

#[tokio::test]
async fn the_newest_of_the_ends_is_the_last() {
    let mut batch = Batch::default();
    for (pod, reason, at) in
        [("cart-1", "OOMKilled", "2026-03-01T10:00:00Z"), ("cart-2", "Error", "2026-03-01T11:00:00Z")]
    {
        let ended = json!({"reason": reason, "exitCode": 1, "finishedAt": at, "message": "go `away`\nnow"});
        let status = json!([{"name": "cart", "restartCount": 2, "lastState": {"terminated": ended}}]);
        let pod = json!({"kind": "Pod", "metadata": {"name": pod, "labels": {"app": "cart"}}, "status": {"phase": "Running", "containerStatuses": status}});
        crate::ask::object(&mut batch, 59, &pod);
    }
    let told = told(&ports(batch), "process_activity", json!({"service": "cart"})).await;
    let wanted = "cart: its containers were restarted 4 times in all their life; last end cart: Error, exit code 1, at 2026-03-01T11:00:00Z, `go 'away'`";
    assert!(told.contains(wanted), "{told}");
}

#[tokio::test]
async fn containers_that_died_are_told_where_only_the_cluster_tells() {
    let mut batch = Batch::default();
    let status = json!([{"name": "cart", "ready": false, "restartCount": 4, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]);
    let pod = json!({"kind": "Pod", "metadata": {"name": "cart-1", "labels": {"app": "cart"}}, "status": {"phase": "Running", "containerStatuses": status}});
    crate::ask::object(&mut batch, 59, &pod);
    let told = told(&ports(batch), "process_activity", json!({"service": "cart"})).await;
    assert!(told.contains("[Lifecycle cart] cart: its containers were restarted 4 times in all their life; last end cart: OOMKilled, exit code 137"), "{told}");
}

#[tokio::test]
async fn files_are_told_where_a_source_sends_them() {
    let mut batch = Batch::default();
    let id = resource(&mut batch, &[(semconv::SERVICE_NAME, "ledger")]);
    for (minute, name, ms) in [
        (10, "file.write", "2"),
        (45, "file.open", "1"),
        (50, "file.write", "900"),
        (52, "file.write", "much"),
    ] {
        let tags = [("file.path", "/var/lib/ledger/wal"), ("file.io.bytes", "4096"), ("duration_ms", ms)];
        event(&mut batch, id, minute, name, "", &tags);
    }
    let ports = ports(batch);
    insta::assert_snapshot!(
        "file_activity",
        told(&ports, "file_activity", json!({"service": "ledger"})).await
    );
    let text = refused(&ports, "file_activity", json!({"service": "legder"})).await;
    assert_eq!(text, "unknown service `legder`; nearest is `ledger`");
}

#[tokio::test]
async fn an_empty_world_says_what_would_be_needed() {
    let ports = ports(Batch::default());
    insta::assert_snapshot!("no_files", nothing(&ports, "file_activity", json!({})).await);
    insta::assert_snapshot!("no_processes", nothing(&ports, "process_activity", json!({})).await);
}
