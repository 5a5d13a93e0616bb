//! States which crate may import which. The same arrows are drawn in ARCHITECTURE.md.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

/// Each crate with the crates of this project that it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("waggle-signals", &[]),
    ("waggle-collectors-ebpf", &[]),
    ("waggle-analysis", &["waggle-signals"]),
    ("waggle-agent-core", &["waggle-signals"]),
    ("waggle-collectors", &["waggle-signals", "waggle-collectors-ebpf"]),
    ("waggle-telemetry-store", &["waggle-agent-core", "waggle-signals"]),
    ("waggle-memory", &["waggle-agent-core", "waggle-signals"]),
    ("waggle-knowledge", &["waggle-agent-core", "waggle-signals"]),
    ("waggle-chat-adapters", &["waggle-agent-core", "waggle-signals"]),
    ("waggle-mcp", &["waggle-agent-core", "waggle-signals"]),
    ("waggle-tools", &["waggle-agent-core", "waggle-analysis", "waggle-signals"]),
    ("waggle-deploy-check", &["waggle-agent-core", "waggle-analysis", "waggle-signals"]),
    ("waggle-chaos", &["waggle-agent-core", "waggle-files", "waggle-signals"]),
    ("waggle-files", &["waggle-analysis", "waggle-signals"]),
    (
        "waggle-change-evals",
        &["waggle-agent-core", "waggle-analysis", "waggle-knowledge", "waggle-signals", "waggle-tools"],
    ),
    ("waggle-retrieval-evals", &["waggle-agent-core", "waggle-knowledge"]),
    ("waggle-public-evals", &["waggle-analysis", "waggle-chaos", "waggle-files", "waggle-signals"]),
];

/// Crates that a pure or privileged crate must never stand on, however far below: what does I/O, talks to models, or stores.
const KEPT_OUT: &[(&str, &[&str])] = &[
    ("waggle-signals", &["tokio", "datafusion", "sqlx", "axum", "reqwest", "aya"]),
    ("waggle-analysis", &["tokio", "datafusion", "sqlx", "axum", "reqwest", "aya"]),
    ("waggle-collectors", &["datafusion", "sqlx", "async-openai", "lancedb", "gix"]),
    ("waggle-files", &["tokio", "datafusion", "sqlx", "axum", "aya", "gix", "lancedb"]),
    ("waggle-tools", &["datafusion", "sqlx", "axum", "aya", "gix", "lancedb"]),
    ("waggle-deploy-check", &["datafusion", "sqlx", "axum", "aya", "gix", "lancedb"]),
    ("waggle-agent-core", &["datafusion", "sqlx", "axum", "aya", "gix", "lancedb"]),
];

fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        // Crates of other platforms are not on this disk.
        .args(["--filter-platform", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn crates_import_only_downwards() {
    let metadata = metadata(&["--no-deps"]);
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = text(package, "name");
        if name == "waggle" {
            continue;
        }
        let (_, allowed) = ARROWS.iter().find(|(from, _)| *from == name).unwrap_or_else(|| {
            panic!("`{name}` is new: add it to ARROWS and to ARCHITECTURE.md");
        });
        seen.insert(name);
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = text(dependency, "name");
            let is_test_only = dependency["kind"] == "dev";
            if to.starts_with("waggle-") && !is_test_only {
                assert!(allowed.contains(&to), "`{name}` must not import `{to}`");
            }
        }
    }
    let stated: BTreeSet<_> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(seen, stated, "ARROWS names every crate, and only crates that exist");
}

#[test]
fn pure_and_privileged_crates_stand_on_little() {
    let metadata = metadata(&[]);
    let name_of: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let normal_dependencies: BTreeMap<&str, Vec<&str>> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let is_normal = |dependency: &&Value| {
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
            };
            let all = node["deps"].as_array().unwrap().iter().filter(is_normal);
            (text(node, "id"), all.map(|dependency| text(dependency, "pkg")).collect())
        })
        .collect();
    for (name, kept_out) in KEPT_OUT {
        let (start, _) = name_of.iter().find(|(_, known)| *known == name).unwrap();
        let mut below = BTreeSet::new();
        let mut open = vec![*start];
        while let Some(id) = open.pop() {
            if below.insert(id) {
                open.extend(&normal_dependencies[id]);
            }
        }
        let below: BTreeSet<_> = below.into_iter().map(|id| name_of[id]).collect();
        for forbidden in *kept_out {
            assert!(!below.contains(forbidden), "`{name}` must not stand on `{forbidden}`");
        }
    }
}
