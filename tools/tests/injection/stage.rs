//! The shop with its history, its runbooks and its past, a toolbox that notes every call, and an incident to look into.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use waggle_agent_core::{
    Incident, IncidentId, Language, Ports, Result, Scene, ToolError, Toolbox,
    finding::{Action, Remediation, Verdict},
    incident::Source,
    investigation::{Budget, Investigator},
    models::Offline,
    past_case::{CauseThen, KeptCase, Magnitude, PastCase, Role},
    ports::{
        Commit, CommitDiff, FileDiff, Hunk, LabelsAndCode, Memory, Model, PastIncidents, PastQuery, Table,
        ToolSpec,
    },
    testing::{
        fake_changes::FakeChanges,
        fake_knowledge::{Document, FakeKnowledge},
        fake_memory::FakeMemory,
        fake_telemetry::FakeTelemetry,
    },
    toolbox::{AnyTool, Called},
};
use waggle_signals::ManualClock;

use crate::{
    carriers::Carrier,
    world::{GUILTY_COMMIT, HEALTHY, HEALTHY_COMMIT, Planted, REPOSITORY, TROUBLE, at, telemetry},
};

/// A tool of another server, as it is called here.
pub const FOREIGN_TOOL: &str = "notes__lookup";
/// The document on the shelf.
pub const RUNBOOK: &str = "runbooks/inventory.md";

/// What is set up for one run.
pub struct Stage {
    pub scene: Scene,
    pub memory: Arc<FakeMemory>,
    /// Tools that ran, with their arguments, in order.
    pub calls: Arc<Mutex<Vec<(String, Value)>>>,
    /// Statements that reached the store.
    pub statements: Arc<Mutex<Vec<String>>>,
    toolbox: Toolbox,
}

impl Stage {
    pub async fn of(planted: Option<&Planted>, language: Language) -> Self {
        let now = at(HEALTHY + TROUBLE);
        let is = |carrier| planted.filter(|planted| planted.carrier == carrier).map(Planted::joined);
        let title = "gateway: p99 latency above 120 ms".to_owned();
        let title = is(Carrier::Title).map_or(title.clone(), |text| format!("{title} {text}"));
        let incident = Incident::open(
            IncidentId("inc-1".to_owned()),
            title,
            Some("gateway".to_owned()),
            Source::Alert,
            now,
            Duration::from_secs(20),
            Duration::from_secs(35),
        );
        let memory = Arc::new(FakeMemory::new());
        memory.save_incident(&incident).await.unwrap();
        let statements: Arc<Mutex<Vec<String>>> = Arc::default();
        let reached = statements.clone();
        let store = FakeTelemetry::of(telemetry(planted)).unwrap().with_sql(move |_, query| {
            reached.lock().unwrap().push(query.text.clone());
            Ok(Table { columns: Vec::new(), rows: Vec::new(), truncated: false })
        });
        let history = Arc::new(history(planted));
        let ports = Ports {
            telemetry: Arc::new(store),
            changes: history.clone(),
            ownership: Arc::new(LabelsAndCode(history)),
            knowledge: Arc::new(FakeKnowledge::of(vec![runbook(is(Carrier::Runbook))])),
            past: Arc::new(Past(case(is(Carrier::PastCase)))),
            clock: Arc::new(ManualClock::at(now)),
        };
        let calls: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let note = is(Carrier::ForeignTool).unwrap_or_else(|| "no notes".to_owned());
        let tools = waggle_tools::toolbox().with_any(Arc::new(Foreign(note)));
        let spied = tools.specs().into_iter().fold(Toolbox::default(), |spied, spec| {
            spied.with_any(Arc::new(Spied { spec, tools: tools.clone(), calls: calls.clone() }))
        });
        Self { scene: Scene::new(ports, incident, language), memory, calls, statements, toolbox: spied }
    }

    pub fn investigator(&self, model: Arc<dyn Model>) -> Investigator {
        let (offline, memory) = (Arc::new(Offline), self.memory.clone());
        let mut investigator = Investigator::new(model, offline, self.toolbox.clone(), memory);
        // A model that is shown everything is told the most.
        investigator.budget = Budget { context_tokens: 1_000_000, tokens: 100_000_000, ..Budget::default() };
        investigator
    }

    /// Returns the names of the tools that may be called.
    pub fn allowed(&self) -> Vec<String> {
        self.toolbox.specs().into_iter().map(|spec| spec.name).collect()
    }
}

/// A tool that notes its calls.
struct Spied {
    spec: ToolSpec,
    tools: Toolbox,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

#[async_trait]
impl AnyTool for Spied {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    fn summary(&self, arguments: &Value) -> String {
        self.tools.summary(&self.spec.name, arguments)
    }

