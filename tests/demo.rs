//! The demo's recordings through the whole pipeline: every fault is named right, and nothing is found where nothing is wrong.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Command;

use serde_json::Value;

/// Plays one recording and returns the exit code and the finding.
fn replay(fault: &str, environment: &[(&str, &str)]) -> (Option<i32>, Value, String) {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_waggle"))
        .args(["demo", "--replay", "--once", "--json", "--fault", fault])
        .env("WAGGLE_DIR", dir.path())
        .env_remove("WAGGLE_MODEL_URL")
        .env_remove("WAGGLE_MODEL_NAME")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let finding = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), finding, stderr)
}

fn check(fault: &str) {
    let (code, finding, stderr) = replay(fault, &[]);
    assert_eq!(code, Some(0), "{fault}: {stderr}\n{finding:#}");
}

#[test]
fn a_slow_commit_is_named() {
    check("slow-commit");
}

#[test]
fn an_error_burst_is_named() {
    check("error-burst");
}

#[test]
fn a_cpu_hog_is_named() {
    check("cpu-hog");
}

#[test]
fn packet_loss_is_named() {
    check("packet-loss");
}

#[test]
fn a_dependency_that_is_down_is_named() {
    check("dependency-down");
}

#[test]
fn a_healthy_shop_is_no_incident() {
    check("none");
}

#[test]
fn a_model_endpoint_that_is_down_costs_nothing_but_a_line() {
    let down = [("WAGGLE_MODEL_URL", "http://127.0.0.1:9/v1"), ("WAGGLE_MODEL_NAME", "absent")];
    let (code, finding, stderr) = replay("slow-commit", &down);
    assert_eq!(code, Some(0), "{stderr}\n{finding:#}");
}
