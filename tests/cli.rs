//! The commands as people type them: what they print when something is wrong, and that nothing panics.

mod support;

use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use support::{Serving, run, waggle};

/// Runs a command that must fail with a message and a hint, and without a panic.
fn check_refusal(output: &Output, message: &str, hint: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(message), "`{message}` is not in:\n{stderr}");
    assert!(
        stderr.lines().any(|line| line.starts_with("hint: ") && line.contains(hint)),
        "hint `{hint}`:\n{stderr}"
    );
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// Sends one span, answered by `cart` at 14:00 of a day in March.
fn take_a_span(serving: &Serving) {
    let body = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"GET /cart","kind":2,"startTimeUnixNano":"1772373600000000000","endTimeUnixNano":"1772373600250000000"}]}]}]}"#;
    let answer = serving.post("/v1/traces", body);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn an_empty_folder_is_told_from_a_store() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [&["sql", "SELECT 1"][..], &["investigate"], &["ask", "what is slow?"]] {
        let output = run(dir.path(), arguments);
        check_refusal(&output, "telemetry store", "waggle");
    }
}

#[test]
fn a_fault_that_does_not_exist_is_answered_with_those_that_do() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["demo", "--once", "--fault", "slow-comit"]);
    check_refusal(&output, "unknown fault `slow-comit`", "`slow-commit`");
}

#[test]
fn a_model_that_is_half_configured_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output =
        waggle(dir.path(), &["audit"]).env("WAGGLE_MODEL_URL", "http://127.0.0.1:1/v1").output().unwrap();
    check_refusal(&output, "`WAGGLE_MODEL_URL` is set, but not `WAGGLE_MODEL_NAME`", "name the model");
}

#[test]
fn a_port_that_is_taken_is_said_before_any_work() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(dir.path(), &["serve", "--no-collect", "--listen", &address]);
    check_refusal(&output, &format!("listen at `{address}`"), "--listen");
}

#[test]
fn faults_are_listed_for_machines() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["demo", "--list-faults", "--json"]);
    let listing: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults = listing["faults"].as_array().unwrap();
    assert!(faults.len() >= 4);
    assert!(faults.iter().all(|fault| fault["name"].is_string() && fault["text"].is_string()));
}