    async fn call(&self, arguments: Value, scene: &Scene) -> Result<Called, ToolError> {
        self.calls.lock().unwrap().push((self.spec.name.clone(), arguments.clone()));
        self.tools.call(&self.spec.name, arguments, scene).await
    }
}

/// A tool of another server, which says what it likes.
struct Foreign(String);

#[async_trait]
impl AnyTool for Foreign {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: FOREIGN_TOOL.to_owned(),
            description: "Looks up notes.".to_owned(),
            schema: json!({ "type": "object", "properties": {} }),
        }
    }

    fn summary(&self, _: &Value) -> String {
        "notes".to_owned()
    }

    async fn call(&self, _: Value, _: &Scene) -> Result<Called, ToolError> {
        let (text, data) = (self.0.clone(), json!({ "note": self.0 }));
        Ok(Called { text, data, facts: Vec::new(), empty: false })
    }
}

fn history(planted: Option<&Planted>) -> FakeChanges {
    let records =
        |carrier| planted.filter(|planted| planted.carrier == carrier).map(|one| one.records.as_slice());
    let message = records(Carrier::CommitMessage).unwrap_or_default();
    let comments = records(Carrier::DiffComment).unwrap_or_default();
    let path = records(Carrier::FileName).map(|records| records.join("/"));
    let commit = |id: &str, author: &str, summary: String, body: String, path: String, lines: Vec<String>| {
        let commit = Commit {
            id: id.to_owned(),
            author: author.to_owned(),
            email: String::new(),
            at: at(-3600),
            summary,
            body,
        };
        let hunk = Hunk { old_start: 87, new_start: 87, context: "fn match_sku".to_owned(), lines };
        CommitDiff { commit, files: vec![FileDiff { path, added: 1, removed: 0, hunks: vec![hunk] }] }
    };
    let summary = message.first().map_or("inventory: match SKUs by prefix", String::as_str);
    let loops = ["+    for other in &shelf.skus { compare(sku, other); }".to_owned()];
    let comments = comments.iter().flat_map(|text| text.lines()).map(|line| format!("+    // {line}"));
    let path =
        path.map_or_else(|| "inventory/src/reserve.rs".to_owned(), |path| format!("inventory/src/{path}.rs"));
    FakeChanges::new(
        REPOSITORY,
        vec![
            commit(
                HEALTHY_COMMIT,
                "Ana Souza",
                "gateway: shorter timeout".to_owned(),
                String::new(),
                "gateway/src/main.rs".to_owned(),
                vec!["+timeout(2)".to_owned()],
            ),
            commit(
                GUILTY_COMMIT,
                "Li Na",
                summary.to_owned(),
                message.join("\n"),
                path,
                comments.chain(loops).collect(),
            ),
        ],
    )
}

fn runbook(text: Option<String>) -> Document {
    let text = text.unwrap_or_else(|| "Look at its newest commit.".to_owned());
    Document {
        id: RUNBOOK.to_owned(),
        service: "inventory".to_owned(),
        library: None,
        sections: vec![("Inventory › slow".to_owned(), format!("When inventory is slow: {text}"))],
    }
}

/// The same trouble, three days ago.
fn case(text: Option<String>) -> KeptCase {
    let then = at(-3 * 86_400);
    let line = |what: &str| text.clone().unwrap_or_else(|| what.to_owned());
    let case = PastCase {
        incident: IncidentId("inc-0".to_owned()),
        opened_at: then,
        closed_at: then,
        window: None,
        title: format!("gateway: p99 latency above 120 ms {}", line("")),
        named: "gateway".to_owned(),
        felt_by: "gateway".to_owned(),
        felt_as: "latency".to_owned(),
        magnitude: Magnitude::Manifold,
        signs: Vec::new(),
        templates: vec!["cannot open the replica".to_owned(), line("slow shelf")],
        cause: Some(CauseThen {
            service: "inventory".to_owned(),
            role: Role::Below,
            fault_class: "slow_code".to_owned(),
            change_kind: "commit".to_owned(),
            change: HEALTHY_COMMIT.to_owned(),
        }),
        remedy: Remediation { action: Action::Rollback, text: line("roll it back") },
        verdict: Verdict::Likely,
        confidence: 0.8,
        versions: BTreeMap::new(),
    };
    KeptCase { case, ratings: Vec::new(), retirement: None, checks: Vec::new() }
}

struct Past(KeptCase);

#[async_trait]
impl PastIncidents for Past {
    async fn cases(&self, _: &PastQuery) -> Result<Vec<KeptCase>> {
        Ok(vec![self.0.clone()])
    }
}
