//! A bad deploy, from OTLP over the server to the answer in a build, with the commit that did it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use support::{Serving, run};

/// Seconds since 1970 at which the new version took over.
const DEPLOYED: u64 = 1_772_373_600;
/// Seconds of each version.
const EACH: u64 = 1_200;
/// Requests a second.
const RATE: u64 = 3;

const REPOSITORY: &str = "https://git.example/cart";

const OLD: &str = "fn get_cart(db: &Db, cart: Id) -> Vec<Item> {\n    db.query(\"SELECT * FROM item WHERE cart = ?\", cart)\n}\n";
const NEW: &str = "fn get_cart(db: &Db, cart: Id) -> Vec<Item> {\n    let ids = db.query(\"SELECT id FROM item WHERE cart = ?\", cart);\n    ids.iter().map(|id| db.one(\"SELECT * FROM item WHERE id = ?\", id)).collect()\n}\n";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Li Na", "-c", "user.email=li.na@shop.example", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path, text: &str, message: &str, at: u64) -> String {
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/cart.rs"), text).unwrap();
    git(folder, &["add", "."]);
    let date = format!("{at} +0000");
    git(folder, &["commit", "-q", "-m", message, "--date", &date]);
    git(folder, &["rev-parse", "HEAD"])
}

/// Requests of one version as OTLP: each takes `ms` and asks the database so many times.
fn traces(commit: &str, from: u64, ms: u64, calls: u64) -> Value {
    let mut spans = Vec::new();
    for n in 0..EACH * RATE {
        let start = from * 1_000_000_000 + n * 1_000_000_000 / RATE;
        // Latencies spread over a factor of two.
        let took = ms * 1_000_000 * (64 + n * 37 % 64) / 64;
        let trace = format!("{:032x}", u128::from(from) << 32 | u128::from(n + 1));
        let id = |k: u64| format!("{:016x}", from << 24 | n << 4 | k);
        let span = |k: u64, kind: u64, name: &str, start: u64, took: u64| {
            json!({
                "traceId": trace, "spanId": id(k), "kind": kind, "name": name,
                "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + took).to_string(),
            })
        };
        spans.push(span(1, 2, "GET /cart", start, took));
        let each = took * 8 / 10 / calls;
        for call in 0..calls {
            let mut query = span(2 + call, 3, "SELECT item", start + call * each, each);
            query["parentSpanId"] = json!(id(1));
            query["attributes"] =
                json!([text("db.system.name", "postgresql"), text("db.namespace", "items")]);
            spans.push(query);
        }
    }
    let tags = [
        text("service.name", "cart"),
        text("vcs.repository.url.full", REPOSITORY),
        text("vcs.ref.head.revision", commit),
    ];
    json!({ "resourceSpans": [{ "resource": { "attributes": tags }, "scopeSpans": [{ "spans": spans }] }] })
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// Checks the deploy at 14:00, and returns the exit code, the Markdown and the report.
fn checked(dir: &Path, more: &[&str]) -> (Option<i32>, String, Value) {
    let file = dir.join("report.json").display().to_string();
    let usual = [
        "check-deploy",
        "--service",
        "cart",
        "--deployed-at",
        "2026-03-01T14:00:00Z",
        "--baseline",
        "20m",
        "--horizon",
        "15m",
        "--json",
        &file,
    ];
    let output = run(dir, &[&usual, more].concat());
    let report = fs::read(&file).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let markdown = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), markdown, serde_json::from_slice(&report).unwrap())
}

#[test]
fn a_bad_deploy_fails_the_build_and_names_the_commit_that_did_it() {
    let folder = tempfile::tempdir().unwrap();
    let (repository, dir) = (folder.path().join("cart"), folder.path().join("waggle"));
    fs::create_dir_all(&repository).unwrap();
    git(&repository, &["init", "-q", "-b", "main"]);
    let old = commit(&repository, OLD, "carts in one query", DEPLOYED - 90_000);
    let new = commit(&repository, NEW, "read items one by one", DEPLOYED - 600);
    let known = format!("{REPOSITORY}={}", repository.display());
    let serving = Serving::start_with(&dir, &["--repository", &known]);
    for version in [traces(&old, DEPLOYED - EACH, 40, 1), traces(&new, DEPLOYED, 120, 9)] {
        let answer = serving.post("/v1/traces", &version.to_string());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    let (code, markdown, report) = checked(&dir, &[]);
    assert_eq!(code, Some(1), "{markdown}");
    assert_eq!(report["suspect"]["commit"], json!(new), "{report:#}");
    assert_eq!(report["suspect"]["places"][0]["file"], "src/cart.rs", "{report:#}");
    assert!(markdown.contains(&new[..7]) && markdown.contains("src/cart.rs"), "{markdown}");
    let incident = report["investigated"]["incident"].as_str().unwrap();
    let kept = run(&dir, &["ask", "what did it?", "--incident", incident]);
    assert!(kept.status.success(), "{}", String::from_utf8_lossy(&kept.stderr));

    let typed = run(&dir, &["investigate", "--service", "carrt", "--at", "2026-03-01T14:12:00Z"]);
    assert!(String::from_utf8_lossy(&typed.stderr).contains("did you mean `cart`?"), "{typed:?}");

    let (code, _, report) = checked(&dir, &["--language", "zh"]);
    assert_eq!(code, Some(1));
    assert_eq!(report["investigated"]["incident"], incident, "a deploy has one incident");

    let (code, _, report) = checked(&dir, &["--no-investigation"]);
    assert_eq!((code, &report["investigated"]), (Some(1), &Value::Null));
}

#[test]
fn a_deploy_that_changed_nothing_passes_and_opens_no_incident() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path());
    for (commit, from) in [("a1b2c3d4", DEPLOYED - EACH), ("b2c3d4e5", DEPLOYED)] {
        let answer = serving.post("/v1/traces", &traces(commit, from, 40, 1).to_string());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let (code, markdown, report) = checked(folder.path(), &[]);
    assert_eq!((code, &report["outcome"]), (Some(0), &json!("pass")), "{markdown}");
    let rows =
        run(folder.path(), &["check-deploy", "--service", "nobody", "--deployed-at", "2026-03-01T14:00:00Z"]);
    assert_eq!(rows.status.code(), Some(2), "nothing is known of it");
    for wrong in
        [&["--deployed-at", "yesterday"][..], &["--deployed-at", "2026-03-01T14:00:00Z", "--require", "p42"]]
    {
        let refused = run(folder.path(), &[&["check-deploy", "--service", "cart"], wrong].concat());
        assert_eq!(refused.status.code(), Some(3), "{wrong:?} is no answer either");
    }
    let unanswerable =
        run(folder.path(), &["check-deploy", "--service", "", "--deployed-at", "2026-03-01T14:00:00Z"]);
    assert_eq!(unanswerable.status.code(), Some(3), "an answer it is not");
}
