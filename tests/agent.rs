//! Recorded investigations, scores, and the faces for other programs, as the binary has them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

fn waggle(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waggle"));
    command.args(arguments).env("WAGGLE_DIR", dir).stdin(Stdio::null());
    for name in ["WAGGLE_MODEL_URL", "WAGGLE_MODEL_NAME", "WAGGLE_MODEL_PROVIDER", "WAGGLE_LOG"] {
        command.env_remove(name);
    }
    command
}

fn run(dir: &Path, arguments: &[&str]) -> Output {
    waggle(dir, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_recorded_investigation_replays_to_the_byte_and_with_another_model() {
    let dir = tempfile::tempdir().unwrap();
    let told = run(dir.path(), &["demo", "--replay", "--once", "--json", "--fault", "slow-commit"]);
    let demo = dir.path().join("demo");
    for model in [&["replay", "--json"][..], &["replay", "--json", "--model", "offline"]] {
        let again = run(&demo, model);
        assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
        assert!(text(&again.stderr).starts_with("the same to the byte"), "{}", text(&again.stderr));
        assert_eq!(text(&again.stdout), text(&told.stdout), "as the demo told it");
    }
    let folder = dir.path().join("recordings");
    let lines = dir.path().join("examples.jsonl");
    let (folder, lines) = (folder.display().to_string(), lines.display().to_string());
    let exported = run(&demo, &["export", "--rated", "all", "--recordings", &folder, "--jsonl", &lines]);
    assert_eq!(exported.status.code(), Some(0), "{}", text(&exported.stderr));
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    let elsewhere = tempfile::tempdir().unwrap();
    let again = run(elsewhere.path(), &["replay", "--json", "--recording", &files[0].display().to_string()]);
    assert!(text(&again.stderr).starts_with("the same to the byte"), "{}", text(&again.stderr));
    assert_eq!(text(&again.stdout), text(&told.stdout), "as the demo told it");
    let examples = std::fs::read_to_string(&lines).unwrap();
    assert_eq!(examples.lines().count(), 1);
    waggle_agent_core::training::check(examples.trim()).unwrap();

    let unknown = run(&demo, &["replay", "inc-1999"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown.stderr));
}

#[test]
fn the_demo_is_scored_and_a_second_start_runs_nothing_again() {
    let dir = tempfile::tempdir().unwrap();
    let (results, report) = (dir.path().join("runs.jsonl"), dir.path().join("report.json"));
    let (results, report) = (results.to_str().unwrap(), report.to_str().unwrap());
    let arguments = ["eval", "--suite", "demo", "--results", results, "--json", report, "--min-pass", "0.8"];
    let first = run(dir.path(), &arguments);
    assert_eq!(first.status.code(), Some(0), "{}\n{}", text(&first.stdout), text(&first.stderr));
    let kept = fs::read_to_string(results).unwrap();
    let again = run(dir.path(), &arguments);
    assert_eq!(text(&again.stdout), text(&first.stdout));
    assert_eq!(fs::read_to_string(results).unwrap(), kept, "nothing was run again");

    let report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    let told = text(&first.stdout);
    assert!(
        told.contains("always none") && told.contains("latest deploy"),
        "trivial rules stand beside: {told}"
    );
    let last = told.lines().last().unwrap();
    let grounded = last.split(", ").find(|part| part.ends_with("claims grounded")).unwrap();
    let (held, all) = grounded.trim_end_matches(" claims grounded").split_once(" of ").unwrap();
    assert_eq!(held, all, "everything that was posted is proven: {last}");
    assert!(report.is_object());
}

#[test]
fn a_model_that_nobody_configured_is_not_scored_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    for (model, said) in [("openai", "no model is configured"), ("gtp", "unknown model `gtp`")] {
        let refused = run(dir.path(), &["eval", "--suite", "demo", "--model", model]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains(said), "{}", text(&refused.stderr));
    }
}

#[test]
fn recorded_answers_are_served_as_tools_over_stdio() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("calls.json");
    fs::write(&file, r#"{ "weather {\"city\":\"Basel\"}": "rain" }"#).unwrap();
    let mut server = waggle(dir.path(), &["mcp", "--recorded", file.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut to, from) = (server.stdin.take().unwrap(), server.stdout.take().unwrap());
    let mut answers = BufReader::new(from).lines();
    let mut ask = |message: Value| {
        writeln!(to, "{message}").unwrap();
        to.flush().unwrap();
        let is_asked = message.get("id").is_some();
        is_asked.then(|| serde_json::from_str::<Value>(&answers.next().unwrap().unwrap()).unwrap())
    };
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
    let opened = ask(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello })).unwrap();
    assert!(opened["result"]["capabilities"]["tools"].is_object(), "{opened}");
    ask(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let call = json!({ "name": "weather", "arguments": { "city": "Basel" } });
    let told = ask(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call })).unwrap();
    assert!(told["result"]["content"][0]["text"].as_str().unwrap().contains("rain"), "{told}");
    drop(to);
    server.wait().unwrap();
}