#[test]
fn a_running_server_answers_commands_and_keeps_strangers_and_second_servers_out() {
    let dir = tempfile::tempdir().unwrap();
    let serving = Serving::start(dir.path());

    let second = run(dir.path(), &["serve", "--no-collect", "--listen", "127.0.0.1:0"]);
    check_refusal(&second, "in use", "");

    let rows = run(dir.path(), &["sql", "SELECT count(*) AS n FROM spans", "--json"]);
    let table: serde_json::Value = serde_json::from_slice(&rows.stdout).unwrap();
    assert_eq!(table["rows"], serde_json::json!([[0]]), "{}", String::from_utf8_lossy(&rows.stderr));
    check_refusal(&run(dir.path(), &["sql", "DROP TABLE spans"]), "", "");
    check_refusal(&run(dir.path(), &["sql", "SELECT nam FROM spans"]), "nam", "name");
    check_refusal(&run(dir.path(), &["investigate"]), "no spans yet", "OTLP");

    let routes = [
        ("GET", "/"),
        ("GET", "/api/incidents"),
        ("GET", "/api/incidents/inc-1"),
        ("GET", "/api/events"),
        ("POST", "/api/ask"),
        ("POST", "/api/sql"),
        ("POST", "/api/check-deploy"),
        ("POST", "/api/investigate"),
        ("POST", "/api/incidents/inc-1/stop"),
        ("POST", "/v1/traces"),
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/mcp"),
        ("GET", "/nowhere"),
    ];
    for (method, path) in routes {
        let stranger =
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let answer = serving.request(&stranger);
        assert!(answer.starts_with("HTTP/1.1 401"), "{method} {path}: {answer}");
    }

    let token = serving.token();
    let known = format!(
        "GET /api/incidents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    assert!(serving.request(&known).starts_with("HTTP/1.1 200"), "the token lets in");
    let link = format!("GET //evil.example/?token={token} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answer = serving.request(&link).to_lowercase();
    assert!(answer.contains("location: /evil.example/"), "a link leads nowhere else: {answer}");
}

#[test]
fn a_server_that_is_asked_to_end_puts_its_things_in_order() {
    for signal in ["-TERM", "-INT"] {
        let dir = tempfile::tempdir().unwrap();
        let mut serving = Serving::start(dir.path());
        assert!(dir.path().join("server.json").exists());
        let asked = Command::new("kill").args([signal, &serving.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        assert!(serving.child.wait().unwrap().success(), "{signal}");
        assert!(!dir.path().join("server.json").exists(), "{signal}");
    }
}

#[test]
fn the_token_is_not_sent_to_whoever_listens_where_a_dead_server_did() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path());
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    assert!(dir.path().join("server.json").exists(), "nobody was left to remove it");
    let stranger = TcpListener::bind(&serving.address).unwrap();
    stranger.set_nonblocking(true).unwrap();
    let rows = run(dir.path(), &["sql", "SELECT 1 AS one", "--json"]);
    assert!(rows.status.success(), "the store is read from disk: {}", String::from_utf8_lossy(&rows.stderr));
    assert_eq!(stranger.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[test]
fn only_their_owner_can_enter_the_folders() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("new/waggle");
    let _serving = Serving::start(&kept);
    for folder in [&kept, &kept.join("telemetry")] {
        let mode = std::fs::metadata(folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", folder.display());
    }
}

#[test]
fn an_audit_log_that_is_not_there_is_not_called_intact() {
    let dir = tempfile::tempdir().unwrap();
    check_refusal(&run(dir.path(), &["audit"]), "there is no audit log to walk", "--dir");
    assert!(!dir.path().join("memory.sqlite").exists(), "asking makes none");
}

#[test]
fn statements_are_in_the_audit_log_and_answers_say_what_they_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path());
    take_a_span(&serving);
    assert!(run(dir.path(), &["sql", "SELECT 'over the server'"]).status.success());
    let asked = run(dir.path(), &["ask", "what is slow?", "--json"]);
    let asked: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(asked["window"]["to"], "2026-03-01T14:00:00.000000001Z", "{asked:#}");
    assert!(asked["incident"].as_str().unwrap().starts_with("inc-"), "{asked:#}");
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();

    assert!(run(dir.path(), &["sql", "SELECT 'from disk'"]).status.success());
    let walked = run(dir.path(), &["audit"]);
    assert!(walked.status.success());
    let listed = run(dir.path(), &["audit", "list", "--limit", "1000"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    let expect = |place: &serde_json::Value, hash: &str| {
        let head = format!("{place}:{hash}");
        run(dir.path(), &["audit", "verify", "--expect", &head]).status.code()
    };
    let hash = last["hash"].as_str().unwrap();
    assert_eq!(expect(&last["sequence"], hash), Some(0));
    assert_eq!(expect(&last["sequence"], &"0".repeat(64)), Some(1), "another log");
    assert_eq!(expect(&serde_json::json!(100_000), hash), Some(1), "a shorter log");
    // The log is hashed, not hidden: what was asked can be read in the file or in what was not yet moved there.
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap_or_default();
    let log = [read("memory.sqlite"), read("memory.sqlite-wal")].concat();
    let log = String::from_utf8_lossy(&log);
    assert!(log.contains("over the server") && log.contains("from disk"));
}

#[test]
fn what_otlp_brings_is_there_after_the_server_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path());
    take_a_span(&serving);
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    let rows = run(dir.path(), &["sql", "SELECT service, name FROM spans", "--json"]);
    let table: serde_json::Value = serde_json::from_slice(&rows.stdout).unwrap();
    assert_eq!(table["rows"], serde_json::json!([["cart", "GET /cart"]]));
}
