//! The commands as people type them: what they print when something is wrong, and that nothing panics.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

fn waggle(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waggle"));
    command.args(arguments).env("WAGGLE_DIR", dir).stdin(Stdio::null());
    for name in ["WAGGLE_MODEL_URL", "WAGGLE_MODEL_NAME", "WAGGLE_MODEL_KEY", "WAGGLE_LOG"] {
        command.env_remove(name);
    }
    command
}

fn run(dir: &Path, arguments: &[&str]) -> Output {
    waggle(dir, arguments).output().unwrap()
}

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

/// A server that ends with the test.
struct Serving {
    child: Child,
    address: String,
    first_lines: Vec<String>,
}

impl Serving {
    fn start(dir: &Path) -> Self {
        let mut child = waggle(dir, &["serve", "--no-collect", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut first_lines = Vec::new();
        while !first_lines.iter().any(|line: &String| line.starts_with("model")) {
            first_lines.push(lines.next().expect("the server ended").unwrap());
        }
        let address = first_lines[0].split("http://").nth(1).unwrap();
        let address = address.split(['/', ' ']).next().unwrap().to_owned();
        Self { child, address, first_lines }
    }

    fn request(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        // A server may close without the courtesy of an empty read; what came is what counts.
        let _ = stream.read_to_string(&mut answer);
        answer
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
        ("POST", "/api/investigate"),
        ("POST", "/v1/traces"),
        ("GET", "/nowhere"),
    ];
    for (method, path) in routes {
        let stranger =
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let answer = serving.request(&stranger);
        assert!(answer.starts_with("HTTP/1.1 401"), "{method} {path}: {answer}");
    }

    let token = serving.first_lines[0].split("token=").nth(1).unwrap();
    let known = format!(
        "GET /api/incidents HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    assert!(serving.request(&known).starts_with("HTTP/1.1 200"), "the token lets in");
    let link = format!("GET //evil.example/?token={token} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answer = serving.request(&link).to_lowercase();
    assert!(answer.contains("location: /evil.example/"), "a link leads nowhere else: {answer}");
}

#[test]
fn what_otlp_brings_is_there_after_the_server_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(dir.path());
    let token = serving.first_lines[0].split("token=").nth(1).unwrap().to_owned();
    let body = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"GET /cart","kind":2,"startTimeUnixNano":"1772373600000000000","endTimeUnixNano":"1772373600250000000"}]}]}]}"#;
    let post = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = serving.request(&post);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    let rows = run(dir.path(), &["sql", "SELECT service, name FROM spans", "--json"]);
    let table: serde_json::Value = serde_json::from_slice(&rows.stdout).unwrap();
    assert_eq!(table["rows"], serde_json::json!([["cart", "GET /cart"]]));
}
