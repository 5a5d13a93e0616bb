//! An agent that says what it is told to, and folders of incidents to ask it about.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use async_trait::async_trait;
use serde_json::json;
use tempfile::TempDir;
use waggle_agent_core::{
    Evidence, EvidenceId, Finding, IncidentId,
    finding::{Action, ChangeBlamed, Claim, ClaimKind, RootCause, Verdict},
    ports::Usage,
};
use waggle_chaos::eval::{Case, Evaluated, Options, Run, Runner, evaluate, suite};
use waggle_signals::Timestamp;

/// Says what it is told to; of cases that nobody told it of, it fails.
#[derive(Default)]
pub struct Agent {
    pub says: BTreeMap<String, Finding>,
    /// Cases that it never comes back from.
    pub hangs: Vec<String>,
    /// Cases that it was asked about, in order.
    pub asked: Mutex<Vec<String>>,
    running: AtomicUsize,
    /// The most runs that went on at the same time.
    pub most_running: AtomicUsize,
}

impl Agent {
    pub fn saying(says: &[(&str, Finding)]) -> Self {
        let says = says.iter().map(|(case, finding)| ((*case).to_owned(), finding.clone()));
        Self { says: says.collect(), ..Self::default() }
    }

    pub fn n_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Runner for Agent {
    async fn run(&self, case: &Case) -> Result<Run> {
        self.asked.lock().unwrap().push(case.id.clone());
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        if self.hangs.contains(&case.id) {
            std::future::pending::<()>().await;
        }
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        let Some(finding) = self.says.get(&case.id) else { bail!("the store is on fire") };
        Ok(Run {
            finding: finding.clone(),
            evidence: vec![evidence()],
            told: "shop is slow".to_owned(),
            usage: Usage { input_tokens: 1200, output_tokens: 80, cached_tokens: 0, cost_micro_usd: 2500 },
            steps: 3,
            n_tool_calls: 7,
            took: Duration::from_millis(250),
            model: "made-up".to_owned(),
            fell_back: false,
        })
    }
}

fn evidence() -> Evidence {
    Evidence {
        id: EvidenceId(1),
        tool: "latency".to_owned(),
        arguments: json!({}),
        at: Timestamp::from_secs(0),
        scope: String::new(),
        text: "p99 of stock went from 31 ms to 1980 ms".to_owned(),
        data: json!({}),
        facts: Vec::new(),
    }
}

/// A finding that blames a service, with one claim that the evidence carries.
pub fn blames(service: &str, class: &str, change: Option<&str>, confidence: f64) -> Finding {
    let mut finding = Finding::inconclusive(IncidentId("inc-1".to_owned()), "");
    finding.verdict = Verdict::Likely;
    finding.confidence = confidence;
    finding.missing_data.clear();
    finding.first_failing_service = service.to_owned();
    finding.remediation.action = Action::Rollback;
    finding.root_causes = vec![RootCause {
        service: service.to_owned(),
        resource: String::new(),
        fault_class: class.to_owned(),
        confidence,
        change: change.map(|id| ChangeBlamed {
            kind: "commit".to_owned(),
            id: id.to_owned(),
            diff_read: true,
        }),
        claims: vec![Claim {
            text: "p99 of stock is 1980 ms".to_owned(),
            kind: ClaimKind::Observed,
            evidence: vec![EvidenceId(1)],
        }],
    }];
    finding
}

/// A finding that says that nothing is wrong.
pub fn all_well(confidence: f64) -> Finding {
    let mut finding = Finding::inconclusive(IncidentId("inc-1".to_owned()), "");
    finding.verdict = Verdict::NoIncident;
    finding.confidence = confidence;
    finding
}

/// A finding that says that it does not know.
pub fn no_idea() -> Finding {
    Finding::inconclusive(IncidentId("inc-1".to_owned()), "no traces")
}

/// Writes files below a new folder.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| write(folder.path(), name, text));
    folder
}

pub fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const LOGS: &str = r#"{"timestamp": "2026-03-01T10:00:00Z", "service": "shop", "level": "error", "message": "no stock"}
{"timestamp": "2026-03-01T10:05:00Z", "service": "stock", "level": "info", "message": "slow"}
"#;
const DEPLOYS: &str = r#"[{"timestamp": "2026-03-01T10:01:00Z", "service": "cart", "commit_sha": "decade0123456789"},
{"timestamp": "2026-03-01T10:30:00Z", "service": "late", "commit_sha": "1a7e1a7e1a7e"}]"#;

/// Writes an incident: an alert, two lines of logs, a deploy before the alert and one after it.
pub fn incident(folder: &Path, name: &str) {
    write(
        folder,
        &format!("{name}/alert.json"),
        r#"{"service": "shop", "summary": "slow", "fired_at": "2026-03-01T10:06:00Z"}"#,
    );
    write(folder, &format!("{name}/logs.ndjson"), LOGS);
    write(folder, &format!("{name}/context/deploys.json"), DEPLOYS);
}

/// Three incidents, one system that is well, and one folder that is broken.
pub fn own_suite() -> TempDir {
    let suite = folder(&[
        (
            "slow/truth.toml",
            "services = [\"stock\"]\nfault_classes = [\"slow_code\"]\nchange = \"c0ffee0123456789\"\ndecoys = [\"decade0123456789\"]\nfirst_failing_service = \"stock\"\nblast_radius = [\"shop\"]\nremediation = \"rollback\"\nkeywords = [\"P99\"]\n",
        ),
        ("surge/truth.toml", "services = [\"shop\"]\nchange = \"none\"\nremediation = \"scale\"\n"),
        ("torn/truth.toml", "services = [\"stock\"]\n"),
        ("well/truth.toml", "healthy = true\n"),
        ("broken/truth.toml", "services = [\"stock\"]\n"),
        ("broken/logs.ndjson", "{\"message\": "),
    ]);
    for name in ["slow", "surge/data", "torn", "well"] {
        incident(suite.path(), name);
    }
    suite
}

/// An agent that is right of one, wrong of one, silent on one, and right that one is well.
pub fn own_agent() -> Agent {
    Agent::saying(&[
        ("slow", blames("stock", "slow_code", Some("c0ffee0123456789"), 0.9)),
        ("surge", blames("cart", "slow_code", Some("decade0123456789"), 0.8)),
        ("torn", no_idea()),
        ("well", all_well(0.7)),
    ])
}

pub fn options(folder: &Path) -> Options {
    Options {
        repeat: 1,
        parallel: 2,
        limit: Duration::from_secs(60),
        results: folder.join("results.jsonl"),
        settings: [("language".to_owned(), "en".to_owned())].into(),
    }
}

/// Runs an agent on a suite of our own layout.
pub async fn evaluated(folder: &Path, agent: &Agent, options: &Options) -> Result<Evaluated> {
    let mut suite = suite(&folder.to_string_lossy(), Some("waggle"))?;
    // The name of a temporary folder is another in every run.
    suite.name = "own".to_owned();
    evaluate(suite, agent, "made-up", options, &|_| {}).await
}
